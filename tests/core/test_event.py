"""Events: when what moves is one, and that nothing of it depends on who looked when."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.event import Change, Rule, Turn, Watch, confidence, from_json, step, to_json
from holdfast.core.timing import SECOND_US

RULE = Rule(least=1.0, cool_down_us=10 * SECOND_US, samples=3, lapse_us=SECOND_US, most_us=60 * SECOND_US)
TENTH_US = SECOND_US // 10
Series = Sequence[tuple[int, float]]


def play(series: Series) -> list[Change]:
    """Take samples at tenths of a second."""
    watch, found = Watch(), list[Change]()
    for tenths, moved in series:
        watch, changes = step(watch, tenths * TENTH_US, moved, RULE)
        found += changes
    return found


def turns(series: Series) -> list[Turn]:
    """What became of them."""
    return [change.turn for change in play(series)]


def test_an_event_begins_with_its_first_sample() -> None:
    """Three samples that move open an event that began with the first; its end is the last that moved (C047)."""
    found = play([(10, 0.2), (12, 2.0), (14, 3.0), (16, 2.5), (30, 4.0), (32, 0.0), (131, 0.0)])
    assert [change.turn for change in found] == [Turn.PENDING, Turn.OPENED, Turn.WENT_ON, Turn.ENDED]
    last = found[-1].case
    assert (last.start_us, last.last_us, last.score) == (12 * TENTH_US, 30 * TENTH_US, 4.0)


def test_one_flash_is_none() -> None:
    """What changes a picture once, as a lamp does, is no event."""
    assert turns([(10, 50.0), (12, 50.0), (14, 0.0), (30, 0.0)]) == [Turn.PENDING, Turn.DROPPED]


def test_a_pause_belongs_to_it() -> None:
    """What moves again before the cool-down is over is the same event; after it, another one (C047)."""
    three = [(0, 2.0), (2, 2.0), (4, 2.0)]
    again = [(at + 103, moved) for at, moved in three]
    assert turns([*three, *again]).count(Turn.PENDING) == 1
    later = [(at + 104, moved) for at, moved in three]
    assert turns([*three, *later]) == [Turn.PENDING, Turn.OPENED, Turn.ENDED, Turn.PENDING, Turn.OPENED]


def test_no_event_is_without_end() -> None:
    """A street that never rests is an event a minute, or however long one may last."""
    found = turns([(at, 2.0) for at in range(0, 1500, 5)])
    assert found.count(Turn.ENDED) == 2
    assert found.count(Turn.OPENED) == 3


@pytest.mark.parametrize(("score", "expected"), [(0.3, 0), (0.33, 10), (0.6, 100), (90, 999), (0.1, 0)])
def test_confidence_is_beyond_the_threshold(score: float, expected: float) -> None:
    """Confidence is how far a score is beyond what counts, in percent of it (C047)."""
    assert confidence(score, 0.3) == pytest.approx(expected)


_series = st.lists(st.tuples(st.integers(1, 60), st.sampled_from([0.0, 0.9, 1.0, 3.5])), max_size=80)


def placed(steps: Series) -> list[tuple[int, float]]:
    """Turn distances into instants."""
    at, found = 0, []
    for distance, moved in steps:
        at += distance
        found.append((at, moved))
    return found


@given(_series, st.lists(st.integers(0, 80), max_size=6))
def test_whoever_is_killed_comes_to_the_same(steps: Series, kills: Sequence[int]) -> None:
    """From any kept state, with samples of before it once more, the same changes follow (F38)."""
    series = placed(steps)
    watch, found, at = Watch(), list[Change](), 0
    for stop in [*sorted(kills), len(series)]:
        for tenths, moved in series[max(0, at - 3) : stop]:
            watch, more = step(watch, tenths * TENTH_US, moved, RULE)
            found += more
        at = max(at, stop)
        watch = from_json(to_json(watch))
    assert found == play(series)


@given(_series)
def test_what_always_holds(steps: Series) -> None:
    """Events do not overlap, begin and end at samples that moved, and none is opened by fewer than three."""
    series = placed(steps)
    moving = {tenths * TENTH_US for tenths, moved in series if moved >= RULE.least}
    ended_us, open_us = -1, None
    for change in play(series):
        case = change.case
        assert {case.start_us, case.last_us} <= moving
        assert case.start_us <= case.last_us
        if change.turn is Turn.OPENED:
            assert open_us is None
            assert case.count == RULE.samples
            assert case.start_us > ended_us
            open_us = case.start_us
        elif change.turn is Turn.ENDED:
            assert case.start_us == open_us
            open_us, ended_us = None, case.last_us
