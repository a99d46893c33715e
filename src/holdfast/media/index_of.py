"""Where the keyframes of a segment file lie, and when each is shown: what a list of pieces for players is made of.

A finished file says it in its index (`sidx`), three small reads; one that grows is read as far as it is whole, and
asked again goes on from there. What was read while a file grew stays valid when it is finished, so a list that was
begun does not change under its player.

Not here: lists (library.hls), sample tables (clip_tables). Any thread.
"""

import hashlib
import os
import struct
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from holdfast.core.errors import BadInput
from holdfast.core.timing import SECOND_US
from holdfast.media.boxes import HEADER, REFERENCE_BYTES, TRAILER
from holdfast.media.boxread import Ended, FileHead, Fragment, read_head, read_next

MOST_FILES = 512  # chosen: three days of one camera, some 10 MB
_SIDX = struct.Struct(">I4sIIIQQHH")
_REFERENCE = struct.Struct(">III")
_SAP = 0x80000000  # a reference begins where decoding can begin
_MOST_END_BYTES = 64 * 1024


@dataclass(slots=True)
class FileIndex:
    """The pieces of one file. Each begins with a keyframe; the first one begins where the fragments do.

    Attributes:
        head: What the file says of itself.
        front: SHA-256 of its `ftyp` and `moov`: files with the same one need no other before them.
        offsets: Where each piece begins.
        ticks: When it is shown: ticks of the reference track, from the file's first instant.
        walls_us: The same as wall time, by the file's own clock.
        end: Where the last whole fragment ends.
        end_ticks: Where presentation ends there.
        bytes: All that is whole: the end box too, where there is one.
        finished: Nothing will be added.
    """

    head: FileHead
    front: bytes = b""
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    ticks: "array[int]" = field(default_factory=lambda: array("q"))
    walls_us: "array[int]" = field(default_factory=lambda: array("q"))
    end: int = 0
    end_ticks: int = 0
    bytes: int = 0
    finished: bool = False

    @property
    def timescale(self) -> int:
        """Ticks a second."""
        return self.head.tracks[self.head.reference].timescale

    def copy(self) -> "FileIndex":
        """Return a copy that can be continued while others read this one."""
        return FileIndex(
            self.head, self.front, self.offsets[:], self.ticks[:], self.walls_us[:], self.end, self.end_ticks,
            self.bytes, self.finished,
        )  # fmt: skip


class Indexes:
    """Indexes of files, kept while they are asked for.

    Attributes:
        most: How many; those that were not asked for the longest go first. Holds from the next file on.
    """

    def __init__(self, most: int = MOST_FILES) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[str, FileIndex] = OrderedDict()

    def of(self, name: str, open_file: Callable[[], AbstractContextManager[int]]) -> FileIndex | None:
        """Return a file's index as of now; None where there is no picture in it yet.

        Args:
            name: Names the file for good: what it is called when it is finished.
            open_file: Opens it under the name that it has now.

        Raises:
            BadInput: It is not a segment file, or damaged.
            NotFound: It is not there any more.
            StorageError: It cannot be read.
        """
        with self._lock:
            known = self._known.get(name)
            if known is not None:
                self._known.move_to_end(name)
        with open_file() as fd:
            size = os.fstat(fd).st_size
            if known is not None and (known.bytes == size or (known.finished and known.bytes <= size)):
                return known
            found = self._continued(fd, known) if known is not None and known.bytes < size else index_of(fd)
        if found is None:
            return None
        with self._lock:
            before = self._known.get(name)
            if before is None or before.bytes <= found.bytes or before is known:
                self._known[name] = found
            while len(self._known) > self.most:
                self._known.popitem(last=False)
        return found

    @staticmethod
    def _continued(fd: int, known: FileIndex) -> FileIndex:
        index = known.copy()
        _walk(fd, index)
        return index


def index_of(fd: int) -> FileIndex | None:
    """Read a file's index: from its own where it is finished, else fragment by fragment.

    Raises:
        BadInput: It is not a segment file, or damaged.
        OSError: It cannot be read.
    """
    head = read_head(fd)
    if head is None:
        return None
    index = _stored(fd, head)
    if index is None:
        index = FileIndex(head, end=head.fragments_at, bytes=head.fragments_at)
        _walk(fd, index)
    index.front = hashlib.sha256(os.pread(fd, head.init_bytes, 0)).digest()
    return index if len(index.offsets) else None


