"""Streams as they go on: read while a real recorder writes them."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.gap import Gap
from holdfast.core.timing import SECOND_US
from holdfast.library import footage
from holdfast.library.following import Tail, following, from_instant
from holdfast.library.footage import Chunk
from support.clips import write_run
from support.clock import PushedClock
from support.media import GATE, WALL_US, encode
from support.pictures import Recorded, being_recorded, tell
from support.recording import ledger_of, until

KEY = StreamKey("cam1", "main")


@pytest.fixture(scope="module", name="tree")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with being_recorded(tmp_path_factory.mktemp("following"), "h264", segment_s=1) as tree:
        yield tree


def _whole(tree: Recorded, chunks: list[Chunk]) -> bool:
    """Whether nothing is missing between chunks, over files too, but what the journal says was never recorded."""
    gaps = ledger_of(tree.plan, alive=True).gaps
    for earlier, later in pairwise(chunks):
        hole = earlier.end_us, later.fragment.wall_us
        told_us = sum(max(0, min(hole[1], gap.end_us) - max(hole[0], gap.start_us)) for gap in gaps)
        if abs(hole[1] - hole[0] - told_us) >= 50_000:
            return False
    return True


def test_tail_begins_with_the_newest_keyframe_and_misses_nothing(tree: Recorded) -> None:
    """A tail begins with a keyframe and goes on over the ends of files, fragment by fragment, without a hole."""
    tail = Tail(tree.volumes, KEY, SystemClock())
    chunks: list[Chunk] = []

    def enough() -> bool:
        chunks.extend(tail.take())
        return len({chunk.piece.file for chunk in chunks}) >= 3

    until(enough)
    assert chunks[0].fragment.keyframe
    assert _whole(tree, chunks)


def test_slow_reader_misses_no_file(tmp_path: Path) -> None:
    """A reader that comes back after several files were finished reads each of them, in order."""
    files = write_run(tmp_path, encode(seconds=4, audio=False), per_file=1)
    volumes, clock = {"main": tmp_path}, PushedClock(WALL_US + 3600 * SECOND_US)
    first = footage.piece_named(volumes, GATE, files[0].stem)
    (head, *_) = footage.read(volumes, _stretch(first))
    assert isinstance(head, Chunk)
    tail = Tail(volumes, GATE, clock, head)
    assert list(dict.fromkeys(chunk.piece.segment for chunk in tail.take())) == [file.stem for file in files]
    assert tail.take() == []


def test_a_file_that_begins_later_is_seen_at_once(tmp_path: Path) -> None:
    """Where the next file begins some time after the end of the last one, the first look after that finds it."""
    files = write_run(tmp_path, encode(seconds=4, audio=False), per_file=1)
    volumes, clock = {"main": tmp_path}, PushedClock(WALL_US + 3600 * SECOND_US)
    kept = [(file, file.read_bytes()) for file in files[1:]]
    for file, _ in kept:
        file.unlink()
    tail = Tail(volumes, GATE, clock)
    assert {chunk.piece.segment for chunk in tail.take()} == {files[0].stem}
    assert tail.take() == tail.take() == []
    for file, content in kept:
        file.write_bytes(content)
        assert {chunk.piece.segment for chunk in tail.take()} == {file.stem}  # and no time has passed


def _stretch(piece: footage.Piece) -> footage.Stretch:
    return footage.Stretch(key=GATE, from_us=0, to_us=1 << 60, pieces=(piece,), gaps=())


def test_following_file_is_found_by_name(tmp_path: Path) -> None:
    """The file after another one is the next by its time, beyond days too; after the last there is none."""
    footage_of = encode(seconds=2, audio=False)
    days = [WALL_US, WALL_US + 40 * 86_400 * SECOND_US]
    files = [file for day in days for file in write_run(tmp_path, footage_of, per_file=1, start_us=day)]
    volumes = {"main": tmp_path, "gone": tmp_path / "gone"}
    for one, other in pairwise(files):
        found = following(volumes, GATE, one.stem)
        assert found is not None
        assert found.segment == other.stem
    assert following(volumes, GATE, files[-1].stem) is None
    assert following(volumes, GATE, "_20000101T000000Z") is not None


def test_past_goes_on_into_the_present(tree: Recorded) -> None:
    """From an instant of the past everything comes once, in order, up to what is being written, and what follows."""
    clock = SystemClock()
    first = footage.find(tree.volumes, KEY, 0, clock.wall_us(), now_us=clock.wall_us(), catalog=None).pieces[0]
    items = from_instant(tree.volumes, KEY, first.start_us, clock, None)
    chunks: list[Chunk] = []
    idle = 0
    while idle < 2:
        item = next(items)
        if item is None:
            idle += 1
            until(lambda: footage.newest(tree.volumes, KEY) is not None)
        elif isinstance(item, Chunk):
            chunks.append(item)
    assert chunks[0].piece.file == first.file
    assert _whole(tree, chunks)
    assert len(chunks) == len({(chunk.piece.file, chunk.fragment.offset) for chunk in chunks})


def test_long_nothing_is_passed_over(tmp_path: Path) -> None:
    """Two files with forty days between them are read with the gap told, without looking at each ten minutes of it."""
    footage_of = encode(seconds=2, audio=False)
    later_us = WALL_US + 40 * 86_400 * SECOND_US
    files = write_run(tmp_path, footage_of) + write_run(tmp_path, footage_of, start_us=later_us, run="run-2")
    clock = PushedClock(later_us + 3600 * SECOND_US)
    tell(tmp_path, files, clock)
    items = from_instant({"main": tmp_path}, GATE, WALL_US, clock, None)
    seen: list[str] = []
    for item in items:
        if item is None:
            break
        seen.append("gap" if isinstance(item, Gap) else item.piece.segment)
    assert list(dict.fromkeys(seen)) == [files[0].stem, "gap", files[-1].stem]


@pytest.mark.parametrize("since_s", [1, 3600])
def test_who_has_just_begun_is_read_from_the_first_picture(tmp_path: Path, since_s: int) -> None:
    """What a camera recorded in its first seconds is not passed over by whoever waited for it (C057)."""
    files = write_run(tmp_path, encode(seconds=4, audio=False), per_file=1)
    clock = PushedClock(WALL_US + 6 * SECOND_US)
    found: list[Chunk] = []
    for item in from_instant({"main": tmp_path}, GATE, WALL_US - since_s * SECOND_US, clock, None):
        if item is None:
            break
        if isinstance(item, Chunk):
            found.append(item)
    assert list(dict.fromkeys(chunk.piece.segment for chunk in found)) == [file.stem for file in files]
    assert found[0].fragment.wall_us == pytest.approx(WALL_US, abs=50_000)
    walls = [chunk.fragment.wall_us for chunk in found]
    assert walls == sorted(walls)
