"""Whether a picture stands, and since when, by what encoders leave of it."""

import json
from base64 import b64encode
from dataclasses import replace

import numpy as np
import pytest

from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.quality import Region, Repacked, Thresholds
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.eye import Look
from holdfast.media.analysis.file import looks_in
from holdfast.media.analysis.grey import Grey
from holdfast.media.analysis.near import Between, Near
from holdfast.watching.standing import AGAIN_US, HELD_DRIFT, TRIES, Stand, Standing, stand_of
from support.films import film, plain
from support.near import at, pictures

LIMITS = Thresholds()
SETTLED_US = SECOND_US  # after a keyframe


def film_of(*places: float, keys: tuple[int, ...] = ()) -> list[Near]:
    """Pictures a second apart."""
    return pictures(*places, keys=keys, step_us=SECOND_US)


def since(found: list[Near], before: Stand | None = None) -> float | None:
    """Since which of some pictures the newest stands."""
    stand = stand_of(found, LIMITS, before)
    return None if stand is None else stand.since_us / SECOND_US


def test_a_picture_stands_from_the_first_that_stays() -> None:
    """What moved until the fourth picture and is the same from there on stands from there on."""
    assert since(film_of(0, 9, 18, 27, 27, 27, 27)) == 3
    assert since(film_of(0, 9, 18, 27, 27, 27, 27, keys=(5,))) == 3
    assert since(film_of(0, 9, 18, 27, 36)) == 4  # nothing but itself
    assert since(film_of(0, 0.4, 0.8, 1.2, 1.6)) == 2  # slow clouds: never far from one to the next
    # A keyframe of few bits is up to 2 grey from the one before it; what moves is further.
    assert since(film_of(9, 0, 0, 1.5, 1.5, keys=(3,))) == 1
    assert since(film_of(9, 0, 0, 2.5, 2.5, keys=(3,))) == 3
    assert stand_of([], LIMITS) is None


def test_one_that_differs_alone_is_packed_anew() -> None:
    """Of what has gone nowhere one picture may differ by itself; where all do, or it is somewhere else, it lives."""
    still = film_of(*[0.0] * 5)
    packed, lives = (
        [replace(one, difference=differs) for one, differs in zip(still, all_of_them, strict=True)]
        for all_of_them in ((0.1, 0.1, 1.9, 0.1, 0.1), (1.9, 1.8, 1.9, 0.1, 0.1))
    )
    gone = [replace(one, squares=at(0.9) if number < 2 else one.squares) for number, one in enumerate(packed)]
    assert since(packed) == 0
    assert since(lives) == 2
    assert since(gone) == 2


