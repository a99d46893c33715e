"""Kept journals on disk: appended by several processes, each line durable before the call returns.

No lock is needed: what belongs together is one write to a file opened for appending, and half a line that a power cut
or a full disk left is ended before the next one. Readers pass over what is no line.

Not here: what lines say (core.kept), which file they belong in (library.kept). Any thread; may block on the disk.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from holdfast.core.camera import StreamKey
from holdfast.core.errors import BadInput, DiskFull, StorageError, VolumeMissing
from holdfast.core.footage import stream_folder
from holdfast.core.kept import Kept, decode
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FILE_MODE, ensure_folder, fsync_folder
from holdfast.storage.room import VOLUME_BYTES, Room
from holdfast.storage.volume import MARKER, read_marker

AWAY_HINT = "mount the disk; holdfast volumes list shows each, holdfast volumes adopt NAME takes a new one"
SUFFIX = ".kept.journal"
_DAY = f"[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]{SUFFIX}"


def append(root: Path, path: Path, lines: Iterable[bytes]) -> None:
    """Append lines to a kept journal, making it where there is none yet.

    Args:
        root: The volume's root, which must carry its marker: below a mount point whose disk is away, what is written
            would be lost from sight as soon as the disk is back.
        path: The journal, below it.
        lines: Whole lines, newlines included; none is fine.

    Raises:
        VolumeMissing: The root is not there, or carries no marker.
        DiskFull: No room; some of the lines may be there.
        StorageError: It could not be made durable.
    """
    data = b"".join(lines)
    if not data:
        return
    if not is_there(root):
        raise VolumeMissing(f"{root} holds no {MARKER}: is its disk mounted?", hint=AWAY_HINT)
    try:
        _append(root, path, data)
    except DiskFull:
        # What is written here is what lets a full disk be emptied: for it alone there is room kept (F18).
        if not Room(root, VOLUME_BYTES).give():
            raise
        _append(root, path, data)


def is_there(root: Path) -> bool:
    """Say whether a volume is there: its marker, not only its folder."""
    try:
        return read_marker(root) is not None
    except (BadInput, StorageError):
        return False


def _append(root: Path, path: Path, data: bytes) -> None:
    ensure_folder(root, path.parent)
    fresh = not path.exists()
    with storage_errors("writing", path):
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            size = os.fstat(fd).st_size
            torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
            data = b"\n" * torn + data
            if os.write(fd, data) != len(data):
                raise DiskFull(f"writing {path}: no room for all of it")
            os.fsync(fd)
        finally:
            os.close(fd)
    if fresh:
        fsync_folder(path.parent)


def read(path: Path) -> list[Kept]:
    """Return the lines of a kept journal that can be read, in the order of writing; none where there is no file.

    Raises:
        StorageError: It cannot be read.
    """
    with storage_errors("reading", path):
        try:
            raw_lines = path.read_bytes().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []
    found: list[Kept] = []
    for raw in raw_lines:
        try:
            found.append(decode(raw))
        except BadInput:
            continue  # torn, or ended after it was torn: whoever wrote it was not told that it is safe
    return found


def kept_files(root: Path, key: StreamKey) -> list[Path]:
    """Return a stream's kept journals on a volume, oldest day first.

    Raises:
        StorageError: The folder cannot be read.
    """
    folder = root / stream_folder(key)
    with storage_errors("listing", folder):
        return sorted(folder.glob(_DAY))
