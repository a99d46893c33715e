import os
import signal
import time
from pathlib import Path

from support.node import Node


def test_alone_it_publishes_and_stops(tmp_path: Path) -> None:
    """The worker runs without a supervisor: it publishes, follows SIGHUP, and stops in order with 0."""
    with Node(tmp_path, {"gate": "rtsp://127.0.0.1:9/x"}) as node:
        node.run("work").until((tmp_path / "state" / "streams.json").exists)
        node.until(lambda: node.role("worker").get("indexed_us"))
        assert node.process is not None
        node.process.send_signal(signal.SIGHUP)
        node.until(lambda: node.role("worker")["at_us"] > time.time_ns() // 1000 - 500_000)
        assert node.stop() == 0
        assert node.role("worker")["state"] == "stopped"


def test_second_worker(tmp_path: Path) -> None:
    """One worker a node: the second ends with 75 and the holder's process id (C134)."""
    with Node(tmp_path, {}) as node:
        node.run("work").until(lambda: node.role("worker"))
        assert node.process is not None
        second = node.command("work")
        assert second.returncode == 75
        assert f"held by process {node.process.pid}" in second.stderr


def test_successor_of_a_killed_worker(tmp_path: Path) -> None:
    """After kill -9 the next worker goes on at once; it needs nothing from the dead one."""
    with Node(tmp_path, {}) as node:
        node.run("work").until(lambda: node.role("worker"))
        assert node.process is not None
        os.kill(node.process.pid, signal.SIGKILL)
        node.process.wait()
        before = node.role("worker")["pid"]
        node.run("work").until(lambda: node.role("worker")["pid"] != before)
        assert node.stop() == 0
