"""When exactly something began, or ended."""

from dataclasses import replace

import pytest

from holdfast.core.incident import IncidentType
from holdfast.core.quality import Heard, Thresholds
from holdfast.media.analysis.near import Near
from holdfast.watching.turns import black_since, ended, loud_since, quiet_since
from support.near import pictures

BLACK, FREEZE = IncidentType.BLACKSCREEN, IncidentType.FREEZE
LIMITS = Thresholds()


def shares(*black: float) -> list[Near]:
    """Pictures a microsecond apart."""
    return [replace(near, black_percent=share) for near, share in zip(pictures(*black), black, strict=True)]


@pytest.mark.parametrize(
    ("black", "from_us", "to_us"),
    [
        ((0, 0, 99, 99), 2, None),
        ((99, 0, 99, 99), 2, None),
        ((99, 99, 0, 0), None, 2),
        ((0, 99, 0, 0), None, 2),
        ((99, 99), 0, None),
        ((), None, None),
    ],
)
def test_black_is_of_the_newest_run(black: tuple[float, ...], from_us: int | None, to_us: int | None) -> None:
    """It began with the first picture of those that are black up to now, and ended after the last one that was."""
    assert black_since(shares(*black), LIMITS) == from_us
    assert ended(BLACK, shares(*black), LIMITS) == to_us


def test_a_picture_goes_on_with_the_first_that_differs() -> None:
    """What stood ends with the picture that is another one, and not with a keyframe that packs it anew."""
    assert ended(FREEZE, pictures(0, 0, 0, 9, 18), LIMITS) == 3
    assert ended(FREEZE, pictures(0, 0, 0, 9, 18, keys=(1,)), LIMITS) == 3
    assert ended(FREEZE, pictures(0, 0, 0), LIMITS) is None


def heard(*levels: float) -> Heard:
    """Sound in blocks of 100 ms."""
    return Heard(len(levels) * 100, -30.0, -3.0, levels=tuple((at * 100, db) for at, db in enumerate(levels)))


def test_quiet_is_of_the_newest_run() -> None:
    """It is quiet since its last loud block, and since before where there is none; loud since its first loud one."""
    assert quiet_since(heard(-20, -20, -70, -80), LIMITS, None) == 200
    assert quiet_since(heard(-70, -20), LIMITS, None) is None
    assert quiet_since(heard(-70, -70), LIMITS, -500) == -500
    assert quiet_since(heard(-70, -70), LIMITS, None) == 0
    assert quiet_since(heard(-20, -70), LIMITS, -500) == 100
    assert loud_since(heard(-70, -70, -20, -70), LIMITS) == 200
    assert loud_since(heard(-70), LIMITS) is None
