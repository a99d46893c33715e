"""Pictures between two looks as a test describes them: by where each one is."""

from itertools import pairwise
from typing import Any

import numpy as np

from holdfast.media.analysis.near import Near


def at(place: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Squares of a picture that is somewhere."""
    return np.full((2, 2), place, np.float32)


def pictures(*places: float, keys: tuple[int, ...] = (), step_us: int = 1) -> list[Near]:
    """Pictures each of which is somewhere: their distances are what differs; at keyframes 2 grey more."""
    steps = [None, *(abs(after - before) for before, after in pairwise(places))][: len(places)]
    found: list[Near] = []
    key_us: int | None = None
    for number, (place, moved) in enumerate(zip(places, steps, strict=True)):
        key_us = number * step_us if number in keys else key_us
        difference = None if moved is None else moved + 2 * (number in keys)
        found.append(Near(number * step_us, key_us, 0.0, difference, abs(place - places[0]), at(place)))
    return found
