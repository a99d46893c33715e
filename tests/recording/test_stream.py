import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.gap import MIN_GAP_US, GapReason
from holdfast.core.journal import Begun, Closed, Down, Opened, Sealed, Stepped
from holdfast.core.plan import Capture, Window
from holdfast.core.schedule import LEAD_US
from holdfast.core.status import StreamState
from holdfast.core.timing import ticks_to_us
from holdfast.media.boxread import Fragment
from holdfast.media.footage import head_of, read_fragments
from holdfast.recording.handover import Trouble
from holdfast.recording.session import Session
from holdfast.recording.store import StreamStore
from holdfast.recording.stream import StreamRecorder
from holdfast.storage.journal import stream_lines
from support.recording import events, footage_files, ledger_of, play, recording, stream_plan, until
from support.rtsp_peer import free_port
from support.sim import simulated, small_camera

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

SECOND = 1_000_000
HOUR = 3600 * SECOND


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _recording(recorder: StreamRecorder) -> bool:
    return recorder.snapshot().state is StreamState.RECORDING and bool(recorder.writer.segment)


@pytest.mark.needs("ffprobe")
def test_a_camera_is_recorded_in_clock_aligned_files(tmp_path: Path) -> None:
    """Video and audio land in files cut at multiples of the interval, each of which plays from zero (C001, C002)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), segment_s=3)
        with recording(plan) as recorder:
            until(lambda: recorder.writer.segments >= 2)
    sealed = events(plan, Sealed)
    for before, after in pairwise(sealed):
        assert before.end_us == after.start_us
        assert before.run == after.run
        boundary_us = after.start_us - after.start_us % (3 * SECOND)
        assert after.start_us - boundary_us <= 1.2 * SECOND, "cut at the first keyframe past the boundary"
    for path in footage_files(plan):
        streams = play(path)
        assert float(streams["video"]["start_time"]) == pytest.approx(0, abs=0.1)
        assert streams["audio"]["codec_name"] == "aac"


def test_segments_and_gaps_make_up_the_wall_time(tmp_path: Path) -> None:
    """Whatever happens, footage and gaps together are the time that passed, to within a second (C011)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), segment_s=2, probe_s=0.3)
        began_us = SystemClock().wall_us()
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            for fault in ("close", "reset"):
                sim.inject(fault, "cam1")
                time.sleep(2)
        ended_us = SystemClock().wall_us()
    line = ledger_of(plan)
    covered = sum(s.end_us - s.start_us for s in line.segments) + sum(g.end_us - g.start_us for g in line.gaps)
    assert abs(covered - (ended_us - began_us)) <= SECOND
    for before, after in pairwise(line.segments):
        assert after.start_us >= before.end_us


def test_stopping_leaves_the_camera_in_order(tmp_path: Path) -> None:
    """A stop tears the session down, seals the file and says goodbye, without inventing a fault (C135, R4)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
        until(lambda: sim.counts("cam1").open == 0)  # the camera reads the goodbye a moment later
        counts = sim.counts("cam1")
        assert (counts.opened, counts.torn_down, counts.left_behind) == (1, 1, 0)
    assert [type(event) for event in events(plan)] == [Opened, Begun, Sealed, Closed]
    assert list(tmp_path.rglob("*.part")) == []


def test_a_silent_camera_is_stalled_and_back_by_itself(tmp_path: Path) -> None:
    """Silence on an open connection is noticed in 5 s, and its gap begins at the last frame (F01, C006)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            time.sleep(2)
            silent_us = SystemClock().wall_us()
            sim.inject("silent", "cam1", 7)
            until(lambda: events(plan, Down))
            until(lambda: _recording(recorder))
    noticed = next(line for line in stream_lines(tmp_path, plan.key) if isinstance(line.event, Down))
    assert noticed.when.at_us - silent_us <= 6.5 * SECOND
    assert isinstance(noticed.event, Down)
    assert noticed.event.reason == "stalled"
    assert abs(noticed.event.from_us - silent_us) <= 0.2 * SECOND


