import itertools
from functools import partial
from pathlib import Path

from holdfast.library.footage import Piece
from holdfast.library.hls_list import Line, PlayList, entries_of, shift_of, target_of, written
from holdfast.media.footage import opened
from holdfast.media.index_of import FileIndex, Indexes
from support.clips import write_run
from support.media import WALL_US, encode

S = 1_000_000


def _files(
    root: Path, *, gop: int = 25, run: str = "run-1", start_us: int = WALL_US, per_file: int = 4
) -> list[tuple[Piece, FileIndex]]:
    """Eight seconds of a run, in files of `per_file` groups of pictures."""
    found = []
    for path in write_run(root, encode("h264", seconds=8, gop=gop), per_file=per_file, run=run, start_us=start_us):
        index = Indexes().of(path.name, partial(opened, path))
        assert index is not None
        file = path.relative_to(root).as_posix()
        piece = Piece(volume="main", file=file, start_us=index.walls_us[0], end_us=0, growing=False, run=run)
        found.append((piece, index))
    return found


def test_entries_are_about_two_seconds(tmp_path: Path) -> None:
    """C021: keyframes each second make entries of two; rarer ones make longer entries, which the list's target says."""
    ((piece, index),) = _files(tmp_path, per_file=99)
    place = Line().lay(piece, index)
    whole = entries_of(piece, index, place, whole=True)
    assert [entry.length_us for entry in whole] == [2 * S] * 4
    assert [b.offset - a.offset for a, b in itertools.pairwise(whole)] == [e.size_bytes for e in whole[:-1]]
    assert whole[-1].offset + whole[-1].size_bytes == index.end
    assert entries_of(piece, index, place, whole=False) == whole[:-1]
    assert len(entries_of(piece, index, place, length_us=6 * S, whole=True)) == 2
    ((piece, index),) = _files(tmp_path, gop=100, per_file=99, start_us=WALL_US + 60 * S)
    rare = entries_of(piece, index, Line().lay(piece, index), whole=True)
    assert [entry.length_us for entry in rare] == [4 * S] * 2
    assert (target_of(whole), target_of(rare), target_of([])) == (2, 4, 2)


def test_files_of_a_run_follow_without_a_seam(tmp_path: Path) -> None:
    """C095: each file of a run lies where the one before it ended; another run comes after it, as a discontinuity."""
    first, second = _files(tmp_path), _files(tmp_path, run="run-2", start_us=WALL_US + 3600 * S)
    line = Line(at_us=5 * S)
    places = [line.lay(piece, index) for piece, index in (*first, *second)]
    assert [place.breaks for place in places] == [False, False, True, False]
    assert places[0].at_us == 5 * S
    assert abs(places[1].at_us - places[0].at_us - 4 * S) < 100_000
    assert places[2].at_us - places[1].at_us > 4 * S
    # One map serves all that have the same parameters.
    assert {place.map_segment for place in places} == {first[0][0].segment}
    assert [line.lay(piece, index) for piece, index in (*first, *second)] == places


def test_removed_file_of_a_run_is_a_discontinuity(tmp_path: Path) -> None:
    """Where a file of a run is gone, the next one is not pretended to follow."""
    files = _files(tmp_path, per_file=2)
    line = Line()
    places = [line.lay(*files[number]) for number in (0, 2, 3)]
    assert [place.breaks for place in places] == [False, True, False]


def test_a_wrong_clock_is_put_right(tmp_path: Path) -> None:
    """What a wrong clock dated is listed where the timeline places it; a run's first guess is no wrong clock."""
    ((piece, index),) = _files(tmp_path, per_file=99)
    assert shift_of(piece, piece.start_us - S) == 0
    moved = Piece(
        volume="main", file=piece.file, start_us=piece.start_us + 3600 * S, end_us=0, growing=False, run=piece.run
    )
    entries = entries_of(moved, index, Line().lay(moved, index), whole=True)
    assert entries[0].wall_us == WALL_US + 3600 * S


def test_written_as_players_read_it(tmp_path: Path) -> None:
    """C021: a list is text that RFC 8216 describes, line by line."""
    ((piece, index),) = _files(tmp_path, per_file=99)
    (entry, *_) = entries_of(piece, index, Line().lay(piece, index), whole=True)
    found = PlayList(entries=(entry,), number=7, breaks=2, target_s=2)
    text = written(found, lambda segment, at_us: f"s/{segment}.mp4?at_us={at_us}")
    head = index.head
    assert text.splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-MEDIA-SEQUENCE:7",
        "#EXT-X-DISCONTINUITY-SEQUENCE:2",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="s/{piece.segment}.mp4?at_us=0",BYTERANGE="{head.init_bytes}@0"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.000Z",
        "#EXTINF:2.00000,",
        f"#EXT-X-BYTERANGE:{entry.size_bytes}@{head.fragments_at}",
        f"s/{piece.segment}.mp4?at_us=0",
    ]
