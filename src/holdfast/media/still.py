"""One picture out of a segment file, and pictures for people: JPEG, WebP, and many in one sheet.

Decoding begins at the keyframe at or before the instant and keeps one frame, so memory does not depend on the file.
Any thread; each call has a decoder of its own. A 1080p keyframe takes some 10 ms, an instant up to a group of pictures.

Not here: which file (library.stills), how often (there, too).
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from os import pread
from typing import Any

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from holdfast.core.camera import Kind
from holdfast.core.errors import BadInput, MissingDependency
from holdfast.core.timing import ticks_to_us
from holdfast.media.boxread import Fragment, StoredSample, read_next
from holdfast.media.decode import Coding, Decoder, codings, fitted
from holdfast.media.index_of import FileIndex

MOST_GROUP_BYTES = 64 * 1024 * 1024  # chosen: 20 s at 25 Mb/s; what comes later in a longer group is shown by its start
MOST_GROUP_SAMPLES = 3000  # chosen: two minutes at 25 pictures a second
MOST_WIDTH = 7680  # 8K; a request for more is one for the true size
JPEG_QUALITY = 4  # of 2 (best) to 31; measured: 60 KB at 640x360, where 2 takes 90 KB and nobody sees a difference
SHEET_QUALITY = 6  # chosen: thumbnails are looked at for a moment, and there are sixty of them
_WEBP_QUALITY = 75
_WEBP_EFFORT = "2"
_MEAN_STEP = 57.6 * 8 / 27  # libjpeg's mean step of brightness at quality 50, in those of MPEG that libav's JPEG takes
_GROUND = 24  # grey of a tile without a picture


class Form(StrEnum):
    """How a picture is packed."""

    JPEG = "jpeg"
    WEBP = "webp"


@dataclass(frozen=True, slots=True)
class Shot:
    """A decoded picture: `frame` is libav's and stays in `media`; `at_us` is when it was shown; its true size."""

    frame: Any
    at_us: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Still:
    """A picture for people. `source_width` and `source_height` are its true size."""

    body: bytes
    at_us: int
    width: int
    height: int
    source_width: int
    source_height: int


def shot_at(fd: int, index: FileIndex, at_us: int | None, *, exact: bool = True) -> Shot:
    """Decode the picture that was shown at an instant.

    Args:
        fd: The file.
        index: Its keyframes.
        at_us: Wall time; None is the newest keyframe. Before the first picture it is that one.
        exact: Otherwise the keyframe at or before the instant: some 10 ms instead of up to a group of pictures.

    Raises:
        BadInput: There is no picture, or what is there cannot be decoded.
        Unsupported: This build of libav cannot decode it.
        OSError: It cannot be read.
    """
    coding = codings(index.head, pread(fd, index.head.init_bytes, 0)).get(Kind.VIDEO)
    if coding is None:
        raise BadInput("there are no pictures in this file")
    number = len(index.offsets) - 1 if at_us is None else _group_of(fd, index, at_us)
    search = _Search(coding, at_us if exact else None)
    for fragment, sample in _group(fd, index, number, coding.number):
        if search.feed(_wall_us(index, fragment, coding, sample), sample, pread(fd, sample.bytes, sample.offset)):
            break
    return search.result()


class _Search:
    """Decodes a group of pictures until the one that is looked for came out; without an instant that is the first."""

    def __init__(self, coding: Coding, at_us: int | None) -> None:
        self._decoder = Decoder(coding)
        self._at_us = at_us
        self._walls: dict[int, int] = {}
        self._best: tuple[int, Any] | None = None
        self._found = False
        self._fed = 0

    def feed(self, wall_us: int, sample: StoredSample, payload: bytes) -> bool:
        """Take the next sample; say whether that was enough."""
        if self._fed == 0 and not sample.keyframe:
            return False  # what stands before the first keyframe cannot be decoded
        self._fed += len(payload)
        self._walls[sample.pts_ticks] = wall_us
        self._take(self._decoder.feed(payload, sample.pts_ticks, sample.dts_ticks))
        too_long = self._fed > MOST_GROUP_BYTES or len(self._walls) > MOST_GROUP_SAMPLES
        return self._found or self._at_us is None or too_long

    def result(self) -> Shot:
        """Return the picture.

        Raises:
            BadInput: None came out.
        """
        if not self._found:
            self._take(self._decoder.flush())
        if self._best is None:
            raise BadInput("no picture could be decoded: " + ("it is damaged" if self._fed else "there is no keyframe"))
        at_us, frame = self._best
        return Shot(frame, at_us, frame.width, frame.height)

    def _take(self, frames: list[Any]) -> None:
        for frame in frames:
            wall_us = self._walls.get(frame.pts, 0)
            if self._best is not None and (self._at_us is None or wall_us > self._at_us):
                self._found = True
                return
            self._best = (wall_us, frame)


def _group_of(fd: int, index: FileIndex, at_us: int) -> int:
    """Find the group of pictures that an instant lies in.

    The index of a finished file places keyframes on a line from its first picture to its last; what the fragments
    themselves say may be a few milliseconds off that, and is what counts.
    """
    number = max(0, bisect_right(index.walls_us, at_us) - 1)
    after = number + 1
    if after < len(index.offsets) and _begin_us(fd, index, after) <= at_us:
        return after
    return number - 1 if number > 0 and _begin_us(fd, index, number) > at_us else number


