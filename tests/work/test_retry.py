"""When failed work is tried again."""

import random

import pytest

from holdfast.core.timing import SECOND_US
from holdfast.work.retry import Retry


@pytest.mark.parametrize(
    ("failures", "wait_s"), [(1, 5), (2, 10), (3, 20), (7, 320), (8, 600), (50, 600), (10**6, 600)]
)
def test_waits_double_up_to_ten_minutes(failures: int, wait_s: int) -> None:
    """The first wait is 5 s, each doubles the one before, and none is longer than 10 minutes (F24, F27)."""
    assert Retry().after_us(failures, lambda: 0.5) == wait_s * SECOND_US


def test_waits_differ() -> None:
    """Waits differ by a quarter both ways, so that a thousand rows do not come back in one instant."""
    chance = random.Random(1)
    waits = [Retry().after_us(8, chance.random) / SECOND_US for _ in range(500)]
    assert 450 <= min(waits) < 470
    assert 730 < max(waits) <= 750
