"""Stored fragments as a browser's player takes them: one presentation timeline a viewer, whatever files they come from.

Every file counts from 0, and every connection of a camera has a clock of its own. A `Presentation` places them one
after the other: pictures continue exactly where they ended, sound follows its pictures. Only the times in a fragment's
head are rewritten; payloads pass as they lie on disk.

Pure but for the bytes that it is handed; one object a viewer.
Not here: reading files (footage), what is sent (showing).
Source: RFC 6381 and ISO/IEC 14496-15 annex E for the names of codecs; W3C's byte stream format for ISO BMFF.
"""

import struct
from dataclasses import dataclass

from holdfast.core.camera import Kind
from holdfast.core.errors import BadInput
from holdfast.core.timing import SECOND_US, ticks_to_us, us_to_ticks
from holdfast.media.boxes import HEADER, MOOF, PRFT
from holdfast.media.boxread import FileHead, Fragment
from holdfast.media.decode import Coding, codings

_NUMBER = struct.Struct(">Q")
_TRAF_TRACK, _TRAF_TIME = 20, 36  # where `boxes.TRAF` has tfhd's track id and tfdt's time
_HEVC_LEAST = 13  # bytes of an hvcC up to its level


@dataclass(frozen=True, slots=True)
class Init:
    """What a player needs before the fragments of a run.

    Attributes:
        data: `ftyp` and `moov`.
        codecs: RFC 6381 names, pictures first.
        video: Codec of the pictures as Holdfast calls it (`h264`, `hevc`); empty where there are none.
        width: Pixels; 0 where there are no pictures.
        height: Pixels.
    """

    data: bytes
    codecs: tuple[str, ...]
    video: str
    width: int
    height: int

    @property
    def mime(self) -> str:
        """Return the type for a `SourceBuffer`."""
        kind = "video" if self.video else "audio"
        return f'{kind}/mp4; codecs="{",".join(self.codecs)}"'


def init_of(head: FileHead, front: bytes) -> Init:
    """Read what a file's player needs first.

    Args:
        head: What the file says of itself.
        front: Its first `head.init_bytes` bytes.

    Raises:
        BadInput: They are not what a segment file begins with.
    """
    found = codings(head, front)
    video = found.get(Kind.VIDEO)
    names = [_name(kind, found[kind]) for kind in (Kind.VIDEO, Kind.AUDIO) if kind in found]
    if video is None:
        return Init(front, tuple(names), "", 0, 0)
    return Init(front, tuple(names), video.codec, video.width, video.height)


def _name(kind: Kind, coding: Coding) -> str:
    config = coding.config
    if kind is Kind.AUDIO:
        if not config:
            raise BadInput("sound without a configuration")
        return f"mp4a.40.{config[0] >> 3}"
    if coding.codec == "h264" and len(config) >= 4:  # noqa: PLR2004 - version, profile, constraints, level
        return f"avc1.{config[1:4].hex()}"
    if coding.codec == "hevc" and len(config) >= _HEVC_LEAST:
        space = ("", "A", "B", "C")[config[1] >> 6]
        compatible = int(f"{int.from_bytes(config[2:6], 'big'):032b}"[::-1], 2)
        tier = "H" if config[1] & 0x20 else "L"
        limits = "".join(f".{byte:X}" for byte in config[6:12].rstrip(b"\0"))
        return f"hvc1.{space}{config[1] & 0x1F}.{compatible:X}.{tier}{config[12]}{limits}"
    raise BadInput(f"no player knows {coding.codec or 'a track without a codec'}")


class Presentation:
    """One viewer's timeline, in seconds from 0."""

    def __init__(self) -> None:
        self._end_us = 0  # of the pictures that were placed
        self._base_us: int | None = None  # presentation time of a run's own time 0
        self._run = ""

    @property
    def end_s(self) -> float:
        """Where what was placed ends."""
        return self._end_us / SECOND_US

    def jump(self) -> None:
        """What comes next does not continue what was before, although it may be of the same run."""
        self._base_us = None

    def place(self, head: FileHead, fragment: Fragment) -> bool:
        """Make room for a fragment.

        Returns:
            Whether it begins a new stretch: then it must begin with a keyframe, and wall time relates anew.
        """
        new = self._base_us is None or head.run != self._run
        if new:
            self._run = head.run
            # The lead alone decides: a hole in the pictures would stop a player, sound may overlap by a block.
            lead = fragment.slice_of(head.reference) or fragment.slices[0]
            first = min(sample.pts_ticks for sample in lead)
            track = head.tracks[lead.track]
            earliest_us = min(
                ticks_to_us(part.decode_ticks + head.tracks[part.track].offset_ticks, head.tracks[part.track].timescale)
                for part in fragment.slices
            )
            begin_us = ticks_to_us(first + track.offset_ticks, track.timescale)
            # Decoding may begin before the first picture is shown, and no time may be below 0.
            self._base_us = max(self._end_us - begin_us, -earliest_us)
        return new

    def start_s(self, head: FileHead, fragment: Fragment) -> float:
        """Return where a placed fragment's anchor is presented: the instant whose wall time it names."""
        track = head.tracks[fragment.anchor]
        return (ticks_to_us(fragment.anchor_ticks + track.offset_ticks, track.timescale) + self._base()) / SECOND_US

    def rewrite(self, head: FileHead, fragment: Fragment, raw: bytes) -> bytes:
        """Return a placed fragment with its times on this timeline, without its `prft`.

        Args:
            head: Of its file.
            fragment: What it is.
            raw: Its bytes, as they lie in the file.

        Raises:
            BadInput: They are not that fragment's.
        """
        if len(raw) != fragment.bytes or raw[PRFT.size + 4 : PRFT.size + 8] != b"moof":
            raise BadInput(f"the fragment at byte {fragment.offset} is damaged")
        data = bytearray(memoryview(raw)[PRFT.size :])
        at, end = MOOF.size, HEADER.unpack_from(data)[0]
        while at + _TRAF_TIME + _NUMBER.size <= end:
            number = int.from_bytes(data[at + _TRAF_TRACK : at + _TRAF_TRACK + 4], "big") - 1
            size = HEADER.unpack_from(data, at)[0]
            if not 0 <= number < len(head.tracks) or size < _TRAF_TIME:
                raise BadInput(f"the fragment at byte {fragment.offset} is damaged")
            track = head.tracks[number]
            ticks = _NUMBER.unpack_from(data, at + _TRAF_TIME)[0] + track.offset_ticks
            placed = max(0, ticks + us_to_ticks(self._base(), track.timescale))
            _NUMBER.pack_into(data, at + _TRAF_TIME, placed)
            at += size
        lead = fragment.slice_of(head.reference)
        if lead is not None:
            track = head.tracks[lead.track]
            end_us = ticks_to_us(lead.end_ticks + track.offset_ticks, track.timescale) + self._base()
            self._end_us = max(self._end_us, end_us)
        return bytes(data)

    def _base(self) -> int:
        if self._base_us is None:
            raise BadInput("a fragment that was not placed")
        return self._base_us
