import os
import signal
import time
from pathlib import Path

import pytest

from support.node import simulate
from support.shard import own_kb
from support.survival import Ground, holes

CAMERAS = ("gate", "yard", "hall", "dock")
GROWTH_KB = 2_048  # chosen: above the noise of caches that fill in the first minutes, far below a second of footage


@pytest.mark.parametrize(
    "seconds",
    [
        10,
        pytest.param(60, marks=pytest.mark.soak),
        pytest.param(3600, marks=[pytest.mark.soak, pytest.mark.timeout(4000)]),
    ],
)
def test_recording_needs_no_other_role(tmp_path: Path, seconds: int) -> None:
    """Worker and supervisor are suspended; not a picture is lost, memory stays flat, and all wake up well (R8)."""
    with simulate(*CAMERAS) as sim, Ground(tmp_path, {name: sim.url(name) for name in CAMERAS}) as node:
        node.begin()
        time.sleep(1.5)
        pids = node.pids()
        recorder, stopped = pids["recorder-0"], [node.process.pid if node.process else 0, pids["worker"]]
        before_kb = own_kb(recorder)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            most_kb = before_kb
            while time.monotonic() - began < seconds:
                time.sleep(1)
                most_kb = max(most_kb, own_kb(recorder))
            node.until(lambda: node.recording(*CAMERAS))
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)
        woken_us = time.time_ns() // 1000
        node.until(lambda: node.role("supervisor").get("at_us", 0) > woken_us)
        node.until(lambda: node.role("worker").get("indexed_us") and node.role("worker")["at_us"] > woken_us)
        time.sleep(1)
        assert node.pids() == pids, "nobody was replaced for having slept"
        assert {c["restarts"] for c in node.role("supervisor")["children"]} == {0}
        assert node.stop() == 0
        assert {sim.counts(name).opened for name in CAMERAS} == {1}
    print(f"\n{seconds} s alone: recorder {before_kb} kB before, at most {most_kb} kB")  # noqa: T201 - a measure
    for name in CAMERAS:
        assert holes(node.marks(name)) == []
    assert most_kb - before_kb <= GROWTH_KB
