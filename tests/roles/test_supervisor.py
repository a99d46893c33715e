import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.roles.supervisor import write_status
from support.supervised import Supervised, running


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Supervised]:
    """A node with one recorder process in its last good plan."""
    with Supervised(tmp_path) as supervised:
        supervised.plan(0)
        yield supervised


def test_recorders_do_not_wait_for_the_worker(node: Supervised) -> None:
    """With a last good plan the recorder is started first (P7)."""
    node.start().up("recorder-0", "worker")
    assert [child["name"] for child in node.status()["children"]] == ["recorder-0", "worker"]
    assert node.child("recorder-0")["pid"] == node.ups("recorder-0")[0]


def test_first_start_waits_for_a_plan(tmp_path: Path) -> None:
    """Without any plan the worker runs alone, and recorders follow as soon as it has published one."""
    with Supervised(tmp_path) as node:
        node.start().up("worker")
        assert node.ups("recorder-0") == []
        node.plan(0, 1)
        node.up("recorder-0", "recorder-1")


def test_plan_grows_and_shrinks(node: Supervised) -> None:
    """A new process number starts a recorder, a gone one is stopped as no crash; the others keep theirs (F05)."""
    node.start().up("recorder-0", "worker")
    node.plan(0, 1)
    node.up("recorder-1")
    node.plan(1)
    node.until(lambda: "recorder-0 left" in node.said())
    node.until(lambda: not node.child("recorder-0"))
    assert [len(node.ups(name)) for name in ("recorder-0", "recorder-1", "worker")] == [1, 1, 1]


@pytest.mark.best_of_three
def test_one_death_touches_nobody_else(node: Supervised) -> None:
    """A killed recorder is back at once; every other process keeps its id (F03, F06)."""
    node.plan(0, 1)
    node.start().up("recorder-0", "recorder-1", "worker")
    before = time.monotonic()
    os.kill(node.ups("recorder-0")[0], signal.SIGKILL)
    node.until(lambda: len(node.ups("recorder-0")) == 2)
    assert time.monotonic() - before < 5
    node.until(lambda: node.child("recorder-0")["restarts"] == 1)
    assert node.child("recorder-0")["last_end"] == "killed by SIGKILL"
    assert [len(node.ups(name)) for name in ("recorder-1", "worker")] == [1, 1]


@pytest.mark.best_of_three
def test_crash_loop_backs_off_and_shows(node: Supervised) -> None:
    """A child that keeps ending waits longer each time, and its status says what is going on (F03)."""
    (node.root / "worker.exit").touch()
    node.start().up("recorder-0", "worker")
    node.until(lambda: (node.child("worker").get("retry_in_s") or 0) > 1.5)
    assert node.child("worker")["last_end"] == "exited with 3"
    lives = len(node.ups("worker"))
    assert lives in {3, 4}  # the waits of 2 s and of 4 s both look like this
    (node.root / "worker.exit").unlink()
    node.until(lambda: len(node.ups("worker")) == lives + 1)
    assert len(node.ups("recorder-0")) == 1


@pytest.mark.best_of_three
def test_standstill_is_replaced(tmp_path: Path) -> None:
    """A recorder whose status files stand still while its process lives is replaced; the working one is not (F02)."""
    with Supervised(tmp_path, stale_s=1.5) as node:
        node.plan(0, 1)
        node.start().up("recorder-0", "recorder-1", "worker")
        (tmp_path / "recorder-1.hang").touch()
        node.until(lambda: len(node.ups("recorder-1")) == 2)
        assert len(node.ups("recorder-0")) == 1


@pytest.mark.best_of_three
def test_stopped_worker_does_not_stop_recording(tmp_path: Path) -> None:
    """A SIGSTOPped worker is replaced, and the recorder keeps its process (R8)."""
    with Supervised(tmp_path, stale_s=1.0) as node:
        node.plan(0)
        node.start().up("recorder-0", "worker")
        os.kill(node.ups("worker")[0], signal.SIGSTOP)
        node.until(lambda: len(node.ups("worker")) == 2)
        assert len(node.ups("recorder-0")) == 1


