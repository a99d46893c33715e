"""Cameras and their streams: ids, and what a stream is made of. Pure data."""

import re
from dataclasses import dataclass
from enum import StrEnum

from holdfast.core.errors import UsageError

CAMERA_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,49}")
"""A camera's id: safe as a folder, in a URL and in every predecessor's file names. Unique ignoring case."""

STREAMS = ("main", "sub")


@dataclass(frozen=True, slots=True, order=True)
class StreamKey:
    """Names one stream of one camera; written `gate/main`."""

    camera: str
    stream: str

    def __post_init__(self) -> None:
        if not CAMERA_ID.fullmatch(self.camera):
            raise UsageError(f"{self.camera!r} is not a camera id", hint="use 1 to 50 of A-Z a-z 0-9 _ -; - not first")
        if self.stream not in STREAMS:
            raise UsageError(f"{self.stream!r} is not a stream", hint="streams are main and sub")

    def __str__(self) -> str:
        return f"{self.camera}/{self.stream}"

    @classmethod
    def parse(cls, text: str) -> "StreamKey":
        """Read `gate/main`, or `gate` for its main stream."""
        camera, _, stream = text.partition("/")
        return cls(camera, stream or "main")


class Kind(StrEnum):
    """What a track carries."""

    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Track:
    """One track of a stream, as it is recorded.

    `config` is what a decoder needs first: the body of an `avcC` or `hvcC` box for video, AudioSpecificConfig for AAC.
    `codec` is what lands on disk (`h264`, `hevc`, `aac`), `sent_codec` what the camera sent (`pcm_alaw`, say).
    `encoder` made pictures of the one from the other (libav's name); empty where they are recorded as they came.
    """

    kind: Kind
    codec: str
    sent_codec: str
    timescale: int
    config: bytes
    profile: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    encoder: str = ""

    def facts(self) -> dict[str, str | int | float]:
        """Return what a person or a check wants to know, without the bytes; zero and empty values left out."""
        pairs: dict[str, str | int | float] = {
            "kind": self.kind.value, "codec": self.codec, "sent_codec": self.sent_codec, "profile": self.profile,
            "width": self.width, "height": self.height, "frame_rate": self.frame_rate,
            "sample_rate": self.sample_rate, "channels": self.channels, "timescale": self.timescale,
            "encoder": self.encoder,
        }  # fmt: skip
        return {name: value for name, value in pairs.items() if value}


@dataclass(slots=True)
class Sample:
    """One coded picture or one coded block of sound. Never a libav object.

    Attributes:
        track: Index into the run's tracks.
        payload: Length-prefixed (4 bytes) NAL units without parameter sets and delimiters, or one raw AAC frame.
        dts_ticks: Decode time in the track's time base, unwrapped: never goes backwards within a run.
        pts_ticks: Presentation time in the same time base.
        duration_ticks: How long it lasts; an estimate until its successor has come, which may put it right in place.
        keyframe: Decoding can begin here. Always true for audio.
        arrived_us: Boot time at which its last byte reached us.
        camera_us: The camera's own wall clock for this sample (RTCP sender report), or None where it does not say.
    """

    track: int
    payload: bytes
    dts_ticks: int
    pts_ticks: int
    duration_ticks: int
    keyframe: bool
    arrived_us: int
    camera_us: int | None = None