def test_silent_sound_costs_almost_no_pictures(tmp_path: Path) -> None:
    """A track that falls silent ends the connection once; then pictures go on without it (C001, C006)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            sim.inject("silent_audio", "cam1", 14)
            time.sleep(14)
    assert [d.reason for d in events(plan, Down)] == ["stalled"]
    assert sum(g.end_us - g.start_us for g in ledger_of(plan).gaps) <= SECOND


def test_a_closed_port_is_knocked_at_until_it_opens(tmp_path: Path) -> None:
    """An unreachable camera is probed, not backed off from: it records within 2 s of its return (C007, R4, F45)."""
    port = free_port()
    plan = stream_plan(tmp_path, f"rtsp://127.0.0.1:{port}/cam1/main", probe_s=0.5)
    with recording(plan) as recorder:
        until(lambda: recorder.snapshot().reason == "unreachable")
        time.sleep(3)
        with simulated(small_camera(gop=10), port=port):
            back = time.monotonic()
            until(lambda: _recording(recorder))
            assert time.monotonic() - back <= 3
    gap = ledger_of(plan).gaps[0]
    assert (gap.reason, gap.end_us - gap.start_us >= 3 * SECOND) == (GapReason.UNREACHABLE, True)


def test_wrong_credentials_back_off(tmp_path: Path) -> None:
    """A camera that rejects the password is asked ever more rarely, and no secret shows anywhere (C007, F61)."""
    secret = "correct-horse-battery"
    with simulated(small_camera(user="viewer", password="another")) as sim:
        plan = stream_plan(
            tmp_path, sim.url("cam1", credentials=False), username="viewer", password=secret, backoff_first_s=0.5
        )
        with recording(plan) as recorder:
            until(lambda: recorder.snapshot().retry_in_s is not None)
            status = recorder.snapshot()
            assert (status.reason, status.state) == ("auth", StreamState.WAITING)
            assert status.hint
            assert secret not in status.to_json()
        assert sim.counts("cam1").opened == 0
    assert secret not in "".join(p.read_text() for p in tmp_path.rglob("*.journal"))


def test_in_band_change_of_size_is_a_new_run_without_a_gap(tmp_path: Path) -> None:
    """Parameter sets that change in mid-flow begin another file, and no time is lost (architecture: run)."""
    with simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            time.sleep(1)
            sim.inject("size_change", "cam1", 2)
            time.sleep(4)
    sealed = events(plan, Sealed)
    sizes = [s.tracks[0]["width"] for s in sealed]
    assert len(sizes) == 3
    assert sizes[0] == sizes[2] != sizes[1]
    assert len({s.run for s in sealed}) == 3
    within = [g for g in ledger_of(plan).gaps if sealed[0].start_us <= g.start_us < sealed[-1].end_us - MIN_GAP_US]
    assert within == []


def test_a_stream_that_is_not_as_agreed_says_so(tmp_path: Path) -> None:
    """Wrong codec, size or sound shows in the status from the first connection on, field by field (C009, F44)."""
    expected: dict[str, dict[str, str | int | float]] = {
        "video": {"codec": "hevc", "width": 320},
        "audio": {"codec": "aac", "sample_rate": 16_000},
    }
    with simulated(small_camera(audio="pcma")) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), expected=expected)
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            mismatch = recorder.snapshot().mismatch
    fields = {text.split(":")[0] for text in mismatch}
    assert {"video.codec", "audio.sample_rate"} <= fields
    assert "video.width" not in fields
    assert len(footage_files(plan)) == 1, "it is recorded all the same"


class _SteppedClock(SystemClock):
    """The host's clock, set by `step_us` whenever a test says so: a fake that only adds to the real one."""

    step_us = 0

    def wall_us(self) -> int:
        return super().wall_us() + self.step_us


