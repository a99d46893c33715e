import os
import signal
import time
from pathlib import Path

import pytest

from holdfast.core.journal import Opened
from support.node import simulate
from support.supervised import running
from support.survival import Ground, holes


def test_a_second_start_names_the_first(tmp_path: Path) -> None:
    """Started twice, the second ends with 75 and the holder's process id, and the first never notices (F07, C134)."""
    with simulate("gate") as sim, Ground(tmp_path, {"gate": sim.url("gate")}) as node:
        node.begin()
        assert node.process is not None
        for command in ("run", "work"):
            second = node.command(command)
            assert second.returncode == 75, second.stderr
            holder = node.process.pid if command == "run" else node.pids()["worker"]
            assert f"held by process {holder}" in second.stderr
            assert "Traceback" not in second.stderr
        assert node.stop() == 0
        assert sim.counts("gate").opened == 1
    assert holes(node.marks("gate")) == []
    assert len(node.events("gate", Opened)) == 1


@pytest.mark.best_of_three
@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_killed_and_started_again(tmp_path: Path, rounds: int) -> None:
    """After kill -9 of the supervisor a new start works at once, each time; no picture is recorded twice (F07, F53)."""
    with simulate("gate", "yard") as sim, Ground(tmp_path, {n: sim.url(n) for n in ("gate", "yard")}) as node:
        waited = []
        for _ in range(rounds):
            began = time.monotonic()
            before = node.pids()
            node.run()
            node.until(lambda before=before: _fresh(node, before) and node.recording("gate", "yard"))  # type: ignore[misc]
            waited.append(time.monotonic() - began)
            assert node.process is not None
            node.process.kill()
            node.process.wait()
        assert max(waited) <= 15, waited
        orphans = node.pids()
        node.run().until(lambda: _fresh(node, orphans) and node.recording("gate", "yard"))
        node.until(lambda: not any(running(pid) for pid in orphans.values()))
        assert node.stop() == 0
    for name in ("gate", "yard"):
        counters = [mark.counter for mark in node.marks(name)]
        assert len(counters) == len(set(counters)), "a picture is on disk twice"
        assert len(node.events(name, Opened)) == rounds + 1
    assert not list(node.volume.rglob("*.part"))


def _fresh(node: Ground, before: dict[str, int]) -> bool:
    """Whether all status files speak of a recorder that was not there before."""
    now = node.pids().get("recorder-0", 0)
    return now not in {0, before.get("recorder-0")} and all(
        node.role(f"{name}.main").get("pid") == now for name in node.cameras
    )


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_restarts_in_a_row(tmp_path: Path, rounds: int) -> None:
    """Stopped and started again and again, it succeeds every time and leaves the camera in order (F53, C135)."""
    with simulate("gate") as sim, Ground(tmp_path, {"gate": sim.url("gate")}) as node:
        for number in range(rounds):
            seen = len(node.marks("gate"))
            before = node.pids()
            node.run()
            node.until(lambda seen=seen, before=before: _fresh(node, before) and len(node.marks("gate")) > seen)  # type: ignore[misc]
            assert node.stop(signal.SIGTERM if number % 2 else signal.SIGINT) == 0
        node.until(lambda: sim.counts("gate").open == 0)  # the camera reads the goodbye a moment later
        counts = sim.counts("gate")
        assert (counts.opened, counts.torn_down, counts.left_behind) == (rounds, rounds, 0)
    assert not list(node.volume.rglob("*.part"))
    assert os.path.lexists(node.root / "state" / "run.lock")