def _walk(fd: int, index: FileIndex) -> None:
    """Read on from `end`."""
    head = index.head
    while (piece := read_next(fd, index.end, head)) is not None:
        if isinstance(piece, Ended):
            index.finished, index.bytes = True, piece.offset + piece.bytes
            return
        mine = piece.slice_of(head.reference)
        if not len(index.offsets) or piece.keyframe:
            _begin(index, piece)
        if mine is not None:
            index.end_ticks = max(index.end_ticks, mine.end_ticks)
        index.end = index.bytes = piece.offset + piece.bytes


def _begin(index: FileIndex, piece: Fragment) -> None:
    head = index.head
    mine = piece.slice_of(head.reference)
    if len(index.offsets) == 1 and index.end_ticks == 0:
        # What stood before the first picture is sound: the first piece begins with it, and its time is the picture's.
        index.offsets.pop()
        index.ticks.pop()
        index.walls_us.pop()
        offset = head.fragments_at
    else:
        offset = piece.offset
    index.offsets.append(offset)
    index.ticks.append(0 if mine is None else min(sample.pts_ticks for sample in mine))
    index.walls_us.append(piece.wall_us)


def _stored(fd: int, head: FileHead) -> FileIndex | None:
    """Read the index that was written when the file was finished; None where it was not, or it says nothing."""
    ended = _ending(fd, head)
    raw = os.pread(fd, head.reserved_bytes, head.reserved_at)
    if ended is None or len(raw) < head.reserved_bytes:
        return None
    _size, kind, _version, _track, scale, first_ticks, skip, _, count = _SIDX.unpack_from(raw)
    if kind != b"sidx" or scale != head.tracks[head.reference].timescale:
        return None
    if _SIDX.size + REFERENCE_BYTES * count > len(raw):
        raise BadInput("the index says more than it has room for")
    index = FileIndex(head, finished=True, bytes=ended.offset + ended.bytes, end=ended.offset)
    start_us, end_us = int(ended.facts["start_us"]), int(ended.facts["end_us"])
    at, ticks, lead = head.reserved_at + _SIDX.size + REFERENCE_BYTES * count + skip, first_ticks, True
    for size, length, sap in _REFERENCE.iter_unpack(raw[_SIDX.size : _SIDX.size + REFERENCE_BYTES * count]):
        if sap & _SAP or lead:
            if lead and len(index.offsets):  # sound before the first picture belongs to its piece
                index.ticks[0] = ticks
            else:
                index.offsets.append(at)
                index.ticks.append(ticks)
            lead = lead and not sap & _SAP
        at += size
        ticks += length
    index.end_ticks = ticks
    first, span = index.ticks[0], max(1, ticks - index.ticks[0])
    # The camera's rhythm against our clock is steady within a file: a line from its first picture to its last.
    long_us = end_us - start_us
    if not 0 < long_us <= span * SECOND_US // scale * 2 + SECOND_US:
        long_us = span * SECOND_US // scale
    index.walls_us.extend(start_us + (tick - first) * long_us // span for tick in index.ticks)
    return index if at == ended.offset else None


def _ending(fd: int, head: FileHead) -> Ended | None:
    """Find the end box from the end of the file: its last four bytes are its size."""
    size = os.fstat(fd).st_size
    raw = os.pread(fd, TRAILER.size, size - TRAILER.size) if size > TRAILER.size else b""
    if len(raw) < TRAILER.size:
        return None
    length = int(TRAILER.unpack(raw)[0])
    if not HEADER.size < length <= min(size - head.fragments_at, _MOST_END_BYTES):
        return None
    front = os.pread(fd, HEADER.size, size - length)
    if len(front) < HEADER.size or HEADER.unpack(front)[1] != b"uuid":
        return None
    found = read_next(fd, size - length, head)
    return found if isinstance(found, Ended) else None
