"""The list of footage that a recorder may remove by itself when its disk is full: `expendable.jsonl`.

One JSON object a line, in the order in which they may go: `{"volume": id, "file": path, "bytes": n, "from_us": t,
"to_us": t, "boot": id, "boot_us": t}`, in the state folder. `volume` is the marker's id, or the root's path for a
volume without one. `boot_us` is from when on a file may go, for those that are too new, by the clock that nobody sets;
in another boot than `boot` such a file may not.

Who removes holds a shared lock on the list from reading it to the end of the removal; who takes something off it, or
puts another one in its place, holds it alone. So whoever has taken a file off the list knows that nobody removes it
any more by an older one. The lock is on the list itself: on a full disk there need be no room for another file.

Not here: what may go (library.retention), removing (reserve, work.retain). Any thread, any process; blocks on the disk.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import AlreadyRunning, UsageError
from holdfast.storage.errors import FULL, storage_errors
from holdfast.storage.files import FILE_MODE, replace_atomically

NAME = "expendable.jsonl"
WAIT_S = 20.0  # chosen: a batch of removals on a busy disk is over by then; one that hangs is not waited for
READ_WAIT_S = 1.0  # chosen: a list is changed in milliseconds; a recorder whose disk is full cannot stand still longer
_AGAIN_S = 0.005  # chosen: shorter than what a pass does between two batches, so that whoever waits gets in there
_DEPTH = 5  # footage/<camera>/<stream>/<day>/<file>


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that may go: volume, path under its root, size, begin and end of its footage (`_us`; None: unknown).

    `boot_us` is the boot time from when on it may, in the boot of that id; None where it may go at once.
    """

    volume: str
    file: str
    bytes: int
    from_us: int | None = None
    to_us: int | None = None
    boot: str = ""
    boot_us: int | None = None

    def is_due(self, clock: Clock) -> bool:
        """Say whether it may go by now."""
        return self.boot_us is None or (self.boot == clock.boot_id and clock.boot_us() >= self.boot_us)

    @property
    def key(self) -> StreamKey:
        """Whose it is.

        Raises:
            UsageError: It names no finished file of footage.
        """
        key = footage_key(self.file)
        if key is None:
            raise UsageError(f"{self.file} is no file of footage")
        return key


def encode(entries: Iterable[Entry]) -> bytes:
    """Write the list."""
    said = ({name: value for name, value in asdict(one).items() if value not in (None, "")} for one in entries)
    return "".join(f"{json.dumps(one)}\n" for one in said).encode()


def decode(raw: bytes) -> Entry | None:
    """Read one line; None for one that is garbled or names no file of footage: whatever it was to name may not go."""
    try:
        body = json.loads(raw)
        entry = Entry(**body)
    except (ValueError, TypeError):
        return None  # so is one that says more than is understood here
    sound = all(isinstance(text, str) for text in (entry.volume, entry.file, entry.boot)) and type(entry.bytes) is int
    sound = sound and all(at_us is None or type(at_us) is int for at_us in (entry.from_us, entry.to_us, entry.boot_us))
    return entry if sound and footage_key(entry.file) is not None else None


def footage_key(file: str) -> StreamKey | None:
    """Return whose finished segment a path names, or None where it names anything else."""
    path = PurePosixPath(file)
    parts = path.parts
    if len(parts) != _DEPTH or parts[0] != "footage" or ".." in parts or path.suffix != ".mp4" or "\0" in file:
        return None
    try:
        return StreamKey(parts[1], parts[2])
    except UsageError:
        return None


@contextmanager
def reading(path: Path) -> Iterator[bytes]:
    """Hold the list as whoever removes does; yields what it says now: nothing where it is not there or not readable.

    Raises:
        AlreadyRunning: Somebody is changing it, and was not done in time.
    """
    fd, said = None, b""
    with suppress(OSError):  # then nothing is cleared, and a full disk will say so itself
        fd = _locked(path, os.O_RDONLY, fcntl.LOCK_SH, READ_WAIT_S)
        said = b"" if fd is None else _read(fd)
    try:
        yield said
    finally:
        if fd is not None:
            os.close(fd)


