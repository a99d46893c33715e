"""Reading segment files back, box by box: what a file says of itself, and its fragments, whole ones only.

It understands what `boxes` writes and nothing more: anything else in a segment file is damage. No codec library.

Not here: walking through a file or tailing it (footage), repairing it (recover).
Any thread; a descriptor is read at offsets, its position is never used.
"""

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from holdfast.core.camera import Kind, StreamKey
from holdfast.core.errors import BadInput, UsageError
from holdfast.core.timing import ticks_to_us
from holdfast.media.boxes import (
    AUDIO_ROW,
    AUDIO_TRUN,
    END_UUID,
    HEAD_UUID,
    HEADER,
    MOOF,
    PRFT,
    REFERENCE_BYTES,
    SIDX_BYTES,
    SYNC_SAMPLE,
    TRAF,
    TRAILER,
    VIDEO_ROW,
    VIDEO_TRUN,
    from_ntp,
)

FRONT_BYTES = 64 * 1024  # ftyp, moov and head box are about 2 KB; a parameter set may take a few more
_PEEK_BYTES = 4096  # prft and moof of most fragments
_MOST_MOOF_BYTES = 16 * 1024 * 1024  # a million samples; more is damage
_MOST_END_BYTES = 64 * 1024
_MOST_TIMESCALE = 0xFFFFFFFF  # it has 32 bits in every box
_LAST = 1 << 62  # later than any instant and any tick: what says more is damaged, and would fit nowhere


@dataclass(frozen=True, slots=True)
class StoredTrack:
    """A track as the head box describes it."""

    kind: Kind
    timescale: int
    offset_ticks: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileHead:
    """What the front of a segment file says.

    Attributes:
        key: Whose footage it is.
        run: Id of the run.
        start_us: Wall time of the first picture, as known when the file began.
        start_boot_us: Boot time of the same instant.
        boot: Id of that boot.
        sync: Whether the wall clock was synchronised.
        why: Why it began.
        site: Site id.
        program: What wrote it.
        tracks: In the order of their ids, which count from 1.
        init_bytes: Size of `ftyp` and `moov`: what a player needs before any fragment.
        reserved_at: Where the room for the index begins.
        reserved_bytes: How large it is; behind it lies the first fragment.
    """

    key: StreamKey
    run: str
    start_us: int
    start_boot_us: int
    boot: str
    sync: bool
    why: str
    site: str
    program: str
    tracks: tuple[StoredTrack, ...]
    init_bytes: int
    reserved_at: int
    reserved_bytes: int

    @property
    def fragments_at(self) -> int:
        """Where the first fragment begins."""
        return self.reserved_at + self.reserved_bytes

    @property
    def reference(self) -> int:
        """Index of the track whose time is the file's time: video where there is some."""
        return next((n for n, t in enumerate(self.tracks) if t.kind is Kind.VIDEO), 0)


class StoredSample(NamedTuple):
    """Where a sample lies and when it is shown; ticks count from the file's first instant."""

    dts_ticks: int
    pts_ticks: int
    duration_ticks: int
    keyframe: bool
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TrackSlice:
    """One track's samples in one fragment: the table as it is stored."""

    track: int
    decode_ticks: int
    data_at: int
    rows: tuple[tuple[int, ...], ...]

    def __iter__(self) -> Iterator[StoredSample]:
        """Yield the samples in decode order."""
        ticks, at = self.decode_ticks, self.data_at
        for row in self.rows:
            duration, size, *rest = row
            flags, shift = rest or (SYNC_SAMPLE, 0)
            yield StoredSample(ticks, ticks + shift, duration, flags == SYNC_SAMPLE, at, size)
            ticks += duration
            at += size

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.rows)

    @property
    def keyframe(self) -> bool:
        """Whether it begins with a sample that decodes alone."""
        return len(self.rows[0]) == len(AUDIO_ROW) or self.rows[0][2] == SYNC_SAMPLE

    @property
    def media_bytes(self) -> int:
        """Payload in it."""
        return sum(row[1] for row in self.rows)

    @property
    def end_ticks(self) -> int:
        """Where the presentation of its latest sample ends."""
        return max(s.pts_ticks + s.duration_ticks for s in self)


