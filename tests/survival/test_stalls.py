import time
from pathlib import Path

import pytest

from holdfast.core.gap import GapReason
from holdfast.core.journal import Down
from support.shard import Shard
from support.sim import read_ledger, simulated, small_camera
from support.survival import holes, marks_in

STALLS = {"silent": "stalled", "silent_video": "stalled", "silent_audio": "stalled", "half_open": "stalled",
          "no_keyframe": "no-keyframe"}  # fmt: skip
STALL_S = 5.0
SLACK_S = 2.0  # a look (a quarter of a second), and sealing: the line comes after the file, which a busy disk delays


def _noticed_s(shard: Shard, ledger: Path, camera: str) -> float | None:
    """Return how long after its fault's begin a camera's journal says so; None while it does not."""
    (fault,) = read_ledger(ledger, "fault_begin", camera=camera)
    said = [line for line in shard.lines(camera) if isinstance(line.event, Down)]
    after = [line for line in said if line.when.at_us > fault["wall_us"]]
    if not after:
        return None
    assert isinstance(after[0].event, Down)
    assert after[0].event.reason == STALLS[fault["fault"]]
    return float(after[0].when.at_us - fault["wall_us"]) / 1e6


@pytest.mark.best_of_three
@pytest.mark.parametrize("group_s", [1, 2, pytest.param(4, marks=pytest.mark.soak)])
def test_every_stall_is_noticed_in_time(tmp_path: Path, group_s: int) -> None:
    """No media, a silent track, a half-open socket, no keyframes: noticed in 5 s or 3 groups; others go on (F01, F02, F39, C006)."""  # noqa: E501 - one sentence
    ledger = tmp_path / "sim.jsonl"
    cameras = {fault.replace("_", "-"): fault for fault in STALLS}
    limit_s = max(STALL_S, 3.0 * group_s)
    specs = [small_camera(name, gop=25 * group_s) for name in (*cameras, "sound")]
    with simulated(*specs, ledger=ledger) as sim:
        with Shard(tmp_path, {spec.name: sim.url(spec.name) for spec in specs}, stall_s=STALL_S) as shard:
            shard.until(shard.recording)
            # Two keyframes must have been seen, or the length of a group is not known.
            time.sleep(2.1 * group_s)
            for camera, fault in cameras.items():
                sim.inject(fault, camera, limit_s + 10)
            shard.until(lambda: all(_noticed_s(shard, ledger, c) is not None for c in cameras))
            took = {camera: _noticed_s(shard, ledger, camera) or 0.0 for camera in cameras}
        lasting = {camera: marks_in(sorted(shard.volume.glob(f"footage/{camera}/main/*/*.mp4"))) for camera in cameras}
        left = {camera: sim.counts(camera).left_behind for camera in cameras if camera != "half-open"}
        healthy = marks_in(sorted(shard.volume.glob("footage/sound/main/*/*.mp4")))
    print(f"\nnoticed, groups of {group_s} s:", ", ".join(f"{c} {s:.2f} s" for c, s in took.items()))  # noqa: T201 - a measure
    for camera, seconds in took.items():
        # Complete silence has its own limit; a missing keyframe counts from the last one, up to a group earlier.
        assert seconds <= limit_s + SLACK_S, (camera, seconds)
        earliest_s = STALL_S if camera in {"silent", "half-open"} else limit_s - group_s
        assert seconds >= earliest_s - SLACK_S, (camera, seconds)
        assert lasting[camera], camera
    assert set(left.values()) == {0}, "whoever still answers is told goodbye"
    assert holes(healthy) == []
    assert {gap.reason for gap in shard.ledger("sound").gaps} == {GapReason.RECORDER_DOWN}


@pytest.mark.best_of_three
def test_a_camera_that_never_sends_a_keyframe_says_so(tmp_path: Path) -> None:
    """Without a first keyframe the gap's reason is known within seconds, and the first one is recorded (R3, F39)."""
    with simulated() as sim:
        sim.inject("no_keyframe", "cam1", 20)  # 5 s of it must be left when the recorder has started
        with Shard(tmp_path, {"cam1": sim.url("cam1")}) as shard:
            shard.until(lambda: sim.counts("cam1").opened == 1)
            opened_us = time.time_ns() // 1000
            shard.until(lambda: shard.status("cam1").get("reason") == GapReason.NO_KEYFRAME)
            shard.until(shard.recording)
        (first, *_) = [line for line in shard.lines("cam1") if isinstance(line.event, Down)]
        assert isinstance(first.event, Down)
        assert first.event.reason == GapReason.NO_KEYFRAME
        assert (first.when.at_us - opened_us) / 1e6 <= STALL_S + SLACK_S
        assert sim.counts("cam1").opened == 1, "the connection is kept: the keyframe comes on it"
    assert marks_in(sorted(shard.volume.glob("footage/cam1/main/*/*.mp4")))
