"""RTP packets of sound into samples: AAC (RFC 3640) as it comes, G.711 and PCM (RFC 3551) through the encoder.

On the stream's thread. Not here: timestamps (flow), the encoder (transcode; libav is loaded only where it is needed).
"""

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import BadInput, Unsupported
from holdfast.media import params
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.direct.flow import Flow, Zero
from holdfast.media.source.direct.rtp import RtpTrack
from holdfast.media.source.direct.sdp import Media, aac_config, number_of
from holdfast.media.source.direct.wire import Wire

AAC_FRAME = 1024
"""Samples in one AAC frame (ISO/IEC 14496-3)."""

MOST_FRAME_BYTES = 65_536  # chosen: eight channels at their largest have 6,144; sizes have 13 bits
MOST_FRAMES = 64  # chosen: a packet with more frames than this is no packet of sound
_PCM = frozenset({"pcm_alaw", "pcm_mulaw", "pcm_s16be", "pcm_u8"})

Out = list[Sample | TracksChanged]


def make_sound(wire: Wire, media: Media, zero: Zero, index: int, out: Out) -> "AacTrack | PcmTrack":
    """Make the track for a description of sound.

    Raises:
        Unsupported: It cannot be recorded; the text says why.
    """
    if media.codec == "aac":
        return AacTrack(wire, media, Flow(zero, index, media.clock, AAC_FRAME), index, out)
    if media.codec in _PCM:
        return PcmTrack(wire, media, Flow(zero, index, media.clock, AAC_FRAME), index, out)
    raise Unsupported(f"sound as {media.codec or 'something unnamed'} cannot be recorded")


class AacTrack(RtpTrack):
    """AAC in access units with a table of their sizes before them."""

    def __init__(self, wire: Wire, media: Media, flow: Flow, index: int, out: Out) -> None:  # noqa: ARG002 - one shape for both
        super().__init__(wire, media.payload_type)
        config = aac_config(media)
        if not config:
            raise Unsupported("the description of the AAC sound holds no configuration")
        try:
            sound = params.sound_aac(config)
        except BadInput as error:
            raise Unsupported(f"the sound's configuration is damaged: {error}") from None
        self._size_bits = number_of(media, "sizelength", 13)
        self._head_bits = self._size_bits + number_of(media, "indexlength", 3)
        if not 0 < self._size_bits <= self._head_bits <= 32 or number_of(media, "auxiliarydatasizelength", 0):  # noqa: PLR2004 - more than any mode has
            raise Unsupported("AAC sound in this form of RTP packets cannot be recorded")
        rate = sound.sample_rate or media.clock
        self.flow = flow
        self.track = Track(
            kind=Kind.AUDIO, codec="aac", sent_codec="aac", timescale=media.clock, config=config,
            profile=sound.profile, sample_rate=rate, channels=sound.channels or media.channels,
        )  # fmt: skip
        self._out = out
        self._step = AAC_FRAME * media.clock // rate
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._whole_bytes = 0

    def move(self, ticks: int) -> None:
        """Move what comes from now on."""
        self.flow.shift(ticks)

    def flush(self) -> None:
        """Nothing: what is not whole was never a frame."""

    def _gap(self) -> None:
        self._parts.clear()

    def _take(self, body: int, stop: int, stamp: int, marker: int, after: int, end: int) -> int:  # noqa: ARG002 - one shape for all tracks
        buf, view = self._buf, self._view
        table_bits = buf[body] << 8 | buf[body + 1]
        at = body + 2 + (table_bits + 7 >> 3)
        count = table_bits // self._head_bits
        if at >= stop or not 0 < count <= MOST_FRAMES:
            return after
        if count == 1:
            size = int.from_bytes(view[body + 2 : at], "big") >> (at - body - 2) * 8 - self._size_bits
            if size == stop - at and not self._parts:
                self._out.append(self.flow.push(bytes(view[at:stop]), stamp, self._wire.arrived_us, keyframe=True))
            else:
                self._part(bytes(view[at:stop]), size, stamp)
            return after
        table = int.from_bytes(view[body + 2 : at], "big")
        left = (at - body - 2) * 8
        for number in range(count):
            left -= self._head_bits
            size = table >> left + self._head_bits - self._size_bits & (1 << self._size_bits) - 1
            if at + size > stop:
                break
            payload = bytes(view[at : at + size])
            at += size
            if payload:
                stamp_of = stamp + number * self._step & 0xFFFFFFFF
                self._out.append(self.flow.push(payload, stamp_of, self._wire.arrived_us, keyframe=True))
        return after

    def _part(self, data: bytes, size: int, stamp: int) -> None:
        """Take a piece of a frame that did not fit one packet; each piece names the size of the whole."""
        if size <= len(data) or size > MOST_FRAME_BYTES:
            self._parts.clear()
            if 0 < size <= len(data):
                self._out.append(self.flow.push(data[:size], stamp, self._wire.arrived_us, keyframe=True))
            return
        if not self._parts or size != self._whole_bytes:
            self._parts, self._parts_bytes, self._whole_bytes = [], 0, size
        self._parts.append(data)
        self._parts_bytes += len(data)
        if self._parts_bytes >= size:
            payload = b"".join(self._parts)[:size]
            self._parts = []
            self._out.append(self.flow.push(payload, stamp, self._wire.arrived_us, keyframe=True))


class PcmTrack(RtpTrack):
    """G.711 and uncompressed sound, which becomes AAC."""

    def __init__(self, wire: Wire, media: Media, flow: Flow, index: int, out: Out) -> None:
        super().__init__(wire, media.payload_type)
        from holdfast.media.source.sounds import EncodedSound  # noqa: PLC0415 - loads libav, which nothing else here needs

        self._sound = EncodedSound(index, media.codec, media.clock, media.channels)
        self.flow = flow
        self.track: Track = self._sound.sounds
        self._out = out

    def move(self, ticks: int) -> None:
        """Move what comes from now on."""
        self.flow.shift(ticks)
        self._sound.move(ticks)

    def flush(self) -> None:
        """Encode what waits for a full frame: the stream has ended."""
        self._out += self._sound.flush()

    def _gap(self) -> None:
        """Nothing: the timestamps show the hole, and the encoder fills or skips it."""

    def _take(self, body: int, stop: int, stamp: int, marker: int, after: int, end: int) -> int:  # noqa: ARG002 - one shape for all tracks
        arrived_us = self._wire.arrived_us
        self._out += self._sound.feed(
            bytes(self._view[body:stop]), self.flow.ticks(stamp, arrived_us), None, arrived_us
        )
        return after
