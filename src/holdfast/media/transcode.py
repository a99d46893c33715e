"""Sound that MP4 players do not take, G.711 and uncompressed PCM, into AAC: continuous and gapless.

Every sample that comes in goes out once, at the time it came for, so that what is recorded lasts as long as what was
sent. Small holes are filled with silence, larger ones begin anew. Used on the stream's thread; one object a track.

Not here: AAC that arrives as AAC (source.sounds).
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt

from holdfast.core.errors import Unsupported
from holdfast.media.params import AAC_RATES

FRAME = 1024
"""Samples in one AAC frame (ISO/IEC 14496-3)."""

_TOLERANCE_S = (
    0.04  # chosen: two packets of 20 ms; smaller steps are the sender's clock being corrected, not lost sound
)
_MAX_FILL_S = 2.0  # chosen: longer silence would pretend that something was recorded
_MAX_CHANNELS = 2
_BITS_PER_SAMPLE = 4  # chosen: 32 kb/s for a telephone's 8 kHz, at which AAC is transparent for G.711
_MAX_BITS_PER_S = 96_000  # a channel; more is not heard

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Form:
    """How a codec writes samples: numpy type, scale to ±1, and the bytes of one silent sample."""

    dtype: str
    silence: bytes
    table: _Floats | None = None
    scale: float = 1.0
    offset: int = 0


def _alaw() -> _Floats:
    """Build the decoding table of ITU-T G.711, A-law."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, size, -size) / 32768).astype(np.float32)


def _mulaw() -> _Floats:
    """Build the decoding table of ITU-T G.711, µ-law."""
    code = ~np.arange(256) & 0xFF
    size = (((code & 15) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return (np.where(code & 0x80, -size, size) / 32768).astype(np.float32)


_FORMS: dict[str, _Form] = {
    "pcm_alaw": _Form("u1", b"\xd5", _alaw()),
    "pcm_mulaw": _Form("u1", b"\xff", _mulaw()),
    "pcm_u8": _Form("u1", b"\x80", scale=1 / 128, offset=128),
    "pcm_s16le": _Form("<i2", b"\0\0", scale=1 / 32768),
    "pcm_s16be": _Form(">i2", b"\0\0", scale=1 / 32768),
    "pcm_s32le": _Form("<i4", b"\0" * 4, scale=1 / 2**31),
    "pcm_f32le": _Form("<f4", b"\0" * 4),
}


class Coded(NamedTuple):
    """One AAC frame: time in samples, payload, and how many samples of what was sent it stands for."""

    pts: int
    payload: bytes
    duration: int


def can_transcode(codec: str) -> bool:
    """Say whether this kind of sound can be turned into AAC here."""
    return codec in _FORMS


class ToAac:
    """Turns one track of uncompressed sound into AAC frames.

    Args:
        codec: libav's name: `pcm_alaw`, `pcm_mulaw`, `pcm_s16be`, …
        sample_rate: Samples a second; must be one that AAC knows.
        channels: 1 or 2.

    Raises:
        Unsupported: This cannot be turned into AAC; the text says why.
    """

    def __init__(self, codec: str, sample_rate: int, channels: int) -> None:
        if codec not in _FORMS:
            raise Unsupported(f"sound as {codec} cannot be recorded")
        if sample_rate not in AAC_RATES:
            raise Unsupported(f"sound with {sample_rate} samples a second cannot be recorded")
        if not 1 <= channels <= _MAX_CHANNELS:
            raise Unsupported(f"sound with {channels} channels cannot be recorded")
        self._form = _FORMS[codec]
        self._rate = sample_rate
        self._channels = channels
        self._unit = len(self._form.silence) * channels
        self._waiting = bytearray()
        self._start: int | None = None
        self._taken = 0
        self._frames = 0
        self._encoder = self._new_encoder()
        self.config = bytes(self._encoder.extradata or b"")

    def feed(self, data: bytes, pts: int | None) -> list[Coded]:
        """Take one packet of sound.

        Args:
            data: The packet; half samples at its end are dropped.
            pts: Time of its first sample, counted in samples, unwrapped; None continues where the last one ended.

        Returns:
            The AAC frames that are complete now, in order.
        """
        done: list[Coded] = []
        data = data[: len(data) // self._unit * self._unit]
        if self._start is None:
            self._start = pts or 0
        expected = self._start + self._taken
        off = 0 if pts is None else pts - expected
        if abs(off) > self._rate * _MAX_FILL_S:
            done = self.flush()
            self._start = pts
        elif off > self._rate * _TOLERANCE_S:
            data = self._form.silence * self._channels * off + data
        elif off < -self._rate * _TOLERANCE_S:
            data = data[-off * self._unit :]
        self._taken += len(data) // self._unit
        self._waiting += data
        size = FRAME * self._unit
        while len(self._waiting) >= size:
            done += self._encode(bytes(self._waiting[:size]))
            del self._waiting[:size]
        return done

    def flush(self) -> list[Coded]:
        """Write out what waits and begin anew with the next packet. The last frame is filled up with silence."""
        if self._start is None:
            return []
        rest = len(self._waiting) // self._unit
        done = []
        if rest:
            padding = self._form.silence * self._channels * (FRAME - rest)
            done = self._encode(bytes(self._waiting) + padding)
        done += self._collect(None)
        if rest and done:
            done[-1] = done[-1]._replace(duration=rest)
        self._waiting.clear()
        self._start, self._taken, self._frames = None, 0, 0
        self._encoder = self._new_encoder()
        return done

    def move(self, samples: int) -> None:
        """Move the times of what comes out from now on: the sender's clock was understood better."""
        if self._start is not None:
            self._start += samples

    def _new_encoder(self) -> Any:
        encoder: Any = av.CodecContext.create("aac", "w")
        encoder.sample_rate = self._rate
        encoder.layout = "stereo" if self._channels == _MAX_CHANNELS else "mono"
        encoder.format = "fltp"
        encoder.time_base = Fraction(1, self._rate)
        encoder.bit_rate = min(self._rate * _BITS_PER_SAMPLE, _MAX_BITS_PER_S) * self._channels
        # The configuration goes into `esds`, so the encoder must hand it over instead of repeating it in the stream.
        encoder.flags |= int(av.codec.context.Flags.global_header)
        encoder.open()
        return encoder

    def _encode(self, data: bytes) -> list[Coded]:
        raw = np.frombuffer(data, self._form.dtype)
        if self._form.table is not None:
            floats = self._form.table[raw]
        else:
            floats = ((raw.astype(np.float32) - self._form.offset) * self._form.scale).astype(np.float32)
        planes = np.ascontiguousarray(floats.reshape(-1, self._channels).T)
        frame = av.AudioFrame.from_ndarray(planes, "fltp", "stereo" if self._channels == _MAX_CHANNELS else "mono")
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._frames * FRAME
        self._frames += 1
        return self._collect(frame)

    def _collect(self, frame: Any) -> list[Coded]:
        start = self._start or 0
        # The encoder's first frame only warms it up and lies before the first sample: without it, sound begins on time.
        return [
            Coded(start + packet.pts, bytes(packet), FRAME)
            for packet in self._encoder.encode(frame)
            if packet.pts >= 0 and packet.size
        ]
