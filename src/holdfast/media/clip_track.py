"""One track of a clip: the tables of a plain MP4, gathered file by file in columns, written as `trak` at the end.

Runs of equal numbers are stored once, so a day of 25 pictures a second takes about 10 MB here: four bytes of size a
sample, and what the camera's own irregularities add.

Not here: which samples, and where they go in time (clip). Pure; one thread at a time.
Source: ISO/IEC 14496-12:2022, sections 8.3 to 8.7.
"""

import struct
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from holdfast.core.errors import BadInput
from holdfast.media.boxes import HEADER, box, full_box
from holdfast.media.clip_tables import Numbers, Samples, inner
from holdfast.media.params import from_config

_TKHD_TIMES = HEADER.size + 4 + 20  # version and flags, then five numbers of version 0
_VIDEO_ENTRY_BYTES = HEADER.size + 78  # what stands before the boxes inside it (ISO/IEC 14496-12, section 12.1.3)
_NORMAL_RATE = 0x10000


@dataclass(slots=True)
class ClipTrack:
    """A track that grows.

    Attributes:
        number: Its id.
        timescale: Of its ticks.
        source: The `trak` box of the file that it began with: what kind of track it is stands there.
        count: Samples so far.
        first_dts: Decode time of the first one, on the clip's timeline; may be negative.
        first_pts: Earliest presentation time.
        end: Where presentation ends.
        last_dts: Decode time of the newest sample.
    """

    number: int
    timescale: int
    source: bytes
    count: int = 0
    first_dts: int = 0
    first_pts: int = 0
    end: int = 0
    last_dts: int = 0
    _last_length: int = 0
    _entries: list[bytes] = field(default_factory=list)
    _sizes: list[bytes] = field(default_factory=list)
    _lengths: list[Numbers] = field(default_factory=list)
    _shifts: list[Numbers] = field(default_factory=list)
    _keys: list[bytes] = field(default_factory=list)
    _all_keys: bool = True
    _chunks: list[Numbers] = field(default_factory=list)
    _chunk_counts: list[Numbers] = field(default_factory=list)
    _chunk_entries: list[Numbers] = field(default_factory=list)

    @property
    def next_dts(self) -> int:
        """The earliest decode time that may follow."""
        return self.last_dts + max(1, self._last_length) if self.count else self.first_dts

    def add(self, samples: Samples, entry: bytes, move: int) -> None:
        """Take samples.

        Args:
            samples: In decode order, on the clip's timeline and in this track's ticks.
            entry: What a decoder must know of them.
            move: What to add to `at` to get their place in the clip's `mdat`.
        """
        if not len(samples):
            return
        if entry not in self._entries:
            self._entries.append(entry)
        dts, pts = samples.dts, samples.pts
        if self.count:
            deltas = np.diff(dts, prepend=self.last_dts)
        else:
            deltas = np.diff(dts)
            self.first_dts, self.first_pts, self.end = int(dts[0]), int(pts.min()), int(pts[0])
        self._lengths.append(_runs(np.maximum(deltas, 0)))
        self._shifts.append(_runs(pts - dts))
        self._sizes.append(samples.sizes.astype(">u4").tobytes())
        self._keys.append((np.flatnonzero(samples.keys) + self.count + 1).astype(">u4").tobytes())
        self._all_keys = self._all_keys and bool(samples.keys.all())
        firsts = np.flatnonzero(np.diff(samples.fragment, prepend=-1))
        self._chunks.append(samples.at[firsts] + move)
        counts = np.diff(firsts, append=len(samples))
        self._chunk_counts.append(counts)
        self._chunk_entries.append(np.full(len(counts), self._entries.index(entry) + 1, np.int64))
        self.count += len(samples)
        self.first_pts = min(self.first_pts, int(pts.min()))
        self.end = max(self.end, int((pts + samples.lengths).max()))
        self.last_dts, self._last_length = int(dts[-1]), int(samples.lengths[-1])

    def trak(self, begin: Fraction, end: Fraction, movie_timescale: int, data_at: int, *, wide: bool) -> bytes:
        """Return the track's box.

        Args:
            begin: Seconds on the clip's timeline at which it is shown first; what precedes is there to be decoded.
            end: Where showing ends.
            movie_timescale: Ticks a second of the edit list.
            data_at: Where the payload of `mdat` begins in the file.
            wide: Offsets need 64 bits.
        """
        mine = slice(HEADER.size, None)
        tkhd = self._one(b"tkhd")
        shown = round((end - begin) * movie_timescale)
        head = struct.pack(">QQIIQ", 0, 0, self.number, 0, shown)
        mdhd = self._one(b"mdia", b"mdhd")
        media_ticks = self.last_dts + self._last_length - self.first_dts
        times = struct.pack(">QQIQ", 0, 0, self.timescale, media_ticks)
        media = inner(self.source[mine], b"mdia", b"minf", b"vmhd") or inner(
            self.source[mine], b"mdia", b"minf", b"smhd"
        )
        minf = box(b"minf", *media, self._one(b"mdia", b"minf", b"dinf"), self._stbl(data_at, wide=wide))
        return box(
            b"trak",
            full_box(b"tkhd", 1, 3, head, tkhd[_TKHD_TIMES:]),
            box(b"edts", self._edits(begin, end, movie_timescale)),
            box(b"mdia", full_box(b"mdhd", 1, 0, times, mdhd[-4:]), self._one(b"mdia", b"hdlr"), minf),
        )

    def _one(self, *path: bytes) -> bytes:
        found = inner(self.source[HEADER.size :], *path)
        if len(found) != 1:
            raise BadInput(f"the file has no {path[-1].decode()} box")
        return found[0]

    def _edits(self, begin: Fraction, end: Fraction, movie_timescale: int) -> bytes:
        first, last = Fraction(self.first_pts, self.timescale), Fraction(self.end, self.timescale)
        edits = []
        if first > begin:  # nothing of this track yet
            edits.append((round((min(first, end) - begin) * movie_timescale), -1))
        start = max(first, begin)
        length = max(0, round((min(last, end) - start) * movie_timescale))
        edits.append((length, max(0, round(start * self.timescale) - self.first_dts)))
        rows = b"".join(struct.pack(">QqI", shown, media, _NORMAL_RATE) for shown, media in edits)
        return full_box(b"elst", 1, 0, struct.pack(">I", len(edits)), rows)

    def _stbl(self, data_at: int, *, wide: bool) -> bytes:
        lengths = np.concatenate([*self._lengths, np.array([[1, self._last_length]], np.int64)])
        shifts = np.concatenate(self._shifts)
        tables = [_table(b"stsd", 0, len(self._entries), b"".join(self._entries)), _pairs(b"stts", 0, lengths)]
        if shifts[:, 1].any():
            tables.append(_pairs(b"ctts", int(bool((shifts[:, 1] < 0).any())), shifts))
        if not self._all_keys:
            keys = b"".join(self._keys)
            tables.append(_table(b"stss", 0, len(keys) // 4, keys))
        tables.append(self._stsc())
        tables.append(full_box(b"stsz", 0, 0, struct.pack(">II", 0, self.count), *self._sizes))
        offsets = np.concatenate(self._chunks) + data_at
        kind, form = (b"co64", ">u8") if wide else (b"stco", ">u4")
        tables.append(_table(kind, 0, len(offsets), offsets.astype(form).tobytes()))
        return box(b"stbl", *tables)

    def _stsc(self) -> bytes:
        counts, entries = np.concatenate(self._chunk_counts), np.concatenate(self._chunk_entries)
        changed = np.flatnonzero(np.diff(counts, prepend=-1) | np.diff(entries, prepend=-1))
        rows = np.stack([changed + 1, counts[changed], entries[changed]], axis=1)
        return _table(b"stsc", 0, len(rows), rows.astype(">u4").tobytes())


def parameter_sets(entry: bytes) -> bytes:
    """Return the parameter sets of a picture's sample entry as length-prefixed units, fit to stand before a picture."""
    hevc = entry[4:8] == b"hvc1"
    (config,) = inner(entry[_VIDEO_ENTRY_BYTES:], b"hvcC" if hevc else b"avcC")
    units, _prefix_bytes = from_config(config[HEADER.size :], hevc=hevc)
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def _runs(values: Numbers) -> Numbers:
    """Return rows of (how many, which value)."""
    if not len(values):
        return np.empty((0, 2), np.int64)
    firsts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return np.stack([np.diff(firsts, append=len(values)), values[firsts]], axis=1)


def _pairs(kind: bytes, version: int, rows: Numbers) -> bytes:
    return _table(kind, version, len(rows), (rows & 0xFFFFFFFF).astype(">u4").tobytes())


def _table(kind: bytes, version: int, count: int, rows: bytes) -> bytes:
    return full_box(kind, version, 0, struct.pack(">I", count), rows)
