"""How blocky a picture is: edges that lie on a grid of 8 or 16 pixels, as a damaged or starved decoder leaves them.

What a grabber films was decoded by somebody else before: its damage is in the picture and no decoder of ours sees it.

Any thread. Not here: damage of what we decode ourselves (decode), what is too blocky (core.quality).
"""

from typing import Any

import numpy as np

GRIDS = (8, 16)  # pixels: the blocks of JPEG and MPEG-2, of H.264
_SPARSE = 4  # rows and columns of which one is compared: a quarter of the work, the same mean
_GRAIN = 1.0  # grey that is added to both sides, so that a smooth picture does not divide by nothing


def blockiness(luma: np.ndarray[Any, Any]) -> float | None:
    """Return how much steeper edges are on a grid than beside it, in both directions; 1 without a grid.

    Args:
        luma: Rows by columns, every pixel of the picture or of a part of it.

    Returns:
        With two decimals; None of a picture that is smaller than two blocks.
    """
    if min(luma.shape) < 2 * max(GRIDS):
        return None
    columns = np.abs(np.diff(luma[::_SPARSE].astype(np.int16), axis=1)).mean(axis=0)
    rows = np.abs(np.diff(luma[:, ::_SPARSE].astype(np.int16), axis=0)).mean(axis=1)
    # A fence has edges one way, a grid both ways.
    return round(max(min(_steeper(columns, size), _steeper(rows, size)) for size in GRIDS), 2)


def _steeper(edges: np.ndarray[Any, Any], size: int) -> float:
    whole = len(edges) // size * size
    places = edges[:whole].reshape(-1, size).mean(axis=0)
    most = float(places.max())
    beside = (float(places.sum()) - most) / (size - 1)
    return (most + _GRAIN) / (beside + _GRAIN)
