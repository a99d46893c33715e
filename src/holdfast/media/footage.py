"""Segment files as their readers see them: fragments in order, from files that are finished and files that grow.

A reader advances by whole boxes only and comes back for more; the end box means that there will be no more.

Not here: spans over several files. Any thread; each call opens the file, reads, and closes it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.errors import BadInput, NotFound
from holdfast.media.boxread import Ended, FileHead, Fragment, StoredSample, read_head, read_next, skim
from holdfast.storage.errors import storage_errors

_REORDERED = 3  # chosen: pictures are shown at most this many fragments out of the order in which they are stored


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Give out a descriptor to read from.

    Raises:
        NotFound: There is no such file (removed, or renamed because it is finished).
        StorageError: It cannot be read.
    """
    with storage_errors("reading", path):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound(f"{path} is not there") from error
        try:
            yield fd
        finally:
            os.close(fd)


def head_of(path: Path) -> FileHead | None:
    """Return what a file says of itself, or None where it has not come that far.

    Raises:
        BadInput: It is not a segment file.
        NotFound: It is not there.
        StorageError: It cannot be read.
    """
    with opened(path) as fd:
        return read_head(fd)


def read_fragments(path: Path, from_byte: int = 0) -> Iterator[Fragment | Ended]:
    """Read as far as the file is whole now.

    Args:
        path: A finished file or one that grows.
        from_byte: 0, or where the last fragment that was seen ended (`offset + bytes`).

    Yields:
        Fragments, and last an `Ended` where the file is finished. Without that, call again later.

    Raises:
        BadInput: What is there can never become a fragment.
        NotFound: It is not there.
        StorageError: It cannot be read.
    """
    with opened(path) as fd:
        head = read_head(fd)
        if head is None:
            return
        at = max(from_byte, head.fragments_at)
        while (piece := read_next(fd, at, head)) is not None:
            yield piece
            if isinstance(piece, Ended):
                return
            at += piece.bytes


@dataclass(frozen=True, slots=True)
class Payload:
    """A sample with its bytes."""

    track: int
    sample: StoredSample
    payload: bytes


def samples_of(path: Path) -> Iterator[Payload]:
    """Yield every sample of a file, fragment by fragment, track by track.

    Raises:
        BadInput: It is not a segment file, or damaged.
        NotFound: It is not there.
        StorageError: It cannot be read.
    """
    with opened(path) as fd:
        for piece in read_fragments(path):
            if isinstance(piece, Fragment):
                for part in piece.slices:
                    for sample in part:
                        yield Payload(part.track, sample, os.pread(fd, sample.bytes, sample.offset))


def growing_end_us(path: Path) -> int | None:
    """Say how far a file reaches now.

    Returns:
        Wall time at which its last whole picture (sound, where there are no pictures) ends; None where it has none, or
        where the file is gone: it was sealed or removed meanwhile, and the journal says which.
    """
    try:
        with opened(path) as fd:
            head = read_head(fd)
            return None if head is None else _reach(fd, head)
    except (NotFound, BadInput):
        return None


def _reach(fd: int, head: FileHead) -> int | None:
    """Hop to the last fragments and look into those alone; ten minutes have 2,400."""
    size = os.fstat(fd).st_size
    offsets = [head.fragments_at]
    while (length := skim(fd, offsets[-1], size)) is not None:
        offsets.append(offsets[-1] + length)
    ends: list[int] = []
    for offset in reversed(offsets[:-1]):
        piece = read_next(fd, offset, head)
        reached = piece.end_us(head) if isinstance(piece, Fragment) else None
        if reached is not None:
            ends.append(reached)
        if len(ends) == _REORDERED:
            break
    return max(ends, default=None)
