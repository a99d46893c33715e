"""RTP packets of H.264 (RFC 6184) and H.265 (RFC 7798) into pictures.

Most packets are the middle of a fragmented picture, so those are taken in a loop of their own: one unpacking, two
comparisons and one cut each. Nothing is copied until the picture is whole, then once.

A picture with a hole is left out and counted; those after it are kept, for a decoder conceals what they refer to, and
half a second of smear in a recording is better than nothing until the next keyframe.

On the stream's thread. Not here: timestamps (flow), parameter sets (source.sets).
"""

import struct
from abc import abstractmethod
from collections.abc import Callable

from holdfast.core.camera import Sample, Track
from holdfast.media.nal import recovers_at_once
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.direct.flow import Flow
from holdfast.media.source.direct.rtp import RtpTrack
from holdfast.media.source.direct.wire import Wire
from holdfast.media.source.sets import ParameterSets

MOST_BYTES = 16 * 1024 * 1024  # chosen: five times the largest keyframe of a 4K camera; a picture is not longer
MOST_PIECES = 40_000  # the same, in packets of 400 bytes
MOST_SETS = 64  # chosen: a stream has three or four; the standard allows 32 and 256
_FRAMING = 4
_NEXT = 1 << 32  # what is added to the eight bytes from flags to timestamp when the sequence number goes on by one


class VideoTrack(RtpTrack):
    """One video track; `h264` and `hevc` differ in where a NAL unit says what it is.

    Args:
        wire: The connection.
        payload_type: Of its packets.
        sets: Parameter sets, those of the description learnt.
        flow: Its timestamps.
        changed: Makes the tracks that a `TracksChanged` names.
        out: Where samples go.

    Attributes:
        holed: Pictures left out because packets were missing.
    """

    _head_bytes = 1

    def __init__(
        self,
        wire: Wire,
        payload_type: int,
        sets: ParameterSets,
        flow: Flow,
        changed: Callable[[], tuple[Track, ...]],
        out: list[Sample | TracksChanged],
    ) -> None:
        super().__init__(wire, payload_type)
        self.flow = flow
        self.holed = 0
        self._sets = sets
        self._changed = changed
        self._out = out
        self._pieces: list[bytes | memoryview] = []
        self._parameters: list[bytes] = []
        self._stamp = -1
        self._key = False
        self._coded = False
        self._first = True
        self._hole = False
        self._suspect = True  # nobody knows whether the first packet is the first of its picture
        self._marks = True
        self._ended = -1
        self._open = -1  # index of the piece that waits for the length of the unit that is being put together
        self._open_bytes = 0
        self._open_kind = 0
        self._bytes = 0
        if sets.track is not None:
            flow.change(sets.reorder)

    @property
    def track(self) -> Track | None:
        """The track as it is now."""
        return self._sets.track

    @property
    def holds(self) -> bool:
        """Whether pieces of the wire's buffer are held."""
        return bool(self._pieces)

    def detach(self) -> None:
        """Copy what is held, so that the buffer may be moved."""
        self._pieces = [bytes(piece) for piece in self._pieces]

    # --- what the codecs differ in -----------------------------------------------------------------------------------

    @abstractmethod
    def _unit(self, begin: int, end: int) -> None:
        """Take one whole NAL unit."""

    @abstractmethod
    def _is_parameter(self, kind: int) -> bool:
        """Say whether a unit of this kind is a parameter set."""

    # --- pictures ----------------------------------------------------------------------------------------------------

    def _begin(self, stamp: int) -> None:
        """Another timestamp: what came before is whole, if its marker was not what is missing."""
        if self._coded or self._hole:
            suspect = self._suspect
            self._finish()
            self._suspect = suspect
        self._stamp = stamp

    def _end(self) -> None:
        """The packet with the marker has been taken."""
        if self._marks and (self._coded or self._hole):
            self._ended = self._stamp
            self._finish()

    def _gap(self) -> None:
        # Of the picture that is being put together something is missing; of the next one perhaps its beginning.
        if self._coded or self._open >= 0:
            self._hole = True
        self._suspect = True
        self._shut(whole=False)

    def _finish(self) -> None:
        """Put the picture together and hand it out."""
        pieces, self._pieces = self._pieces, []
        parameters, self._parameters = self._parameters, []
        keyframe, hole = self._key, self._hole or self._open >= 0
        self._key = self._coded = self._hole = self._suspect = False
        self._first = True
        self._open, self._bytes = -1, 0
        sets = self._sets
        if parameters:
            unknown = sets.track is None
            sets.learn(parameters)
            if unknown and sets.track is not None:
                self.flow.change(sets.reorder)
        if hole:
            self.holed += 1
            return
        if sets.track is None or not pieces:
            return
        if keyframe and sets.pending and sets.turn():
            self.flow.change(sets.reorder)
            self._out.append(TracksChanged(self._changed()))
        self._out.append(self.flow.push(b"".join(pieces), self._stamp, self._wire.arrived_us, keyframe=keyframe))

    def _slice(self, *, first: bool) -> None:
        """Note that a slice has come; `first` says that it is the first one of its picture."""
        if self._first:
            self._first = False
            if not first:
                if self._suspect:
                    self._hole = True
                elif self._stamp == self._ended:
                    # It continues a picture whose end was marked too early: this camera marks every slice.
                    self._marks = False
        self._coded = True

    def _keep(self, begin: int, end: int) -> None:
        if self._open >= 0:
            self._shut(whole=False)
        self._bound(end - begin)
        self._pieces.append((end - begin).to_bytes(4, "big"))
        self._pieces.append(self._view[begin:end])

    def _bound(self, more_bytes: int) -> None:
        """Count what a picture holds, and drop one that nobody can mean."""
        self._bytes += more_bytes
        if self._bytes > MOST_BYTES or len(self._pieces) > MOST_PIECES:
            self._hole, self._bytes = True, 0
            self._pieces, self._open = [], -1

    def _parameter(self, unit: bytes) -> None:
        if len(self._parameters) < MOST_SETS:
            self._parameters.append(unit)

    # --- fragments ---------------------------------------------------------------------------------------------------

    def _start(self, head: bytes, kind: int) -> None:
        """A unit begins that is sent in fragments; its length will be known at its end."""
        self._shut(whole=False)
        self._open, self._open_bytes, self._open_kind = len(self._pieces), len(head), kind
        self._pieces.append(head)

    def _shut(self, *, whole: bool) -> None:
        """The unit that was sent in fragments is over."""
        at, self._open = self._open, -1
        if at < 0:
            return
        if not whole:
            del self._pieces[at:]
            self._hole = True
        elif self._is_parameter(self._open_kind):
            self._parameter(b"".join(self._pieces[at:]))
            del self._pieces[at:]
        else:
            self._pieces[at] = self._open_bytes.to_bytes(4, "big") + self._pieces[at]

    def _together(self, at: int, stop: int) -> None:
        """Take an aggregation packet: units with two bytes of length before each."""
        buf = self._buf
        while at + 2 < stop:
            begin = at + 2
            at = begin + (buf[at] << 8 | buf[at + 1])
            if at > stop:
                self._hole = True
                return
            if at - begin >= self._head_bytes:
                self._unit(begin, at)