@pytest.mark.parametrize("step_s", [3600, -3600, -1])
def test_a_clock_step_overwrites_nothing(tmp_path: Path, step_s: int) -> None:
    """Setting the host's clock begins a new run on the same connection; no file is lost or doubled (C141, R9)."""
    clock = _SteppedClock()
    with simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan, clock=clock) as recorder:
            until(lambda: _recording(recorder))
            time.sleep(2)
            clock.step_us = step_s * SECOND
            time.sleep(2)
        assert sim.counts("cam1").opened == 1
    sealed = events(plan, Sealed)
    assert len(sealed) == 2 == len(footage_files(plan)), sealed
    assert sum(s.video_samples for s in sealed) >= 85
    assert [abs(s.step_us - step_s * SECOND) < 50_000 for s in events(plan, Stepped)] == [True]
    assert abs((sealed[1].start_us - sealed[0].end_us) - step_s * SECOND) <= 0.5 * SECOND


def test_one_recorder_a_stream(tmp_path: Path) -> None:
    """A second recorder of the same stream waits for the first, and records as soon as that is gone (F07, C134)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as first:
            until(lambda: _recording(first))
            with recording(plan, session="s2") as second:
                until(lambda: second.writer.trouble is not None)
                trouble = second.writer.trouble
                assert isinstance(trouble, Trouble)
                assert str(os.getpid()) in trouble.detail
                assert sim.counts("cam1").opened == 1


def test_outside_its_window_a_camera_is_left_alone(tmp_path: Path) -> None:
    """Outside the daily hours nobody connects, and the gap says off-schedule (C013)."""
    moment = datetime.now(tz=UTC)
    start, end = f"{(moment.hour + 2) % 24:02}:00", f"{(moment.hour + 3) % 24:02}:00"
    with simulated() as sim:
        capture = Capture(mode="window", windows=(Window(start=start, end=end),))
        plan = stream_plan(tmp_path, sim.url("cam1"), capture=capture)
        with recording(plan) as recorder:
            until(lambda: recorder.snapshot().state is StreamState.OFF_SCHEDULE)
            time.sleep(1)
            assert recorder.snapshot().lost_s <= 1
        assert sim.counts("cam1").opened == 0
    assert [d.reason for d in events(plan, Down)] == ["off-schedule"]


def test_a_window_ends_within_seconds(tmp_path: Path) -> None:
    """At the end of its window a stream stops by itself, though media keeps coming (C013, F09)."""
    with simulated() as sim:
        now_us = SystemClock().wall_us()
        plan = stream_plan(tmp_path, sim.url("cam1"), capture=Capture(mode="window", spans=((now_us, now_us + HOUR),)))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            end_us = SystemClock().wall_us() + 2 * SECOND
            assert recorder.follow(replace(plan, capture=Capture(mode="window", spans=((now_us, end_us),))))
            until(lambda: recorder.snapshot().state is StreamState.OFF_SCHEDULE)
            assert SystemClock().wall_us() - end_us <= 5 * SECOND
        until(lambda: sim.counts("cam1").torn_down == 1)


def test_a_window_begins_within_seconds_and_a_restart_goes_on(tmp_path: Path) -> None:
    """Recording begins within 5 s of when it is wanted, and so it does again after a restart in the midst (C013)."""
    with simulated() as sim:
        begin_us = SystemClock().wall_us() + 2 * SECOND
        span = (begin_us + LEAD_US, begin_us + HOUR)  # what is booked is connected that much ahead
        plan = stream_plan(tmp_path, sim.url("cam1"), capture=Capture(mode="window", spans=(span,)))
        with recording(plan) as recorder:
            until(lambda: recorder.snapshot().state is StreamState.OFF_SCHEDULE)
            until(lambda: _recording(recorder))
        again_us = SystemClock().wall_us()
        with recording(plan, session="s2") as recorder:
            until(lambda: _recording(recorder))
    first, second = (one.start_us for one in events(plan, Begun))
    assert 0 <= first - begin_us <= 5 * SECOND
    assert second - again_us <= 5 * SECOND


@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_a_burst_camera_keeps_to_its_grid(tmp_path: Path, rounds: int) -> None:
    """Capture `burst` leaves one short file a round, ending within a second of the grid (C014's grid)."""
    with simulated(small_camera(gop=12)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), capture=Capture(mode="burst", burst_s=4))
        with recording(plan) as recorder:
            until(lambda: recorder.writer.segments >= rounds, rounds * 4 + 60)
    sealed = events(plan, Sealed)[:rounds]
    for one in sealed:
        off_us = (one.end_us + 2 * SECOND) % (4 * SECOND) - 2 * SECOND
        assert abs(off_us) <= SECOND
        assert one.video_samples <= 14
    for before, after in pairwise(sealed):
        assert abs(after.end_us - before.end_us - 4 * SECOND) <= SECOND, "no round was left out"