def _begin_us(fd: int, index: FileIndex, number: int) -> int:
    piece = read_next(fd, index.offsets[number], index.head)
    return piece.wall_us if isinstance(piece, Fragment) else index.walls_us[number]


def _group(fd: int, index: FileIndex, number: int, track: int) -> Iterator[tuple[Fragment, StoredSample]]:
    """Yield the samples of one track from a keyframe on, up to the next keyframe's fragment."""
    at = index.offsets[number]
    end = index.offsets[number + 1] if number + 1 < len(index.offsets) else index.end
    while at < end:
        piece = read_next(fd, at, index.head)
        if not isinstance(piece, Fragment):
            return
        mine = piece.slice_of(track)
        if mine is not None:
            for sample in mine:
                yield piece, sample
        at += piece.bytes


def _wall_us(index: FileIndex, fragment: Fragment, coding: Coding, sample: StoredSample) -> int:
    anchor_us = ticks_to_us(fragment.anchor_ticks, index.head.tracks[fragment.anchor].timescale)
    return fragment.wall_us + ticks_to_us(sample.pts_ticks, coding.timescale) - anchor_us


def packed(
    shot: Shot, *, width: int | None = None, height: int | None = None, form: Form = Form.JPEG,
    quality: int | None = None,
) -> Still:  # fmt: skip
    """Scale a picture down into a size, and pack it.

    Args:
        shot: The picture.
        width: Pixels at most; None is the true size.
        height: The same; None for whatever belongs to the width.
        form: JPEG or WebP.
        quality: 1 to 100, as everywhere; None is what suits a page.

    Raises:
        MissingDependency: This build of libav has no encoder for it.
    """
    size = fitted(shot.width, shot.height, min(width or MOST_WIDTH, MOST_WIDTH), height)
    if form is Form.JPEG:
        body = _jpeg(shot.frame, size, JPEG_QUALITY if quality is None else _steps(quality))
    else:
        body = _webp(shot.frame, size, _WEBP_QUALITY if quality is None else quality)
    return Still(body, shot.at_us, *size, shot.width, shot.height)


class Sheet:
    """Many small pictures in one, row by row.

    Args:
        count: How many there will be.
        tile: Width and height of each.
        columns: How many stand in a row.
    """

    def __init__(self, count: int, tile: tuple[int, int], columns: int) -> None:
        self._tile = tile
        self._columns = columns
        rows = -(-count // columns)
        self.width, self.height = tile[0] * columns, tile[1] * rows
        self._pixels = np.full((self.height, self.width, 3), _GROUND, np.uint8)

    def place(self, number: int, shot: Shot) -> None:
        """Put a picture into its tile, whole and centred."""
        size = fitted(shot.width, shot.height, *self._tile)
        small = _scaled(shot.frame, size, "rgb24").to_ndarray()
        row, column = divmod(number, self._columns)
        top = row * self._tile[1] + (self._tile[1] - size[1]) // 2
        left = column * self._tile[0] + (self._tile[0] - size[0]) // 2
        self._pixels[top : top + size[1], left : left + size[0]] = small

    def packed(self) -> bytes:
        """Return it as JPEG."""
        frame = av.VideoFrame.from_ndarray(self._pixels, format="rgb24")
        return _jpeg(frame, (self.width, self.height), SHEET_QUALITY)


def _scaled(frame: Any, size: tuple[int, int], pixels: str, color_range: ColorRange | None = None) -> Any:
    # One thread: a few decodes run side by side already, and a pool a picture costs more than it saves.
    return VideoReformatter().reformat(
        frame, *size, pixels, interpolation="AREA", dst_color_range=color_range, threads=1
    )  # fmt: skip


def _jpeg(frame: Any, size: tuple[int, int], quality: int) -> bytes:
    encoder = _encoder("mjpeg", size, "yuvj420p")
    encoder.color_range = ColorRange.JPEG
    encoder.qmin = encoder.qmax = quality
    return _encoded(encoder, _scaled(frame, size, "yuvj420p", ColorRange.JPEG))


def _steps(quality: int) -> int:
    """Turn a quality of 1 to 100 into libav's 2 (best) to 31: steps as coarse, on average, as libjpeg's are."""
    coarse = 50 / quality if quality < 50 else (200 - 2 * quality) / 100  # noqa: PLR2004 - libjpeg's rule
    return max(2, min(31, round(_MEAN_STEP * coarse)))


def _webp(frame: Any, size: tuple[int, int], quality: int) -> bytes:
    encoder = _encoder("libwebp", size, "yuv420p")
    encoder.options = {"quality": str(quality), "compression_level": _WEBP_EFFORT}
    return _encoded(encoder, _scaled(frame, size, "yuv420p"))


def _encoder(name: str, size: tuple[int, int], pixels: str) -> Any:
    try:
        encoder: Any = av.CodecContext.create(name, "w")
    except (av.error.FFmpegError, ValueError) as error:
        raise MissingDependency(
            f"this PyAV has no {name}", hint="install PyAV from its own wheel: pip install av"
        ) from error
    encoder.width, encoder.height, encoder.pix_fmt = *size, pixels
    encoder.time_base = Fraction(1, 1)
    encoder.thread_count = 1
    return encoder


def _encoded(encoder: Any, frame: Any) -> bytes:
    frame.pts, frame.time_base = 0, Fraction(1, 1)
    try:
        return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    except (av.error.FFmpegError, ValueError) as error:
        raise BadInput(f"the picture could not be packed: {error}") from error
