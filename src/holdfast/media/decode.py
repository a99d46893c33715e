"""Pictures and sound out of segment files: what a decoder must know first, and a decoder that survives damage.

Frames are libav's and stay in `media`. One object a run of samples, on one thread at a time.

Not here: which samples to feed (still, tier), pictures for people (still), encoding (tier).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error

from holdfast.core.camera import Kind
from holdfast.core.errors import BadInput, Unsupported
from holdfast.media.boxes import HEADER
from holdfast.media.boxread import FileHead
from holdfast.media.clip_tables import inner
from holdfast.media.source.failures import listen_to_libav

VIDEO_ENTRY_BYTES = 86  # ISO/IEC 14496-12: a visual sample entry up to its first inner box
AUDIO_ENTRY_BYTES = 36  # the same of a sample entry for sound
_BOXES = {"h264": b"avcC", "hevc": b"hvcC"}
_HASTY = {"h264": {"skip_loop_filter": "all"}}  # of H.265 the blocks of a fading light were taken for motion
_ESDS_CONFIG_AT = 43  # where the configuration begins in the esds that `moov` writes; the byte before is its length


@dataclass(frozen=True, slots=True)
class Coding:
    """How a track of a file is coded. `number` is its index, `config` what its decoder needs first."""

    number: int
    codec: str
    timescale: int
    config: bytes
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: int = 0


def codings(head: FileHead, front: bytes) -> dict[Kind, Coding]:
    """Read how the first track of each kind is coded.

    Args:
        head: What the file says of itself.
        front: Its `ftyp` and `moov`: the first `head.init_bytes` bytes.

    Raises:
        BadInput: They are not what a segment file begins with.
    """
    found: dict[Kind, Coding] = {}
    traks = inner(front, b"moov", b"trak")
    if len(traks) != len(head.tracks):
        raise BadInput(f"{len(traks)} tracks in moov, {len(head.tracks)} in the head box")
    for number, (track, trak) in enumerate(zip(head.tracks, traks, strict=True)):
        if track.kind in found:
            continue
        facts = track.facts
        found[track.kind] = Coding(
            number=number, codec=str(facts.get("codec", "")), timescale=track.timescale,
            config=_config(track.kind, str(facts.get("codec", "")), trak), width=int(facts.get("width", 0)),
            height=int(facts.get("height", 0)), sample_rate=int(facts.get("sample_rate", 0)),
            channels=int(facts.get("channels", 0)),
        )  # fmt: skip
    return found


def _config(kind: Kind, codec: str, trak: bytes) -> bytes:
    stsd = inner(trak[HEADER.size :], b"mdia", b"minf", b"stbl", b"stsd")
    if not stsd:
        raise BadInput("a track has no sample description")
    entry = stsd[0][HEADER.size + 8 :]
    if kind is Kind.AUDIO:
        return _sound_config(entry)
    boxes = inner(entry[VIDEO_ENTRY_BYTES:], _BOXES.get(codec, b"----"))
    if not boxes:
        raise BadInput(f"no configuration for {codec or 'a track without a codec'}")
    return boxes[0][HEADER.size :]


def _sound_config(entry: bytes) -> bytes:
    boxes = inner(entry[AUDIO_ENTRY_BYTES:], b"esds")
    if not boxes or len(boxes[0]) <= _ESDS_CONFIG_AT:
        raise BadInput("no configuration for sound")
    esds = boxes[0]
    size = esds[_ESDS_CONFIG_AT - 1] & 0x7F
    return esds[_ESDS_CONFIG_AT : _ESDS_CONFIG_AT + size]


class Decoder:
    """Decodes one track.

    Args:
        coding: How it is coded.
        threads: How many libav may use.
        strict: Count damage that a decoder would patch over; H.264 says so by itself, and its patched pictures come.
        hasty: Leave out what only smooths pictures, a quarter of the work, where what moves is seen as well without.

    Attributes:
        damaged: Samples that could not be decoded, or only in part.

    Raises:
        Unsupported: This build of libav cannot decode it.
        BadInput: Its configuration is damaged.
    """

    def __init__(self, coding: Coding, *, threads: int = 1, strict: bool = False, hasty: bool = False) -> None:
        listen_to_libav()
        self.coding = coding
        self.damaged = 0
        options = {"err_detect": "explode"} if strict and coding.codec != "h264" else {}
        self._context = _open(coding, threads, options | (_HASTY.get(coding.codec, {}) if hasty else {}))
        self._time_base = Fraction(1, coding.timescale)  # made once: it takes longer than a packet

    def keyframes_only(self, on: bool) -> None:  # noqa: FBT001 - a switch
        """Leave out, or decode again, what is not a keyframe."""
        self._context.skip_frame = "NONKEY" if on else "DEFAULT"

    def references_only(self) -> None:
        """Leave out pictures that no other one refers to: cheaper, and those that stay are of one quality."""
        self._context.skip_frame = "NONREF"

    def feed(self, payload: bytes, pts: int, dts: int) -> list[Any]:
        """Take one sample; return the frames that are complete now, in the order of presentation."""
        packet = av.Packet(payload)
        packet.pts, packet.dts = pts, dts
        packet.time_base = self._time_base
        return self._decoded(packet)

    def restart(self) -> None:
        """Forget what was fed: what comes next is a keyframe somewhere else."""
        self._context.flush_buffers()

    def flush(self) -> list[Any]:
        """Return what is held back. Nothing more may be fed after it."""
        return self._decoded(None)

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            frames = list(self._context.decode(packet))
        except (av.error.FFmpegError, ValueError):
            self.damaged += 1
            return []
        self.damaged += sum(frame.is_corrupt for frame in frames if isinstance(frame, av.VideoFrame))
        return frames


def _open(coding: Coding, threads: int, options: Mapping[str, str]) -> Any:
    try:
        context: Any = av.CodecContext.create(coding.codec, "r")
    except (av.error.FFmpegError, ValueError) as error:
        raise Unsupported(f"{coding.codec} cannot be decoded here") from error
    context.extradata = coding.config
    context.thread_count = threads
    context.options = dict(options)
    if coding.sample_rate:
        context.sample_rate = coding.sample_rate
    if coding.channels and not coding.config:
        context.layout = f"{coding.channels}c"  # PCM says nowhere else how many there are
    try:
        context.open()
    except (av.error.FFmpegError, ValueError) as error:
        raise BadInput(f"the {coding.codec} configuration is damaged: {type(error).__name__}") from error
    return context


def fitted(width: int, height: int, most_width: int, most_height: int | None = None) -> tuple[int, int]:
    """Return the size of a picture that fits into another one: aspect kept, never larger, even, at least 2 by 2."""
    if width <= 0 or height <= 0:
        raise BadInput("a picture has no size")
    share = min(Fraction(1), Fraction(most_width, width))
    if most_height is not None:
        share = min(share, Fraction(most_height, height))
    return max(2, round(width * share / 2) * 2), max(2, round(height * share / 2) * 2)
