"""ISO BMFF boxes as bytes: fragments, the segment index, and our own head and end boxes.

This runs for every picture of every camera, so a fragment's table is packed in one call and payloads are never copied:
callers hand header and payloads to one gathering write.

Not here: `ftyp` and `moov` (moov), reading (boxread), files (segment). Pure; any thread.
Source: ISO/IEC 14496-12:2022, sections 8.8 (fragments), 8.16.3 (`sidx`), 8.16.5 (`prft`).
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.core.errors import BadInput
from holdfast.core.timing import SECOND_US

HEAD_UUID = b"holdfast-head-v1"
END_UUID = b"holdfast-end--v1"

SYNC_SAMPLE = 0x02000000  # depends on no other: decoding can begin here
PLAIN_SAMPLE = 0x01010000  # depends on others, not a sync sample

_NTP_EPOCH_S = 2_208_988_800  # from 1900 to 1970
_CAPTURED = 24  # prft flags: the wall time is that of capture

HEADER = struct.Struct(">I4s")
PRFT = struct.Struct(">I4sIIQQ")
MOOF = struct.Struct(">I4sI4sII")
TRAF = struct.Struct(">I4s I4sII I4sIQ I4sIIi")
_SIDX = struct.Struct(">I4sIIIQQHH")
TRAILER = struct.Struct(">I")

BASE_IS_MOOF = 0x020000
VIDEO_TRUN = 0x01000F01  # version 1; data offset; each sample's duration, size, flags and signed composition offset
AUDIO_TRUN = 0x01000301  # version 1; data offset; each sample's duration and size
VIDEO_ROW = "IIIi"
AUDIO_ROW = "II"
_VERSION_1 = 0x01000000

SIDX_BYTES = _SIDX.size
REFERENCE_BYTES = 12
SIDX_MOST = 0xFFFF  # its counter has 16 bits


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box holding `parts`."""
    body = b"".join(parts)
    return HEADER.pack(8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


@dataclass(slots=True)
class TrackTable:
    """The samples of one track in one fragment.

    Attributes:
        track_id: Counted from 1.
        decode_ticks: Decode time of the first one; never negative.
        video: Whether the table has four numbers a sample (duration, size, flags, composition offset) or the first two.
        numbers: The table, flat.
        count: Samples in it.
        data_bytes: Sum of their sizes.
    """

    track_id: int
    decode_ticks: int
    video: bool
    numbers: list[int]
    count: int
    data_bytes: int


def fragment_head(
    tables: Sequence[TrackTable], *, sequence: int, wall_us: int, reference_id: int, reference_ticks: int
) -> bytes:
    """Return `prft`, `moof` and the header of `mdat`; the payloads follow, table by table.

    Args:
        tables: One a track that has samples.
        sequence: Counts the fragments of a file from 1.
        wall_us: Wall time of `reference_ticks`.
        reference_id: Track whose media time `reference_ticks` is.
        reference_ticks: A presentation time.

    Raises:
        BadInput: A time or size does not fit its field; the samples' clocks are torn.
    """
    trafs = [TRAF.size + 4 * len(t.numbers) for t in tables]
    moof_bytes = MOOF.size + sum(trafs)
    data_at = moof_bytes + 8
    data_bytes = sum(t.data_bytes for t in tables)
    try:
        parts = [
            PRFT.pack(PRFT.size, b"prft", _VERSION_1 | _CAPTURED, reference_id, to_ntp(wall_us), reference_ticks),
            MOOF.pack(moof_bytes, b"moof", 16, b"mfhd", 0, sequence),
        ]
        for table, traf_bytes in zip(tables, trafs, strict=True):
            parts.append(
                TRAF.pack(
                    traf_bytes, b"traf",
                    16, b"tfhd", BASE_IS_MOOF, table.track_id,
                    20, b"tfdt", _VERSION_1, table.decode_ticks,
                    traf_bytes - 44, b"trun", VIDEO_TRUN if table.video else AUDIO_TRUN, table.count, data_at,
                )
            )  # fmt: skip
            row = VIDEO_ROW if table.video else AUDIO_ROW
            parts.append(struct.pack(">" + row * table.count, *table.numbers))
            data_at += table.data_bytes
        parts.append(HEADER.pack(8 + data_bytes, b"mdat"))
    except struct.error as error:
        raise BadInput(f"samples do not fit a fragment: {error}", hint="the camera's timestamps are torn") from error
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Reference:
    """One piece of the index: fragments that follow each other, `keyframe` if the first one begins with one."""

    bytes: int
    duration_ticks: int
    keyframe: bool


def sidx(references: Sequence[Reference], *, track_id: int, timescale: int, first_ticks: int, skip: int) -> bytes:
    """Return the index of a whole segment.

    Args:
        references: In order, without a hole; at most `SIDX_MOST`.
        track_id: Track that the times belong to.
        timescale: Of that track.
        first_ticks: Earliest presentation time in the first reference.
        skip: Bytes between the end of this box and the first fragment.
    """
    head = _SIDX.pack(
        SIDX_BYTES + REFERENCE_BYTES * len(references), b"sidx", _VERSION_1,
        track_id, timescale, first_ticks, skip, 0, len(references),
    )  # fmt: skip
    numbers: list[int] = []
    for reference in references:
        # SAP type 1: decoding begins with the first sample, and so does presentation.
        sap = 0x90000000 if reference.keyframe else 0
        numbers += (reference.bytes & 0x7FFFFFFF, min(reference.duration_ticks, 0xFFFFFFFF), sap)
    return head + struct.pack(f">{len(numbers)}I", *numbers)


def free_box(size: int) -> bytes:
    """Return `size` bytes that players pass over; real zeros, so that the disk gives the room now and not at seal."""
    return HEADER.pack(size, b"free") + bytes(size - 8)


def head_box(facts: dict[str, Any]) -> bytes:
    """Return our box after `moov`: what a file says of itself when it begins."""
    return box(b"uuid", HEAD_UUID, _json(facts))


def end_box(facts: dict[str, Any]) -> bytes:
    """Return our last box: the file is finished.

    Its last four bytes repeat its size. So a reader finds it from the end, and libav, which looks there for the size of
    an `mfra` box, takes the index for complete: without that, it does not trust `sidx` for the duration.
    """
    body = END_UUID + _json(facts)
    size = 8 + len(body) + 4
    return HEADER.pack(size, b"uuid") + body + TRAILER.pack(size)


def _json(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


def to_ntp(us: int) -> int:
    """Return an instant as 64-bit NTP time (seconds since 1900, 32.32), exact enough to come back unchanged.

    The 32 bits of seconds end in February 2036 and begin again (RFC 5905, section 6).
    """
    seconds, rest = divmod(us, SECOND_US)
    return (seconds + _NTP_EPOCH_S & 0xFFFFFFFF) << 32 | (rest << 32) // SECOND_US


def from_ntp(ntp: int) -> int:
    """Return 64-bit NTP time as microseconds since the epoch; what would lie before 1970 is in the next era."""
    rest_us = ((ntp & 0xFFFFFFFF) * SECOND_US + (1 << 31)) >> 32
    return ((ntp >> 32) - _NTP_EPOCH_S & 0xFFFFFFFF) * SECOND_US + rest_us