@dataclass(frozen=True, slots=True)
class Fragment:
    """One whole fragment.

    Attributes:
        offset: Where it begins in the file.
        bytes: Its size; the next one begins behind it.
        keyframe: It begins with a keyframe (always true where there is no video).
        wall_us: Wall time at which `anchor_ticks` of track `anchor` is presented.
        anchor: Index of that track.
        anchor_ticks: Presentation time, counted from the file's first instant.
        slices: The tracks that have samples in it.
    """

    offset: int
    bytes: int
    keyframe: bool
    wall_us: int
    anchor: int
    anchor_ticks: int
    slices: tuple[TrackSlice, ...]

    def slice_of(self, track: int) -> TrackSlice | None:
        """Return a track's samples, or None where it has none here."""
        return next((s for s in self.slices if s.track == track), None)

    def end_us(self, head: FileHead) -> int | None:
        """Return the wall time at which the reference track ends here, or None where it has no sample here."""
        mine = self.slice_of(head.reference)
        if mine is None:
            return None
        return self.wall_us + self._us_after_anchor(head, head.reference, mine.end_ticks)

    def _us_after_anchor(self, head: FileHead, track: int, ticks: int) -> int:
        anchor = ticks_to_us(self.anchor_ticks, head.tracks[self.anchor].timescale)
        return ticks_to_us(ticks, head.tracks[track].timescale) - anchor


@dataclass(frozen=True, slots=True)
class Ended:
    """The end box: the file is finished. `facts` is its content."""

    offset: int
    bytes: int
    facts: dict[str, Any]


def read_head(fd: int) -> FileHead | None:
    """Read the front of a segment file.

    Returns:
        What it says, or None where the front is not whole (yet).

    Raises:
        BadInput: It is whole and does not say what a segment file says.
        OSError: It cannot be read.
    """
    raw = os.pread(fd, FRONT_BYTES, 0)
    at = init_bytes = 0
    for kind in (b"ftyp", b"moov", b"uuid"):
        if len(raw) - at < HEADER.size:
            return None
        size, found = HEADER.unpack_from(raw, at)
        if found != kind or size < HEADER.size or size > FRONT_BYTES:
            raise BadInput(f"no {kind.decode()} box at byte {at}: not a segment file")
        if at + size > len(raw):
            return None
        init_bytes, at = at, at + size
    body = raw[init_bytes + HEADER.size : at]
    if not body.startswith(HEAD_UUID):
        raise BadInput("no head box: not a segment file")
    return _parse_head(body[len(HEAD_UUID) :], init_bytes, at)


