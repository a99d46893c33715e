"""What a stream makes of mistakes of ours, clocks that are set, schedules that change and disks that are away."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.core import schedule
from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.clock import SystemClock
from holdfast.core.errors import DiskError, SourceEnded
from holdfast.core.footage import lock_path
from holdfast.core.gap import PLANNED, GapReason
from holdfast.core.journal import Closed, Down, Opened, Sealed, Stepped
from holdfast.core.plan import Capture, StreamPlan
from holdfast.core.status import StreamState
from holdfast.media.source.make import make_source
from holdfast.recording.burst import Rounds
from holdfast.recording.session import Session
from holdfast.recording.store import StreamStore
from holdfast.recording.stream import StreamRecorder
from holdfast.recording.unsaid import Unsaid
from holdfast.recording.upkeep import Upkeep
from support.clock import PushedClock
from support.recording import events, ledger_of, recording, stream_plan, until
from support.sim import simulated, small_camera
from support.small_disk import small_disk

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

SECOND = 1_000_000


def _recording(recorder: StreamRecorder) -> bool:
    return recorder.snapshot().state is StreamState.RECORDING and bool(recorder.writer.segment)


def test_a_mistake_in_mid_run_is_a_gap_of_its_own_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Footage before an unforeseen error ends where its last picture did; the outage after it is a gap (T1)."""
    monkeypatch.setattr("holdfast.recording.stream.STUMBLE_S", 2.0)
    real = Session._look
    tripped: list[int] = []

    def trips(self: Session, *given: Any) -> None:
        if not tripped and self.recorded_s == 0 and self._flowing_us is not None:
            tripped.append(1)
            raise ZeroDivisionError("nobody foresaw this")
        real(self, *given)

    monkeypatch.setattr(Session, "_look", trips)
    with simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), segment_s=2)
        with recording(plan) as recorder:
            until(lambda: tripped)
            until(lambda: _recording(recorder))
            time.sleep(1)
    for sealed in events(plan, Sealed):
        assert abs((sealed.end_us - sealed.start_us) - sealed.video_samples * 40_000) <= 0.3 * SECOND
    gaps = [gap for gap in ledger_of(plan).gaps if gap.reason is GapReason.UNKNOWN]
    assert sum(gap.end_us - gap.start_us for gap in gaps) >= 1.5 * SECOND


class _SteppedClock(SystemClock):
    """The host's clock, set by `step_us` whenever a test says so: a fake that only adds to the real one."""

    step_us = 0

    def wall_us(self) -> int:
        return super().wall_us() + self.step_us


def test_a_clock_set_back_between_connections_freezes_nothing(tmp_path: Path) -> None:
    """When the clock is set back while a camera is away, what follows is placed by the new clock (C141, R9)."""
    clock = _SteppedClock()
    with simulated(small_camera(gop=10), port_per_camera=True) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), segment_s=2, probe_s=0.3)
        with recording(plan, clock=clock) as recorder:
            until(lambda: _recording(recorder))
            sim.inject("refuse", "cam1", 3)
            until(lambda: recorder.snapshot().reason == "unreachable")
            clock.step_us = -600 * SECOND
            until(lambda: _recording(recorder))
            time.sleep(3)
            now_us = clock.wall_us()
    assert [abs(step.step_us + 600 * SECOND) < SECOND for step in events(plan, Stepped)] == [True]
    last = events(plan, Sealed)[-1]
    assert abs(last.end_us - now_us) <= 2 * SECOND
    assert all(sealed.end_us > sealed.start_us for sealed in events(plan, Sealed))


class _HangsUp:
    """A source that opens, and ends at once: a fake that counts."""

    notes: tuple[str, ...] = ()
    opened = 0

    def open(self) -> tuple[Track, ...]:
        type(self).opened += 1
        return (Track(Kind.VIDEO, "h264", "h264", 90_000, b"", width=16, height=16),)

    def samples(self) -> Iterator[Sample]:
        raise SourceEnded("hung up")

    def close(self) -> None:
        return

    def interrupt(self) -> None:
        return


def test_a_camera_that_hangs_up_is_not_asked_in_a_loop(tmp_path: Path) -> None:
    """A camera that opens its door and closes it is asked once a second, also after it had recorded (C007, F04)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: recorder.writer.media_end_us is not None)
            time.sleep(3)
            _HangsUp.opened = 0
            recorder._make_source = lambda _plan: _HangsUp()
            sim.inject("close", "cam1")
            time.sleep(4)
    assert 1 <= _HangsUp.opened <= 6


def test_waiting_ends_with_the_window(tmp_path: Path) -> None:
    """A back-off of a minute does not outlast the window in which recording was wanted (C013)."""
    with simulated(small_camera(user="viewer", password="right")) as sim:
        now_us = SystemClock().wall_us()
        plan = stream_plan(
            tmp_path, sim.url("cam1", credentials=False), backoff_first_s=60.0,
            capture=Capture(mode="window", spans=((now_us, now_us + 4 * SECOND),)),
        )  # fmt: skip
        with recording(plan) as recorder:
            until(lambda: recorder.snapshot().retry_in_s is not None)
            until(lambda: recorder.snapshot().state is StreamState.OFF_SCHEDULE, 50)  # the back-off would take a minute


def test_another_schedule_needs_no_new_connection(tmp_path: Path) -> None:
    """A booking or an override that is added leaves the running recording alone; one that ends it, ends it (C008)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            assert recorder.follow(replace(plan, capture=Capture(spans=((1, 2),))))
            assert recorder.follow(replace(plan, site="mole", location="7"))
            assert not recorder.follow(replace(plan, segment_s=7))
            time.sleep(1)
            assert _recording(recorder)
            assert recorder.follow(replace(plan, capture=Capture(override="stop")))
            until(lambda: recorder.snapshot().state is StreamState.OFF_SCHEDULE)
        assert sim.counts("cam1").opened == 1
    assert [type(event) for event in events(plan) if isinstance(event, Opened | Closed)] == [Opened, Closed]


