import random
from pathlib import Path

import pytest

from holdfast.core.errors import BadInput
from holdfast.media.boxread import Fragment
from holdfast.media.footage import opened, read_fragments
from holdfast.media.index_of import FileIndex, index_of
from holdfast.media.shifted import read_shifted
from support.clips import write_run
from support.media import Footage

AT_US = 217_000_000_123_457


def _file(tmp_path: Path, footage: Footage) -> tuple[Path, FileIndex]:
    (path,) = write_run(tmp_path, footage, per_file=99)
    with opened(path) as fd:
        index = index_of(fd)
    assert index is not None
    return path, index


def _read(path: Path, index: FileIndex, at_us: int, offset: int, count: int) -> bytes:
    with opened(path) as fd:
        return read_shifted(fd, index, at_us, offset, count)


def _fragments(path: Path) -> list[Fragment]:
    return [piece for piece in read_fragments(path) if isinstance(piece, Fragment)]


@pytest.mark.parametrize("kind", ["h264", "sound"])
def test_times_are_raised_and_nothing_else(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    """C095: read as if its clock began later, a file has the same length, payload and durations, and later times."""
    path, index = _file(tmp_path, request.getfixturevalue(kind))
    size = path.stat().st_size
    whole = _read(path, index, AT_US, 0, size)
    other = tmp_path / "shifted"
    other.write_bytes(whole)
    before, after = _fragments(path), _fragments(other)
    assert len(before) == len(after) > 3
    for one, two in zip(before, after, strict=True):
        assert (one.offset, one.bytes, one.wall_us) == (two.offset, two.bytes, two.wall_us)
        scale = index.head.tracks[one.anchor].timescale
        assert two.anchor_ticks - one.anchor_ticks == AT_US * scale // 1_000_000
        for mine, theirs in zip(one.slices, two.slices, strict=True):
            scale = index.head.tracks[mine.track].timescale
            assert theirs.decode_ticks - mine.decode_ticks == AT_US * scale // 1_000_000
            assert mine.rows == theirs.rows
    changed = [n for n, (a, b) in enumerate(zip(path.read_bytes(), whole, strict=True)) if a != b]
    assert len(changed) <= sum(8 * (1 + len(f.slices)) for f in before)


def test_parts_are_those_of_the_whole(tmp_path: Path, h264: Footage) -> None:
    """C101: any part, however it cuts a time in two, is that part of the whole; unmoved, it is the file itself."""
    path, index = _file(tmp_path, h264)
    size = path.stat().st_size
    whole = _read(path, index, AT_US, 0, size)
    rng = random.Random(2)
    borders = [_fragments(path)[2].offset + n for n in range(120)]
    for first in [*borders, *(rng.randrange(size) for _ in range(100))]:
        count = rng.randrange(1, 40_000)
        assert _read(path, index, AT_US, first, count) == whole[first : first + count]
    assert _read(path, index, 0, 0, size) == path.read_bytes()
    assert _read(path, index, AT_US, size, 10) == b""


def test_damage_is_named(tmp_path: Path, h264: Footage) -> None:
    """A file that is damaged since it was indexed is refused, rather than sent with wrong times."""
    path, index = _file(tmp_path, h264)
    at = index.offsets[1]
    with path.open("r+b") as file:
        file.seek(at + 32)
        file.write(b"\xff\xff\xff\xff")
    with pytest.raises(BadInput):
        _read(path, index, AT_US, at, 4096)
