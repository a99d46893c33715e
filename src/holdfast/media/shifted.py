"""A segment file read as if its clock began at another instant, byte for byte as long as it is.

Every file counts from 0. Players that are handed one file after the other go wrong where time goes back: ffmpeg drops
the pictures until it has caught up. So whoever lists files for them says where each one belongs, and the times in the
heads of its fragments (`tfdt`, and that of `prft`) are raised by as much while it is read; nothing else changes.

Any thread; a descriptor is read at offsets.
"""

import os
import struct
from bisect import bisect_right
from collections.abc import Iterator

from holdfast.core.errors import BadInput
from holdfast.core.timing import us_to_ticks
from holdfast.media.boxes import HEADER, MOOF, PRFT
from holdfast.media.index_of import FileIndex

_NUMBER = struct.Struct(">Q")
_PRFT_TRACK, _PRFT_TIME = 12, 24  # where `boxes.PRFT` has the track's id and its time
_TRAF_TRACK, _TRAF_TIME = 20, 36  # the same of `boxes.TRAF`: tfhd's track id, tfdt's time
_MOST_MOOF_BYTES = 16 * 1024 * 1024
_WRAP = 1 << 64


def read_shifted(fd: int, index: FileIndex, at_us: int, offset: int, count: int) -> bytes:
    """Read a part of a file.

    Args:
        fd: The file.
        index: Of it.
        at_us: The instant on the player's timeline at which the file's own time 0 lies; not negative.
        offset: Where the part begins.
        count: How long it is at most.

    Raises:
        BadInput: The file is damaged.
        OSError: It cannot be read.
    """
    raw = os.pread(fd, count, offset)
    if at_us == 0 or not raw or offset + len(raw) <= index.offsets[0]:
        return raw
    changed = bytearray(raw)
    for place, value in _times(fd, index, at_us, offset, offset + len(raw)):
        # A field may lie across the border of a part: only what is in this one is put in.
        first, last = max(place, offset), min(place + _NUMBER.size, offset + len(raw))
        if first < last:
            changed[first - offset : last - offset] = _NUMBER.pack(value)[first - place : last - place]
    return bytes(changed)


def _times(fd: int, index: FileIndex, at_us: int, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield place and new value of every time in the fragments' heads between two places."""
    shifts = [us_to_ticks(at_us, track.timescale) for track in index.head.tracks]
    at = index.offsets[max(0, bisect_right(index.offsets, first) - 1)]
    while at < min(last, index.end):
        begin = os.pread(fd, PRFT.size + HEADER.size, at)
        if len(begin) < PRFT.size + HEADER.size:
            return
        moof_bytes = HEADER.unpack_from(begin, PRFT.size)[0]
        if not MOOF.size < moof_bytes <= _MOST_MOOF_BYTES:
            raise BadInput(f"no moof box at byte {at + PRFT.size}")
        front = PRFT.size + moof_bytes
        raw = os.pread(fd, front + HEADER.size, at)
        if len(raw) < front + HEADER.size:
            return
        if at + front > first:
            yield from ((at + place, value) for place, value in _shifted(raw, front, shifts))
        at += front + HEADER.unpack_from(raw, front)[0]


def _shifted(raw: bytes, front: int, shifts: list[int]) -> Iterator[tuple[int, int]]:
    fields = [(_PRFT_TRACK, _PRFT_TIME)]
    at = PRFT.size + MOOF.size
    while at + _TRAF_TIME + _NUMBER.size <= front:
        fields.append((at + _TRAF_TRACK, at + _TRAF_TIME))
        size = HEADER.unpack_from(raw, at)[0]
        if size < HEADER.size:
            raise BadInput("a fragment's table has no size")
        at += size
    for track, place in fields:
        number = int.from_bytes(raw[track : track + 4], "big")
        if not 0 < number <= len(shifts):
            raise BadInput("a fragment's table belongs to no track")
        yield place, (_NUMBER.unpack_from(raw, place)[0] + shifts[number - 1]) % _WRAP
