"""Programs that write pictures and segments into a folder, as grabbers do, and what they write."""

import io
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from holdfast.core.plan import Encoding, StreamPlan

_CODECS = {"jpeg": ("mjpeg", "yuvj420p"), "png": ("png", "rgb24"), "webp": ("libwebp", "yuv420p")}


def folder_plan(folder: Path, **more: Any) -> StreamPlan:
    """A plan for a folder, encoded by the processor."""
    facts: dict[str, Any] = {
        "camera": "bench", "stream": "main", "source": "folder", "url": f"folder://{folder}", "volume": "/nowhere",
        "stall_s": 3.0, "open_timeout_s": 6.0, "encode": Encoding(encoder="software"),
    }  # fmt: skip
    return StreamPlan(**{**facts, **more})


def picture(shade: int, form: str = "jpeg", size: tuple[int, int] = (320, 240)) -> bytes:
    """A picture of one grey with a white edge above and below, as a file."""
    body = np.full((size[1], size[0], 3), shade, np.uint8)
    body[:4], body[-4:] = 255, 255
    codec, pixels = _CODECS[form]
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, pixels
    encoder.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(body, "rgb24").reformat(format=pixels)
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def shade_of(frame: Any) -> int:
    """The grey in the middle of a decoded picture, 0 to 255."""
    grey = frame.to_ndarray(format="gray")
    height, width = grey.shape
    return round(float(grey[height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8].mean()))


def put(folder: Path, name: str, body: bytes, *, modified_s: float | None = None) -> Path:
    """Write a file and rename it into place, as careful programs do."""
    path, unfinished = folder / name, folder / f"{name}.tmp"
    unfinished.write_bytes(body)
    if modified_s is not None:
        os.utime(unfinished, (modified_s, modified_s))
    unfinished.rename(path)
    return path


@contextmanager
def grabber(
    folder: Path, *out: str, rate: int = 5, size: str = "320x240", sound: bool = False, source: str = "testsrc2"
) -> Iterator["subprocess.Popen[bytes]"]:
    """ffmpeg, writing at real speed what its last words say."""
    tone = ["-re", "-f", "lavfi", "-i", "sine=r=48000"] if sound else []
    picture_of = ["-re", "-f", "lavfi", "-i", f"{source}=s={size}:r={rate}"]
    process = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-y", *picture_of, *tone, *out], cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def segments(name: str, *more: str, seconds: float = 1.0) -> tuple[str, ...]:
    """What makes ffmpeg write segments of so many seconds."""
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "5")
    return (*coding, "-c:a", "aac", "-f", "segment", "-segment_time", f"{seconds:g}", *more, name)


def film(seconds: float, form: str = "mpegts", *, rate: int = 10, shift_s: float = 0.0) -> bytes:
    """A whole segment of a moving picture."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream: Any = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 128, "yuv420p", rate
        for number in range(round(seconds * rate)):
            frame = av.VideoFrame.from_ndarray(np.full((128, 160, 3), number * 7 % 256, np.uint8), "rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = round((number / rate + shift_s) * 90_000), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def since(began: float) -> float:
    """Seconds that passed since a reading of the monotonic clock."""
    return time.monotonic() - began
