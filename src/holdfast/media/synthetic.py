"""Synthetic video clips, encoded once and looped by whoever plays them: numbered pictures at a given bit rate.

A clip is a whole number of closed groups of pictures, so that its end joins its beginning, and each group can follow
any other. Two clips that differ in content alone have the same parameter sets, so one can take over from the other in
the middle of a stream.

Encoding blocks for seconds (it is cached, see `synthetic_cache`): call it from a thread, not from an event loop.
Not here: what is drawn (`synthetic_picture`), sound (`synthetic_sound`), sending (`holdfast.sim`).
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av

from holdfast.core.errors import MissingDependency, UsageError
from holdfast.media import synthetic_cache
from holdfast.media.synthetic_picture import COUNTER_LIMIT, Content, Painter

CLIP_SECONDS = 4.0  # chosen: long enough that rate control settles, short enough to encode and to hold in memory
_MIN_BITRATE = 20_000

H264_SLICES = frozenset({1, 5})
H265_SLICES = frozenset(range(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSpec:
    """What a clip is to be.

    Attributes:
        codec: `h264` or `h265`.
        width: Pixels, even.
        height: Pixels, even.
        fps: Pictures per second.
        bitrate_bps: Bits per second that the encoder aims at; noise in the picture makes it use them.
        gop: Pictures from keyframe to keyframe.
        bframes: B-frames between two others; 0 as nearly all cameras.
        content: What is to be seen.
        place: Which place is to be seen, from 0; beyond the last one they begin again.
        seed: Of the noise.
    """

    codec: str = "h264"
    width: int = 1920
    height: int = 1080
    fps: float = 25.0
    bitrate_bps: int = 4_000_000
    gop: int = 50
    bframes: int = 0
    content: Content = Content.SCENE
    place: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.codec not in {"h264", "h265"}:
            raise UsageError(f"{self.codec!r} is no video codec of the simulator", hint="h264 or h265")
        if not 1 <= self.fps <= 120:  # noqa: PLR2004 - the range that x264 levels cover sensibly
            raise UsageError(f"{self.fps} pictures per second cannot be simulated", hint="1 to 120")
        if not 1 <= self.gop < COUNTER_LIMIT:
            raise UsageError(f"{self.gop} pictures from keyframe to keyframe cannot be simulated", hint="1 to 65535")
        if self.bitrate_bps < _MIN_BITRATE:
            raise UsageError(f"{self.bitrate_bps} bit/s is too little for a video", hint="write 500k or 4M")

    @property
    def rate(self) -> Fraction:
        """Pictures per second as a fraction, 30000/1001 for 29.97."""
        return Fraction(self.fps).limit_denominator(1001)

    @property
    def frames(self) -> int:
        """Pictures in the clip: whole groups, about `CLIP_SECONDS`, at least two groups."""
        groups = max(2, round(CLIP_SECONDS * self.fps / self.gop))
        return groups * self.gop

    def showing(self, content: Content) -> "VideoSpec":
        """Return the same clip with other content."""
        return replace(self, content=content)


@dataclass(frozen=True, slots=True)
class Frame:
    """One coded picture.

    Attributes:
        nals: Its slices as NAL units, without parameter sets, delimiters and the encoder's own messages.
        keyframe: Decoding can begin here.
        shown: Its place in display order within the clip; its place in `VideoClip.frames` is the decode order.
        joint: All pictures before it in the clip are also shown before it: here another group may take over.
    """

    nals: tuple[bytes, ...]
    keyframe: bool
    shown: int
    joint: bool


@dataclass(frozen=True, slots=True)
class VideoClip:
    """An encoded clip: frames in decode order, and the parameter sets (VPS), SPS, PPS that they all need."""

    spec: VideoSpec
    parameter_sets: tuple[bytes, ...]
    frames: tuple[Frame, ...]


def load_video(spec: VideoSpec) -> VideoClip:
    """Return the clip, from the cache or freshly encoded.

    Raises:
        MissingDependency: This build of PyAV has no encoder for the codec.
        UsageError: The parameters make no picture.
    """
    parameters = f"{spec!r} {av.__version__}"
    kept = synthetic_cache.load(parameters)
    if kept is None:
        kept = _encode(spec)
        synthetic_cache.store(parameters, *kept)
    return _assemble(spec, *kept)


def split_annex_b(data: bytes) -> list[bytes]:
    """Cut a byte stream at its start codes into NAL units."""
    nals = []
    start = data.find(b"\0\0\1")
    while start >= 0:
        following = data.find(b"\0\0\1", start + 3)
        # A NAL unit never ends in a zero byte, so those before a start code belong to the code.
        nals.append(data[start + 3 : None if following < 0 else following].rstrip(b"\0"))
        start = following
    return nals


def _assemble(spec: VideoSpec, facts: dict[str, Any], blobs: list[bytes]) -> VideoClip:
    sets = facts["sets"]
    frames, at, highest = [], sets, -1
    for index, (count, keyframe, shown) in enumerate(facts["frames"]):
        joint = highest == index - 1
        frames.append(Frame(tuple(blobs[at : at + count]), keyframe, shown, joint))
        at += count
        highest = max(highest, shown)
    return VideoClip(spec, tuple(blobs[:sets]), tuple(frames))


def _encode(spec: VideoSpec) -> tuple[dict[str, Any], list[bytes]]:
    painter = Painter(spec.width, spec.height, spec.fps, spec.content, spec.seed, spec.place)
    encoder = _encoder(spec)
    packets = []
    for index in range(spec.frames):
        picture = av.VideoFrame.from_ndarray(painter.paint(index), format="yuv420p")
        picture.pts = index
        picture.time_base = 1 / spec.rate
        packets += encoder.encode(picture)
    packets += encoder.encode(None)
    slices = H264_SLICES if spec.codec == "h264" else H265_SLICES
    sets: list[bytes] = []
    units: list[bytes] = []
    frames = []
    for packet in packets:
        nals = split_annex_b(bytes(packet))
        kept = [nal for nal in nals if _nal_type(spec.codec, nal) in slices]
        sets = sets or [nal for nal in nals if _nal_type(spec.codec, nal) in {7, 8, 32, 33, 34} - slices]
        frames.append((len(kept), bool(packet.is_keyframe), packet.pts))
        units += kept
    return {"sets": len(sets), "frames": frames}, sets + units


def _nal_type(codec: str, nal: bytes) -> int:
    return nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F


def _encoder(spec: VideoSpec) -> "av.VideoCodecContext":
    name = "libx264" if spec.codec == "h264" else "libx265"
    if name not in av.codecs_available:
        raise MissingDependency(f"this PyAV has no {name}", hint="install PyAV from its own wheel: pip install av")
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)  # noqa: S101 - narrows the type: both are video encoders
    context.width, context.height, context.pix_fmt = spec.width, spec.height, "yuv420p"
    context.time_base, context.framerate = 1 / spec.rate, spec.rate
    if spec.content is not Content.FREEZE:
        context.bit_rate = spec.bitrate_bps
    context.thread_count = 1  # the same clip on every machine
    kilobits = spec.bitrate_bps // 1000
    common = (
        f"keyint={spec.gop}:min-keyint={spec.gop}:scenecut=0:open-gop=0:bframes={spec.bframes}:b-adapt=0"
        f":vbv-maxrate={kilobits}:vbv-bufsize={kilobits}"
    )
    if spec.content is Content.FREEZE:
        # With bits to spare an encoder refines a frozen picture for a second, and every one of those differs.
        # Constant quality does not. x264's must be 26, which its parameter sets otherwise start from, too.
        common += ":qp=26" if spec.codec == "h264" else ":crf=26"
    if spec.codec == "h264":
        context.options = {"preset": "superfast", "x264-params": f"{common}:sliced-threads=0:force-cfr=1"}
    else:
        extra = "repeat-headers=1:log-level=none:info=0:pools=1:frame-threads=1"
        context.options = {"preset": "ultrafast", "x265-params": f"{common}:{extra}"}
    return context
