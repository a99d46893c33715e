# ruff: noqa: PLR2004 - a drawing is its coordinates
"""Places that simulated cameras look at: a harbour, a yard, a valley, a store; painted, so that nothing is shipped.

A place is drawn once for a clip; what moves and what is counted comes on top (`synthetic_picture`). Levels are those of
limited-range YUV. Pure computation on arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
Mask = NDArray[np.bool_]
Grid = NDArray[np.floating[Any]]

_GREY = 128.0


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture that is being painted; `x` and `y` are 0 to 1 from left to right and from top to bottom.

    Attributes:
        planes: Luma, U and V in full size, H x W each.
        x: 1 x W.
        y: H x 1.
    """

    planes: NDArray[np.float64]
    x: Grid
    y: Grid

    def fill(self, where: Mask, colour: Colour, shade: Grid | float = 0.0) -> None:
        """Paint an area in one colour; `shade` is added to its luma."""
        for plane, level in zip(self.planes, colour, strict=True):
            plane[where] = level
        lit = np.broadcast_to(shade, self.planes[0].shape)
        self.planes[0][where] += lit[where]

    def box(self, left: float, top: float, right: float, bottom: float) -> Mask:
        """Return a rectangle."""
        return (self.x >= left) & (self.x < right) & (self.y >= top) & (self.y < bottom)

    def disc(self, x: float, y: float, radius: float) -> Mask:
        """Return a disc; its radius is a share of the picture's height."""
        wide = self.planes.shape[2] / self.planes.shape[1]
        return np.asarray(((self.x - x) * wide) ** 2 + (self.y - y) ** 2 < radius**2)

    def ridge(self, level: float, *waves: tuple[float, float, float]) -> Mask:
        """Return what lies below a line of hills: waves are height, number across the picture, and where they begin."""
        line = level + sum(high * np.sin(2 * np.pi * (often * self.x + begin)) for high, often, begin in waves)
        return np.asarray(self.y > line)


def paint_place(width: int, height: int, number: int) -> NDArray[np.float64]:
    """Return a place as luma, U and V, 3 x height x width. Numbers beyond the last place begin again."""
    canvas = Canvas(
        np.full((3, height, width), _GREY),
        np.linspace(0, 1, width, endpoint=False)[None, :],
        np.linspace(0, 1, height, endpoint=False)[:, None],
    )
    _PLACES[number % len(_PLACES)](canvas)
    return np.clip(canvas.planes, 16, 235)


def _sky(canvas: Canvas, top: Colour, horizon: Colour, down_to: float) -> None:
    share = np.clip(canvas.y / down_to, 0, 1)
    for plane, high, low in zip(canvas.planes, top, horizon, strict=True):
        plane[:] = high + (low - high) * share


def _harbour(canvas: Canvas) -> None:
    x, y = canvas.x, canvas.y
    _sky(canvas, (150, 146, 116), (196, 120, 138), 0.5)
    canvas.fill(canvas.disc(0.72, 0.36, 0.07), (225, 108, 140))
    canvas.fill(canvas.ridge(0.44, (0.03, 1.3, 0.1), (0.015, 3.7, 0.4)), (118, 136, 124))
    ripples = 9 * np.sin(2 * np.pi * (60 * np.sqrt(np.maximum(y - 0.5, 0)) + 2 * x))
    canvas.fill(canvas.box(0, 0.5, 1, 1), (96, 142, 116), ripples + 40 * np.exp(-((x - 0.72) ** 2) / 0.006))
    canvas.fill(canvas.box(0.0, 0.62, 0.46, 0.66), (64, 124, 134))
    for post in np.arange(0.03, 0.46, 0.06):
        canvas.fill(canvas.box(post, 0.66, post + 0.012, 0.78), (48, 124, 132))
    canvas.fill((np.abs(x - 0.6) < 0.075 - 0.6 * (y - 0.63)) & (y > 0.63) & (y < 0.69), (150, 112, 168))
    canvas.fill(canvas.box(0.598, 0.36, 0.602, 0.63), (58, 124, 132))
    canvas.fill((x > 0.606) & (y < 0.6) & (x - 0.606 < (y - 0.38) * 0.3), (214, 126, 130))


