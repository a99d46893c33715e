"""Local files that survive: exclusive creation, all-or-nothing appends, renames that never overwrite.

A file belongs to one thread at a time; nothing here locks. Every call may block on the disk, so nothing in this module
may be called from an event loop.

Not here: locks between processes (lock), volumes and free space (volume, reserve), what the bytes mean.
"""

import ctypes
import errno
import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from holdfast.core.errors import DiskError, StorageError, VolumeMissing
from holdfast.storage.errors import storage_errors, translate

FILE_MODE = 0o640  # footage: the group may read (a web server, a backup), nobody else
FOLDER_MODE = 0o750

Buffer = bytes | bytearray | memoryview

_MOST_BUFFERS = 1000  # below IOV_MAX (1024 on Linux), the most that one writev takes
_AT_FDCWD = -100  # <fcntl.h> on Linux
_RENAME_NOREPLACE = 1  # <linux/fs.h>
_NO_RENAMEAT2 = frozenset({errno.ENOSYS, errno.EINVAL})  # old kernel or C library; a file system that does not know it
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})  # exFAT, some network folders


class DurableFile:
    """A file that only grows, by whole appends: a failed one leaves no trace.

    Attributes:
        path: Where it was when it was opened.
        size: Bytes that count; what a failed append may have left beyond them is cut off before anything else happens.
    """

    def __init__(self, path: Path, fd: int, size: int) -> None:
        self.path = path
        self.size = size
        self._fd = fd
        self._torn = False

    @classmethod
    def create(cls, path: Path, *, mode: int = FILE_MODE) -> Self:
        """Make a new file.

        Raises:
            FileExistsError: The name is taken. The only `OSError` that storage lets out: it is an answer, not a fault.
            StorageError: It cannot be made.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        except FileExistsError:
            raise
        except OSError as error:
            raise translate(error, "creating", path) from error
        return cls(path, fd, 0)

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Open an existing file to append to it.

        Raises:
            StorageError: It cannot be opened.
        """
        with storage_errors("opening", path):
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            return cls(path, fd, os.fstat(fd).st_size)

    def append(self, buffers: Sequence[Buffer]) -> int:
        """Write all buffers at the end, without joining them first.

        Returns:
            Bytes written.

        Raises:
            StorageError: Not everything could be written; the file is as long as before.
        """
        self._mend()
        total = sum(map(len, buffers))
        at = self.size
        try:
            for first in range(0, len(buffers), _MOST_BUFFERS):
                batch = buffers[first : first + _MOST_BUFFERS] if first or len(buffers) > _MOST_BUFFERS else buffers
                wanted = total if batch is buffers else sum(map(len, batch))
                # At an offset of ours, so that a tail which could not be cut off is at least written over.
                written = os.pwritev(self._fd, batch, at)
                at += written
                if written != wanted:
                    self._finish_short_write(batch, written, at)
                    at += wanted - written
        except OSError as error:
            self._torn = True
            with suppress(StorageError):
                self._mend()
            raise translate(error, "writing", self.path) from error
        self.size += total
        return total

    def overwrite_at(self, offset: int, data: Buffer) -> None:
        """Write over bytes that exist already.

        Raises:
            DiskError: The range is not inside the file.
            StorageError: It could not be written; the range may hold a mixture of old and new.
        """
        if offset < 0 or offset + len(data) > self.size:
            raise DiskError(f"{self.path}: {offset}+{len(data)} is not inside its {self.size} bytes")
        with storage_errors("writing", self.path):
            done = 0
            while done < len(data):
                done += os.pwrite(self._fd, memoryview(data)[done:], offset + done)

    def cut(self, size: int) -> None:
        """Shorten the file to `size` bytes.

        Raises:
            StorageError: It could not be cut now; it will be before the next append or sync.
        """
        if size < self.size:
            self.size = size
            self._torn = True
        self._mend()

    def sync(self) -> None:
        """Make what was written survive a power cut; blocks until the disk says so.

        Raises:
            StorageError: The disk refused. What was written since the last success may be lost.
        """
        self._mend()
        with storage_errors("syncing", self.path):
            os.fdatasync(self._fd)

    def fileno(self) -> int:
        """Return the descriptor, for reading back and for advice to the kernel."""
        return self._fd

    def unlinked(self) -> bool:
        """Say whether somebody removed the file's name while it is open."""
        with storage_errors("looking at", self.path):
            return os.fstat(self._fd).st_nlink == 0

    def close(self) -> None:
        """Give up the descriptor. Safe to call twice; syncs nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            # Network folders report late write errors here; what matters was synced before, so there is nobody to tell.
            with suppress(OSError):
                os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _finish_short_write(self, batch: Sequence[Buffer], written: int, at: int) -> None:
        """Write the rest: the kernel stops early on a nearly full disk and names the reason only on the next call."""
        rest = memoryview(b"".join(batch))[written:]
        while rest:
            done = os.pwrite(self._fd, rest, at)
            if done == 0:
                raise OSError(errno.EIO, "the disk takes no more bytes and does not say why")
            rest, at = rest[done:], at + done

    def _mend(self) -> None:
        if self._torn:
            with storage_errors("cutting back", self.path):
                os.ftruncate(self._fd, self.size)
            self._torn = False


def fsync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut.

    Raises:
        StorageError: The disk refused.
    """
    with storage_errors("syncing folder", path), _opened(path, os.O_DIRECTORY) as fd:
        os.fsync(fd)


