import json
import signal
import time
from pathlib import Path

import pytest

from holdfast.core.gap import GapReason
from holdfast.core.journal import Closed
from support.node import simulate
from support.rtsp_peer import free_port
from support.sim import simulated, small_camera
from support.survival import Ground, holes


def _lasting(node: Ground, camera: str, seconds: float) -> None:
    """Wait until a camera has that much more on disk than now."""
    wanted = node.marks(camera)[-1].sent_us + round(seconds * 1e6)
    node.until(lambda: node.marks(camera)[-1].sent_us >= wanted)


@pytest.mark.parametrize("hup", [False, True], ids=["by-file", "by-sighup"])
def test_reload_touches_only_what_changed(tmp_path: Path, *, hup: bool) -> None:
    """One camera is added, one changed, one removed; the one left alone loses not a single picture (C008, C132)."""
    names = ("same", "changed", "gone", "new")
    with simulate(*names) as sim, Ground(tmp_path, {n: sim.url(n) for n in names[:3]}) as node:
        node.begin()
        recorder = node.pids()["recorder-0"]
        _lasting(node, "same", 1)
        del node.cameras["gone"]
        node.cameras["changed"]["segment_s"] = 300
        node.cameras["new"] = {"url": sim.url("new")}
        node.write()
        if hup:
            assert node.process is not None
            node.process.send_signal(signal.SIGHUP)
        # The status of the one that is connected anew says for a while what was before.
        node.until(lambda: sim.counts("changed").opened == 2 and node.recording("same", "changed", "new"))
        _lasting(node, "same", 1)
        assert node.pids()["recorder-0"] == recorder
        assert node.stop() == 0
        counts = {name: sim.counts(name).opened for name in names}
    assert counts == {"same": 1, "changed": 2, "gone": 1, "new": 1}
    same = node.marks("same")
    assert holes(same) == []
    assert len(same) >= 30
    same_gaps = {gap.reason for gap in node.ledger("same").gaps}
    assert same_gaps == {GapReason.RECORDER_DOWN}, "before its first picture, and after the stop"
    assert [c.reason for c in node.events("changed", Closed)] == ["restarted", "recorder-down"]
    changed = [gap.reason for gap in node.ledger("changed").gaps]
    assert changed.count(GapReason.RESTARTED) == 1
    assert set(changed) == {GapReason.RESTARTED, GapReason.RECORDER_DOWN}
    assert [c.reason for c in node.events("gone", Closed)] == ["disabled"]
    assert node.ledger("gone").gaps[-1].reason is GapReason.DISABLED


def test_a_broken_file_changes_nothing_and_says_so(tmp_path: Path) -> None:
    """A mistake in the file is shown with its place, everything goes on recording, and mending it heals (F48, C132)."""
    with simulate("gate", "yard") as sim, Ground(tmp_path, {n: sim.url(n) for n in ("gate", "yard")}) as node:
        node.begin()
        good = node.config.read_text(encoding="utf-8")
        renamed = good.replace("[cameras.gate]", "[cameras.gate]\nstall_sec = 9")
        for broken in (good + '[cameras.gate]\nurl = "x"\n', renamed, ""):
            node.replace(broken)
            node.until(lambda: node.role("worker")["config_problem"])
            node.replace(good)
            node.until(lambda: not node.role("worker")["config_problem"])
        node.replace(renamed)
        node.until(lambda: node.role("worker")["config_problem"])
        shown = node.command("status")
        assert "stall_sec" in shown.stdout
        assert node.command("config", "check").returncode == 78
        logged = (tmp_path / "state" / "log" / "worker.log").read_text(encoding="utf-8")
        refused = [json.loads(line) for line in logged.splitlines() if '"config.refused"' in line]
        assert any("stall_sec" in json.dumps(line) and "holdfast.toml:" in json.dumps(line) for line in refused)
        node.until(lambda: node.recording("gate", "yard"))
        assert node.stop() == 0
        assert sim.counts("gate").opened == 1
    assert holes(node.marks("gate")) == holes(node.marks("yard")) == []


@pytest.mark.best_of_three
def test_a_camera_that_is_off_at_the_start_is_picked_up(tmp_path: Path) -> None:
    """It records within seconds of its first sign of life; nothing is restarted, others are whole (F45, F05, R4)."""
    port = free_port()
    urls = {"late": f"rtsp://127.0.0.1:{port}/late/main"}
    with simulate("gate") as sim, Ground(tmp_path, {"gate": sim.url("gate"), **urls}) as node:
        node.run().until(lambda: node.recording("gate"))
        node.until(lambda: '"unreachable"' in (tmp_path / "run" / "late.main.json").read_text(encoding="utf-8"))
        with simulated(small_camera("late", gop=10), port=port):
            back = time.monotonic()
            node.until(lambda: node.recording("gate", "late"))
            # R4: 5 s and a group of pictures; a status file is a second old at most.
            assert time.monotonic() - back <= 6.4
            assert {c["restarts"] for c in node.role("supervisor")["children"]} == {0}
            assert node.stop() == 0
    gaps = node.ledger("late").gaps
    assert gaps[0].reason is GapReason.UNREACHABLE
    assert holes(node.marks("gate")) == []


def test_empty_and_new_cameras_restart_nothing(tmp_path: Path) -> None:
    """A node without cameras stays calm; its first camera and its last one to leave restart no process (F05)."""
    with simulate("gate") as sim, Ground(tmp_path, {}) as node:
        node.run().until(lambda: node.role("worker").get("state") == "running")
        node.cameras["gate"] = {"url": sim.url("gate")}
        node.write()
        node.until(lambda: node.recording("gate"))
        del node.cameras["gate"]
        node.write()
        node.until(lambda: "recorder-0" not in node.pids())
        assert {c["restarts"] for c in node.role("supervisor")["children"]} == {0}
        assert node.stop() == 0
    assert [c.reason for c in node.events("gate", Closed)] == ["disabled"]


@pytest.mark.parametrize("count", [8, pytest.param(32, marks=pytest.mark.soak)])
def test_cameras_added_at_run_time_all_record(tmp_path: Path, count: int) -> None:
    """Every camera that is added while the program runs is recorded, listed and indexed (F58)."""
    names = [f"cam{number}" for number in range(1, count + 1)]
    with simulate(*names) as sim, Ground(tmp_path, {}) as node:
        node.run().until(lambda: node.role("worker").get("state") == "running")
        for name in names:
            added = node.command("cameras", "add", sim.url(name), "--id", name)
            assert added.returncode == 0, added.stderr
        node.until(lambda: node.recording(*names), 60)
        listed = json.loads(node.command("cameras", "list", "--json").stdout)
        assert {entry["camera"] for entry in listed} == set(names)
        assert {stream["camera"] for stream in node.status()["streams"]} == set(names)
        node.until(lambda: node.marks(names[-1]))
        assert node.stop() == 0
    shown = json.loads(node.command("coverage", "--json").stdout)
    assert shown["source"] == "catalog"
    assert {item["camera"] for item in shown["streams"]} == set(names)
    for name in names:
        assert holes(node.marks(name)) == [], name
