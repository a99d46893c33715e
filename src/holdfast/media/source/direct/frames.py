"""What stands in the wire's buffer: packets of tracks, RTSP messages between them, and garbage (RFC 2326, 10.12).

On the stream's thread. Not here: reading (wire), what packets hold (video, sound), what messages mean (dialogue).
"""

import re
from collections.abc import Callable

from holdfast.media.source.direct.message import MOST_BODY_BYTES, MOST_HEAD_BYTES, Message, body_bytes, read_head
from holdfast.media.source.direct.wire import LOW_BYTES, ROOM_BYTES, Wire

_DOLLAR = 0x24
_MESSAGE = re.compile(rb"[A-Z_]{1,20}[ /]")
_SOON = re.compile(rb"[A-Z_]{0,20}")
_RESUMES = re.compile(rb"\$|RTSP/1\.")

Taker = Callable[[int, int, int], int]


class Frames:
    """Walks through the buffer.

    Args:
        wire: Whose buffer.

    Attributes:
        takers: Who takes the packets of a channel: called with where one begins and ends and where the buffer ends;
            returns how far it took. Packets of other channels are passed over.
        holders: Asked whether they hold pieces of the buffer, and told to let go of them.
        messages: RTSP messages that came, in order; the reader empties it.
        garbage_bytes: Bytes that were neither.
    """

    def __init__(self, wire: Wire) -> None:
        self.takers: dict[int, Taker] = {}
        self.holders: list[tuple[Callable[[], bool], Callable[[], None]]] = []
        self.messages: list[Message] = []
        self.garbage_bytes = 0
        self._wire = wire

    def walk(self) -> None:
        """Take everything that is whole, and make room for what comes."""
        wire, takers = self._wire, self.takers
        buf, at, end = wire.buf, wire.at, wire.end
        while end - at >= 4:  # noqa: PLR2004 - the framing of a packet
            if buf[at] != _DOLLAR:
                following = self._other(at, end)
                if following == at:
                    break
                at = following
                continue
            begin = at + 4
            after = begin + (buf[at + 2] << 8 | buf[at + 3])
            if after > end:
                break
            taker = takers.get(buf[at + 1])
            at = after if taker is None else taker(begin, after, end)
        wire.at = at
        if at == end or end > ROOM_BYTES - LOW_BYTES or not self._held():
            self._settle()

    def _held(self) -> bool:
        return any(holds() for holds, _ in self.holders)

    def _settle(self) -> None:
        wire = self._wire
        if self._held():
            if wire.end <= ROOM_BYTES - LOW_BYTES:
                return
            for _, let_go in self.holders:
                let_go()
        wire.settle()

    def _other(self, at: int, end: int) -> int:
        """Take a message or garbage; returns where it ends, or `at` where more must come first."""
        buf = self._wire.buf
        if buf[at] in b"\r\n":
            return at + 1
        if _MESSAGE.match(buf, at, end):
            stop = buf.find(b"\r\n\r\n", at, min(end, at + MOST_HEAD_BYTES))
            if stop >= 0:
                return self._message(at, stop + 4, end)
            if end - at < MOST_HEAD_BYTES:
                return at
        elif end - at < 20 and (found := _SOON.match(buf, at, end)) and found.end() == end:  # noqa: PLR2004 - the longest method has 13 letters
            return at
        return self._garbage(at, end)

    def _message(self, at: int, body: int, end: int) -> int:
        buf = self._wire.buf
        message = read_head(bytes(buf[at:body]))
        size = 0 if message is None else body_bytes(message)
        if message is None or size > MOST_BODY_BYTES:
            return self._garbage(at, end)
        if body + size > end:
            return at
        message.body = bytes(buf[body : body + size])
        self.messages.append(message)
        return body + size

    def _garbage(self, at: int, end: int) -> int:
        """Pass over bytes that make no sense, to the next place that looks like a packet or a message."""
        buf, place = self._wire.buf, at + 1
        while True:
            found = _RESUMES.search(buf, place, end)
            if found is None:
                self.garbage_bytes += end - at
                return end
            place = found.start()
            if self._plausible(place, end):
                self.garbage_bytes += place - at
                return place
            place += 1

    def _plausible(self, at: int, end: int) -> bool:
        """Say whether a packet of ours may begin here: one of our channels, RTP's version, and another one after it."""
        buf = self._wire.buf
        if buf[at] != _DOLLAR or end - at < 5:  # noqa: PLR2004 - framing and version
            return True
        if buf[at + 1] not in self.takers or buf[at + 4] >> 6 != 2:  # noqa: PLR2004 - RTP's and RTCP's version
            return False
        after = at + 4 + (buf[at + 2] << 8 | buf[at + 3])
        return after >= end or buf[after] in b"$R"
