"""When exactly something began, or ended."""

from itertools import pairwise

import pytest

from holdfast.core.incident import IncidentType
from holdfast.core.quality import Heard, Thresholds
from holdfast.media.analysis.near import Near
from holdfast.watching.turns import began, ended, loud_since, quiet_since

BLACK, FREEZE = IncidentType.BLACKSCREEN, IncidentType.FREEZE
LIMITS = Thresholds()


def pictures(*black: float) -> list[Near]:
    """Pictures a millisecond apart."""
    return [Near(at_us, at_us == 0, share, 0.0, 0.0, 0.0) for at_us, share in enumerate(black)]


def film(*places: float, keys: tuple[int, ...] = ()) -> list[Near]:
    """Pictures each of which is somewhere: their distances are what differs; at keyframes 2 grey more."""
    first, last = places[0], places[-1]
    steps = [None, *(abs(after - before) for before, after in pairwise(places))]
    return [
        Near(
            at_us, at_us in keys, 0.0, None if moved is None else moved + 2 * (at_us in keys),
            abs(place - first), abs(place - last),
        )
        for at_us, (place, moved) in enumerate(zip(places, steps, strict=True))
    ]  # fmt: skip


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
    assert began(BLACK, pictures(*black), LIMITS) == from_us
    assert ended(BLACK, pictures(*black), LIMITS) == to_us


def test_a_picture_stands_from_the_first_that_stays() -> None:
    """What moved until the fourth picture and is the same from there on stands from there on."""
    assert began(FREEZE, film(0, 9, 18, 27, 27, 27, 27), LIMITS) == 3
    assert began(FREEZE, film(0, 9, 18, 27, 27, 27, 27, keys=(5,)), LIMITS) == 3
    assert began(FREEZE, film(0, 9, 18, 27, 36), LIMITS) == 4  # nothing but itself
    assert began(FREEZE, film(0, 0.4, 0.8, 1.2, 1.6), LIMITS) == 2  # slow clouds: never far from one to the next
    # A keyframe of few bits is up to 2 grey from the one before it; what moves is further.
    assert began(FREEZE, film(9, 0, 0, 1.5, 1.5, keys=(3,)), LIMITS) == 1
    assert began(FREEZE, film(9, 0, 0, 2.5, 2.5, keys=(3,)), LIMITS) == 3


def test_one_that_differs_alone_is_packed_anew() -> None:
    """Of what has gone nowhere one picture may differ by itself; where all do, it lives."""
    packed, lives = (
        [Near(at_us, at_us < 0, 0.0, differs, 0.2, 0.2) for at_us, differs in enumerate(all_of_them)]
        for all_of_them in ((0.1, 0.1, 1.9, 0.1, 0.1), (1.9, 1.8, 1.9, 0.1, 0.1))
    )
    assert began(FREEZE, packed, LIMITS) == 2
    assert began(FREEZE, packed, LIMITS, 0.9) == 2
    assert began(FREEZE, packed, LIMITS, 0.5) == 0
    assert began(FREEZE, lives, LIMITS, 0.5) == 2


def test_a_picture_goes_on_with_the_first_that_differs() -> None:
    """What stood ends with the picture that is another one, and not with a keyframe that packs it anew."""
    assert ended(FREEZE, film(0, 0, 0, 9, 18), LIMITS) == 3
    assert ended(FREEZE, film(0, 0, 0, 9, 18, keys=(1,)), LIMITS) == 3
    assert ended(FREEZE, film(0, 0, 0), LIMITS) is None


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
