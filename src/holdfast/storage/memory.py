"""Footage in memory: its bytes lie on a tmpfs, and a link stands for them on the volume until they are moved there.

So a path means the same file before, during and after the move, and whoever reads by path needs to know nothing of it
(docs/design/0017). What changes links and bytes of a stream does so under one lock of the kernel, which ends with its
holder: recorder, worker and a person's command may all come across the same file.

Not here: which files are moved and which are dropped (recording, work.unload), whether a folder will do (library.ram).
Any thread, but never an event loop: everything here may wait for a disk.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from holdfast.core.camera import StreamKey
from holdfast.core.errors import DiskError, NotFound
from holdfast.core.footage import PART, stream_folder
from holdfast.storage.errors import storage_errors, translate
from holdfast.storage.files import FILE_MODE, DurableFile, fsync_folder

MOVING = ".moving"  # ends the name of a copy that has not taken the link's place yet
LOCK = ".memory.lock"
FOLDER_MODE = 0o700  # a tmpfs that all users share is a place to leave nothing open in
SPARE_BYTES = 16 * 2**20  # chosen: what others find left on the tmpfs when we call it full
_PIECE = 1 << 20
_DEPTH = 5  # footage/<camera>/<stream>/<day>/<file>


@dataclass(frozen=True, slots=True)
class Memory:
    """Room for files of one volume on a tmpfs.

    Attributes:
        home: Folder of this node there, for all volumes.
        name: What this volume's part of it is called.
        most_bytes: What all of this node's files may take there.
    """

    home: Path
    name: str
    most_bytes: int

    @classmethod
    def of(cls, home: Path, volume: Path, volume_id: str, most_bytes: int) -> Self:
        """Return the room of a volume: told apart by its id, one without by its place."""
        return cls(home, volume_id or "-".join(volume.parts[1:]) or "volume", most_bytes)

    @property
    def root(self) -> Path:
        """Folder of this volume's files; below it they are named as on the volume."""
        return self.home / self.name

    def used_bytes(self) -> int:
        """Return what this node's files take there."""
        return sum(size for _, size in files_below(self.home))

    def short(self, need_bytes: int) -> str:
        """Say why so many more bytes have no place there; empty where they have."""
        used = self.used_bytes()
        if used + need_bytes > self.most_bytes:
            return f"{used >> 20} of the {self.most_bytes >> 20} MiB in memory are used"
        try:
            facts = os.statvfs(self.home if self.home.exists() else self.home.parent)
        except OSError as error:
            return f"{self.home} cannot be used: {error.strerror}"
        free = facts.f_bavail * facts.f_frsize
        return f"{self.home} has only {free >> 20} MiB free" if free < need_bytes + SPARE_BYTES else ""


def files_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield every file below a folder with its size; what vanishes meanwhile is left out."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(Path(entry.path))
        else:
            with suppress(OSError):
                yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def create(root: Path, file: str, memory: Memory) -> DurableFile:
    """Begin a file in memory: its bytes there, `file` + `.part` on the volume as a link to them.

    Args:
        root: The volume's root; the file's folder is there.
        file: The file's final path below it. Neither it nor its `.part` exists.
        memory: Where the bytes go.

    Raises:
        FileExistsError: The name was taken meanwhile.
        StorageError: The tmpfs or the volume refuses; nothing was left behind.
    """
    link, data = root / (file + PART), memory.root / file
    with alone(link):
        with storage_errors("beginning in memory", data):
            _make_folders(memory.home, data.parent)
            # No link leads there, so it is what somebody left behind who was killed between the two steps.
            data.unlink(missing_ok=True)
        made = DurableFile.create(data)
        try:
            link.symlink_to(data)
        except OSError as error:
            made.close()
            data.unlink(missing_ok=True)
            if isinstance(error, FileExistsError):
                raise
            raise translate(error, "linking", link) from error
    return made


def data_of(path: Path) -> Path | None:
    """Return where the bytes of a path of footage lie in memory; None where it is a file, another link, or nothing.

    Only a link that leads to the same path below another folder is one of ours: nothing else is ever moved or removed.
    """
    try:
        data = Path(os.readlink(path))  # noqa: PTH115 - one call; Path.readlink comes to the same
    except OSError:
        return None
    own = PurePosixPath(path).parts[-_DEPTH:]
    named = (*own[:-1], own[-1].removesuffix(PART))
    return data if data.is_absolute() and data.parts[-_DEPTH:] == named and ".." not in data.parts else None


def links(root: Path, key: StreamKey) -> list[str]:
    """Return the finished files of a stream that lie in memory, oldest first, and clear what moves left half done.

    Raises:
        StorageError: The volume does not answer.
    """
    folder = root / stream_folder(key)
    found: list[str] = []
    with storage_errors("listing", folder):
        days = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
        for day in days:
            for entry in os.scandir(day.path):
                if entry.is_symlink() and entry.name.endswith(".mp4") and data_of(Path(entry.path)) is not None:
                    found.append(Path(entry.path).relative_to(root).as_posix())
                elif entry.name.endswith(MOVING):
                    with alone(Path(entry.path)):
                        Path(entry.path).unlink(missing_ok=True)
    return sorted(found)