def sync_disk(folder: Path) -> None:
    """Make everything that was written to the file system of a folder survive a power cut, by whomever it was written.

    Raises:
        StorageError: The disk refused.
    """
    with storage_errors("syncing the disk of", folder), _opened(folder, os.O_DIRECTORY) as fd:
        if _libc().syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


@contextmanager
def _opened(path: Path, flags: int = 0) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        yield fd
    finally:
        os.close(fd)


def ensure_folder(root: Path, folder: Path) -> None:
    """Make a folder below `root`, and durable, with all folders between; never `root` itself.

    Raises:
        VolumeMissing: `root` is not there: making it would fill the disk below an absent mount.
        StorageError: A folder could not be made.
    """
    if folder.is_dir():
        return
    if folder == root:
        raise VolumeMissing(f"{root} is not there")
    ensure_folder(root, folder.parent)
    with storage_errors("making folder", folder):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    fsync_folder(folder.parent)


def rename_durably(source: Path, target: Path) -> None:
    """Give a finished file its name, in the same folder, so that a power cut leaves it under one name or the other.

    Raises:
        FileExistsError: The target's name is taken; nothing was changed.
        StorageError: It could not be synced or renamed.
    """
    with storage_errors("syncing", source), _opened(source) as fd:
        os.fsync(fd)
    rename_without_replacing(source, target)
    # Syncing the file is not enough: its name lives in the folder, and a crash now could forget it.
    fsync_folder(target.parent)


def rename_without_replacing(source: Path, target: Path) -> None:
    """Give a file another name in the same folder, which nothing has; a power cut may forget it.

    Raises:
        FileExistsError: The target's name is taken; nothing was changed.
        StorageError: It could not be renamed.
    """
    try:
        _rename(source, target)
    except FileExistsError:
        raise
    except OSError as error:
        raise translate(error, "renaming", source) from error


def _rename(source: Path, target: Path) -> None:
    libc = _libc()
    if hasattr(libc, "renameat2"):
        names = (os.fsencode(source), os.fsencode(target))
        if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_NOREPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in _NO_RENAMEAT2:
            raise OSError(number, os.strerror(number), str(target))
    _link_and_unlink(source, target)


@functools.cache
def _libc() -> ctypes.CDLL:
    """Open it once: each opening makes types of its own, a circle that only the collector's rarest round finds."""
    return ctypes.CDLL(None, use_errno=True)


def _link_and_unlink(source: Path, target: Path) -> None:
    """Rename where the system has no call for it. A crash in between leaves one file under two names."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # The last resort: take the name exclusively, then move over our own empty file.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
        source.replace(target)
    else:
        source.unlink()


def replace_atomically(path: Path, data: bytes, *, durable: bool, mode: int = 0o600) -> None:
    """Put a new version of a small file in place; readers see the old one or the new one, never a part.

    One writer a path: the temporary name beside it is fixed, so that a crash leaves one leftover, not many.

    Args:
        path: The file; its folder must exist.
        data: All of its content.
        durable: Survive a power cut. Not for status files, which are rewritten each second.
        mode: Its rights, further limited by the umask.

    Raises:
        StorageError: It could not be written; the old version stands.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise translate(error, "writing", path) from error
    if durable:
        fsync_folder(path.parent)
