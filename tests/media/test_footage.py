from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, NotFound
from holdfast.core.footage import PART
from holdfast.media.boxread import Ended, Fragment
from holdfast.media.footage import growing_end_us, head_of, read_fragments, samples_of
from holdfast.media.segment import SegmentFile
from support.media import WALL_US, Footage, end_of, fragments, head, wall_of, write_part


def test_tail_sees_each_fragment_once(tmp_path: Path, h264: Footage) -> None:
    """F12: a reader that comes back for more sees every fragment of a growing file once, then its end."""
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    part = tmp_path / (segment.file + PART)
    assert list(read_fragments(part)) == []
    seen: list[Fragment | Ended] = []
    at = 0
    for group in fragments(h264):
        segment.write(group, wall_of(h264, group))
        fresh = list(read_fragments(part, at))
        assert len(fresh) == 1
        seen += fresh
        at = fresh[-1].offset + fresh[-1].bytes
        assert list(read_fragments(part, at)) == []
    event = segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
    (end,) = read_fragments(tmp_path / event.file, at)
    assert isinstance(end, Ended)
    assert [p for p in read_fragments(tmp_path / event.file) if isinstance(p, Fragment)] == seen


def test_growing_file_says_how_far_it_reaches(tmp_path: Path, h264: Footage) -> None:
    """The end of a growing file moves with each fragment and is, at last, the end of the last picture."""
    segment = SegmentFile.create(tmp_path, head(), h264.tracks, segment_s=600)
    part = tmp_path / (segment.file + PART)
    assert growing_end_us(part) is None
    ends: list[int] = []
    for group in fragments(h264):
        segment.write(group, wall_of(h264, group))
        end_us = growing_end_us(part)
        assert end_us is not None
        ends.append(end_us)
    assert ends == sorted(set(ends))
    assert ends[-1] == end_of(h264)
    segment.seal(start_us=WALL_US, end_us=end_of(h264), ended="cut")
    assert growing_end_us(part) is None


def test_sound_alone_has_an_end_too(tmp_path: Path, sound: Footage) -> None:
    """Without pictures, sound gives the time."""
    segment = write_part(tmp_path, sound)
    segment.abandon()
    assert growing_end_us(tmp_path / (segment.file + PART)) == end_of(sound)


def test_payloads_are_those_written(tmp_path: Path, hevc: Footage) -> None:
    """R10: verification reads the bytes that were sent."""
    segment = write_part(tmp_path, hevc)
    segment.abandon()
    found = list(samples_of(tmp_path / (segment.file + PART)))
    for track in (0, 1):
        assert [p.payload for p in found if p.track == track] == [s.payload for s in hevc.of(track)]


def test_files_that_are_none_are_named(tmp_path: Path, no_leaks: None) -> None:
    """A missing file and a foreign one are told apart; neither leaves a descriptor open."""
    with pytest.raises(NotFound):
        list(read_fragments(tmp_path / "absent"))
    (tmp_path / "foreign").write_bytes(b"x" * 100)
    with pytest.raises(BadInput):
        list(read_fragments(tmp_path / "foreign"))
    with pytest.raises(BadInput):
        head_of(tmp_path / "foreign")
    assert growing_end_us(tmp_path / "absent") is None
