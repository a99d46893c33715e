"""What stands still before a camera, and how much of a picture is not part of it.

A picture is some 2,300 cells, each the mean of its points, so that the grain of single pixels is gone. Of each cell it
is known how bright it is at rest and how far it strays from that: leaves and rain stray far, walls do not. What counts
as moving is brighter or darker than that allows, next to others that are, is apart from what is around it, and is not
where it was a moment ago. So neither light that goes on or fades, nor a soft shadow, nor a camera that trembles moves.

Everything that is remembered is in whole numbers, so that whoever goes on after a restart sees exactly the same.
One object a camera, on one thread at a time. Not here: which pictures are looked at (motion), events (core.event).
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from holdfast.core.area import Polygon
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.grey import Grey, block_sums

COLUMNS = 64  # chosen: a cell is a hundredth of a percent and a half of 16:9; a person at 30 m covers ten of them
MOST_ROWS = 64
STEADY_US = 3 * SECOND_US  # so long a scene is only looked at before anything in it moves
RESET = 0.5  # a picture of which more is elsewhere is another scene
GROUND_S, THING_S = (
    8.0,
    40.0,
)  # in which what is at rest follows: where nothing stands before it, and where something does
NOISE_S = 10.0
MOST_STRAY = 30.0  # grey; a car that passes says nothing about how far a wall strays
STRAYS = 3.0  # measured on labelled cases: means of how far a cell strays that it may be away
NEAR = 3  # cells of 3 by 3 that must be away together
AROUND = 8  # cells each way whose mean says what light there is
APART = 0.6  # of the threshold, by which it must differ from what that light would make of it
DIM = 8.0  # grey that is added to both where light is compared: of two blacks one is not twice as bright
BACK = 2  # looks that lie between those that are compared: 0.4 s
_FIXED = 64  # of grey
_FAR = 127  # grey; what is further away is kept as this
_Cells = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class View:
    """What of a picture is looked at, and how closely. `least` is the smallest part that matters, in percent."""

    sensitivity: int = 50
    least: float = 0.3
    masks: tuple[Polygon, ...] = ()
    zones: tuple[Polygon, ...] = ()

    @property
    def threshold(self) -> float:
        """Grey by which a cell must be away: 10 at the middle of the scale, 4 at its end."""
        return 4 + (100 - self.sensitivity) * 0.12


def cells_of(grey: Grey) -> _Cells:
    """Average the points of a picture over its cells, in grey."""
    points = grey.points
    rows = max(1, min(MOST_ROWS, points.shape[0], round(COLUMNS * grey.height / grey.width)))
    columns = min(COLUMNS, points.shape[1])
    if points.shape[0] % rows == 0 and points.shape[1] % columns == 0:
        sides = points.shape[0] // rows, points.shape[1] // columns
        means = block_sums(points, *sides) / (sides[0] * sides[1])
        return np.asarray((means - grey.low) * grey.scale, np.float32)
    tops = np.arange(rows) * points.shape[0] // rows
    lefts = np.arange(columns) * points.shape[1] // columns
    sums = np.add.reduceat(np.add.reduceat(points, tops, axis=0, dtype=np.uint32), lefts, axis=1)
    high, wide = np.diff([*tops, points.shape[0]]), np.diff([*lefts, points.shape[1]])
    return np.asarray((sums / np.outer(high, wide) - grey.low) * grey.scale, np.float32)


class Scenery:
    """What one camera shows when nothing moves.

    Args:
        view: What is looked at.
        said: What `to_json` returned; None begins anew.

    Raises:
        KeyError: Something is missing in it.
        ValueError: Something is none of ours.
        zlib.error: The same.
    """

    def __init__(self, view: View, said: Mapping[str, Any] | None = None) -> None:
        self._view = view
        self._ground: Any = None  # as arrays of whole numbers, `_FIXED` to a grey; None before the first look
        self._noise: Any = None
        self._before: list[Any] = []  # how far cells were away at the last looks
        self._at_us = self._since_us = 0
        self._looks = 0
        self._watched: Any = None
        if said is not None:
            self._read(said)

    @property
    def steady(self) -> bool:
        """Say whether it has been looked at for long enough."""
        return self._ground is not None and self._at_us - self._since_us >= STEADY_US

    def look(self, cells: _Cells, at_us: int) -> float:
        """Take the next picture; return how much of what is looked at moves, in percent."""
        if self._ground is None or self._ground.shape != cells.shape:
            self._begin(cells, at_us)
            return 0.0
        ground, noise = (kept.astype(np.float32) / np.float32(_FIXED) for kept in (self._ground, self._noise))
        lit = _relit(ground, cells)
        off = cells - lit
        limit = self._view.threshold + STRAYS * noise
        away = (_beyond(lit, cells) > limit) & self._mask(cells.shape)
        if np.count_nonzero(away) > RESET * away.size:
            self._begin(cells, at_us)
            return 0.0
        if not away.any():
            self._learn(cells, off, away, at_us)
            return 0.0
        # A soft shadow is another light on a part of the picture, with all that is in that part.
        shade = (_around(cells) + DIM) / (_around(lit) + DIM)
        apart = np.abs(cells + DIM - (lit + DIM) * shade) > APART * limit
        thing = away & apart
        thing &= _near(thing) >= NEAR
        moved = 0.0
        if self.steady and self._stirs(thing, off, limit):
            moved = float(np.count_nonzero(thing) / max(1, int(np.count_nonzero(self._mask(cells.shape)))) * 100)
        self._learn(cells, off, thing, at_us)
        return moved

    def _stirs(self, thing: Any, off: _Cells, limit: _Cells) -> bool:
        """Say whether what is away was somewhere else a moment ago."""
        if not self._before or not thing.any():
            return False
        stirred = np.abs(off.clip(-_FAR, _FAR) - self._before[0].astype(np.float32)) > limit / 2
        least = max(2.0, thing.size * self._view.least / 400)
        return bool(np.count_nonzero(stirred & (_near(thing) > 0)) >= least)

    def _learn(self, cells: _Cells, off: _Cells, thing: Any, at_us: int) -> None:
        passed_s = min(2.0, max(0.0, (at_us - self._at_us) / SECOND_US))
        self._looks += 1
        first = 0.0 if self.steady else 1 / (self._looks + 1)
        slow, quick, noisy = (max(first, 1 - float(np.exp(-passed_s / s))) for s in (THING_S, GROUND_S, NOISE_S))
        share = np.where(thing, slow, quick).astype(np.float32)
        ground, noise = self._ground, self._noise
        step = (cells * _FIXED - ground) * share
        self._ground = np.rint(ground + step).astype(np.int16)
        strays = np.minimum(np.abs(off), MOST_STRAY) * _FIXED
        self._noise = np.rint(noise + (strays - noise) * np.where(thing, slow, noisy)).astype(np.int16)
        self._before = [*self._before, np.rint(off).clip(-_FAR, _FAR).astype(np.int8)][-BACK:]
        self._at_us = at_us

    def _begin(self, cells: _Cells, at_us: int) -> None:
        self._ground = np.rint(cells * _FIXED).astype(np.int16)
        if self._noise is None or self._noise.shape != cells.shape:
            self._noise = np.zeros(cells.shape, np.int16)
            self._watched = None
        self._before, self._looks = [], 0
        self._at_us = self._since_us = at_us

    def _mask(self, shape: tuple[int, ...]) -> Any:
        if self._watched is None or self._watched.shape != shape:
            self._watched = _watched(self._view, shape)
        return self._watched

    def to_json(self) -> dict[str, Any] | None:
        """Return it as JSON knows it; None where nothing was seen yet."""
        if self._ground is None:
            return None
        return {
            "shape": list(self._ground.shape), "ground": _packed([self._ground]), "noise": _packed([self._noise]),
            "before": _packed(self._before), "at_us": self._at_us, "since_us": self._since_us, "looks": self._looks,
        }  # fmt: skip

    def _read(self, said: Mapping[str, Any]) -> None:
        rows, columns = said["shape"]
        shape = int(rows), int(columns)
        self._ground = _unpacked(said["ground"], np.int16, shape)[0]
        self._noise = _unpacked(said["noise"], np.int16, shape)[0]
        self._before = _unpacked(said["before"], np.int8, shape)
        self._at_us, self._since_us, self._looks = int(said["at_us"]), int(said["since_us"]), int(said["looks"])


def _relit(ground: _Cells, cells: _Cells) -> _Cells:
    """Return what is at rest in the light of a picture: brighter, darker, with more or less contrast."""
    if float(np.median(np.abs(cells - ground))) < 1:
        return ground
    kept = np.ones(cells.shape, bool)
    lit = ground
    for _ in range(2):
        x, y = ground[kept], cells[kept]
        mean_x, mean_y = float(x.mean()), float(y.mean())
        spread = float(((x - mean_x) ** 2).mean())
        gain = 1.0 if spread < 1 else float(((x - mean_x) * (y - mean_y)).mean()) / spread
        lit = mean_y + max(0.0, gain) * (ground - mean_x)
        off = np.abs(cells - lit)
        kept = off <= 2 * float(np.median(off)) + 1
    return np.asarray(lit, np.float32)


def _beyond(lit: _Cells, cells: _Cells) -> _Cells:
    """Return how far a picture is outside of what half a cell of trembling makes of the ground."""
    high, low = lit.copy(), lit.copy()
    across, down = (lit[:, 1:] + lit[:, :-1]) / 2, (lit[1:] + lit[:-1]) / 2
    for half, here in ((across, np.s_[:, :-1]), (across, np.s_[:, 1:]), (down, np.s_[:-1]), (down, np.s_[1:])):
        np.maximum(high[here], half, out=high[here])
        np.minimum(low[here], half, out=low[here])
    return np.asarray(np.maximum(cells - high, low - cells))


def _around(cells: _Cells) -> _Cells:
    """Average over what is around each cell."""
    sums = np.pad(cells, ((1, 0), (1, 0))).cumsum(axis=0, dtype=np.float32).cumsum(axis=1)
    top, bottom, left, right, many = _neighbours(cells.shape)
    total = sums[bottom][:, right] - sums[top][:, right] - sums[bottom][:, left] + sums[top][:, left]
    return np.asarray(total / many, np.float32)


@lru_cache(maxsize=16)
def _neighbours(shape: tuple[int, int]) -> tuple[Any, Any, Any, Any, Any]:
    """Return from where to where around each row and column, and how many cells that are."""
    rows, columns = shape
    top, left = (np.maximum(0, np.arange(size) - AROUND) for size in (rows, columns))
    bottom, right = (np.minimum(size, np.arange(size) + AROUND + 1) for size in (rows, columns))
    return top, bottom, left, right, np.outer(bottom - top, right - left)


def _near(thing: Any) -> Any:
    """Count those of 3 by 3 cells."""
    wide = np.pad(thing.astype(np.uint8), 1)
    across = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    return across[:-2] + across[1:-1] + across[2:]


def _watched(view: View, shape: tuple[int, ...]) -> Any:
    rows, columns = shape
    found = np.full(shape, not view.zones)
    for polygons, value in ((view.zones, True), (view.masks, False)):
        for row in range(rows):
            for column in range(columns):
                x, y = (column + 0.5) / columns, (row + 0.5) / rows
                if any(one.holds(x, y) for one in polygons):
                    found[row, column] = value
    return found


def _packed(arrays: Sequence[Any]) -> str:
    return b64encode(zlib.compress(b"".join(one.tobytes() for one in arrays), 1)).decode()


def _unpacked(text: str, kind: Any, shape: tuple[int, int]) -> list[Any]:
    return list(np.frombuffer(zlib.decompress(b64decode(text)), kind).reshape(-1, *shape).copy())