def test_what_is_refined_after_a_keyframe_may_differ_more() -> None:
    """For half a second after a keyframe pictures differ by up to 3 grey and stand nevertheless; later they do not."""
    coarse = [0, 0, 1.5, 1.5, 1.0, 0.5, 0.1, 0]
    found = pictures(*coarse, keys=(0, 2), step_us=SECOND_US // 10)
    refined = [replace(one, difference=2.5 if number in {3, 4, 5} else 0.1) for number, one in enumerate(found)]
    assert since(refined) == 0
    late = [replace(one, key_us=-SECOND_US) for one in refined]
    assert since(late) == pytest.approx(0.5)  # without that keyframe it is too far from what it was


def test_it_stood_already_at_the_look_before() -> None:
    """What stands as far back as was looked goes on with what stood then, known by what it was before the keyframe."""
    before = Stand(-9 * SECOND_US, -SECOND_US, at(0.3))
    assert since(film_of(0, 0, 0), before) == -9
    assert since(film_of(5, 0, 0), before) == 1
    assert since(film_of(5, 5, 5), before) == 0
    kept = stand_of(film_of(0, 0, 0), LIMITS, before)
    assert kept is before or kept == before
    newer = stand_of(film_of(0, 0.1, 0, 0, keys=(2,)), LIMITS, before)
    assert newer is not None
    assert (newer.since_us, newer.at_us, newer.squares[0, 0]) == (-9 * SECOND_US, SECOND_US, np.float32(0.1))


def seen(
    at_us: int, place: float, *, key_us: int | None = None, differ: float = 0.1, drift: float = 0.4,
    repacked: Repacked | None = None, between: Between | None = None,
) -> Look:  # fmt: skip
    """A look at a picture of one grey."""
    grey = Grey(np.full((16, 16), round(place), np.uint8), 0, 1.0, 16, 16)
    nothing = Between(None, (), Region(), 10, grey, grey, (0, 0))  # type: ignore[arg-type]  # nothing is decoded
    return Look(
        at_us, 0.0, (differ,) * 3, drift, between=replace(between or nothing, newest=grey), key_us=key_us,
        repacked=repacked,
    )  # fmt: skip


def judged(standing: Standing, look: Look, case: Case | None = None, *, frozen: bool = True) -> bool | None:
    """What it makes of a look at which three pictures say so."""
    return standing.judge(look, case, LIMITS, frozen=frozen, close=True)[0]


PENDING = Case(IncidentType.FREEZE, Stage.PENDING, 0, 0)


def anchored(place: float) -> Standing:
    """Somebody who knows what the picture was before its keyframe at 10 s."""
    stand = {"since_us": 0, "at_us": 9 * SECOND_US, "shape": [2, 2]}
    return Standing({"stand": stand | {"squares": b64encode(at(place).astype("<f4").tobytes()).decode()}})


def test_what_came_back_to_what_it_was_before_its_keyframe_stands() -> None:
    """Near to it, it stands; further off, it is asked twice more and is none (Q1)."""
    key_us = 10 * SECOND_US
    far = 40.0 + 2 * HELD_DRIFT
    assert judged(anchored(40.0), seen(key_us + SETTLED_US, 40, key_us=key_us), PENDING) is True
    standing = anchored(far)
    for tries in range(TRIES):
        at_us = key_us + SETTLED_US + tries * AGAIN_US
        assert judged(standing, seen(at_us, 40, key_us=key_us), PENDING) is None
        assert standing.again_us == at_us + AGAIN_US
    assert judged(standing, seen(key_us + 3 * SECOND_US, 40, key_us=key_us), PENDING) is False
    assert standing.again_us is None


def test_a_picture_that_is_not_refined_yet_proves_nothing() -> None:
    """Just after a keyframe it is asked for once more, unless it was found to be the same before (Q2)."""
    key_us = 10 * SECOND_US
    standing = anchored(41.0)
    assert judged(standing, seen(key_us + 80_000, 40, key_us=key_us), PENDING) is None
    assert standing.again_us == key_us + 80_000 + AGAIN_US
    assert judged(standing, seen(key_us + 80_000 + AGAIN_US, 41, key_us=key_us), PENDING) is True
    assert judged(standing, seen(key_us + 2 * SECOND_US, 40, key_us=key_us + SECOND_US * 2 - 80_000), PENDING) is True
    assert standing.again_us is None


def test_keyframes_tell_where_they_can() -> None:
    """The same keyframe is of the same picture; as large a one that differs is of something that lives."""
    same, lives, other = Repacked(0, 0.1, 0.0, 0.0), Repacked(0, 2.0, 0.6, 0.01), Repacked(0, 2.0, 0.6, 0.1)
    standing = Standing()
    assert judged(standing, seen(SECOND_US, 40, differ=1.9, repacked=other), frozen=False) is False
    assert judged(Standing(), seen(SECOND_US, 40, differ=1.9, repacked=same), PENDING, frozen=False) is True
    assert judged(Standing(), seen(SECOND_US, 40, differ=9.0, repacked=same), frozen=False) is False
    assert judged(standing, seen(2 * SECOND_US, 40, repacked=lives)) is False
    assert judged(standing, seen(4 * SECOND_US, 40, repacked=other)) is False  # as before: nothing new is known
    again = Standing(json.loads(json.dumps(standing.state())))
    assert judged(again, seen(6 * SECOND_US, 40, drift=9.0), PENDING) is True  # it is something else
    assert judged(standing, seen(6 * SECOND_US, 40, repacked=same), PENDING) is True


def test_what_lived_may_freeze() -> None:
    """Once pictures are the same to the bit, or keyframes are packed finer and finer, it lives no more."""
    lives, finer, near = Repacked(0, 2.0, 0.6, 0.01), Repacked(0, 2.0, 0.6, 0.3), Repacked(0, 1.2, 0.3, 0.1)
    for later in (
        seen(4 * SECOND_US, 40, differ=0.0, drift=0.0),
        seen(4 * SECOND_US, 40, repacked=finer),
        seen(4 * SECOND_US, 40, repacked=near),
    ):
        standing = Standing()
        assert judged(standing, seen(2 * SECOND_US, 40, repacked=lives)) is False
        assert judged(standing, later, PENDING) is True


def test_fine_grain_that_is_left_in_lives() -> None:
    """Keyframes that differ in points and not in squares are of grain, where each picture differs, too (Q1)."""
    fine = Repacked(0, 1.2, 0.2, 0.01)
    assert judged(Standing(), seen(2 * SECOND_US, 40, differ=0.4, repacked=fine)) is False
    assert judged(Standing(), seen(2 * SECOND_US, 40, differ=0.1, repacked=fine), PENDING) is True
    # It is near to what it was before its keyframe, and goes here and there: nothing is refined.
    key_us = 10 * SECOND_US
    look = seen(key_us + SETTLED_US, 40, key_us=key_us, differ=0.9)
    assert judged(anchored(40.0), look, PENDING, frozen=False) is None
    assert judged(anchored(40.0), replace(look, differences=(0.5, 0.9, 0.5)), PENDING, frozen=False) is True


def test_a_look_that_comes_before_the_one_that_was_asked_for_is_no_answer() -> None:
    """What was asked for is still asked for then, and no try is used up."""
    key_us = 10 * SECOND_US
    standing = anchored(41.0)
    asked_us = key_us + SETTLED_US + AGAIN_US
    assert judged(standing, seen(key_us + SETTLED_US, 40, key_us=key_us), PENDING) is None
    for early_us in (50_000, 100_000, 150_000):
        assert judged(standing, seen(key_us + SETTLED_US + early_us, 40, key_us=key_us), PENDING) is None
    assert standing.again_us is not None
    assert standing.again_us >= asked_us
    assert judged(standing, seen(standing.again_us, 41, key_us=key_us), PENDING) is True


@pytest.fixture(name="stood", scope="module")
def _stood(tmp_path_factory: pytest.TempPathFactory) -> tuple[Look, ...]:
    """Looks every second at a picture that stands, with what lies between them."""
    path = film(tmp_path_factory.mktemp("still") / "still.mp4", 5, lambda _: plain(90, (64, 36)), group=25)
    options = {"black_level": 10, "region": Region(), "every_us": SECOND_US}
    return tuple(look for _, look in looks_in(path, 0, **options) if look is not None)  # type: ignore[arg-type]


@pytest.mark.parametrize("killed", [False, True])
def test_since_when_is_the_same_after_a_kill(stood: tuple[Look, ...], *, killed: bool) -> None:
    """What was in doubt is looked into by the next look, or before what is known is kept: with the same result (Q3)."""
    standing = Standing()
    doubtful = replace(stood[1], differences=(1.2,) * 3, drift=0.4, repacked=None)
    assert judged(standing, doubtful, frozen=False) is False
    assert standing.undecided
    if killed:
        standing = Standing(json.loads(json.dumps(standing.state())))
    frozen, since_us = standing.judge(replace(stood[2], repacked=None), None, LIMITS, frozen=True, close=True)
    assert frozen is True
    assert since_us is not None
    assert stood[0].at_us < since_us <= stood[0].at_us + 100_000  # the first reference picture after it
    kept = standing.state()["stand"]
    assert Standing(json.loads(json.dumps(standing.state()))).state()["stand"] == kept
    assert kept is not None


def test_one_size_is_not_compared_with_another() -> None:
    """What was known of a picture of another size says nothing about this one."""
    key_us = 10 * SECOND_US
    standing = anchored(90.0)
    grey = Grey(np.zeros((64, 64), np.uint8), 0, 1.0, 64, 64)
    look = seen(key_us + SETTLED_US, 40, key_us=key_us)
    assert look.between is not None
    assert judged(standing, replace(look, between=replace(look.between, newest=grey)), PENDING) is True
