import os
from pathlib import Path

import pytest

from holdfast.core.camera import Kind
from holdfast.core.errors import BadInput
from holdfast.core.footage import PART
from holdfast.media.boxread import Ended, FileHead, Fragment, read_head, read_next
from holdfast.media.footage import opened
from support.media import GATE, WALL_US, Footage, end_of, fragments, wall_of, write_part


def _sealed(root: Path, footage: Footage) -> Path:
    return root / write_part(root, footage).seal(start_us=WALL_US, end_us=end_of(footage), ended="cut").file


def _walk(path: Path) -> tuple[FileHead, list[Fragment | Ended]]:
    with opened(path) as fd:
        head = read_head(fd)
        assert head is not None
        found: list[Fragment | Ended] = []
        at = head.fragments_at
        while (piece := read_next(fd, at, head)) is not None:
            found.append(piece)
            at += piece.bytes
            if isinstance(piece, Ended):
                break
    return head, found


def test_head_says_what_was_written(tmp_path: Path, h264: Footage) -> None:
    """A file names its camera, run, times and tracks without anything beside it."""
    head, _ = _walk(_sealed(tmp_path, h264))
    assert (head.key, head.run, head.start_us, head.start_boot_us) == (GATE, "run-1", WALL_US, 7_000_000)
    assert (head.boot, head.sync, head.why, head.site, head.program) == (
        "boot-1", True, "opened", "yard", "holdfast 0.1.0",
    )  # fmt: skip
    assert [t.kind for t in head.tracks] == [Kind.VIDEO, Kind.AUDIO]
    assert head.reference == 0


def test_samples_come_back(tmp_path: Path, h264: Footage) -> None:
    """R10: every sample's times, mark and place in the file are those that were written."""
    path = _sealed(tmp_path, h264)
    head, pieces = _walk(path)
    raw = path.read_bytes()
    for number, track in enumerate(head.tracks):
        parts = [p for f in pieces if isinstance(f, Fragment) for p in f.slices if p.track == number]
        got = [s for part in parts for s in part]
        sent = h264.of(number)
        at = track.offset_ticks
        assert [(s.dts_ticks + at, s.pts_ticks + at, s.keyframe) for s in got] == [
            (s.dts_ticks, s.pts_ticks, s.keyframe) for s in sent
        ]
        assert [raw[s.offset : s.offset + s.bytes] for s in got] == [s.payload for s in sent]


def test_fragments_know_their_wall_time(tmp_path: Path, h264: Footage) -> None:
    """Each fragment carries the wall time of its first picture, and whether it begins with a keyframe."""
    groups = fragments(h264)
    _, pieces = _walk(_sealed(tmp_path, h264))
    found = [p for p in pieces if isinstance(p, Fragment)]
    assert [f.wall_us for f in found] == [wall_of(h264, group) for group in groups]
    firsts = [next(s for s in group if s.track == 0) for group in groups]
    assert [f.keyframe for f in found] == [s.keyframe for s in firsts]
    assert len({f.keyframe for f in found}) == 2


def test_end_box_ends_it(tmp_path: Path, h264: Footage) -> None:
    """The last thing in a finished file is its end box."""
    path = _sealed(tmp_path, h264)
    _, pieces = _walk(path)
    end = pieces[-1]
    assert isinstance(end, Ended)
    assert end.offset + end.bytes == path.stat().st_size
    assert (end.facts["start_us"], end.facts["end_us"], end.facts["ended"]) == (WALL_US, end_of(h264), "cut")


def test_half_a_box_is_not_there_yet(tmp_path: Path, sound: Footage) -> None:
    """At every length of a growing file, a reader sees whole boxes or nothing, and never an error."""
    segment = write_part(tmp_path, sound)
    segment.abandon()
    part = tmp_path / (segment.file + PART)
    whole = part.read_bytes()
    _, pieces = _walk(part)
    first = pieces[0]
    for size in [*range(0, first.offset, 97), *range(first.offset, first.offset + first.bytes)]:
        os.truncate(part, 0)
        part.write_bytes(whole[:size])
        with opened(part) as fd:
            head = read_head(fd)
            assert head is None or read_next(fd, head.fragments_at, head) is None


@pytest.mark.parametrize("kind", [b"ftyp", b"moov", b"holdfast-head", b'"camera"', b'"timescale"', b'"reserved_bytes"'])
def test_damaged_front_is_named(tmp_path: Path, h264: Footage, kind: bytes) -> None:
    """A front that does not say what it must is damage, not an unfinished file."""
    path = _sealed(tmp_path, h264)
    path.write_bytes(path.read_bytes().replace(kind, b"x" * len(kind)))
    with opened(path) as fd, pytest.raises(BadInput):
        read_head(fd)


@pytest.mark.parametrize("kind", [b"prft", b"moof", b"mdat", b"traf", b"tfhd", b"trun", b"holdfast-end"])
def test_damaged_fragment_is_named(tmp_path: Path, h264: Footage, kind: bytes) -> None:
    """A fragment or end box that is not ours is damage, not something to wait for."""
    path = _sealed(tmp_path, h264)
    path.write_bytes(path.read_bytes().replace(kind, b"x" * len(kind)))
    with pytest.raises(BadInput):
        _walk(path)
