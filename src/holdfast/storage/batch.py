"""Many small files at once, durable together: the disk is asked to be sure once for all of them.

A reader sees each file whole or not at all. What a crash leaves under a temporary name is written over by whoever
writes the same file again. Any thread, one writer a path.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from holdfast.core.errors import StorageError
from holdfast.storage.errors import storage_errors, translate
from holdfast.storage.files import FILE_MODE, ensure_folder, fsync_folder


def write_all(root: Path, files: Sequence[tuple[str, bytes]]) -> None:
    """Write files, replacing those that are there, and be sure of them.

    Args:
        root: The volume's root, which must be there.
        files: Path under the root, and content.

    Raises:
        VolumeMissing: The root is not there.
        StorageError: One could not be written; others may be there.
    """
    folders = dict.fromkeys((root / name).parent for name, _ in files)
    for folder in folders:
        ensure_folder(root, folder)
    fresh = [(root / name, _fresh(root / name)) for name, _ in files]
    try:
        for (path, new), (_, body) in zip(fresh, files, strict=True):
            with storage_errors("writing", path):
                fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
                with os.fdopen(fd, "wb") as file:
                    file.write(body)
        # All are written before the first is waited for: the file system then does them in one go.
        for path, new in fresh:
            with storage_errors("writing", path):
                fd = os.open(new, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
        for path, new in fresh:
            try:
                new.replace(path)
            except OSError as error:
                raise translate(error, "renaming", path) from error
    except StorageError:
        for _, new in fresh:
            with suppress(OSError):
                new.unlink(missing_ok=True)
        raise
    for folder in folders:
        fsync_folder(folder)


def _fresh(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")
