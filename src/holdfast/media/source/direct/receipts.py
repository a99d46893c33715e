"""What a session owes its camera while it reads: receiver reports, and a sign of life before its time is up.

On the stream's thread. Not here: what reports look like (reports), how to ask (dialogue).
"""

import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.core.timing import SECOND_US
from holdfast.media.source.direct.dialogue import Dialogue
from holdfast.media.source.direct.flow import Flow
from holdfast.media.source.direct.reports import Reception, SenderReport, receiver_report, sender_report
from holdfast.media.source.direct.rtp import RtpTrack
from holdfast.media.source.direct.wire import Wire

REPORT_US = 5 * SECOND_US  # RFC 3550, 6.2: five seconds between reports
ALIVE_SHARE = 2  # a request each half of the session's time: one may be lost or late
_MOST_US = 30 * SECOND_US  # chosen: cameras that say nothing of their time-out have been seen to use 60 s


@dataclass(slots=True)
class Watched:
    """One track and where its reports go."""

    track: RtpTrack
    flow: Flow
    channel: int
    url: str
    report: SenderReport | None = None
    report_us: int = 0
    seen: list[int] = field(default_factory=lambda: [0])


class Receipts:
    """Keeps a session alive."""

    def __init__(self, wire: Wire) -> None:
        self.watched: list[Watched] = []
        self._wire = wire
        self._own = secrets.randbits(32)
        self._report_us = 0
        self._alive_us = 0
        self._seen = (0, 0)

    def watch(self, track: RtpTrack, flow: Flow, channel: int, url: str) -> Callable[[int, int, int], int]:
        """Note a track; returns what takes the packets of its reports."""
        watched = Watched(track, flow, channel, url)
        self.watched.append(watched)
        view, wire = self._wire.view, self._wire

        def take(begin: int, after: int, end: int) -> int:  # noqa: ARG001 - the shape of all takers
            report = sender_report(bytes(view[begin:after]))
            if report is not None:
                watched.report, watched.report_us = report, wire.arrived_us
                flow.tell(report.wall_us, report.stamp)
            return after

        return take

    def chores(self, now_us: int, talk: Dialogue) -> int:
        """Send what is due; returns when to ask again."""
        if now_us >= self._report_us:
            self._report_us = now_us + REPORT_US
            self._send_reports(now_us)
            self._count(now_us)
        span_us = min(talk.timeout_s * SECOND_US // ALIVE_SHARE, _MOST_US)
        if not self._alive_us:
            self._alive_us = now_us + span_us
        if now_us >= self._alive_us:
            self._alive_us = now_us + span_us
            talk.stay()
        return min(self._report_us, self._alive_us)

    def packets_since(self, since_us: int) -> bool:
        """Say whether any packet of a track has come since about then."""
        total = sum(watched.track.packets for watched in self.watched)
        return total > self._seen[1] if self._seen[0] >= since_us else total > 0

    def _count(self, now_us: int) -> None:
        self._seen = (now_us, sum(watched.track.packets for watched in self.watched))

    def _send_reports(self, now_us: int) -> None:
        out = bytearray()
        for watched in self.watched:
            track, report = watched.track, watched.report
            if not track.packets:
                continue
            seen = Reception(
                track.source, track.lost, track.highest, report.ntp if report else 0,
                now_us - watched.report_us if report else 0,
            )  # fmt: skip
            body = receiver_report(self._own, [seen])
            out += struct.pack(">BBH", 0x24, watched.channel, len(body)) + body
        if out:
            self._wire.send(bytes(out))
