"""The sound of a tier: as it was recorded, or in fewer bits.

Not here: pictures (tier), G.711 and PCM, which are AAC before they reach a file (transcode).
Used on the tier's thread.
"""

from fractions import Fraction
from typing import Any

import av
import av.error

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import BadInput
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.media import params
from holdfast.media.decode import Coding, Decoder
from holdfast.media.transcode import FRAME

_MOST_CHANNELS = 2
_MAX_DRIFT_US = 100_000  # chosen: sound that lies this far off its place is put right, at the price of one click


class Sound:
    """One track of AAC.

    Args:
        coding: How it is stored.
        bits_per_s: What it is to become; None passes it on.

    Attributes:
        track: What comes out.

    Raises:
        BadInput: Its configuration is damaged.
    """

    def __init__(self, coding: Coding, bits_per_s: int | None) -> None:
        self._coding = coding
        said = params.sound_aac(coding.config)
        self._coder = None if bits_per_s is None else _Coder(coding, said.sample_rate, said.channels, bits_per_s)
        coder = self._coder
        self.track = Track(
            kind=Kind.AUDIO, codec="aac", sent_codec="aac",
            timescale=coding.timescale if coder is None else coder.rate,
            config=coding.config if coder is None else coder.config,
            profile=said.profile if coder is None else "LC",
            sample_rate=said.sample_rate if coder is None else coder.rate,
            channels=said.channels if coder is None else coder.channels,
        )  # fmt: skip

    def feed(self, payload: bytes, dts_ticks: int, duration_ticks: int, wall_us: int) -> list[tuple[Sample, int]]:
        """Take one block; return samples with the wall time of each."""
        if self._coder is None:
            return [(Sample(1, payload, dts_ticks, dts_ticks, duration_ticks, keyframe=True, arrived_us=0), wall_us)]
        return self._coder.feed(payload, dts_ticks, wall_us)


class _Coder:
    """Decodes AAC and encodes it again."""

    def __init__(self, coding: Coding, rate: int, channels: int, bits_per_s: int) -> None:
        if rate not in params.AAC_RATES:
            raise BadInput(f"sound with {rate} samples a second cannot be converted")
        self.rate, self.channels = rate, min(channels, _MOST_CHANNELS)
        self._scale = coding.timescale
        self._decoder = Decoder(coding)
        layout = "stereo" if self.channels == _MOST_CHANNELS else "mono"
        self._resampler: Any = av.AudioResampler(format="fltp", layout=layout, rate=rate, frame_size=FRAME)
        self._encoder: Any = av.CodecContext.create("aac", "w")
        self._encoder.sample_rate, self._encoder.layout, self._encoder.format = rate, layout, "fltp"
        self._encoder.bit_rate, self._encoder.time_base = bits_per_s, Fraction(1, rate)
        self._encoder.flags |= int(av.codec.context.Flags.global_header)
        self._encoder.open()
        self.config = bytes(self._encoder.extradata or b"")
        self._base: int | None = None  # ticks of the first sample that went in
        self._base_us = 0
        self._given = self._coded = 0

    def feed(self, payload: bytes, dts_ticks: int, wall_us: int) -> list[tuple[Sample, int]]:
        ticks = dts_ticks * self.rate // self._scale
        if self._base is None:
            self._base, self._base_us = ticks, wall_us
        off = ticks - self._base - self._given
        if abs(off) * SECOND_US > _MAX_DRIFT_US * self.rate:
            self._base, self._base_us = self._base + off, wall_us - ticks_to_us(self._given, self.rate)
        out: list[tuple[Sample, int]] = []
        for frame in self._decoder.feed(payload, dts_ticks, dts_ticks):
            self._given += frame.samples
            frame.pts = None
            try:
                for piece in self._resampler.resample(frame):
                    out += self._encode(piece, self._base)
            except (av.error.FFmpegError, ValueError):
                continue  # one block of sound is lost; the next one is tried again
        return out

    def _encode(self, piece: Any, base: int) -> list[tuple[Sample, int]]:
        piece.pts, piece.time_base = self._coded, Fraction(1, self.rate)
        self._coded += piece.samples
        # The encoder's first block only warms it up and lies before the first sample.
        return [
            (
                Sample(1, bytes(packet), base + packet.pts, base + packet.pts, FRAME, keyframe=True, arrived_us=0),
                self._base_us + ticks_to_us(packet.pts, self.rate),
            )
            for packet in self._encoder.encode(piece)
            if packet.pts >= 0 and packet.size
        ]
