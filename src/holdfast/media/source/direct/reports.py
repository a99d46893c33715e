"""RTCP: sender reports read, receiver reports written (RFC 3550, section 6). Pure.

Some cameras end a session whose receiver never reports.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.media.boxes import from_ntp

_SENDER, _RECEIVER, _DESCRIPTION = 200, 201, 202
_HEAD = struct.Struct(">BBH")
_SENT = struct.Struct(">IQI")  # source, NTP time, RTP time
_BLOCK = struct.Struct(">IIIIII")


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a camera says of its clocks: `wall_us` is its wall clock, `ntp` the middle of the same, for our answer."""

    source: int
    wall_us: int
    stamp: int
    ntp: int


def sender_report(packet: bytes) -> SenderReport | None:
    """Find the sender report in a compound packet; None where there is none or it is damaged."""
    at = 0
    while at + _HEAD.size <= len(packet):
        flags, kind, words = _HEAD.unpack_from(packet, at)
        if flags >> 6 != 2:  # noqa: PLR2004 - RTCP's version
            return None
        if kind == _SENDER and at + _HEAD.size + _SENT.size <= len(packet):
            source, ntp, stamp = _SENT.unpack_from(packet, at + _HEAD.size)
            # A camera whose clock was never set reports zero: that says nothing, not 1900.
            return SenderReport(source, from_ntp(ntp), stamp, ntp >> 16 & 0xFFFFFFFF) if ntp else None
        at += 4 + 4 * words
    return None


@dataclass(frozen=True, slots=True)
class Reception:
    """What was received of one source.

    Attributes:
        source: Its SSRC.
        lost: Packets missing since the beginning.
        highest: Extended highest sequence number.
        report_ntp: Middle of the NTP time of its last report, or 0.
        since_us: Microseconds since that report came.
    """

    source: int
    lost: int
    highest: int
    report_ntp: int
    since_us: int


def receiver_report(own: int, received: Sequence[Reception]) -> bytes:
    """Write a receiver report with the name that RTCP demands."""
    body = b"".join(
        _BLOCK.pack(
            one.source, min(one.lost, 0x7FFFFF), one.highest, 0, one.report_ntp,
            min(one.since_us * 65_536 // 1_000_000, 0xFFFFFFFF) if one.report_ntp else 0,
        )
        for one in received
    )  # fmt: skip
    head = struct.pack(">BBHI", 0x80 | len(received), _RECEIVER, 1 + len(body) // 4, own)
    name = b"holdfast"
    chunk = struct.pack(">IBB", own, 1, len(name)) + name
    chunk += bytes(4 - len(chunk) % 4)
    return head + body + struct.pack(">BBH", 0x81, _DESCRIPTION, len(chunk) // 4) + chunk
