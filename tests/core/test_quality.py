"""What numbers mean: black, frozen, silent, not known."""

import pytest

from holdfast.core.incident import IncidentType
from holdfast.core.quality import (
    Heard,
    Repacked,
    Seen,
    Thresholds,
    conditions,
    has_sound,
    is_black,
    is_frozen,
    packed_alike,
    packed_the_same,
    packed_with_grain,
    volume_percent,
    why_unknown,
)
from holdfast.core.timing import SECOND_US

LIMITS = Thresholds()


@pytest.mark.parametrize(("percent", "black"), [(95.0, False), (95.1, True), (100.0, True), (0.0, False), (None, None)])
def test_black_is_more_than_95_percent(percent: float | None, black: bool | None) -> None:  # noqa: FBT001 - a case
    """Strictly more than 95 % black pixels make a black picture; without a picture nothing is known (C051)."""
    assert is_black(Seen(0, black_percent=percent), LIMITS) is black


@pytest.mark.parametrize(
    ("differences", "frozen"),
    [((0.0, 0.49, 0.2), True), ((0.0, 0.5, 0.2), False), ((0.1, 0.1, 7.0), False), (None, None)],
)
def test_frozen_is_all_three_pairs(differences: tuple[float, float, float] | None, frozen: bool | None) -> None:  # noqa: FBT001 - a case
    """All three pairs differ by less than 0.5, or it moves; with fewer pictures nothing is known (C052)."""
    assert is_frozen(Seen(0, differences=differences), LIMITS) is frozen


@pytest.mark.parametrize(("db", "percent"), [(-60, 0), (-57, 5), (-30, 50), (0, 100), (-91, 0), (3, 100)])
def test_percent_of_a_level(db: float, percent: float) -> None:
    """-60 dB are nothing and 0 dB are everything (C053)."""
    assert volume_percent(db) == percent


def test_old_sound_says_nothing() -> None:
    """Sound of up to 10 s before the picture counts; what is older, or not there, is not known: why (C053, F40)."""
    young, old = Heard(0, -20.0, -1.0), Heard(0, -20.0, -1.0)
    assert has_sound(Seen(10 * SECOND_US, heard=young), LIMITS) is True
    late = Seen(11 * SECOND_US, heard=old)
    assert has_sound(late, LIMITS) is None
    assert why_unknown(late, LIMITS) == "the newest sound is 11 s older than the picture"
    assert has_sound(Seen(0), LIMITS) is None
    assert why_unknown(Seen(0), LIMITS) == "there is no sound"
    assert has_sound(Seen(0, heard=Heard(0, -57.0, -40.0)), LIMITS) is False


def test_only_what_is_known_and_wanted_is_told() -> None:
    """What is not known is missing, and so is what nobody asked for (C018)."""
    seen = Seen(0, black_percent=99.0, differences=None, heard=Heard(0, -100.0, -100.0))
    assert conditions(seen, LIMITS, frozenset(IncidentType)) == {
        IncidentType.BLACKSCREEN: True, IncidentType.AUDIO_LOSS: True, IncidentType.ERRORS: False,
    }  # fmt: skip
    assert conditions(seen, LIMITS, frozenset({IncidentType.FREEZE})) == {}


@pytest.mark.parametrize(
    ("blocks", "damaged", "found"), [(None, 0, (None, False)), (2.2, 1, (False, True)), (2.3, 0, (True, False))]
)
def test_blocks_and_damage_are_conditions(
    blocks: float | None, damaged: int, found: tuple[bool | None, bool | None]
) -> None:
    """Blockiness counts above its threshold and only where it was measured, damage from the first picture on (C059)."""
    seen = Seen(0, black_percent=1.0, blocks=blocks, damaged=damaged)
    told = conditions(seen, LIMITS, frozenset(IncidentType))
    assert (told.get(IncidentType.MACROBLOCKS), told.get(IncidentType.ERRORS)) == found


def test_without_a_picture_nothing_is_known_of_damage() -> None:
    """Where nothing could be seen at all, there is no word about damage."""
    assert IncidentType.ERRORS not in conditions(Seen(0, heard=Heard(0, -20.0, -3.0)), LIMITS, frozenset(IncidentType))


@pytest.mark.parametrize(
    ("difference", "drift", "growth", "same", "alike"),
    [
        (0.1, 0.0, 0.4, True, True),
        (1.2, 0.3, 0.0, None, True),
        (2.0, 0.6, 0.01, False, False),
        (2.0, 0.6, -0.01, False, False),
        (2.0, 0.6, 0.02, None, False),
        (30.0, 9.0, 0.0, None, False),  # a scene changed: that is no grain
        (1.2, 1.1, 0.0, None, False),
    ],
)
def test_keyframes_are_of_the_same_picture_or_not(
    difference: float, drift: float, growth: float, same: bool | None, alike: bool  # noqa: FBT001 - a case
) -> None:  # fmt: skip
    """Equal ones are; as large ones that differ are not; of others nobody knows (Q1)."""
    repacked = Repacked(0, difference, drift, growth)
    assert packed_the_same(repacked, Thresholds()) is same
    assert packed_alike(repacked) is alike
    assert packed_the_same(repacked, Thresholds(freeze_difference=3.0)) is (None if same is False else same)


def test_a_single_keyframe_tells_nothing() -> None:
    """Without one to compare with nothing is known."""
    assert packed_the_same(None, Thresholds()) is None
    assert packed_alike(None) is False
    assert packed_with_grain(None) is False


@pytest.mark.parametrize(
    ("difference", "drift", "growth", "grain"),
    [(1.2, 0.2, 0.0, True), (1.2, 0.2, 0.02, False), (1.2, 0.4, 0.0, False), (0.6, 0.1, 0.0, False)],
)
def test_fine_grain_is_little_in_squares(difference: float, drift: float, growth: float, grain: bool) -> None:  # noqa: FBT001 - a case
    """It averages out there; what is packed differently does not as much (Q1)."""
    assert packed_with_grain(Repacked(0, difference, drift, growth)) is grain