def test_twenty_starts_and_stops_leave_nothing_behind(tmp_path: Path) -> None:
    """Recorders that come and go leave no thread, no descriptor and no session at the camera (P8)."""
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
        threads, descriptors = threading.active_count(), _descriptors()
        for round_number in range(20):
            with recording(plan, session=f"r{round_number}") as recorder:
                until(lambda: recorder.writer.segment)
        assert threading.active_count() <= threads
        assert _descriptors() <= descriptors
        assert sim.counts("cam1").left_behind == 0


def test_a_mistake_of_ours_does_not_end_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw is a gap and a log line; the stream goes on by itself (F03)."""
    monkeypatch.setattr("holdfast.recording.stream.STUMBLE_S", 0.5)
    tripped: list[int] = []
    real = Session.record

    def trips(self: Session, *given: Any) -> None:
        if not tripped:
            tripped.append(1)
            raise ZeroDivisionError("nobody foresaw this")
        real(self, *given)

    monkeypatch.setattr(Session, "record", trips)
    with simulated() as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: recorder.snapshot().reason == "unknown")
            assert "nobody foresaw this" in recorder.snapshot().detail
            until(lambda: _recording(recorder))
    assert [down.reason for down in events(plan, Down)] == ["unknown"]


def test_a_mistake_in_writing_does_not_end_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen error in the writer's thread costs one segment, not the stream (F03)."""
    real = StreamStore.write
    tripped: list[int] = []

    def trips(self: StreamStore, *given: Any) -> int:
        if len(tripped) < 1 and self.segment is not None and self.segment.fragments > 2:
            tripped.append(1)
            raise ZeroDivisionError("nobody foresaw this either")
        return real(self, *given)

    monkeypatch.setattr(StreamStore, "write", trips)
    with simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: tripped)
            until(lambda: recorder.writer.trouble is None and recorder.writer.segment)
            until(lambda: any(sealed.recovered for sealed in events(plan, Sealed)))
    assert GapReason.DISK_ERROR in {gap.reason for gap in ledger_of(plan).gaps}


@pytest.mark.parametrize("jump_s", [-60, 3600])
def test_a_jump_of_the_cameras_clock_costs_one_short_gap(tmp_path: Path, jump_s: int) -> None:
    """A camera whose timestamps jump begins a new run on the same connection, and is not taken for stalled (C006)."""
    with simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            time.sleep(1)
            sim.inject("timestamp_jump", "cam1", seconds=jump_s)
            time.sleep(7)
        assert sim.counts("cam1").opened == 1
    assert {down.reason for down in events(plan, Down)} == {"clock"}
    assert sum(gap.end_us - gap.start_us for gap in ledger_of(plan).gaps) <= 1.2 * SECOND


def test_b_frames_are_placed_when_they_are_shown(tmp_path: Path) -> None:
    """Every fragment of a run ties presentation time and wall time together in the same way, B-frames or not."""
    with simulated(small_camera(bframes=2, gop=50)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), segment_s=2)
        with recording(plan):
            until(lambda: len(footage_files(plan)) >= 2)
    ties = set()
    for path in footage_files(plan):
        head = head_of(path)
        assert head is not None
        for fragment in read_fragments(path):
            if isinstance(fragment, Fragment):
                track = head.tracks[fragment.anchor]
                ticks = fragment.anchor_ticks + track.offset_ticks
                ties.add(fragment.wall_us - ticks_to_us(ticks, track.timescale))
    assert max(ties) - min(ties) < 5000
