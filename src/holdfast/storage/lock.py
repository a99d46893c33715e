"""Who may write: a lock that the kernel holds, so that it ends with its process, however that ends.

Not here: what the lock protects. Any thread; two `FileLock`s of one process exclude each other like those of two.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from holdfast.core.errors import AlreadyRunning
from holdfast.storage.errors import FULL, storage_errors, translate
from holdfast.storage.files import FILE_MODE

_TRIES = 5  # somebody who only asks (`holder`) shares the lock for microseconds; only a real holder refuses five times
_TRY_AGAIN_S = 0.01


_held: set[Path] = set()  # by this process


class FileLock:
    """An exclusive lock on a file, held from `__enter__` to `__exit__` or to the end of the process.

    The file stays when the lock is released: removing it would let two holders lock two files of one name.
    """

    def __init__(self, path: Path, *, what: str = "") -> None:
        self.path = path
        self._what = what or str(path)
        self._fd = -1

    def __enter__(self) -> Self:
        """Take the lock, at once or not at all.

        Raises:
            AlreadyRunning: Somebody holds it; the message names their process id, if they could leave it.
            StorageError: The file cannot be opened.
        """
        with storage_errors("locking", self.path):
            # Close-on-exec: a child that we start must not keep the lock alive after us.
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            self._take(fd)
            _leave_pid(fd)
        except AlreadyRunning:
            os.close(fd)
            raise
        except OSError as error:
            os.close(fd)
            raise translate(error, "locking", self.path) from error
        self._fd = fd
        _held.add(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""
        _held.discard(self.path)
        fd, self._fd = self._fd, -1
        with suppress(OSError):
            os.ftruncate(fd, 0)
        os.close(fd)

    def _take(self, fd: int) -> None:
        for _ in range(_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_TRY_AGAIN_S)
            else:
                return
        pid = _pid_in(fd)
        raise AlreadyRunning(
            f"{self._what} is held by process {pid or '(unknown)'}",
            hint=f"stop it first (ps {pid} shows what it is)" if pid else "stop the other one first",
        )


def held_here(path: Path) -> bool:
    """Say whether this process holds a lock now, under exactly this path."""
    return path in _held


def holder(path: Path) -> int | None:
    """Say who holds a lock now, without taking it from anyone.

    Returns:
        The holder's process id, 0 where it left none, or None where nobody holds the lock.

    Raises:
        StorageError: The file is there and cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise translate(error, "reading lock", path) from error
    try:
        # Shared, so that people who ask do not see each other; a taker tries again until we are gone.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid_in(fd)
    except OSError as error:
        raise translate(error, "reading lock", path) from error
    else:
        return None
    finally:
        os.close(fd)


def _leave_pid(fd: int) -> None:
    """Say who holds the lock, for people. On a full disk it stays unsaid: whoever would make room must hold it, too."""
    os.ftruncate(fd, 0)
    try:
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        if error.errno not in FULL:
            raise


def _pid_in(fd: int) -> int:
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else 0
