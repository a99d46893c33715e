"""Which H.264 encoder there is here: hardware where it really opens and gives a picture, else libx264 (C025).

That libav knows an encoder says nothing: its library may be missing, its device may belong to somebody else, and some
open and then give nothing. So each is tried with a few pictures before it is believed. One that dies with its driver
takes its process along; hence this is used in a source's own process (roles.source).

Not here: pictures into samples (encoded).
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error

from holdfast.core.errors import Unsupported
from holdfast.media.source.failures import listen_to_libav

TIMESCALE = 90_000  # RTP's; every usual frame rate is a whole number of its ticks
KEYFRAME_S = 2.0  # chosen: as a camera's: a viewer sees a picture, and a file ends, within this
SOFTWARE = "libx264"
HARDWARE = ("h264_v4l2m2m", "h264_nvenc", "h264_qsv", "h264_amf", "h264_videotoolbox")
"""In the order in which they are tried: small boards, graphics cards, Macs. All take pictures from ordinary memory;
those that do not (VAAPI) cannot be fed from here."""

_FORMATS = {"h264_qsv": "nv12"}
_TRIED_PICTURES = 4  # chosen: encoders that work hold back fewer; then they are told that no more will come
_THREADS = 2  # chosen: half of a small machine; the other half records
_OPTIONS = {
    # One pass of `veryfast` costs a third of `medium` at a tenth more bits.
    SOFTWARE: {"preset": "veryfast", "tune": "zerolatency", "profile": "main", "forced-idr": "1", "sc_threshold": "0"},
    "h264_nvenc": {"forced-idr": "1", "zerolatency": "1"},
    "h264_qsv": {"forced_idr": "1"},
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What comes out: pixels, pictures a second (for rate control; each picture keeps its own time), bits a second."""

    width: int
    height: int
    frame_rate: float
    bitrate_bps: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An encoder that works. `passed_over` says which ones did not, and why, in words for the log."""

    context: Any
    name: str
    pixels: str
    passed_over: tuple[str, ...]


def open_encoder(wanted: str, shape: Shape) -> Opened:
    """Open the encoder that is wanted, else the software's.

    Args:
        wanted: `auto`, `software`, or libav's name of an encoder.
        shape: What comes out.

    Raises:
        Unsupported: Not even the software's opens; the text says why.
    """
    listen_to_libav()
    passed_over: list[str] = []
    for name in _candidates(wanted):
        if name == SOFTWARE:
            break
        try:
            if _works(name, shape):
                return Opened(_open(name, shape), name, pixels_of(name), tuple(passed_over))
            passed_over.append(f"{name}: gives no pictures")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            passed_over.append(f"{name}: {_words(error)}")
    try:
        return Opened(_open(SOFTWARE, shape), SOFTWARE, pixels_of(SOFTWARE), tuple(passed_over))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise Unsupported(
            f"pictures of {shape.width}x{shape.height} cannot be encoded: {_words(error)}",
            hint="install PyAV from its own wheel, which brings x264; or set another encode.size",
        ) from None


def pixels_of(name: str) -> str:
    """Return the pixel format that an encoder takes."""
    return _FORMATS.get(name, "yuv420p")


def _candidates(wanted: str) -> tuple[str, ...]:
    if wanted == "software":
        return ()
    if wanted == "auto":
        return tuple(name for name in HARDWARE if name in av.codecs_available)
    return (wanted,)


def _open(name: str, shape: Shape) -> Any:
    encoder: Any = av.CodecContext.create(name, "w")
    if encoder.type != "video" or encoder.codec.canonical_name != "h264":
        raise ValueError("is no encoder of H.264")
    encoder.width, encoder.height, encoder.pix_fmt = shape.width, shape.height, pixels_of(name)
    encoder.time_base = Fraction(1, TIMESCALE)
    encoder.framerate = Fraction(shape.frame_rate).limit_denominator(1000)
    encoder.bit_rate = shape.bitrate_bps
    encoder.max_b_frames = 0
    encoder.thread_count = _THREADS
    # Keyframes are asked for by time; those that do not listen still make one by count.
    encoder.gop_size = max(1, round(shape.frame_rate * KEYFRAME_S)) if name != SOFTWARE else 10_000
    encoder.options = dict(_OPTIONS.get(name, {}))
    if name == SOFTWARE:
        encoder.options |= {"maxrate": str(shape.bitrate_bps), "bufsize": str(shape.bitrate_bps * 2)}
    encoder.open()
    return encoder


def _works(name: str, shape: Shape) -> bool:
    encoder = _open(name, shape)
    step = round(TIMESCALE / shape.frame_rate)
    came = 0
    for number in range(_TRIED_PICTURES):
        frame = av.VideoFrame(shape.width, shape.height, pixels_of(name))
        frame.pts, frame.time_base = number * step, Fraction(1, TIMESCALE)
        came += sum(packet.size for packet in encoder.encode(frame))
    came += sum(packet.size for packet in encoder.encode(None))
    return bool(came)


def _words(error: Exception) -> str:
    if isinstance(error, av.error.FFmpegError):
        return (error.strerror or type(error).__name__).lower()
    return str(error) or type(error).__name__
