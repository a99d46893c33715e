import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.footage import Timeline, timeline
from holdfast.core.timing import from_datetime
from holdfast.media.footage import samples_of
from holdfast.recording.stream import StreamRecorder
from holdfast.sim.mark import find_marks
from holdfast.storage.journal import stream_lines
from support.recording import footage_files, play, recording, stream_plan, until
from support.sim import simulated, small_camera

SECOND = 1_000_000
BERLIN = ZoneInfo("Europe/Berlin")


class SteppedClock(SystemClock):
    """The host's clock, off by `step_us`, synchronised or not as a test says: a fake that only adds to the real one."""

    def __init__(self, step_us: int = 0, *, sync: bool = True) -> None:
        super().__init__()
        self.step_us = step_us
        self.sync = sync

    def wall_us(self) -> int:
        return super().wall_us() + self.step_us

    def synchronised(self) -> bool:
        return self.sync


def _flowing(recorder: StreamRecorder, seconds: float) -> None:
    """Wait until that much more is recorded."""
    until(lambda: recorder.writer.segment)
    marked = time.monotonic() + seconds
    until(lambda: time.monotonic() >= marked and recorder.writer.media_end_us)


def _ledger(root: Path, camera: str, now_us: int) -> Timeline:
    return timeline(stream_lines(root, StreamKey(camera, "main")), now_us=now_us, alive=False)


