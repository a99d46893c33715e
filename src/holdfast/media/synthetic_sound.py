"""Synthetic sound clips: every coded frame differs from every other, or all of it is silence.

Like `synthetic`, for AAC and G.711. Encoding takes a fraction of a second and is cached.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from holdfast.core.errors import UsageError
from holdfast.media import synthetic_cache

_SECONDS = 4.0
_G711_RATE = 8_000
_G711_FRAME = 320  # 40 ms a packet, as most cameras send it
_AAC_FRAME = 1024
_AAC_PRIMING_FRAMES = 3  # the encoder's look-ahead: its first frames hold silence only


class Sound(StrEnum):
    """What is to be heard."""

    SCENE = "scene"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSpec:
    """What a sound clip is to be. `codec` is `aac`, `pcma` or `pcmu`; G.711 always has 8000 Hz, one channel."""

    codec: str = "aac"
    sample_rate: int = 48_000
    channels: int = 1
    bitrate_bps: int = 64_000
    content: Sound = Sound.SCENE
    seed: int = 1

    def __post_init__(self) -> None:
        if self.codec not in {"aac", "pcma", "pcmu"}:
            raise UsageError(f"{self.codec!r} is no audio codec of the simulator", hint="aac, pcma, pcmu or none")

    @property
    def rate(self) -> int:
        """Samples per second, which is also the RTP clock rate."""
        return self.sample_rate if self.codec == "aac" else _G711_RATE

    @property
    def frame_samples(self) -> int:
        """Samples in one coded frame."""
        return _AAC_FRAME if self.codec == "aac" else _G711_FRAME


@dataclass(frozen=True, slots=True)
class AudioClip:
    """Coded frames, and for AAC the AudioSpecificConfig that a decoder needs."""

    spec: AudioSpec
    config: bytes
    frames: tuple[bytes, ...]


def load_audio(spec: AudioSpec) -> AudioClip:
    """Return the clip, from the cache or freshly encoded."""
    parameters = f"{spec!r} {av.__version__}"
    kept = synthetic_cache.load(parameters)
    if kept is None:
        kept = _encode(spec)
        synthetic_cache.store(parameters, *kept)
    _, blobs = kept
    return AudioClip(spec, blobs[0], tuple(blobs[1:]))


def _encode(spec: AudioSpec) -> tuple[dict[str, Any], list[bytes]]:
    name = {"aac": "aac", "pcma": "pcm_alaw", "pcmu": "pcm_mulaw"}[spec.codec]
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.AudioCodecContext)  # noqa: S101 - narrows the type: all three are audio encoders
    channels = spec.channels if spec.codec == "aac" else 1
    context.sample_rate = spec.rate
    context.layout = "mono" if channels == 1 else "stereo"
    planar = spec.codec == "aac"
    context.format = "fltp" if planar else "s16"
    if planar:
        context.bit_rate = spec.bitrate_bps
    count = int(_SECONDS * spec.rate / spec.frame_samples)
    wave = _wave(spec, (count + _AAC_PRIMING_FRAMES) * spec.frame_samples)
    samples = wave if planar else np.rint(wave * 32767).astype(np.int16)
    packets = []
    for at in range(0, samples.size, spec.frame_samples):
        block: NDArray[Any] = np.tile(samples[at : at + spec.frame_samples], (channels, 1))
        frame = av.AudioFrame.from_ndarray(block, format="fltp" if planar else "s16", layout=context.layout.name)
        frame.sample_rate, frame.pts = spec.rate, at
        packets += context.encode(frame)
    packets += context.encode(None)
    frames = [bytes(packet) for packet in packets][_AAC_PRIMING_FRAMES:][:count]
    return {}, [bytes(context.extradata or b""), *frames]


def _wave(spec: AudioSpec, samples: int) -> NDArray[np.float32]:
    """Return a rising tone with a little noise at about -15 dBFS, or silence."""
    if spec.content is Sound.SILENCE:
        return np.zeros(samples, np.float32)
    seconds = np.arange(samples) / spec.rate
    tone = 0.25 * np.sin(2 * np.pi * (300 + 150 * seconds) * seconds)
    noise = np.random.default_rng(spec.seed).standard_normal(samples) * 0.01
    return (tone + noise).astype(np.float32)