@contextmanager
def removing(path: Path) -> Iterator[None]:
    """Hold the list while files are removed that were decided about elsewhere; it is made where there is none.

    Raises:
        AlreadyRunning: Somebody is changing it, and was not done in time.
        StorageError: It cannot be made.
    """
    with storage_errors("locking", path):
        fd = _locked(path, os.O_RDWR | os.O_CREAT, fcntl.LOCK_SH, WAIT_S)
    try:
        yield
    finally:
        if fd is not None:
            os.close(fd)


def publish(path: Path, entries: Callable[[], Iterable[Entry]]) -> None:
    """Put another list in the place of the one that is there.

    Args:
        path: The list.
        entries: Asked once the list is held alone, so that nothing is set, or doubted, between the question and the
            list that follows from it.

    Raises:
        AlreadyRunning: Somebody removes by the old one, and was not done in time; it stands.
        StorageError: It cannot be written; the old one stands.
    """
    with storage_errors("locking", path):
        fd = _locked(path, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX, WAIT_S)
    assert fd is not None  # noqa: S101 - it is made where there is none
    try:
        data = encode(entries())
        with storage_errors("reading", path):
            same = _read(fd) == data
        if not same:
            replace_atomically(path, data, durable=True, mode=FILE_MODE)
    finally:
        os.close(fd)


def strike(path: Path, unwanted: Callable[[Entry], bool]) -> int:
    """Take files off the list, in their place, which needs no room; lines that cannot be read go, too.

    Returns:
        How many files it named that it names no more. Nobody removes them by an older list from now on.

    Raises:
        AlreadyRunning: Somebody who removes did not end in time. They are off the list all the same.
        StorageError: It cannot be written.
    """

    def blank(fd: int) -> int:
        at, found = 0, 0
        for raw in _read(fd).splitlines(keepends=True):
            entry = decode(raw)
            if entry is None or unwanted(entry):
                os.pwrite(fd, b" " * len(raw.rstrip(b"\r\n")), at)
                found += entry is not None
            at += len(raw)
        if found:  # else nothing that counts was changed, and a disk is not woken up for that
            os.fsync(fd)
        return found

    return _change(path, blank)


def empty(path: Path) -> None:
    """Leave a recorder nothing to remove.

    Raises:
        AlreadyRunning: Somebody who removes did not end in time. It is empty all the same.
        StorageError: It cannot be written.
    """

    def cut(fd: int) -> int:
        os.ftruncate(fd, 0)
        os.fsync(fd)
        return 0

    _change(path, cut)


def _change(path: Path, change: Callable[[int], int]) -> int:
    """Make a list shorter, alone where that is to be had; where nobody ends in time, without."""
    late: AlreadyRunning | None = None
    with storage_errors("writing", path):
        try:
            fd = _locked(path, os.O_RDWR, fcntl.LOCK_EX, WAIT_S)
        except AlreadyRunning as error:
            fd, late = os.open(path, os.O_RDWR | os.O_CLOEXEC), error
        if fd is None:
            return 0
        try:
            try:
                found = change(fd)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                # Some file systems need room to write over a file; for none of its lines they need none.
                found = 0
                os.ftruncate(fd, 0)
                os.fsync(fd)
        finally:
            os.close(fd)
    if late is not None:
        raise late
    return found


def _locked(path: Path, flags: int, lock: int, wait_s: float) -> int | None:
    """Open the list and lock it; None where there is none and none is to be made."""
    until = time.monotonic() + wait_s
    while True:
        try:
            fd = os.open(path, flags | os.O_CLOEXEC, FILE_MODE)
        except FileNotFoundError:
            return None
        try:
            if _take(fd, lock, until) and _is_at(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        if time.monotonic() >= until:
            raise AlreadyRunning(f"{path} is in use", hint="what is removed at the moment has to end first; try again")


def _take(fd: int, lock: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(fd, lock | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_AGAIN_S)
        else:
            return True


def _is_at(fd: int, path: Path) -> bool:
    """Say whether the list is still the one: whoever had it alone may have put another one in its place."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _read(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0) if size else b""
