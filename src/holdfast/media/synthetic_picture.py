"""Test pictures whose number can be read back: drawing them, and reading the number out of any decoded picture.

The number stands in the upper left quarter as a block code: eight columns of black and white squares, each a 32nd of
the picture's width, so it survives scaling and hard compression. Two rows carry 16 bits, the third a check.

Pure computation on arrays; no files, no codecs (those are in `synthetic`).
"""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.core.errors import BadInput, UsageError
from holdfast.media.synthetic_place import paint_place

COLUMNS = 8
ROWS = 3
CELLS_ACROSS = 32  # chosen: a cell is 10 pixels at 320 wide, which x264 keeps apart at 100 kb/s
COUNTER_LIMIT = 1 << 16
_CHECK = 0xA5  # keeps an all-black or all-white picture from looking like a number
_BLACK, _WHITE, _GREY = 16, 235, 128
_MID_LUMA = (_BLACK + _WHITE) / 2
_GRAY_DIMENSIONS = 2
_TILE_SLACK = 64  # the noise tile is this much larger than the picture, so that 4096 different cut-outs exist
_NOISE_SIGMA = 2.5  # measured: enough that x264 never falls below 4 Mb/s at 1080p25 for want of something to code

Picture = NDArray[np.uint8]


class Content(StrEnum):
    """What a clip shows. Only `scene` and `motion` carry a readable number that goes on."""

    SCENE = "scene"
    MOTION = "motion"
    FREEZE = "freeze"
    BLACK = "black"


class Painter:
    """Draws the pictures of one clip, as planar YUV 4:2:0 stacked in one array of `height * 3 / 2` rows."""

    def __init__(self, width: int, height: int, fps: float, content: Content, seed: int, place: int = 0) -> None:
        if width % 2 or height % 2 or width < CELLS_ACROSS * 2 or height < width * ROWS // CELLS_ACROSS:
            raise UsageError(f"{width}x{height} is no size for a synthetic picture", hint="even numbers, 64x48 or more")
        self._width, self._height, self._fps = width, height, fps
        self._content = content
        self._random = np.random.default_rng(seed)
        tile = (height + _TILE_SLACK, width + _TILE_SLACK)
        self._noise = np.rint(self._random.standard_normal(tile) * _NOISE_SIGMA).astype(np.int16)
        luma, *colours = paint_place(width, height, place)
        self._scene = np.rint(luma).astype(np.int16)
        self._colours = np.concatenate([self._halved(plane).reshape(-1, width) for plane in colours])

    def _halved(self, plane: NDArray[Any]) -> Picture:
        """Return colour at half the size, without any behind the number: black and white must stay just that."""
        half = plane.reshape(self._height // 2, 2, self._width // 2, 2).mean(axis=(1, 3))
        cell = self._width / CELLS_ACROSS / 2
        half[: round(ROWS * cell) + 1, : round(COLUMNS * cell) + 1] = _GREY
        return np.asarray(np.rint(half), np.uint8)

    def paint(self, index: int) -> Picture:
        """Draw picture number `index` of the clip."""
        frame = np.full((self._height * 3 // 2, self._width), _GREY, np.uint8)
        luma = frame[: self._height]
        if self._content is Content.BLACK:
            luma[:] = _BLACK
            return frame
        frame[self._height :] = self._colours
        if self._content is Content.FREEZE:
            index = 0
            self._random = np.random.default_rng(0)  # the same noise each time: a frozen picture is frozen in full
        row, column = self._random.integers(0, _TILE_SLACK, 2)
        noise = self._noise[row : row + self._height, column : column + self._width]
        np.clip(self._scene + noise, _BLACK, _WHITE, out=luma, casting="unsafe")
        self._move(luma, index / self._fps)
        write_counter(luma, index)
        return frame

    def _move(self, luma: Picture, seconds: float) -> None:
        """Draw what moves: a small pendulum at the foot of every scene, something large across it where motion is."""
        width, height = self._width, self._height
        size = max(4, width // 24)
        left = int((width - size) * (0.5 + 0.45 * np.sin(2 * np.pi * seconds)))
        luma[height - size :, left : left + size] = 220
        if self._content is Content.MOTION:
            side = width // 5
            left = int((width + side) * (seconds % 1.0)) - side
            luma[height // 3 : height * 5 // 6, max(0, left) : max(0, left + side)] = 225


def write_counter(luma: Picture, number: int) -> None:
    """Draw `number` (its low 16 bits) as a block code into the upper left of a luma plane."""
    number %= COUNTER_LIMIT
    rows = (number >> 8, number & 0xFF, _check(number))
    cell = luma.shape[1] / CELLS_ACROSS
    for row, bits in enumerate(rows):
        for column in range(COLUMNS):
            value = _WHITE if bits >> (COLUMNS - 1 - column) & 1 else _BLACK
            top, bottom = round(row * cell), round((row + 1) * cell)
            luma[top:bottom, round(column * cell) : round((column + 1) * cell)] = value


def read_counter(picture: NDArray[Any]) -> int:
    """Read the number out of a decoded picture of any size, grey (H x W) or colour (H x W x 3).

    Returns:
        The index of the picture within its clip.

    Raises:
        BadInput: There is no readable number: a black, foreign or damaged picture.
    """
    grey = picture if picture.ndim == _GRAY_DIMENSIONS else picture.mean(axis=2)
    cell = grey.shape[1] / CELLS_ACROSS
    rows = []
    for row in range(ROWS):
        bits = 0
        for column in range(COLUMNS):
            # The middle half of a square: its edges are smeared by chroma, scaling and deblocking.
            top, left = (row + 0.25) * cell, (column + 0.25) * cell
            square = grey[int(top) : int(top + cell / 2) + 1, int(left) : int(left + cell / 2) + 1]
            bits = bits << 1 | int(square.mean() > _MID_LUMA)
        rows.append(bits)
    number = rows[0] << 8 | rows[1]
    if rows[2] != _check(number):
        raise BadInput("the picture carries no readable number")
    return number


def _check(number: int) -> int:
    return (number >> 8) ^ (number & 0xFF) ^ _CHECK
