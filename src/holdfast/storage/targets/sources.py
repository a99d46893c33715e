"""The file that is sent: read once, in blocks, and held against what it must contain while it is read.

Any thread. Not here: what becomes of the blocks.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from holdfast.core.errors import BadInput, NotFound, TargetAway, TargetRefused
from holdfast.storage.errors import storage_errors, translate
from holdfast.storage.targets.contract import Content, Going

BLOCK_BYTES = 256 * 1024  # chosen: 64 KiB costs a tenth more time, 1 MiB lets a limit of bandwidth go in jerks
_NO_NAMES = frozenset({"", ".", ".."})
_CONTROLS = re.compile(r"[\x00-\x1f]")


def checked_key(target: str, key: str) -> str:
    """Return a key that can be a name at a target.

    Raises:
        TargetRefused: It is absolute, leads upward, or holds what no name may.
    """
    parts = key.split("/")
    if not _NO_NAMES.isdisjoint(parts) or _CONTROLS.search(key):
        raise TargetRefused(f"{target}: {key!r} is no name for a file", hint="look at the name template of the rule")
    return key


@contextmanager
def opened(source: Path, content: Content) -> Iterator[BinaryIO]:
    """Open what is sent; it must be a file of the right size.

    Raises:
        NotFound: It is gone.
        BadInput: It is of another size, or no file.
        StorageError: It cannot be read.
    """
    with os.fdopen(_opened(source, content), "rb", buffering=0) as file:
        yield file


def _opened(source: Path, content: Content) -> int:
    try:
        # Not waiting: a pipe in the place of a file would hold the thread for ever.
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{source} is not there any more", hint="it was removed before it was sent") from error
    except OSError as error:
        raise translate(error, "opening", source) from error
    facts = os.fstat(fd)
    if stat.S_ISREG(facts.st_mode) and facts.st_size == content.bytes:
        return fd
    os.close(fd)
    if not stat.S_ISREG(facts.st_mode):
        raise BadInput(f"{source} is no file")
    raise BadInput(f"{source} has {facts.st_size} bytes, not {content.bytes}: it was changed")


def whole(source: Path, content: Content, going: Going, *, target: str) -> bytes:
    """Return all of a small file when it may go; the caller counts it. As `blocks`, with fewer calls a file.

    Raises:
        NotFound: It is gone.
        BadInput: It does not hold `content`.
        StorageError: It cannot be read.
        TargetAway: Told to stop.
    """
    stop_if_told(going, target)
    fd = _opened(source, content)
    try:
        data = read_at_most(fd, content.bytes + 1)
    except OSError as error:
        raise translate(error, "reading", source) from error
    finally:
        os.close(fd)
    if hashlib.sha256(data).hexdigest() != content.sha256:
        raise changed(source)
    going.pace(len(data))
    return data


def read_at_most(fd: int, count: int) -> bytes:
    """Return what follows in a file, as much as there is.

    Raises:
        OSError: It cannot be read.
    """
    data = os.read(fd, count)
    # One byte less than was asked for is all of it, where one more was asked for than there should be.
    while data and len(data) < count - 1 and (more := os.read(fd, count - len(data))):
        data += more
    return data


def meant(source: Path, content: Content, going: Going, *, target: str) -> None:
    """Read a file and make sure that it holds what it must; nothing is paced or counted.

    Raises:
        NotFound: It is gone.
        BadInput: It does not hold `content`.
        StorageError: It cannot be read.
        TargetAway: Told to stop.
    """
    alone = Going(told_to_stop=going.told_to_stop)
    if content.bytes <= BLOCK_BYTES:
        whole(source, content, alone, target=target)
        return
    for _ in blocks(source, content, alone, target=target):
        pass


def changed(source: Path) -> BadInput:
    """Return what is said of a file with another hash."""
    return BadInput(f"{source} does not hold what it did when it was queued", hint="holdfast verify finds why")


def blocks(source: Path, content: Content, going: Going, *, target: str, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield all of a file, each block when it may go; count it once the next is asked for.

    Raises:
        NotFound: It is gone.
        BadInput: It does not hold `content`, known at its end at the latest: what was made of it is not to be used.
        StorageError: It cannot be read.
        TargetAway: Told to stop.
    """
    sha = hashlib.sha256()
    left = content.bytes
    with opened(source, content) as file:
        while left:
            stop_if_told(going, target)
            with storage_errors("reading", source):
                block = file.read(min(size, left))
            if not block:
                raise BadInput(f"{source} became shorter while it was sent")
            sha.update(block)
            left -= len(block)
            if not left and (sha.hexdigest() != content.sha256 or file.read(1)):
                # Before the last block goes: nothing whole that is wrong is ever at a target.
                raise changed(source)
            going.pace(len(block))
            yield block
            going.moved(len(block))
    if not content.bytes and content.sha256 != sha.hexdigest():
        raise BadInput(f"{source} is empty, and its hash is not that of nothing")


def stop_if_told(going: Going, target: str) -> None:
    """End a transfer that is no longer wanted.

    Raises:
        TargetAway: Told to stop.
    """
    if going.told_to_stop():
        raise TargetAway(f"{target}: the transfer was told to stop", hint="it goes on by itself later")


class Readable(Protocol):
    """An open file, here or at a target."""

    def read(self, size: int, /) -> bytes:
        """Return at most as many bytes; none at the end."""


def sha256_of(file: Readable, going: Going, target: str) -> str:
    """Return the hash of the rest of an open file, in hexadecimal digits.

    Raises:
        OSError: It cannot be read.
        TargetAway: Told to stop.
    """
    sha = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        stop_if_told(going, target)
        sha.update(block)
    return sha.hexdigest()
