"""Which files hold a span, and its fragments in order, of a stream that is being recorded by a real recorder."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import NotFound
from holdfast.core.gap import Gap, GapReason
from holdfast.core.plan import StreamPlan
from holdfast.library.footage import Chunk, find, newest, opened, path_of, piece_named, read
from holdfast.library.index import Indexer
from support.recording import footage_files, recording, stream_plan, until
from support.sim import simulated, small_camera

KEY = StreamKey("cam1", "main")


def _enough(plan: StreamPlan, count: int) -> bool:
    return len(footage_files(plan)) >= count


@pytest.fixture(name="disk", scope="module")
def _disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume with some files of one run, a stop between, and more of another. Nobody changes it."""
    disk = tmp_path_factory.mktemp("recorded") / "disk"
    with simulated(small_camera()) as server:
        plan = stream_plan(disk, server.url("cam1"), segment_s=1)
        for files in (3, 6):
            with recording(plan, session=f"s{files}"):
                until(partial(_enough, plan, files))
    return disk


def test_rows_and_journals_find_the_same(disk: Path, catalog: Catalog) -> None:
    """A span's files and gaps are the same from the catalog and from the journals alone."""
    clock, volumes = SystemClock(), {"main": disk}
    ended_us = find(volumes, KEY, 0, clock.wall_us(), now_us=clock.wall_us(), catalog=None).pieces[-1].end_us
    # A moment after the end there is no gap yet that a pass could see.
    until(lambda: clock.wall_us() - ended_us > 500_000)
    Indexer(catalog, volumes, clock).pass_once()
    now_us = clock.wall_us()
    spans = (now_us - 60_000_000, now_us)
    rows = find(volumes, KEY, *spans, now_us=now_us, catalog=catalog)
    lines = find(volumes, KEY, *spans, now_us=now_us, catalog=None)
    assert rows.pieces == lines.pieces
    assert [(g.start_us, g.reason) for g in rows.gaps] == [(g.start_us, g.reason) for g in lines.gaps]
    assert len(rows.pieces) >= 4
    assert GapReason.RECORDER_DOWN in {gap.reason for gap in rows.gaps}
    second = rows.pieces[1]
    inner = find(volumes, KEY, second.start_us + 1, second.end_us, now_us=now_us, catalog=catalog)
    assert inner.pieces == (second,)


def test_fragments_come_in_order_from_the_keyframe_on(disk: Path) -> None:
    """Reading begins with the keyframe at or before the begin, crosses files without a hole, and tells gaps."""
    now_us = SystemClock().wall_us()
    volumes = {"main": disk}
    whole = find(volumes, KEY, 0, now_us, now_us=now_us, catalog=None)
    from_us = whole.pieces[0].start_us + 1_500_000
    stretch = find(volumes, KEY, from_us, now_us, now_us=now_us, catalog=None)
    found = list(read(volumes, stretch))
    chunks = [item for item in found if isinstance(item, Chunk)]
    assert chunks[0].fragment.keyframe
    assert chunks[0].fragment.wall_us <= from_us < chunks[0].fragment.wall_us + 1_000_001
    starts = [chunk.fragment.wall_us for chunk in chunks]
    assert starts == sorted(starts)
    assert {chunk.piece for chunk in chunks} == set(stretch.pieces)
    stop = next(n for n, item in enumerate(found) if isinstance(item, Gap))
    before, after = found[stop - 1], found[stop + 1]
    assert isinstance(before, Chunk)
    assert isinstance(after, Chunk)
    assert before.piece.run != after.piece.run


def test_the_growing_file_is_found_in_its_folder(tmp_path: Path) -> None:
    """The newest file is known without catalog and journal, grows while it is read, and keeps its name when sealed."""
    disk = tmp_path / "disk"
    volumes = {"main": disk}
    with simulated(small_camera()) as server:
        plan = stream_plan(disk, server.url("cam1"))
        assert newest(volumes, KEY) is None
        with recording(plan):
            until(lambda: newest(volumes, KEY) is not None)
            first = newest(volumes, KEY)
            assert first is not None
            assert first.growing
            until(lambda: (last := newest(volumes, KEY)) is not None and last.end_us > first.end_us + 500_000)
    assert path_of(volumes, first).suffix == ".mp4"
    again = piece_named(volumes, KEY, first.segment)
    assert (again.file, again.growing) == (first.file, False)
    with opened(volumes, first) as fd:
        assert fd > 0
    path_of(volumes, first).unlink()
    with pytest.raises(NotFound, match="is not there"):
        path_of(volumes, first)


@pytest.mark.parametrize(
    "name",
    ["", "..", "../../x", "cam1_20260501T180000Z/..", "other_20260501T180000Z", "cam1_20260501T180000Z", "a" * 999],
)
def test_only_names_of_segments_are_looked_for(disk: Path, name: str) -> None:
    """A name that is none of this stream's is not there, and never leads out of the stream's folder (C140, F62)."""
    with pytest.raises(NotFound):
        piece_named({"main": disk}, KEY, name)


def test_files_that_the_indexer_has_not_seen_are_there(tmp_path: Path, catalog: Catalog) -> None:
    """Of several files that were finished since the last pass every one is found, not the newest alone."""
    clock, volumes = SystemClock(), {"main": tmp_path / "disk"}
    with simulated(small_camera()) as server:
        plan = stream_plan(volumes["main"], server.url("cam1"), segment_s=1)
        with recording(plan):
            until(partial(_enough, plan, 2))
            Indexer(catalog, volumes, clock).pass_once()
            until(partial(_enough, plan, 7))
            now_us = clock.wall_us()
            look = partial(find, volumes, KEY, now_us - 60_000_000, now_us, now_us=now_us)
            # A file that begins just then has its name a moment later, between any two looks.
            before, rows, after = (look(catalog=of) for of in (None, catalog, None))
    files = [[piece.file for piece in found.pieces] for found in (before, rows, after)]
    assert files[1] in (files[0], files[2])
    assert len(rows.pieces) >= 7


def test_a_file_that_has_not_begun_hides_no_other(disk: Path, tmp_path: Path) -> None:
    """While the newest file is still empty, and one is damaged, the newest is the one before them."""
    copy = tmp_path / "disk"
    shutil.copytree(disk, copy)
    last = newest({"main": copy}, KEY)
    assert last is not None
    folder = (copy / last.file).parent
    (folder / "cam1_29990101T000000Z.mp4.part").write_bytes(b"")
    (folder / "cam1_29980101T000000Z.mp4").write_bytes(b"no footage" * 1000)
    assert newest({"main": copy}, KEY) == last
