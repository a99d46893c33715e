"""Small files of a batch in a folder: written and read back with as few calls of the system as will do.

Of thousands of files each call is a few hundredths of the time that one takes.

Any thread. Not here: names, and in which order (folder).
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress

from holdfast.storage.targets.contract import Content, Going
from holdfast.storage.targets.errors import translate
from holdfast.storage.targets.sources import BLOCK_BYTES, read_at_most, sha256_of, stop_if_told

_NEW = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def write(part: str, data: bytes, target: str, give: Callable[[int], None]) -> None:
    """Write a file under its temporary name; whoever asks syncs it. What fails leaves none.

    Args:
        part: That name.
        data: All of it.
        target: Whose it is, for errors.
        give: Sets rights and owner of what a descriptor stands for.

    Raises:
        TargetError: It cannot be written.
    """
    try:
        try:
            fd, known = os.open(part, _NEW | os.O_EXCL, 0o600), False
        except FileExistsError:
            fd, known = os.open(part, _NEW, 0o600), True
        try:
            rest, size = data, len(data)
            while (done := os.write(fd, rest)) < len(rest):
                rest = rest[done:]
            if known:
                os.ftruncate(fd, size)  # an earlier attempt may have left more
            give(fd)
        except BaseException:
            drop(part)
            raise
        finally:
            os.close(fd)
    except OSError as error:
        raise translate(error, target, f"writing {part}") from error


def open_again(path: str) -> int | None:
    """Open a written file, its content forgotten and on its way from the disk again; None where it is gone.

    What is opened may be something else than a file.

    Raises:
        OSError: It cannot be opened, or is a link.
    """
    try:
        # Not waiting: a pipe that somebody put there would hold the thread for ever.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with suppress(OSError):  # a pipe has nothing to forget
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        # All of a batch are asked for before the first is waited for: a disk carries many questions at once.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
    return fd


def sha256_again(fd: int, content: Content, going: Going, target: str) -> str:
    """Return the hash of an open file in hexadecimal digits; of a small one in a single piece.

    Raises:
        OSError: It cannot be read.
        TargetAway: Told to stop.
    """
    if content.bytes > BLOCK_BYTES:
        with os.fdopen(fd, "rb", buffering=0, closefd=False) as file:
            return sha256_of(file, going, target)
    stop_if_told(going, target)
    return hashlib.sha256(read_at_most(fd, content.bytes + 1)).hexdigest()


def drop(part: str) -> None:
    """Remove a file under its temporary name, if that can be done."""
    with suppress(OSError):
        os.unlink(part)  # noqa: PTH108 - of thousands of files it is a tenth of the time to make paths of their names