def move(path: Path) -> bool:
    """Put the bytes of a file onto its volume, in the place of the link; readers find one or the other at any moment.

    Copied beside it, synced, read back and compared; then the copy takes the link's name, that is synced, and only then
    do the bytes in memory go. Whoever is killed in between leaves both or one, and the next call goes on.

    Args:
        path: The file on the volume, finished or `.part`. A growing one must be at rest meanwhile.

    Returns:
        Whether there was anything to move.

    Raises:
        NotFound: The link is there and its bytes are not: memory was lost.
        DiskFull: The volume has no room. The file stays in memory, whole.
        StorageError: The volume refuses, or what it gives back differs. The same.
    """
    if data_of(path) is None:
        return False
    with alone(path):
        data = data_of(path)
        if data is None:
            return False  # somebody was faster
        copy = path.with_name(f".{path.name}{MOVING}")
        try:
            with storage_errors("moving from memory", path):
                _copy(data, copy)
                copy.replace(path)
        except BaseException:
            with suppress(OSError):
                copy.unlink(missing_ok=True)
            raise
        fsync_folder(path.parent)
        with storage_errors("removing", data):
            data.unlink(missing_ok=True)
    return True


def remove(path: Path) -> None:
    """Remove a file of footage, wherever its bytes lie; that it is gone already is fine.

    Raises:
        StorageError: It cannot be removed.
    """
    if data_of(path) is None:
        with storage_errors("removing", path):
            path.unlink(missing_ok=True)
        return
    with alone(path), storage_errors("removing", path):
        data = data_of(path)
        path.unlink(missing_ok=True)
        if data is not None:
            data.unlink(missing_ok=True)


def is_lost(path: Path) -> bool:
    """Say whether a link is left of a file whose bytes were in memory."""
    data = data_of(path)
    return data is not None and not data.exists()


def sweep(root: Path, memory: Memory) -> int:
    """Remove what no link leads to any more: what moves and removals left that were killed; return the bytes.

    Args:
        root: The volume's root. It must be the right disk: whoever takes an empty mount point for it loses footage.
        memory: Its room.

    Raises:
        StorageError: Something cannot be removed.
    """
    freed = 0
    for data, size in files_below(memory.root):
        path = root / data.relative_to(memory.root)
        if _is_linked(path, data) or not path.parent.parent.is_dir():
            continue
        with alone(path), storage_errors("removing", data):
            if not _is_linked(path, data):
                data.unlink(missing_ok=True)
                freed += size
    _prune(memory.root)
    return freed


def _is_linked(path: Path, data: Path) -> bool:
    # In this order: a file that gets its final name between the two questions is found by the second one.
    part = path.with_name(path.name + PART)
    return data in {data_of(part), data_of(path)}


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep others from changing what lies in memory of the stream whose file a path is; waits for them.

    Raises:
        StorageError: The stream's folder cannot be written.
    """
    lock = path.parent.parent / LOCK
    with storage_errors("locking", lock):
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
        except BaseException:
            os.close(fd)
            raise
    try:
        yield
    finally:
        os.close(fd)


def _make_folders(home: Path, folder: Path) -> None:
    """Make a folder below our own one, which nobody else may have made in our place."""
    home.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    facts = home.lstat()
    if home.is_symlink() or facts.st_uid != os.geteuid():
        raise DiskError(f"{home} belongs to somebody else", hint="remove it, or set memory.dir to another folder")
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def _copy(data: Path, copy: Path) -> None:
    """Write what lies in memory to the disk, and see by reading it back that it is there."""
    try:
        source = data.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise NotFound(f"{data} is not there any more: memory was lost") from error
    with source, DurableFile.create(_cleared(copy)) as target:
        sha = hashlib.sha256()
        while piece := source.read(_PIECE):
            target.append([piece])
            sha.update(piece)
        target.sync()
        if hasattr(os, "posix_fadvise"):  # not on macOS
            os.posix_fadvise(target.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if _hash(target.fileno(), target.size) != sha.digest():
            raise DiskError(f"{copy}: the disk gives back other bytes than were written", hint="look at its health")


def _cleared(copy: Path) -> Path:
    copy.unlink(missing_ok=True)
    return copy


def _hash(fd: int, size: int) -> bytes:
    sha, at = hashlib.sha256(), 0
    while at < size and (piece := os.pread(fd, _PIECE, at)):
        sha.update(piece)
        at += len(piece)
    return sha.digest()


def _prune(folder: Path) -> None:
    """Remove folders of days that are empty, but for the newest of each stream: files are being begun in it."""
    for stream in folder.glob("footage/*/*"):
        for day in sorted(stream.iterdir())[:-1]:
            with suppress(OSError):  # not empty
                day.rmdir()


def is_memory(folder: Path) -> bool:
    """Say whether a folder, or the one that it would be made in, lies in memory; yes where the system does not tell."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
        device = os.stat(folder).st_dev  # noqa: PTH116 - compared with other mounts below in the same way
    except OSError:
        return True  # it cannot be told here, so nothing is claimed
    for line in mounts:
        _, where, kind, *_ = line.split(" ")
        if kind in {"tmpfs", "ramfs"} and Path(where).exists() and os.stat(where).st_dev == device:  # noqa: PTH116 - as above
            return True
    return False
