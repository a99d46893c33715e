"""A spool on its own: few files, a short journal, and readers that find in it what they find in footage."""

from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.core.camera import Sample
from holdfast.core.errors import AlreadyRunning
from holdfast.core.footage import PART, stream_folder
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.library import footage
from holdfast.library.following import Tail
from holdfast.library.spool import KEPT, Spool
from holdfast.media.tier import Coded
from holdfast.storage.journal import stream_lines
from support.clock import PushedClock
from support.media import GATE, WALL_US, Footage, encode


@pytest.fixture(scope="module", name="shown")
def _shown() -> Footage:
    """Four seconds with a keyframe each second."""
    return encode(seconds=4, fps=5, gop=5, b_frames=0, audio=False)


def _fill(spool: Spool, shown: Footage, clock: PushedClock, seconds: int) -> None:
    """Write the same pictures over and over, a second at a time."""
    scale = shown.tracks[0].timescale
    pictures, span = shown.of(0), 4 * scale
    for second in range(seconds):
        turn, part = divmod(second, 4)
        for one in pictures[part * 5 : part * 5 + 5]:
            dts, pts = one.dts_ticks + turn * span, one.pts_ticks + turn * span
            sample = Sample(0, one.payload, dts, pts, one.duration_ticks, one.keyframe, 0)
            spool.add(Coded(sample, WALL_US + ticks_to_us(pts, scale)))
        clock.advance(1)
        spool.trim()


def _files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("gate_*"))


def test_hours_leave_few_files_and_a_short_journal(
    tmp_path: Path, shown: Footage, monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    """However long somebody watches, only the newest files stay, and the journal speaks of little more than of them."""
    monkeypatch.setattr("holdfast.library.spool.SEGMENT_S", 2)
    monkeypatch.setattr("holdfast.library.spool.MOST_LINES", 30)
    clock = PushedClock(WALL_US)
    with Spool(tmp_path, GATE, clock) as spool:
        spool.begin(shown.tracks)
        _fill(spool, shown, clock, 200)
        assert len(_files(tmp_path)) <= KEPT + 1
        assert len(stream_lines(tmp_path, GATE)) <= 40
        assert spool.bytes < 200_000
        found = footage.find({"s": tmp_path}, GATE, 0, clock.wall_us(), now_us=clock.wall_us(), catalog=None)
        assert [Path(piece.file).name for piece in found.pieces] == [
            name.removesuffix(PART) for name in _files(tmp_path)
        ]
        assert all(one.end_us == other.start_us for one, other in pairwise(found.pieces))


def test_reader_goes_on_while_old_files_go(tmp_path: Path, shown: Footage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that keeps up sees every picture of a spool, over files that begin, end and are removed."""
    monkeypatch.setattr("holdfast.library.spool.SEGMENT_S", 2)
    clock = PushedClock(WALL_US)
    with Spool(tmp_path, GATE, clock) as spool:
        spool.begin(shown.tracks)
        _fill(spool, shown, clock, 2)
        tail = Tail({"s": tmp_path}, GATE, clock)
        chunks = tail.take()
        turn = encode(seconds=40, fps=5, gop=5, b_frames=0, audio=False)
        scale = turn.tracks[0].timescale
        for one in turn.of(0)[10:]:
            spool.add(Coded(one, WALL_US + ticks_to_us(one.pts_ticks, scale)))
            clock.advance(0.2)
            spool.trim()
            chunks += tail.take()
    walls = [chunk.fragment.wall_us for chunk in chunks]
    assert all(0 < later - earlier <= SECOND_US for earlier, later in pairwise(walls))
    assert walls[-1] - walls[0] > 36 * SECOND_US


def test_spool_of_a_killed_writer_is_taken_over(tmp_path: Path, shown: Footage) -> None:
    """Who takes over writes under another name, and only then removes what was left; two at once are refused."""
    clock = PushedClock(WALL_US)
    with Spool(tmp_path, GATE, clock) as spool:
        spool.begin(shown.tracks)
        _fill(spool, shown, clock, 3)
        with pytest.raises(AlreadyRunning), Spool(tmp_path, GATE, clock):
            pass
    (left,) = _files(tmp_path)
    with Spool(tmp_path, GATE, clock) as spool:
        assert _files(tmp_path) == [left]
        spool.begin(shown.tracks)
        _fill(spool, shown, clock, 3)
        (name,) = _files(tmp_path)
        assert name != left
        newest = footage.newest({"s": tmp_path}, GATE)
        assert newest is not None
        assert f"{newest.segment}.mp4{PART}" == name


def test_gap_is_told_with_its_reason(tmp_path: Path, shown: Footage) -> None:
    """What the source lacks is lacking in the spool, for the same reason."""
    clock = PushedClock(WALL_US)
    with Spool(tmp_path, GATE, clock) as spool:
        spool.begin(shown.tracks)
        _fill(spool, shown, clock, 3)
        end_us = spool.end_us
        spool.gap(end_us, "unreachable", "no answer")
        clock.advance(10)
        spool.begin(shown.tracks)
        scale = shown.tracks[0].timescale
        for one in shown.of(0):
            spool.add(Coded(one, clock.wall_us() + ticks_to_us(one.pts_ticks, scale)))
        spool.end("restarted")
        found = footage.find({"s": tmp_path}, GATE, 0, clock.wall_us(), now_us=clock.wall_us(), catalog=None)
    reasons = [gap.reason for gap in found.gaps if gap.end_us - gap.start_us > SECOND_US]
    assert reasons == ["unreachable"]
    assert list((tmp_path / stream_folder(GATE)).glob("*.journal"))