def _parse_head(body: bytes, init_bytes: int, reserved_at: int) -> FileHead:
    try:
        facts = json.loads(body)
        pairs = zip(facts["tracks"], facts["offsets_ticks"], strict=True)
        tracks = tuple(StoredTrack(Kind(t["kind"]), int(t["timescale"]), int(at), t) for t, at in pairs)
        if not tracks or any(not 0 < t.timescale <= _MOST_TIMESCALE or abs(t.offset_ticks) > _LAST for t in tracks):
            raise BadInput("the head box names no usable track")
        if int(facts["reserved_bytes"]) < SIDX_BYTES + REFERENCE_BYTES + HEADER.size:
            raise BadInput("the head box leaves no room for an index")
        if not (0 <= int(facts["start_us"]) <= _LAST and 0 <= int(facts["start_boot_us"]) <= _LAST):
            raise BadInput("the head box names no instant")
        return FileHead(
            key=StreamKey(facts["camera"], facts["stream"]), run=str(facts["run"]), start_us=int(facts["start_us"]),
            start_boot_us=int(facts["start_boot_us"]), boot=str(facts["boot"]), sync=bool(facts["sync"]),
            why=str(facts["why"]), site=str(facts.get("site", "")), program=str(facts.get("program", "")),
            tracks=tracks, init_bytes=init_bytes, reserved_at=reserved_at, reserved_bytes=int(facts["reserved_bytes"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, UsageError, OverflowError, RecursionError) as error:
        raise BadInput(f"the head box is damaged: {error}") from error


def read_next(fd: int, offset: int, head: FileHead) -> Fragment | Ended | None:
    """Read what begins at `offset`.

    Returns:
        A fragment or the file's end, or None where nothing whole is there (yet).

    Raises:
        BadInput: What is there can never become a fragment.
        OSError: It cannot be read.
    """
    raw = os.pread(fd, _PEEK_BYTES, offset)
    if len(raw) < HEADER.size:
        return None
    _size, kind = HEADER.unpack_from(raw)
    if kind == b"uuid":
        return _read_end(fd, offset, raw)
    if kind != b"prft":
        raise BadInput(f"neither a fragment nor the end at byte {offset}")
    if len(raw) < PRFT.size + MOOF.size:
        return None
    moof_bytes, kind = HEADER.unpack_from(raw, PRFT.size)
    if kind != b"moof" or not MOOF.size < moof_bytes <= _MOST_MOOF_BYTES:
        raise BadInput(f"no moof box at byte {offset + PRFT.size}")
    front = PRFT.size + moof_bytes
    if front + HEADER.size > len(raw):
        raw = os.pread(fd, front + HEADER.size, offset)
        if front + HEADER.size > len(raw):
            return None
    fragment = _parse_fragment(raw, offset, moof_bytes, head)
    return fragment if offset + fragment.bytes <= os.fstat(fd).st_size else None


def skim(fd: int, offset: int, size: int) -> int | None:
    """Return how long the fragment at `offset` is, without looking into it; None where there is no whole one.

    Args:
        fd: The file.
        offset: Where a fragment begins.
        size: Of the file, now.

    Raises:
        OSError: It cannot be read.
    """
    front = os.pread(fd, PRFT.size + HEADER.size, offset)
    if len(front) < PRFT.size + HEADER.size or front[4:8] != b"prft":
        return None
    mdat_at = PRFT.size + HEADER.unpack_from(front, PRFT.size)[0]
    mdat = os.pread(fd, HEADER.size, offset + mdat_at)
    if len(mdat) < HEADER.size:
        return None
    length = mdat_at + int(HEADER.unpack(mdat)[0])
    return length if offset + length <= size else None


def _read_end(fd: int, offset: int, raw: bytes) -> Ended | None:
    size = HEADER.unpack_from(raw)[0]
    if not HEADER.size + len(END_UUID) + TRAILER.size < size <= _MOST_END_BYTES:
        raise BadInput(f"the box at byte {offset} is not an end box")
    raw = os.pread(fd, size, offset)
    if len(raw) < size:
        return None
    body = raw[HEADER.size : -TRAILER.size]
    if not body.startswith(END_UUID) or TRAILER.unpack_from(raw, size - TRAILER.size)[0] != size:
        raise BadInput(f"the box at byte {offset} is not an end box")
    try:
        facts = json.loads(body[len(END_UUID) :])
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the end box at byte {offset} is damaged") from error
    if not isinstance(facts, dict):
        raise BadInput(f"the end box at byte {offset} is damaged")
    return Ended(offset, size, facts)


def _parse_fragment(raw: bytes, offset: int, moof_bytes: int, head: FileHead) -> Fragment:
    prft_bytes, _, _, anchor_id, ntp, anchor_ticks = PRFT.unpack_from(raw)
    mdat_at = PRFT.size + moof_bytes
    mdat_bytes, mdat = HEADER.unpack_from(raw, mdat_at)
    if prft_bytes != PRFT.size or mdat != b"mdat" or not 0 < anchor_id <= len(head.tracks):
        raise BadInput(f"the fragment at byte {offset} is damaged")
    slices: list[TrackSlice] = []
    at, data_at = PRFT.size + MOOF.size, mdat_at + HEADER.size
    while at < mdat_at:
        piece = _parse_traf(raw, at, mdat_at, head)
        if piece is None or piece.data_at != data_at - PRFT.size:
            raise BadInput(f"the fragment at byte {offset} is damaged")
        slices.append(TrackSlice(piece.track, piece.decode_ticks, offset + data_at, piece.rows))
        at += HEADER.unpack_from(raw, at)[0]
        data_at += piece.media_bytes
    if not slices or data_at != mdat_at + mdat_bytes:
        raise BadInput(f"the fragment at byte {offset} is damaged")
    lead = next((s for s in slices if s.track == head.reference), None)
    keyframe = lead is not None and lead.keyframe
    return Fragment(offset, data_at, keyframe, from_ntp(ntp), anchor_id - 1, anchor_ticks, tuple(slices))


def _parse_traf(raw: bytes, at: int, end: int, head: FileHead) -> TrackSlice | None:
    """Return a track's table, its `data_at` counted from the `moof`; None where it is not one that we write."""
    if end - at < TRAF.size:
        return None
    (
        size, traf, _, tfhd, _, track_id, _, tfdt, _, decode_ticks, trun_bytes, trun, flags, count, data_at,
    ) = TRAF.unpack_from(raw, at)  # fmt: skip
    row = {VIDEO_TRUN: VIDEO_ROW, AUDIO_TRUN: AUDIO_ROW}.get(flags)
    kinds = (traf, tfhd, tfdt, trun) == (b"traf", b"tfhd", b"tfdt", b"trun")
    if not kinds or row is None or not 0 < track_id <= len(head.tracks) or count == 0:
        return None
    if size != TRAF.size + 4 * len(row) * count or trun_bytes != size - 44 or at + size > end:
        return None
    rows = struct.iter_unpack(">" + row, raw[at + TRAF.size : at + size])
    return TrackSlice(track_id - 1, decode_ticks, data_at, tuple(rows))
