"""The brightness of a picture as numbers: how much of it is black, and how much two of them differ.

Taken from the luma plane as the decoder leaves it, without converting colours, at some 320 points a row: means and
shares of that many points are those of the picture. Greys are 0 to 255 as people mean them, whatever range the codec
uses.

Any thread. Not here: what the numbers mean (core.quality), which pictures are decoded (eye).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from holdfast.core.quality import FRAMES, Region

COLUMNS = 320  # chosen: 57,600 points of a 16:9 picture give shares to a tenth of a percent; 0.1 ms
_SMALL = 0xFFFF // 0xFF  # points whose sum fits into 16 bits, which are added up in half the time
SQUARE = 8  # points each way whose mean is compared over seconds; noise of single pixels averages out
_LUMA8 = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"}
_LUMA10 = {"yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"}
_FULL = {"yuvj420p", "yuvj422p", "yuvj444p", "gray", "gray10le"}


Sums = np.ndarray[Any, np.dtype[np.unsignedinteger[Any]]]
Squares = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Grey:
    """Some points of a picture.

    Attributes:
        points: Luma as coded, rows by columns.
        low: Luma of black.
        scale: Greys a step of luma.
        width, height: True size of the picture in pixels.
    """

    points: np.ndarray[Any, np.dtype[np.uint8]]
    low: int
    scale: float
    width: int
    height: int

    def black_percent(self, level: int) -> float:
        """Return how many pixels are no brighter than a grey, in percent with one decimal."""
        limit = int(self.low + level / self.scale + 1e-9)
        return round(float(np.count_nonzero(self.points <= limit)) / self.points.size * 100, 1)

    def difference(self, other: "Grey") -> float:
        """Return the mean difference in grey to a picture of the same size."""
        apart = np.abs(self.points.astype(np.int16) - other.points)
        return float(apart.mean()) * self.scale

    def drift(self, other: "Grey") -> float:
        """Return the mean difference in grey, squares of points averaged before."""
        return self.drift_from(other.squares())

    def drift_from(self, squares: Squares, mine: Squares | None = None) -> float:
        """Return the same to the squares of a picture of the same size, for whoever compares many with it.

        Args:
            squares: Of the other picture.
            mine: Of this one, for whoever compares it with many.
        """
        return float(np.abs((self.squares() if mine is None else mine) - squares).mean()) * self.scale

    def squares(self) -> Squares:
        """Return the mean luma of squares of points."""
        return _squares(self.points)

    def same_size(self, other: "Grey") -> bool:
        """Say whether they can be compared."""
        return (self.width, self.height, self.points.shape) == (other.width, other.height, other.points.shape)


def differences(greys: Sequence[Grey]) -> tuple[float, float, float] | None:
    """Compare three pictures, as `core.quality.Seen` has it; None where there are fewer, or of different sizes."""
    if len(greys) < FRAMES or not all(grey.same_size(greys[-1]) for grey in greys):
        return None
    first, second, third = greys
    return first.difference(second), first.difference(third), second.difference(third)


def _squares(points: np.ndarray[Any, np.dtype[np.uint8]]) -> Squares:
    side = min(SQUARE, *points.shape)
    return block_sums(points, side, side).astype(np.float32) / np.float32(side * side)


def block_sums(points: np.ndarray[Any, np.dtype[np.uint8]], high: int, wide: int) -> Sums:
    """Add up the points of blocks; what is left over at the right and the bottom is left out.

    Slice by slice: a tenth of the time that numpy takes to add along short axes.
    """
    rows, columns = points.shape[0] // high * high, points.shape[1] // wide * wide
    small = high * wide <= _SMALL
    lines: Sums = points[0:rows:high, :columns].astype(np.uint16 if small else np.uint32)
    for row in range(1, high):
        lines += points[row:rows:high, :columns]
    sums: Sums = lines[:, 0::wide].copy()
    for column in range(1, wide):
        sums += lines[:, column::wide]
    return sums


def grey_of(frame: Any, region: Region) -> Grey:
    """Take the points of a decoded picture that lie in a region; at least one."""
    frame = _with_luma(frame)
    part = luma_of(frame, region)
    step = max(1, part.shape[1] // COLUMNS)
    points = part[::step, ::step]
    # A copy: the decoder uses its planes again.
    copied = (points >> 2).astype(np.uint8) if frame.format.name in _LUMA10 else points.copy()
    full = frame.format.name in _FULL or frame.color_range == ColorRange.JPEG
    return Grey(copied, 0 if full else 16, 1.0 if full else 255 / 219, frame.width, frame.height)


def luma_of(frame: Any, region: Region) -> np.ndarray[Any, Any]:
    """Return every pixel's luma of a region, rows by columns, as coded; valid as long as the picture is."""
    frame = _with_luma(frame)
    plane = frame.planes[0]
    deep = frame.format.name in _LUMA10
    luma: np.ndarray[Any, Any] = np.frombuffer(plane, np.uint16 if deep else np.uint8)
    rows = luma.reshape(-1, plane.line_size // (2 if deep else 1))[: frame.height, : frame.width]
    top, bottom = _cut(region.top, region.bottom, frame.height)
    left, right = _cut(region.left, region.right, frame.width)
    return rows[top:bottom, left:right]


def _with_luma(frame: Any) -> Any:
    name = frame.format.name
    if name in _LUMA8 or name in _LUMA10:
        return frame
    return VideoReformatter().reformat(frame, format="gray", threads=1)


def _cut(begin: float, end: float, size: int) -> tuple[int, int]:
    first = min(size - 1, max(0, round(begin * size)))
    return first, max(first + 1, min(size, round(end * size)))
