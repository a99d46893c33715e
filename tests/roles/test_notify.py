import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.roles.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's end of the line."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(5)
        yield line


def heard(manager: socket.socket) -> list[str]:
    """Return the lines of the next message."""
    return manager.recv(4096).decode().split("\n")


def test_ready_carries_status_and_pid(manager: socket.socket, tmp_path: Path) -> None:
    """Readiness names the main process and one line for `systemctl status`, whatever newlines were in it."""
    notifier = Notifier(str(tmp_path / "notify"))
    notifier.ready("8 streams\nin 1 process")
    assert heard(manager) == ["READY=1", "STATUS=8 streams in 1 process", f"MAINPID={os.getpid()}"]
    notifier.close()


def test_life_in_messages(manager: socket.socket, tmp_path: Path) -> None:
    """Reload, ping, status and stop each speak the manager's word."""
    notifier = Notifier(str(tmp_path / "notify"))
    notifier.reloading()
    notifier.watchdog()
    notifier.status("fine")
    notifier.stopping()
    assert [heard(manager)[0] for _ in range(4)] == ["RELOADING=1", "WATCHDOG=1", "STATUS=fine", "STOPPING=1"]
    notifier.close()


def test_abstract_socket() -> None:
    """An address that begins with @ is a socket without a file, as containers and newer systemd use it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0holdfast-test-{os.getpid()}")
        line.settimeout(5)
        notifier = Notifier(f"@holdfast-test-{os.getpid()}")
        notifier.watchdog()
        assert line.recv(100) == b"WATCHDOG=1"
        notifier.close()


def test_environment_is_taken_not_copied(tmp_path: Path) -> None:
    """The variables are gone afterwards, so no child can speak for the unit; a ping is due at half the limit."""
    environ = {
        "NOTIFY_SOCKET": str(tmp_path / "x"), "WATCHDOG_USEC": "60000000",
        "WATCHDOG_PID": str(os.getpid()), "HOME": "/",
    }  # fmt: skip
    notifier = Notifier.from_environment(environ)
    assert environ == {"HOME": "/"}
    assert notifier.watchdog_s == 30.0
    notifier.close()


def test_watchdog_of_somebody_else_is_not_ours(tmp_path: Path) -> None:
    """A limit meant for another process asks nothing of this one."""
    notifier = Notifier.from_environment(
        {"NOTIFY_SOCKET": str(tmp_path / "x"), "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}
    )
    assert notifier.watchdog_s is None
    notifier.close()


def test_nobody_listens(tmp_path: Path) -> None:
    """Without a manager, with one that is gone, and after closing, telling is harmless."""
    for notifier in (Notifier(), Notifier(str(tmp_path / "gone"))):
        notifier.ready("fine")
        notifier.close()
        notifier.ready("fine")
        assert not list(tmp_path.iterdir())


def test_full_queue_does_not_wait(manager: socket.socket, tmp_path: Path) -> None:
    """A manager that stops reading loses messages; the sender goes on."""
    notifier = Notifier(str(tmp_path / "notify"))
    for _ in range(5000):
        notifier.watchdog()
    notifier.close()
    assert heard(manager) == ["WATCHDOG=1"]