def _yard(canvas: Canvas) -> None:
    x, y = canvas.x, canvas.y
    _sky(canvas, (168, 150, 112), (204, 134, 124), 0.4)
    canvas.fill(canvas.ridge(0.36, (0.02, 2.1, 0.3), (0.02, 5.3, 0.1)), (104, 116, 118))
    canvas.fill(canvas.box(0, 0.62, 1, 1), (112, 124, 130), 26 * (y - 0.62))
    canvas.fill((y > 0.62) & (np.abs(x - 0.5) > 0.12 + 0.9 * (y - 0.62)), (92, 112, 112), 30 * (y - 0.62))
    canvas.fill(canvas.box(0.12, 0.2, 0.66, 0.66), (120, 112, 148), -18.0 * (x > 0.5))
    canvas.fill((y > 0.1) & (y < 0.2) & (np.abs(x - 0.39) < 0.2 + 1.0 * (y - 0.1)), (72, 122, 138))
    for column in range(5):
        for row in range(2):
            left, top = 0.16 + column * 0.1, 0.25 + row * 0.16
            canvas.fill(canvas.box(left - 0.005, top - 0.01, left + 0.055, top + 0.11), (190, 126, 130))
            canvas.fill(canvas.box(left, top, left + 0.05, top + 0.1), (66, 136, 122), 24 * ((row + column) % 3 == 0))
    canvas.fill(canvas.box(0.36, 0.41, 0.42, 0.66), (62, 118, 140))
    for post in np.arange(0.7, 1.0, 0.035):
        canvas.fill(canvas.box(post, 0.52, post + 0.008, 0.72), (58, 126, 130))
    canvas.fill(canvas.box(0.69, 0.55, 1.0, 0.565) | canvas.box(0.69, 0.66, 1.0, 0.675), (58, 126, 130))


def _valley(canvas: Canvas) -> None:
    x, y = canvas.x, canvas.y
    _sky(canvas, (152, 152, 112), (206, 126, 126), 0.5)
    clouds = ((0.2, 0.16, 0.05), (0.25, 0.14, 0.07), (0.31, 0.17, 0.05), (0.7, 0.24, 0.04), (0.74, 0.23, 0.05))
    for left, top, size in clouds:
        canvas.fill(canvas.disc(left, top, size), (216, 128, 128))
    canvas.fill(canvas.ridge(0.4, (0.08, 1.2, 0.55), (0.03, 3.1, 0.2)), (132, 138, 118))
    canvas.fill(canvas.ridge(0.5, (0.05, 1.7, 0.1), (0.02, 4.3, 0.6)), (112, 122, 114))
    canvas.fill(canvas.ridge(0.62, (0.04, 1.1, 0.4)), (100, 108, 112), 34 * (y - 0.6))
    middle = 0.48 + 0.1 * np.sin(5 * (y - 0.62))
    canvas.fill((y > 0.64) & (np.abs(x - middle) < 0.012 + 0.3 * np.maximum(y - 0.64, 0) ** 1.2), (152, 122, 132))
    trees = ((0.1, 0.62, 0.09), (0.16, 0.65, 0.07), (0.8, 0.6, 0.08), (0.88, 0.64, 0.11), (0.72, 0.64, 0.05))
    for left, top, size in trees:
        canvas.fill(canvas.box(left - 0.006, top, left + 0.006, top + size + 0.06), (60, 120, 138))
        canvas.fill(canvas.disc(left, top, size), (74, 112, 114), 30 * (0.62 - y))


def _store(canvas: Canvas) -> None:
    x, y = canvas.x, canvas.y
    _sky(canvas, (84, 126, 132), (132, 124, 132), 0.62)
    joints = (x - 0.5) / np.maximum(y - 0.4, 0.1) % 0.4 < 0.02  # boards that run to one point
    canvas.fill(canvas.box(0, 0.62, 1, 1), (126, 124, 134), 40 * (y - 0.62) - 14 * joints)
    for left in (0.05, 0.37, 0.69):
        canvas.fill(canvas.box(left, 0.24, left + 0.26, 0.72), (58, 128, 128))
        for row in range(3):
            for column in range(4):
                wide, top = 0.055, 0.27 + row * 0.15
                begin = left + 0.012 + column * 0.061
                tone = (row * 5 + column * 3 + int(left * 10)) % 4
                colour = ((150, 108, 146), (128, 146, 118), (166, 120, 136), (112, 116, 122))[tone]
                canvas.fill(canvas.box(begin, top, begin + wide, top + 0.11), colour)
                canvas.fill(canvas.box(begin + 0.018, top, begin + 0.034, top + 0.11), colour, 22.0)
    for lamp in (0.18, 0.5, 0.82):
        canvas.fill(canvas.box(lamp - 0.07, 0.05, lamp + 0.07, 0.075), (228, 124, 130))
        canvas.planes[0] += 38 * np.exp(-(((x - lamp) / 0.16) ** 2) - ((y - 0.1) / 0.22) ** 2)


_PLACES: tuple[Callable[[Canvas], None], ...] = (_harbour, _yard, _valley, _store)