@pytest.mark.best_of_three
def test_judge_that_was_away_forgives(tmp_path: Path) -> None:
    """After the whole host was suspended nobody is replaced for the time in which nobody ran."""
    with Supervised(tmp_path, stale_s=4.0) as node:
        node.plan(0)
        node.start().up("recorder-0", "worker")
        (node.root / "recorder-0.hang").touch()
        node.signal(signal.SIGSTOP)
        time.sleep(5.5)  # longer than AWAY_S, on the kernel's clock: the supervisor is a real process
        (node.root / "recorder-0.hang").unlink()
        node.signal(signal.SIGCONT)
        node.until(lambda: node.status()["at_us"] > time.time_ns() // 1000 - 500_000)
        assert len(node.ups("recorder-0")) == 1


def test_damaged_plan_keeps_everything(node: Supervised) -> None:
    """A plan that cannot be read is reported, and everything goes on as it was."""
    node.start().up("recorder-0", "worker")
    (node.root / "state" / "streams.json").write_text("{", encoding="utf-8")
    node.until(lambda: "streams.json is damaged" in node.status()["plan_problem"])
    assert len(node.ups("recorder-0")) == 1
    node.plan(0)
    node.until(lambda: node.status()["plan_problem"] == "")


def test_reload_reaches_all(node: Supervised) -> None:
    """SIGHUP is passed on to recorder and worker; nobody restarts (C132)."""
    node.start().up("recorder-0", "worker")
    node.signal(signal.SIGHUP)
    node.until(lambda: {"recorder-0 hup", "worker hup"} <= set(node.said()))
    assert [len(node.ups(name)) for name in ("recorder-0", "worker")] == [1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_order(node: Supervised, number: signal.Signals) -> None:
    """Recorders end before the worker is asked, the exit code is 0, and the status says stopped (C135)."""
    node.plan(0, 1)
    node.start().up("recorder-0", "recorder-1", "worker")
    node.signal(number)
    assert node.wait() == 0
    said = [line for line in node.said() if " up " not in line]
    assert sorted(said[:4]) == ["recorder-0 left", "recorder-0 term", "recorder-1 left", "recorder-1 term"]
    assert said[4:] == ["worker term", "worker left"]
    assert node.status()["state"] == "stopped"


@pytest.mark.best_of_three
def test_second_signal_means_now(node: Supervised) -> None:
    """A recorder that cannot finish is killed soon after the second signal, not after 24 s (C135)."""
    node.start().up("recorder-0", "worker")
    os.kill(node.ups("recorder-0")[0], signal.SIGSTOP)
    began = time.monotonic()
    node.signal(signal.SIGTERM)
    node.until(lambda: node.status()["state"] == "stopping")
    node.signal(signal.SIGTERM)
    assert node.wait() == 0
    assert time.monotonic() - began < 10


def test_second_start_is_refused(node: Supervised, tmp_path: Path) -> None:
    """A second supervisor of the same state folder ends with the holder's process id and starts nothing (F07, C134)."""
    node.start().up("recorder-0", "worker")
    assert node.process is not None
    with Supervised(tmp_path) as second:
        second.start()
        assert second.wait() != 0
        assert f"is held by process {node.process.pid}" in (tmp_path / "stderr").read_text(encoding="utf-8")
        assert len(node.ups("worker")) == 1
        node.signal(signal.SIGTERM)
        assert node.wait() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_killed_supervisor_takes_its_children_along(node: Supervised) -> None:
    """After kill -9 its children end in order by themselves, so the next start finds no lock held (F07)."""
    node.start().up("recorder-0", "worker")
    node.signal(signal.SIGKILL)
    node.wait()
    node.until(lambda: {"recorder-0 left", "worker left"} <= set(node.said()))
    node.until(lambda: not any(running(pid) for pid in (*node.ups("recorder-0"), *node.ups("worker"))))
    node.start()
    node.until(lambda: len(node.ups("recorder-0")) == 2)
    assert node.said().count("recorder-0 left") == 1


@contextmanager
def listening(path: Path) -> Iterator[list[bytes]]:
    """What a service manager is told; read at once, as ten messages are all that a line holds."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))

        def listen() -> None:
            while message := manager.recv(4096):
                heard.append(message)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(path))
            thread.join(60)


def test_systemd_hears_of_everything(node: Supervised, tmp_path: Path) -> None:
    """Ready, pings while loops report progress, reload, stop; and no child has the line (C133)."""
    with listening(tmp_path / "notify") as heard:
        node.start(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="400000").up("recorder-0", "worker")
        node.until(lambda: b"WATCHDOG=1" in heard)
        assert heard[0].startswith(b"READY=1\nSTATUS=1 streams in 1 recorder processes")
        environ = Path(f"/proc/{node.ups('worker')[0]}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in environ
        node.signal(signal.SIGHUP)
        node.until(lambda: any(b"RELOADING=1" in message for message in heard))
        node.signal(signal.SIGTERM)
        node.until(lambda: any(b"STOPPING=1" in message for message in heard))
        assert node.wait() == 0


def test_unwritable_status_is_harmless(tmp_path: Path) -> None:
    """A runtime folder that cannot be written is answered with False, never with an error."""
    (tmp_path / "file").touch()
    assert not write_status(tmp_path / "file" / "x.json", {"a": 1})
    assert write_status(tmp_path / "new" / "x.json", {"a": 1})
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.json"]
