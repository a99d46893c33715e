"""Pictures that fall apart into blocks."""

from typing import Any

import numpy as np
import pytest

from holdfast.core.quality import Thresholds
from holdfast.media.analysis.blocks import blockiness
from support.films import Picture, noisy

LIMIT = Thresholds().blocks


def scene(seed: int) -> Picture:
    """Waves and grain."""
    rows, columns = np.mgrid[0:360, 0:640]
    waves = 120 + 40 * np.sin(columns / (11 + seed)) + 30 * np.sin((rows + columns) / 29)
    grain = np.random.default_rng(seed).normal(0, 2, waves.shape)
    return np.asarray((waves + grain).clip(0, 255), np.uint8)


def broken(picture: Picture, share: float, size: int) -> Picture:
    """Some of its blocks are from elsewhere, grey, or too bright."""
    dice = np.random.default_rng(7)
    out = picture.copy()
    height, width = picture.shape
    for _ in range(int(share * height * width / size / size)):
        top, left = dice.integers(height // size) * size, dice.integers(width // size) * size
        source_top, source_left = dice.integers(height // size) * size, dice.integers(width // size) * size
        brighter = picture[top : top + size, left : left + size].astype(int) + int(dice.integers(-60, 60))
        parts: list[np.ndarray[Any, Any]] = [
            picture[source_top : source_top + size, source_left : source_left + size],
            np.full((size, size), int(dice.integers(255))),
            brighter.clip(0, 255),
        ]
        out[top : top + size, left : left + size] = parts[int(dice.integers(3))].astype(np.uint8)
    return out


@pytest.mark.parametrize("size", [8, 16])
@pytest.mark.parametrize("seed", range(4))
def test_broken_blocks_are_told_from_a_whole_picture(seed: int, size: int) -> None:
    """A picture a fifth of whose blocks are broken is beyond the threshold, the same one whole is not."""
    picture = scene(seed)
    whole, damaged = blockiness(picture), blockiness(broken(picture, 0.2, size))
    assert whole is not None
    assert damaged is not None
    assert whole < LIMIT < damaged


def test_a_fence_is_no_grid() -> None:
    """Edges every 16 pixels in one direction alone, and grain, are no blocks."""
    fence = np.tile(((np.arange(640) // 16) % 2 * 150 + 50).astype(np.uint8), (360, 1))
    for picture in (fence, fence.T, noisy(1.0, (640, 360))):
        found = blockiness(picture)
        assert found is not None
        assert found < LIMIT


def test_a_plain_picture_is_one_and_a_tiny_one_is_not_known() -> None:
    """Without any edge there is no grid; of a picture of less than two blocks nothing is said."""
    assert blockiness(np.full((64, 64), 90, np.uint8)) == 1
    assert blockiness(np.zeros((20, 400), np.uint8)) is None
