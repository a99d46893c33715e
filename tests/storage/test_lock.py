import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from holdfast.core.errors import AlreadyRunning
from holdfast.storage.lock import FileLock, holder
from support.small_disk import fill, small_disk

HOLD = """
import sys
from pathlib import Path
from holdfast.storage.lock import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _hold(path: Path) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_second_taker_learns_who_holds_it(tmp_path: Path, no_leaks: None) -> None:
    """F07, C134: a second recorder is refused with the holder's process id; a killed holder leaves no stale lock."""
    path = tmp_path / ".lock"
    with _hold(path) as child:
        assert holder(path) == child.pid
        with pytest.raises(AlreadyRunning, match=str(child.pid)), FileLock(path):
            pass
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert holder(path) is None
    with FileLock(path):
        assert holder(path) == os.getpid()


def test_lock_excludes_inside_one_process_too(tmp_path: Path) -> None:
    """Two threads that both want a stream are told apart like two processes."""
    with FileLock(tmp_path / "a"), pytest.raises(AlreadyRunning), FileLock(tmp_path / "a"):
        pass


def test_asking_disturbs_nobody(tmp_path: Path) -> None:
    """C134: whoever asks again and again who holds a lock never keeps a recorder from taking it."""
    path = tmp_path / ".lock"
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            holder(path)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for _ in range(100):
            with FileLock(path):
                pass
    finally:
        done.set()
        asker.join()


def test_lock_ends_with_its_process_not_with_its_children(tmp_path: Path) -> None:
    """F07: a child that outlives the recorder does not keep the stream locked."""
    path = tmp_path / ".lock"
    with FileLock(path):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with child:
        assert holder(path) is None
        child.communicate()


def test_no_file_means_no_holder(tmp_path: Path) -> None:
    """Asking about a stream that was never recorded makes no file."""
    assert holder(tmp_path / "absent") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("mount")
def test_a_full_disk_is_no_reason_against_a_lock(tmp_path: Path) -> None:
    """R6: with no room for a process id a lock is still taken and kept; only who holds it stays unsaid."""
    with small_disk(tmp_path / "disk", size_bytes=1 << 20) as root:
        (root / ".lock").touch()
        fill(root, leave_bytes=0)
        with FileLock(root / ".lock"):
            assert holder(root / ".lock") == 0
            with pytest.raises(AlreadyRunning, match="unknown"), FileLock(root / ".lock"):
                pass