class H264Track(VideoTrack):
    """H.264 in single packets, STAP-A and FU-A: packetization modes 0 and 1, which is what cameras send."""

    _middle = struct.Struct(">IQ4xH").unpack_from

    def _is_parameter(self, kind: int) -> bool:
        return kind in {7, 8, 13}

    def _unit(self, begin: int, end: int) -> None:
        kind = self._buf[begin] & 0x1F
        if kind in {7, 8, 13}:
            self._parameter(bytes(self._view[begin:end]))
            return
        if kind == 9:  # noqa: PLR2004 - an access unit delimiter (table 7-1)
            return
        if kind <= 5 and kind:  # noqa: PLR2004 - coded slices (table 7-1)
            self._key = self._key or kind == 5  # noqa: PLR2004 - of an IDR picture
            self._slice(first=end - begin > 1 and self._buf[begin + 1] >= 0x80)  # noqa: PLR2004 - first_mb_in_slice 0 is one bit
        elif kind == 6 and not self._key:  # noqa: PLR2004 - SEI
            self._key = recovers_at_once(self._buf, begin, end)
        self._keep(begin, end)

    def _take(self, body: int, stop: int, stamp: int, marker: int, after: int, end: int) -> int:
        if stamp != self._stamp:
            self._begin(stamp)
        head = self._buf[body]
        kind = head & 0x1F
        if kind == 28 and stop - body > 2:  # noqa: PLR2004 - FU-A and something in it
            after = self._fragment(body, stop, after, end, head)
        elif kind == 24:  # noqa: PLR2004 - STAP-A
            self._together(body + 1, stop)
        elif kind < 24:  # noqa: PLR2004 - a unit of its own
            self._unit(body, stop)
        if marker:
            self._end()
        return after

    def _fragment(self, body: int, stop: int, after: int, end: int, head: int) -> int:
        """Take a fragment, and after the first one all that continue it."""
        buf, view = self._buf, self._view
        inside = buf[body + 1]
        if inside & 0x80:
            kind = inside & 0x1F
            if kind <= 5:  # noqa: PLR2004 - coded slices
                self._key = self._key or kind == 5  # noqa: PLR2004 - of an IDR picture
                self._slice(first=buf[body + 2] >= 0x80)  # noqa: PLR2004 - first_mb_in_slice 0 is one bit
            self._start(bytes([head & 0xE0 | kind]), kind)
        elif self._open < 0:
            self._hole = True  # its beginning is missing
            return after
        self._bound(stop - body)
        if self._open < 0:
            return after
        self._pieces.append(view[body + 2 : stop])
        self._open_bytes += stop - body - 2
        if inside & 0x40:
            self._shut(whole=True)
            return after
        return self._middles(body - 16, after, end, head << 8 | inside & 0x1F)

    def _middles(self, at: int, after: int, end: int, middle: int) -> int:
        """Take the fragments after one that begins at `at` and ends at `after`, as long as each continues the last."""
        unpack, view, append = self._middle, self._view, self._pieces.append
        word, want, _ = unpack(self._buf, at)
        base = word & 0xFFFF0000
        want = (want & ~(0x80 << 48)) + _NEXT
        begin, taken = after, 0
        while True:
            word, came, inside = unpack(self._buf, after)
            if came != want or inside != middle:
                break
            following = word - base
            if not 14 < following <= 0xFFFF:  # noqa: PLR2004 - headers alone, or another channel
                break
            following += after + _FRAMING
            if following > end:
                break
            append(view[after + 18 : following])
            want += _NEXT
            taken += 1
            after = following
        if taken:
            self._open_bytes += after - begin - 18 * taken
            self._bound(after - begin)
            self._counted(taken)
        return after


