import os
import signal
from pathlib import Path

from holdfast.storage.journal import list_streams
from support.node import Node, simulate


def test_a_node_from_start_to_stop(tmp_path: Path) -> None:
    """Cameras record, a killed recorder is back, a camera added while running joins, and stopping finishes every file.

    F03, F06, F58, C008, C135.
    """
    with simulate("gate", "yard", "late") as sim, Node(tmp_path, {n: sim.url(n) for n in ("gate", "yard")}) as node:
        node.run().until(lambda: node.recording("gate", "yard"))
        worker, recorder = node.child("worker")["pid"], node.child("recorder-0")["pid"]
        os.kill(recorder, signal.SIGKILL)
        node.until(lambda: node.child("recorder-0").get("restarts") == 1 and node.recording("gate", "yard"))
        assert node.child("worker")["pid"] == worker
        assert node.command("cameras", "add", sim.url("late"), "--id", "late").returncode == 0
        node.until(lambda: node.recording("gate", "yard", "late"))
        assert node.stop() == 0
    assert sorted(key.camera for key in list_streams(tmp_path / "vol")) == ["gate", "late", "yard"]
    assert list((tmp_path / "vol").rglob("*.mp4"))
    assert not list((tmp_path / "vol").rglob("*.part"))


def test_second_start(tmp_path: Path) -> None:
    """The second start ends with 75 and names the holder; a kill -9 of the first frees the lock (F07, C134)."""
    with Node(tmp_path, {}) as node:
        node.run().until(lambda: node.role("worker"))
        assert node.process is not None
        second = node.command("run")
        assert second.returncode == 75
        assert f"held by process {node.process.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        node.process.kill()
        node.process.wait()
        before = node.role("supervisor")["pid"]
        node.run().until(lambda: node.role("supervisor")["pid"] != before)
        assert node.stop() == 0


def test_bad_configuration(tmp_path: Path) -> None:
    """Without a last good copy it ends with 78 and the place; with one it starts, and says what is refused (F48)."""
    node = Node(tmp_path, {"gate": "rtsp://127.0.0.1:9/x"}, more='colour = "red"\n')
    refused = node.command("run")
    assert refused.returncode == 78
    assert "holdfast.toml:3" in refused.stderr
    with Node(tmp_path, {"gate": "rtsp://127.0.0.1:9/x"}) as good:
        good.run().until((tmp_path / "state" / "config.last-good.toml").exists)
        assert good.stop() == 0
        good.config.write_text(good.config.read_text(encoding="utf-8") + "[cameras\n", encoding="utf-8")
        good.run().until(lambda: good.role("worker").get("state") == "running")
        good.until(lambda: "the last good one stays in force" in good.status()["worker"]["config_problem"])
        good.until(lambda: [s["camera"] for s in good.status()["streams"]] == ["gate"])
        assert good.stop(signal.SIGINT) == 0


def test_dependencies_are_in_the_log(tmp_path: Path) -> None:
    """The log begins with what the program stands on (C136)."""
    with Node(tmp_path, {}) as node:
        node.run().until(lambda: node.role("supervisor"))
        assert node.stop() == 0
    text = (tmp_path / "state" / "log" / "supervisor.log").read_text(encoding="utf-8")
    assert '"event":"dependencies"' in text
    assert '"av":"' in text