def test_a_burst_without_a_keyframe_is_missed_in_time(tmp_path: Path) -> None:
    """A camera that sends no keyframe for a round costs that round, said with its reason, and not the next (C014)."""
    with simulated(small_camera(gop=12, on_demand=False)) as sim:
        sim.inject("no_keyframe", "cam1", 9)
        plan = stream_plan(tmp_path, sim.url("cam1"), capture=Capture(mode="burst", burst_s=5))
        with recording(plan) as recorder:
            until(lambda: "no-keyframe" in {down.reason for down in events(plan, Down)})
            until(lambda: recorder.writer.segments >= 1)


@pytest.mark.parametrize(("hung_s", "late_s"), [(5.5, 1.0), (10.5, 7.0)])
def test_a_burst_is_tried_again_when_its_camera_hangs(tmp_path: Path, hung_s: float, late_s: float) -> None:
    """A connection that hangs costs a round nothing while another try is in time, and later not the picture (C014)."""
    now_s = time.time()
    burst_s = next(number for number in range(30, 86_400) if 6.6 <= number - now_s % number <= 8.6)
    due_us = round((now_s // burst_s + 1) * burst_s) * SECOND
    with simulated(small_camera(gop=12)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), capture=Capture(mode="burst", burst_s=burst_s))
        time.sleep(max(0.0, due_us / SECOND - 6.5 - time.time()))
        sim.inject("half_open", "cam1", hung_s)
        with recording(plan) as recorder:
            until(lambda: recorder.writer.segments >= 1)
            assert recorder.attempts > 1
    (sealed,) = events(plan, Sealed)
    assert -SECOND // 10 <= sealed.end_us - due_us <= late_s * SECOND
    hung = next(gap for gap in ledger_of(plan).gaps if gap.reason not in PLANNED)
    assert abs(hung.start_us - due_us + 6 * SECOND) <= SECOND, "the plan is not to blame from the first try on"


def test_a_round_is_owed_until_the_next_one_would_be_held_up() -> None:
    """A round that failed is the one to take for 20 s, half a round at most, and where a picture is wanted (C014)."""
    clock = PushedClock(1_000_000 * SECOND)
    rounds, capture = Rounds(clock), Capture(mode="burst", burst_s=300)
    due_us = rounds.begin(capture)
    assert (due_us, due_us % (300 * SECOND)) == (schedule.next_burst_us(capture, clock.wall_us()), 0)
    assert not rounds.again
    clock.advance((due_us - clock.wall_us()) / SECOND + 19)
    assert rounds.due_us(capture) == due_us
    assert rounds.near(capture, None)
    assert rounds.due_us(replace(capture, override="stop")) == schedule.NEVER_US
    assert rounds.due_us(replace(capture, burst_s=30)) == due_us + 30 * SECOND
    assert (rounds.begin(capture), rounds.again) == (due_us, True)
    rounds.taken()
    assert rounds.due_us(capture) == due_us + 300 * SECOND
    rounds.begin(capture)
    clock.advance(281 + 21)
    assert rounds.due_us(capture) == due_us + 600 * SECOND


@pytest.mark.needs("root")
def test_words_outlive_a_reload_while_the_disk_is_away(tmp_path: Path) -> None:
    """A stream that is reloaded while its disk is away still says since when, and why, there is no footage (R6)."""
    clock, unsaid = SystemClock(), Unsaid()
    upkeep = Upkeep(clock.boot_id)

    def recorder_of(plan: StreamPlan, session: str) -> StreamRecorder:
        return StreamRecorder(
            plan, clock, make_source=lambda wanted: make_source(wanted, clock),
            open_store=lambda: StreamStore(plan, clock, tmp_path / "none", session), recover=upkeep.take,
            unsaid=unsaid,
        )  # fmt: skip

    with small_disk(tmp_path / "disk", size_bytes=8 << 20) as disk, simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(disk, sim.url("cam1"))
        first = recorder_of(plan, "s1")
        first.start()
        until(lambda: _recording(first))
        first.writer._fail(_gone())
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=False, capture_output=True)
        until(lambda: not _writable(disk, plan))
        first.stop(Closed(reason="restarted", detail="settings changed"))
        assert first.join(60)
        second = recorder_of(replace(plan, segment_s=60), "s1")
        second.start()
        time.sleep(1)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        until(lambda: _recording(second))
        second.stop(Closed(reason="recorder-down"))
        assert second.join(60)
        upkeep.stop(5)
        reasons = {gap.reason for gap in ledger_of(plan).gaps}
    assert GapReason.UNKNOWN not in reasons
    assert reasons & {GapReason.DISK_ERROR, GapReason.RESTARTED}


def _gone() -> DiskError:
    return DiskError("pulled out")


def _writable(disk: Path, plan: StreamPlan) -> bool:
    try:
        (disk / lock_path(plan.key)).open("ab").close()
    except OSError:
        return False
    return True