def _errors_us(root: Path, line: Timeline) -> list[int]:
    """Return for every picture how far its place in the timeline is from when it was due to be sent.

    A busy machine sends some late and none early: the rhythm of those that were on time is the truth for all.
    """
    places = []
    for segment in line.segments:
        assert segment.facts is not None
        frames = [
            (i.sample.pts_ticks, next(find_marks(i.payload))) for i in samples_of(root / segment.file) if not i.track
        ]
        first = min(ticks for ticks, _ in frames)
        places += [(segment.start_us + (ticks - first) * SECOND // 90_000, mark) for ticks, mark in frames]
    begun_us = min(mark.sent_us - mark.counter * SECOND // 25 for _, mark in places)
    return [us - begun_us - mark.counter * SECOND // 25 for us, mark in places]


@contextmanager
def _one(tmp_path: Path, clock: SteppedClock, **more: object) -> Iterator[StreamRecorder]:
    with simulated(small_camera(gop=10)) as sim:
        with recording(stream_plan(tmp_path, sim.url("cam1"), **more), clock=clock) as recorder:
            yield recorder
        assert sim.counts("cam1").opened == 1, "a clock that is set is no reason to leave the camera"


@pytest.mark.best_of_three
@pytest.mark.parametrize("off_s", [-86_400 * 365, 3_600, -1])
def test_footage_from_before_the_clock_was_right_is_placed_later(tmp_path: Path, off_s: int) -> None:
    """What a wrong clock recorded stands within 100 ms of the truth once the clock is right (R9, C141)."""
    clock = SteppedClock(off_s * SECOND, sync=False)
    with _one(tmp_path, clock, segment_s=1) as recorder:
        _flowing(recorder, 2.5)
        clock.step_us, clock.sync = 0, True
        _flowing(recorder, 2.0)
    line = _ledger(tmp_path, "cam1", SystemClock().wall_us())
    errors = _errors_us(tmp_path, line)
    assert len(line.segments) >= 4
    assert max(map(abs, errors)) <= 100_000, f"{min(errors)} to {max(errors)} us"
    for before, after in pairwise(line.segments):
        assert -50_000 <= after.start_us - before.end_us <= SECOND


@pytest.mark.best_of_three
@pytest.mark.parametrize("step_s", [3_600, -3_600, -1])
def test_steps_keep_order_and_files(tmp_path: Path, step_s: int) -> None:
    """A clock that is set anew overwrites no file, and what was recorded keeps its order (R9, F14, C141)."""
    clock = SteppedClock()
    with _one(tmp_path, clock, segment_s=2) as recorder:
        _flowing(recorder, 2.2)
        clock.step_us = step_s * SECOND
        _flowing(recorder, 2.2)
    plan = stream_plan(tmp_path, "rtsp://127.0.0.1/x")
    files = footage_files(plan)
    counters = []
    runs: dict[str, list[int]] = {}
    for path in files:
        marks = [mark.counter for mark in find_marks(path.read_bytes())]
        assert marks == list(range(marks[0], marks[-1] + 1))
        counters += marks
        runs.setdefault(str(marks[0]), marks)
    assert len(counters) == len(set(counters)), "no picture is on disk twice"
    assert len(counters) >= max(counters) - min(counters) + 1 - 12, "at most a group of pictures is lost at the step"
    line = _ledger(tmp_path, "cam1", clock.wall_us() + 7_200 * SECOND)
    for segment in line.segments:
        assert segment.facts is not None
        inside = [m.counter for m in find_marks((tmp_path / segment.file).read_bytes())]
        assert len(inside) == segment.facts.video_samples
    wanted = from_datetime(datetime.now(tz=UTC)) + clock.step_us
    assert abs(line.segments[-1 if step_s > 0 else 0].end_us - wanted) < abs(step_s) * SECOND + 10 * SECOND


@pytest.mark.best_of_three
def test_three_cameras_in_the_same_second_of_the_autumn_hour(tmp_path: Path) -> None:
    """When the clocks go back an hour, files of three cameras are all there, distinct, and in order (F14, F15)."""
    first = datetime(2026, 10, 25, 2, 59, 57, tzinfo=BERLIN)  # summer time; three seconds later it is 02:00 again
    clock = SteppedClock(from_datetime(first) - SystemClock().wall_us())
    names = ("gate", "yard", "hall")
    with simulated(*(small_camera(name, gop=10) for name in names)) as sim, ExitStack() as stack:
        clock.step_us = from_datetime(first) - SystemClock().wall_us()
        recorders = [
            stack.enter_context(
                recording(stream_plan(tmp_path, sim.url(name), camera=name, segment_s=1), clock=clock, session=name)
            )
            for name in names
        ]
        waits = [threading.Thread(target=_flowing, args=(recorder, 5.0)) for recorder in recorders]
        for wait in waits:
            wait.start()
        for wait in waits:
            wait.join()
    for name in names:
        plan = stream_plan(tmp_path, "rtsp://127.0.0.1/x", camera=name)
        files = footage_files(plan)
        line = _ledger(tmp_path, name, clock.wall_us())
        assert [tmp_path / segment.file for segment in line.segments] == files
        assert len(files) >= 5
        marks = [mark.counter for path in files for mark in find_marks(path.read_bytes())]
        assert marks == list(range(marks[0], marks[-1] + 1)), "in the order of their names"
        local = [datetime.fromtimestamp(s.start_us / SECOND, BERLIN) for s in line.segments]
        assert {moment.hour for moment in local} == {2}
        assert [moment.fold for moment in local] == sorted(moment.fold for moment in local)
        assert {moment.fold for moment in local} == {0, 1}, "both hours are there"
        assert all(gap.open for gap in line.gaps[1:]), "no gap between them"


@pytest.mark.needs("ffprobe")
def test_two_starts_in_one_second(tmp_path: Path) -> None:
    """Files that begin in the same second get distinct names; none is overwritten (F14)."""
    clock = SteppedClock()
    with simulated(small_camera(gop=5)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        began = clock.wall_us()
        for session in ("a", "b", "c"):
            # Each is set back to the instant at which the first began, as a host without a battery for its clock does.
            clock.step_us -= clock.wall_us() - began
            with recording(plan, clock=clock, session=session) as recorder:
                until(lambda recorder=recorder: recorder.writer.media_end_us)  # type: ignore[misc]
    files = footage_files(plan)
    assert len(files) == 3
    marks = [mark.counter for path in files for mark in find_marks(path.read_bytes())]
    assert len(marks) == len(set(marks))
    for path in files:
        play(path)