class H265Track(VideoTrack):
    """H.265 in single packets, AP and FU; no decoding order numbers, which no camera sends."""

    _head_bytes = 2
    _middle = struct.Struct(">IQ4xHB").unpack_from

    def _is_parameter(self, kind: int) -> bool:
        return kind in {32, 33, 34}

    def _unit(self, begin: int, end: int) -> None:
        kind = self._buf[begin] >> 1 & 0x3F
        if kind in {32, 33, 34}:
            self._parameter(bytes(self._view[begin:end]))
            return
        if kind == 35:  # noqa: PLR2004 - an access unit delimiter (table 7-1)
            return
        if kind < 32:  # noqa: PLR2004 - coded slices
            self._key = self._key or 16 <= kind < 24  # noqa: PLR2004 - IRAP pictures
            self._slice(first=end - begin > 2 and self._buf[begin + 2] >= 0x80)  # noqa: PLR2004 - first_slice_segment_in_pic_flag
        self._keep(begin, end)

    def _take(self, body: int, stop: int, stamp: int, marker: int, after: int, end: int) -> int:
        if stamp != self._stamp:
            self._begin(stamp)
        kind = self._buf[body] >> 1 & 0x3F
        if kind == 49 and stop - body > 3:  # noqa: PLR2004 - FU and something in it
            after = self._fragment(body, stop, after, end)
        elif kind == 48:  # noqa: PLR2004 - AP
            self._together(body + 2, stop)
        elif kind < 48 and stop - body >= 2:  # noqa: PLR2004 - a unit of its own
            self._unit(body, stop)
        if marker:
            self._end()
        return after

    def _fragment(self, body: int, stop: int, after: int, end: int) -> int:
        """Take a fragment, and after the first one all that continue it."""
        buf, view = self._buf, self._view
        inside = buf[body + 2]
        if inside & 0x80:
            kind = inside & 0x3F
            if kind < 32:  # noqa: PLR2004 - coded slices
                self._key = self._key or 16 <= kind < 24  # noqa: PLR2004 - IRAP pictures
                self._slice(first=buf[body + 3] >= 0x80)  # noqa: PLR2004 - first_slice_segment_in_pic_flag
            self._start(bytes([buf[body] & 0x81 | kind << 1, buf[body + 1]]), kind)
        elif self._open < 0:
            self._hole = True  # its beginning is missing
            return after
        self._bound(stop - body)
        if self._open < 0:
            return after
        self._pieces.append(view[body + 3 : stop])
        self._open_bytes += stop - body - 3
        if inside & 0x40:
            self._shut(whole=True)
            return after
        return self._middles(body - 16, after, end, buf[body] << 8 | buf[body + 1], inside & 0x3F)

    def _middles(self, at: int, after: int, end: int, head: int, middle: int) -> int:
        """Take the fragments after one that begins at `at` and ends at `after`, as long as each continues the last."""
        unpack, view, append = self._middle, self._view, self._pieces.append
        word, want, _, _ = unpack(self._buf, at)
        base = word & 0xFFFF0000
        want = (want & ~(0x80 << 48)) + _NEXT
        begin, taken = after, 0
        while True:
            word, came, outside, inside = unpack(self._buf, after)
            if came != want or inside != middle or outside != head:
                break
            following = word - base
            if not 15 < following <= 0xFFFF:  # noqa: PLR2004 - headers alone, or another channel
                break
            following += after + _FRAMING
            if following > end:
                break
            append(view[after + 19 : following])
            want += _NEXT
            taken += 1
            after = following
        if taken:
            self._open_bytes += after - begin - 19 * taken
            self._bound(after - begin)
            self._counted(taken)
        return after
