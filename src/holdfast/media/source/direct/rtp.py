"""What all RTP tracks have in common: headers, sequence numbers, what receiver reports need. RFC 3550.

On the stream's thread. Not here: what is in the packets (video, sound), framing on TCP (frames).
"""

import struct
from abc import ABC, abstractmethod

from holdfast.media.source.direct.wire import Wire

HEADER_BYTES = 12
_HEADER = struct.Struct(">BBHII")
_PLAIN = 0x80  # version 2, no padding, no extension, no contributing sources
_MOST_LATE = 0x8000  # RFC 3550, A.1: half of the sequence numbers


class RtpTrack(ABC):
    """Takes one track's packets where they lie in the wire's buffer.

    Args:
        wire: Where they lie.
        payload_type: What the description says; other packets are passed over.

    Attributes:
        source: The sender's SSRC, as of the last packet that was looked at closely.
        packets: Packets taken.
        lost: Packets that are missing by their numbers.
        cycles: How often the numbers began again, for receiver reports.
        next: The number that is due.
    """

    def __init__(self, wire: Wire, payload_type: int) -> None:
        self.source = 0
        self.packets = 0
        self.lost = 0
        self.cycles = 0
        self.next = -1
        self._wire = wire
        self._buf = wire.buf
        self._view = wire.view
        self._type = payload_type
        self._unpack = _HEADER.unpack_from

    @property
    def highest(self) -> int:
        """The extended highest number that was received."""
        return (self.cycles << 16 | self.next) - 1 & 0xFFFFFFFF

    def packet(self, begin: int, after: int, end: int) -> int:
        """Take the packet from `begin` to `after`, and what follows it as far as it likes, but not beyond `end`.

        Returns:
            Where the first byte stands that was not taken: `after`, or the end of a later packet.
        """
        flags, kind, number, stamp, self.source = self._unpack(self._buf, begin)
        if kind & 0x7F != self._type or after - begin <= HEADER_BYTES or flags >> 6 != 2:  # noqa: PLR2004 - RTP's version
            return after
        body, stop = begin + HEADER_BYTES, after
        if flags != _PLAIN:
            body, stop = self._trim(body, after, flags)
            end = after  # those that follow are looked at one by one, too
            if body >= stop:
                return after
        if number != self.next:
            self._missing(number)
        self.next = number
        self._counted(1)
        return self._take(body, stop, stamp, kind & 0x80, after, end)

    @abstractmethod
    def _take(self, body: int, stop: int, stamp: int, marker: int, after: int, end: int) -> int:
        """Take the payload from `body` to `stop`; the rest as in `packet`."""

    @abstractmethod
    def _gap(self) -> None:
        """Packets are missing before the one that is taken next."""

    def _counted(self, packets: int) -> None:
        """Note that so many packets in a row have been taken."""
        self.packets += packets
        self.next += packets
        if self.next > 0xFFFF:  # noqa: PLR2004 - 16 bits
            self.next &= 0xFFFF
            self.cycles += 1

    def _missing(self, number: int) -> None:
        if self.next >= 0:
            missing = number - self.next & 0xFFFF
            if missing < _MOST_LATE:
                self.lost += missing
            self._gap()

    def _trim(self, body: int, after: int, flags: int) -> tuple[int, int]:
        """Pass over contributing sources, an extension and padding."""
        buf = self._buf
        body += 4 * (flags & 0x0F)
        if flags & 0x10 and body + 4 <= after:
            body += 4 + 4 * (buf[body + 2] << 8 | buf[body + 3])
        return body, after - buf[after - 1] if flags & 0x20 else after
