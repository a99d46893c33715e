"""A film of pictures: one after the other at so many a second, as MP4 (H.264) that plays while it is loaded.

Pictures of other sizes are scaled to the first one's. One that cannot be read is left out and counted. Memory does not
depend on how many there are. Best in a process of its own: it takes a core for as long as it lasts.

Not here: which pictures (library.timelapse).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.video.reformatter import VideoReformatter

from holdfast.core.errors import BadInput, MissingDependency
from holdfast.media.decode import fitted
from holdfast.media.source.failures import listen_to_libav
from holdfast.storage.errors import storage_errors

CRF = 23  # chosen: libx264's own default; pictures of minutes apart differ so much that less is not seen
MOST_RATE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What was written. `left_out` counts pictures that could not be read, `sealed` those that nobody here can."""

    pictures: int
    left_out: int
    width: int
    height: int
    sealed: int = 0


def write_film(
    target: Path, pictures: Iterable[Path], *, rate: float, width: int | None = None,
    seen: Callable[[int], None] = lambda _done: None,
) -> Film:  # fmt: skip
    """Write a film.

    Args:
        target: The file; a part of a film is never seen under its name.
        pictures: Files, in order.
        rate: Pictures a second.
        width: Pixels across at most; None is the first picture's size.
        seen: Told how many pictures are done.

    Raises:
        BadInput: None of them can be read.
        MissingDependency: This build of libav has no encoder for it.
        StorageError: It cannot be written.
    """
    listen_to_libav()
    part = target.with_name(f".{target.name}.part")
    with storage_errors("writing", target):
        try:
            film = _written(part, pictures, rate, width, seen)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return film


def _written(
    part: Path, pictures: Iterable[Path], rate: float, width: int | None, seen: Callable[[int], None]
) -> Film:  # fmt: skip
    done = left_out = 0
    stream: Any = None
    reformatter = VideoReformatter()
    with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        for path in pictures:
            frame = _decoded(path)
            if frame is None:
                left_out += 1
                continue
            if stream is None:
                stream = _stream(container, fitted(frame.width, frame.height, width or frame.width), rate)
            small = reformatter.reformat(
                frame, stream.width, stream.height, "yuv420p", interpolation="AREA", dst_color_range="MPEG"
            )  # fmt: skip
            small.pts, small.time_base = done, Fraction(1, 1) / stream.codec_context.framerate
            container.mux(stream.encode(small))
            done += 1
            seen(done + left_out)
        if stream is None:
            raise BadInput("there is no picture to make a film of")
        container.mux(stream.encode(None))
    return Film(pictures=done, left_out=left_out, width=stream.width, height=stream.height)


def _decoded(path: Path) -> Any:
    try:
        with av.open(str(path)) as media:
            return next(media.decode(video=0), None)
    except (av.error.FFmpegError, OSError, ValueError, IndexError):
        return None


def _stream(container: Any, size: tuple[int, int], rate: float) -> Any:
    try:
        stream: Any = container.add_stream(
            "libx264", rate=Fraction(rate).limit_denominator(1001),
            options={"crf": str(CRF), "preset": "veryfast", "profile": "high"},
        )  # fmt: skip
    except (av.error.FFmpegError, ValueError) as error:
        raise MissingDependency(
            "this PyAV has no libx264", hint="install PyAV from its own wheel: pip install av"
        ) from error
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    return stream
