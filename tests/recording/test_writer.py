import shutil
import subprocess
import time
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.footage import Timeline
from holdfast.core.gap import GapReason
from holdfast.core.journal import Down, Opened, Removed, Sealed
from holdfast.core.status import StreamState
from holdfast.recording.stream import StreamRecorder
from holdfast.storage.volume import create_marker
from support.recording import events, footage_files, ledger_of, play, recording, stream_plan, until
from support.sim import simulated, small_camera
from support.small_disk import fill, small_disk

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

SECOND = 1_000_000


def _recording(recorder: StreamRecorder) -> bool:
    return recorder.snapshot().state is StreamState.RECORDING and bool(recorder.writer.segment)


def _reasons(line: Timeline) -> set[GapReason]:
    return {gap.reason for gap in line.gaps}


@pytest.mark.needs("root", "ffprobe")
def test_a_full_disk_is_a_gap_and_heals(tmp_path: Path) -> None:
    """A disk without a byte left ends footage with `disk-full`; with room again it goes on by itself (R6, C079)."""
    with small_disk(tmp_path / "disk", size_bytes=4 << 20) as disk, simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(disk, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            time.sleep(1)
            ballast = fill(disk, leave_bytes=4096)
            until(lambda: recorder.snapshot().reason == "disk-full")
            assert recorder.snapshot().hint
            gone_us = recorder.snapshot().since_us
            assert abs(gone_us - SystemClock().wall_us()) < 2 * SECOND, "not since the camera was connected"
            lost_s = recorder.snapshot().lost_s
            time.sleep(2.5)  # what waits in the queue when there is room again makes the gap up to 0.4 s shorter
            assert recorder.snapshot().since_us == gone_us
            assert recorder.snapshot().lost_s - lost_s >= 1.9
            ballast.unlink()
            until(lambda: _recording(recorder))
            assert recorder.snapshot().since_us > gone_us + 2 * SECOND
            time.sleep(1)
        assert sim.counts("cam1").opened == 1, "the camera was left alone"
        line = ledger_of(plan)
        assert _reasons(line) <= {GapReason.DISK_FULL, GapReason.RECORDER_DOWN}
        assert sum(g.end_us - g.start_us for g in line.gaps if g.reason is GapReason.DISK_FULL) >= 2 * SECOND
        for path in footage_files(plan):
            assert int(play(path)["video"]["nb_read_frames"]) > 0
        assert list(disk.rglob("*.part")) == []


@pytest.mark.needs("root")
def test_what_policy_cleared_goes_before_recording_stops(tmp_path: Path) -> None:
    """When space falls to the reserve, cleared footage is unlinked and journalled, and nothing is lost (F17, R6)."""
    with small_disk(tmp_path / "disk", size_bytes=6 << 20) as disk, simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(disk, sim.url("cam1"), segment_s=2)
        with recording(plan) as recorder:
            until(lambda: recorder.writer.segments >= 3)
        old = footage_files(plan)[:2]
        lines = "".join(
            f'{{"volume": "", "file": "{path.relative_to(disk)}", "bytes": {path.stat().st_size}}}\n' for path in old
        )
        (tmp_path / "expendable.jsonl").write_text(lines)
        free_bytes = shutil.disk_usage(disk).free
        tight = stream_plan(disk, sim.url("cam1"), segment_s=2, reserve_bytes=free_bytes)
        with recording(tight, session="s2") as recorder:
            until(lambda: events(plan, Removed))
            until(lambda: recorder.writer.segments >= 1)
    assert [removed.file for removed in events(plan, Removed)] == [
        path.relative_to(tmp_path / "disk").as_posix() for path in old[: len(events(plan, Removed))]
    ]
    assert not events(plan, Down)


@pytest.mark.needs("root")
def test_an_unmounted_disk_is_not_filled_below(tmp_path: Path) -> None:
    """A volume that goes away is a `disk-error` gap; nothing is written to the empty folder in its place (R6)."""
    folder = tmp_path / "disk"
    with simulated(small_camera(gop=10)) as sim, small_disk(folder, size_bytes=8 << 20) as disk:
        marker = create_marker(disk, SystemClock().wall_us())
        plan = stream_plan(disk, sim.url("cam1"), volume_id=marker.volume_id)
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            subprocess.run(["mount", "--move", str(disk), str(_aside(tmp_path))], check=True)
            try:
                until(lambda: recorder.snapshot().reason == "disk-error")
                time.sleep(1)
                assert list(folder.iterdir()) == []
            finally:
                subprocess.run(["mount", "--move", str(_aside(tmp_path)), str(disk)], check=True)
            until(lambda: _recording(recorder))
        line = ledger_of(plan)
        assert GapReason.DISK_ERROR in _reasons(line)
        assert GapReason.UNKNOWN not in _reasons(line)
        assert len({opened.session for opened in events(plan, Opened)}) == 1


def _aside(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.needs("root")
def test_a_read_only_disk_is_waited_for(tmp_path: Path) -> None:
    """A file system that is read-only is named, with the camera left alone, and used once it can be written (R6)."""
    with small_disk(tmp_path / "disk", size_bytes=8 << 20) as disk, simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(disk, sim.url("cam1"))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with recording(plan) as recorder:
            until(lambda: recorder.snapshot().reason == "disk-error")
            assert "read-only" in recorder.snapshot().detail.lower()
            assert sim.counts("cam1").opened == 0
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            until(lambda: _recording(recorder))


@pytest.mark.parametrize("what", ["file", "folder"])
def test_footage_deleted_while_it_is_written_is_a_gap_at_once(tmp_path: Path, what: str) -> None:
    """Somebody's cleaning script costs what it deleted: within seconds it is said, and a new file is begun (R6)."""
    with simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: recorder.writer.media_end_us is not None)
            time.sleep(1)
            deleted = recorder.writer.segment
            began_us = SystemClock().wall_us()
            if what == "file":
                next(tmp_path.rglob("*.part")).unlink()
            else:
                shutil.rmtree(tmp_path / "footage")
            until(lambda: recorder.snapshot().reason == "disk-error")
            assert "deleted while it was being written" in recorder.snapshot().detail
            until(lambda: _recording(recorder))
            assert recorder.writer.segment != deleted
            assert SystemClock().wall_us() - began_us < 12 * SECOND
            time.sleep(1)
        assert sim.counts("cam1").opened == 1, "the camera was left alone"
        line = ledger_of(plan)
    there = [segment for segment in line.segments if segment.facts is not None]
    assert [path.relative_to(tmp_path).as_posix() for path in footage_files(plan)] == [s.file for s in there]
    if what == "file":
        assert (line.gaps[0].reason, line.gaps[0].start_us) == (GapReason.DISK_ERROR, line.start_us)
        assert line.gaps[0].end_us == there[0].start_us


def test_interrupted_files_are_finished_after_recording_has_begun_again(tmp_path: Path) -> None:
    """Leftovers of a killed recorder are sealed as recovered, after the new recorder's first picture (F10, F11)."""
    with simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"))
        with recording(plan) as recorder:
            until(lambda: recorder.writer.media_end_us is not None)
            time.sleep(1.5)
            part = next(tmp_path.rglob("*.part"))
            copy = part.with_name(part.name.replace(".mp4", "-7.mp4"))  # named for its begin, as all are
            shutil.copy(part, copy)
        with recording(plan, session="s2"):
            until(lambda: any(sealed.recovered for sealed in events(plan, Sealed)))
    kinds = [(type(e).__name__, getattr(e, "recovered", None)) for e in events(plan)]
    second = [index for index, (kind, _) in enumerate(kinds) if kind == "Opened"][1]
    assert kinds[second + 1 : second + 3] == [("Begun", None), ("Sealed", True)]


def test_a_disk_that_cannot_keep_up_is_a_gap_not_a_wait(tmp_path: Path) -> None:
    """When the queue is full, footage is dropped as `disk-slow` and begins again by itself; the camera never waits."""
    with simulated(small_camera(gop=10)) as sim:
        plan = stream_plan(tmp_path, sim.url("cam1"), queue_bytes=60_000)
        with recording(plan) as recorder:
            until(lambda: _recording(recorder))
            time.sleep(1)
            with recorder.writer._wake:  # a disk that hangs: the writer's thread gets nothing done
                held = recorder.writer._held_bytes
                recorder.writer._held_bytes = 10**9
            until(lambda: recorder.snapshot().dropped_samples > 0)
            time.sleep(2)
            with recorder.writer._wake:
                recorder.writer._held_bytes = held
            until(lambda: _recording(recorder) and recorder.snapshot().reason == "")
            time.sleep(1)
        assert sim.counts("cam1").opened == 1
    gaps = [gap for gap in ledger_of(plan).gaps if gap.reason is GapReason.DISK_SLOW]
    assert sum(gap.end_us - gap.start_us for gap in gaps) >= 1.5 * SECOND
