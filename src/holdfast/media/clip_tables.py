"""The sample tables of one segment file as arrays: what a clip is made of, without touching a single picture.

A day of one camera has two million samples, so they are never objects here: some numpy columns a track and file.

Not here: putting files together (clip), the tables of the result (clip_track). Any thread.
"""

import itertools
import os
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from holdfast.core.errors import BadInput
from holdfast.core.timing import SECOND_US, ticks_to_us, us_to_ticks
from holdfast.media.boxes import AUDIO_ROW, HEADER, SYNC_SAMPLE, VIDEO_ROW
from holdfast.media.boxread import Ended, FileHead, Fragment, TrackSlice, read_head, read_next

Numbers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples of one track in one file, in decode order, a column a fact. Ticks are those of the run, not the file's.

    Attributes:
        dts: Decode times.
        pts: Presentation times.
        lengths: How long each lasts.
        sizes: Bytes.
        keys: Decoding can begin here.
        at: Where each lies in the file.
        fragment: Number of the fragment that holds it.
    """

    dts: Numbers
    pts: Numbers
    lengths: Numbers
    sizes: Numbers
    keys: Flags
    at: Numbers
    fragment: Numbers

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.dts)

    def part(self, begin: int, end: int) -> "Samples":
        """Return those from `begin` up to `end`, as views."""
        return Samples(
            self.dts[begin:end], self.pts[begin:end], self.lengths[begin:end], self.sizes[begin:end],
            self.keys[begin:end], self.at[begin:end], self.fragment[begin:end],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class FileTable:
    """One file.

    Attributes:
        head: What it says of itself.
        front: Its `ftyp` and `moov`.
        tracks: As in the head.
        anchors_us: Wall time of each fragment.
        anchors: The same instants in the run's ticks of the reference track.
    """

    head: FileHead
    front: bytes
    tracks: tuple[Samples, ...]
    anchors_us: Numbers
    anchors: Numbers

    @property
    def reference(self) -> Samples:
        """Samples of the track whose time is the file's time."""
        return self.tracks[self.head.reference]

    def ticks_at(self, wall_us: int) -> int:
        """Return the reference track's ticks at an instant of the file's own wall clock."""
        number = max(0, int(np.searchsorted(self.anchors_us, wall_us, side="right")) - 1)
        scale = self.head.tracks[self.head.reference].timescale
        return int(self.anchors[number]) + us_to_ticks(wall_us - int(self.anchors_us[number]), scale)

    def wall_at(self, ticks: int) -> int:
        """Return the instant of the file's own wall clock at some ticks of the reference track."""
        number = max(0, int(np.searchsorted(self.anchors, ticks, side="right")) - 1)
        scale = self.head.tracks[self.head.reference].timescale
        return int(self.anchors_us[number]) + (ticks - int(self.anchors[number])) * SECOND_US // scale


def read_table(fd: int) -> FileTable | None:
    """Read a file's tables, as far as the file is whole now; None where there is no fragment in it yet.

    Raises:
        BadInput: It is not a segment file, or damaged.
        OSError: It cannot be read.
    """
    head = read_head(fd)
    if head is None:
        return None
    slices: list[list[tuple[int, TrackSlice]]] = [[] for _ in head.tracks]
    walls: list[int] = []
    anchors: list[int] = []
    scale, offset = head.tracks[head.reference].timescale, head.tracks[head.reference].offset_ticks
    at = head.fragments_at
    while (piece := read_next(fd, at, head)) is not None and not isinstance(piece, Ended):
        for part in piece.slices:
            slices[part.track].append((len(walls), part))
        walls.append(piece.wall_us)
        anchors.append(_anchor(piece, head, scale) + offset)
        at += piece.bytes
    if not walls:
        return None
    front = os.pread(fd, head.init_bytes, 0)
    tracks = tuple(_samples(mine, track.offset_ticks) for mine, track in zip(slices, head.tracks, strict=True))
    return FileTable(head, front, tracks, np.array(walls, np.int64), np.array(anchors, np.int64))


def _anchor(piece: Fragment, head: FileHead, scale: int) -> int:
    if piece.anchor == head.reference:
        return piece.anchor_ticks
    return us_to_ticks(ticks_to_us(piece.anchor_ticks, head.tracks[piece.anchor].timescale), scale)


def _samples(slices: list[tuple[int, TrackSlice]], offset_ticks: int) -> Samples:
    if not slices:
        none = np.empty(0, np.int64)
        return Samples(none, none, none, none, np.empty(0, np.bool_), none, none)
    width = len(slices[0][1].rows[0])
    if width not in {len(VIDEO_ROW), len(AUDIO_ROW)}:
        raise BadInput("a fragment's table is not one that we write")
    counts = np.array([len(part) for _, part in slices], np.int64)
    flat: Any = itertools.chain.from_iterable(itertools.chain.from_iterable(part.rows for _, part in slices))
    rows = np.fromiter(flat, np.int64, int(counts.sum()) * width).reshape(-1, width)
    lengths, sizes = rows[:, 0].copy(), rows[:, 1].copy()
    dts = _spread([part.decode_ticks for _, part in slices], counts) + _before(lengths, counts) + offset_ticks
    at = _spread([part.data_at for _, part in slices], counts) + _before(sizes, counts)
    video = width == len(VIDEO_ROW)
    keys = rows[:, 2] == SYNC_SAMPLE if video else np.ones(len(rows), np.bool_)
    pts = dts + rows[:, 3] if video else dts
    return Samples(dts, pts, lengths, sizes, keys, at, _spread([number for number, _ in slices], counts))


def _spread(values: list[int], counts: Numbers) -> Numbers:
    """Repeat a fragment's value for each of its samples."""
    spread: Numbers = np.repeat(np.array(values, np.int64), counts)
    return spread


def _before(values: Numbers, counts: Numbers) -> Numbers:
    """Return for each sample the sum of what precedes it within its fragment."""
    running: Numbers = np.cumsum(values) - values
    firsts = np.cumsum(counts) - counts
    before: Numbers = running - np.repeat(running[firsts], counts)
    return before


def inner(raw: bytes, *path: bytes) -> list[bytes]:
    """Return whole boxes at a path of plain container boxes: `inner(front, b"moov", b"trak")`.

    Raises:
        BadInput: A box does not fit into the one around it.
    """
    found: list[bytes] = []
    at = 0
    while at + HEADER.size <= len(raw):
        size, kind = HEADER.unpack_from(raw, at)
        if size < HEADER.size or at + size > len(raw):
            raise BadInput(f"the box at byte {at} does not fit")
        if kind == path[0]:
            whole = raw[at : at + size]
            found += [whole] if len(path) == 1 else inner(whole[HEADER.size :], *path[1:])
        at += size
    return found
