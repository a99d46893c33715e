"""When a condition is an incident: rules one by one, and what holds for any series of samples."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.gap import GapReason
from holdfast.core.incident import (
    OPEN,
    PRIORITY,
    Case,
    Change,
    IncidentType,
    Rule,
    Stage,
    Turn,
    Watch,
    from_json,
    next_due_us,
    of_gap,
    step,
    to_json,
)
from holdfast.core.timing import SECOND_US

BLACK, FREEZE, SILENT, LOST = (
    IncidentType.BLACKSCREEN, IncidentType.FREEZE, IncidentType.AUDIO_LOSS, IncidentType.SIGNAL_LOST,
)  # fmt: skip
ALL = (LOST, BLACK, FREEZE, SILENT)
Series = Sequence[tuple[int, Mapping[IncidentType, bool]]]


def play(series: Series, rules: Mapping[IncidentType, Rule] | None = None, watch: Watch | None = None) -> list[Change]:
    """Take samples in order; seconds and what was seen."""
    watch = watch or Watch()
    changes: list[Change] = []
    for at_s, seen in series:
        watch, more = step(watch, at_s * SECOND_US, seen, rules or {})
        changes += more
    return changes


def said(changes: Sequence[Change]) -> list[tuple[Turn, IncidentType]]:
    """What happened, without counting."""
    return [(change.turn, change.case.type) for change in changes if change.turn is not Turn.COUNTED]


def seconds(series: str, kind: IncidentType = BLACK) -> Series:
    """A sample a second: `x` is bad, `.` good, `?` not known."""
    return [(n, {} if one == "?" else {kind: one == "x"}) for n, one in enumerate(series)]


def test_it_opens_after_three_seconds_and_closes_after_three() -> None:
    """Bad for 3 s it is an incident; good for 3 s it is over; start, end and count are those of the samples (C060)."""
    changes = play(seconds("..xxxxxx....."))
    assert said(changes) == [(Turn.PENDING, BLACK), (Turn.OPENED, BLACK), (Turn.RESOLVED, BLACK)]
    opened = next(change.case for change in changes if change.turn is Turn.OPENED)
    assert (opened.start_us, opened.count) == (2 * SECOND_US, 4)
    over = changes[-1].case
    assert over == Case(BLACK, Stage.RESOLVED, 2 * SECOND_US, 7 * SECOND_US, 6, 8 * SECOND_US)


def test_alternating_samples_open_nothing() -> None:
    """A picture that is black every second time is no incident, however long (F37, C060)."""
    assert {turn for turn, _ in said(play(seconds("x." * 200)))} == {Turn.PENDING, Turn.DROPPED}


def test_alternating_samples_make_one_incident_of_an_open_one() -> None:
    """Once open, flapping neither closes it nor opens another (F37)."""
    changes = play(seconds("xxxx" + ".x" * 200 + "...."))
    assert [turn for turn, _ in said(changes)] == [Turn.PENDING, Turn.OPENED, Turn.RESOLVED]
    assert changes[-1].case.count == 204
    assert changes[-1].case.good_us == 404 * SECOND_US


def test_the_bench_opens_at_once() -> None:
    """With 0 s the first bad sample opens and the first good one closes, as bench did."""
    rules = {BLACK: Rule(open_after_us=0, close_after_us=0)}
    changes = play(seconds(".x."), rules)
    assert said(changes) == [(Turn.PENDING, BLACK), (Turn.OPENED, BLACK), (Turn.RESOLVED, BLACK)]
    assert (changes[-1].case.start_us, changes[-1].case.good_us) == (SECOND_US, 2 * SECOND_US)


def test_thirty_seconds_are_thirty_seconds() -> None:
    """With the preset of 30 s, 29 s of black are nothing."""
    rules = {BLACK: Rule(open_after_us=30 * SECOND_US)}
    assert Turn.OPENED not in {turn for turn, _ in said(play(seconds("x" * 30 + "."), rules))}
    assert Turn.OPENED in {turn for turn, _ in said(play(seconds("x" * 31), rules))}


def test_what_is_not_known_is_neither_good_nor_bad() -> None:
    """Without sound that is young enough, silence neither opens nor closes (F40)."""
    changes = play(seconds("xxxx????????", SILENT))
    assert said(changes)[-1] == (Turn.OPENED, SILENT)
    assert said(play(seconds("x????x????x", SILENT), {SILENT: Rule(lapse_us=4 * SECOND_US)}))[:3] == [
        (Turn.PENDING, SILENT), (Turn.DROPPED, SILENT), (Turn.PENDING, SILENT),
    ]  # fmt: skip


def test_a_pause_proves_nothing() -> None:
    """Two bad samples a minute apart with nothing between them do not make an incident."""
    changes = play([(0, {BLACK: True}), (60, {BLACK: True})])
    assert said(changes) == [(Turn.PENDING, BLACK), (Turn.DROPPED, BLACK), (Turn.PENDING, BLACK)]


def test_a_black_picture_is_not_frozen_too() -> None:
    """Black, still and silent together are one incident, the worst; what is left after it is looked at anew (C061)."""
    both = {BLACK: True, FREEZE: True, SILENT: True}
    after = {BLACK: False, FREEZE: True, SILENT: True}
    changes = play([(n, both) for n in range(10)] + [(n, after) for n in range(10, 20)])
    opened = [(change.case.type, change.case.start_us // SECOND_US) for change in changes if change.turn is Turn.OPENED]
    assert opened == [(BLACK, 0), (FREEZE, 10)]
    over = next(change.case for change in changes if change.turn is Turn.RESOLVED)
    assert over.good_us == 10 * SECOND_US


def test_sound_does_not_overtake_the_picture() -> None:
    """Silence that began a sample before black waits for what becomes of that (C061)."""
    series = [(0, {SILENT: True}), *((n, {BLACK: True, SILENT: True}) for n in range(1, 8))]
    assert [case.type for turn, case in ((c.turn, c.case) for c in play(series)) if turn is Turn.OPENED] == [BLACK]


def test_worse_ends_what_is_open() -> None:
    """When the signal goes in the middle of a freeze, that ends where the worse one began (C061)."""
    series = [(n, {FREEZE: True}) for n in range(6)] + [(40, {LOST: True}), (43, {LOST: True})]
    changes = play(series, {LOST: Rule(open_after_us=0)})
    over = next(change.case for change in changes if change.turn is Turn.RESOLVED)
    assert (over.type, over.start_us, over.good_us) == (FREEZE, 0, 40 * SECOND_US)
    assert [change.case.type for change in changes if change.turn is Turn.OPENED] == [FREEZE, LOST]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (GapReason.UNREACHABLE, LOST), (GapReason.AUTH, LOST), (GapReason.RECORDER_DOWN, LOST),
        (GapReason.STALLED, IncidentType.STALLED), (GapReason.UNSUPPORTED, IncidentType.STREAM_MISMATCH),
        (GapReason.DISK_FULL, IncidentType.DISK), (GapReason.OFF_SCHEDULE, None), (GapReason.DISABLED, None),
    ],
)  # fmt: skip
def test_a_gap_has_a_name(reason: GapReason, kind: IncidentType | None) -> None:
    """Missing pictures are called by their reason; where none were wanted there is nothing wrong (C059)."""
    assert of_gap(reason) is kind


_seen = st.dictionaries(st.sampled_from(ALL), st.booleans())
_series = st.lists(st.tuples(st.integers(1, 20), _seen), max_size=60)


def placed(steps: Sequence[tuple[int, Mapping[IncidentType, bool]]]) -> Series:
    """Turn distances into instants."""
    at_s, found = 0, []
    for step_s, seen in steps:
        at_s += step_s
        found.append((at_s, seen))
    return found


@given(_series, st.lists(st.integers(0, 60), max_size=6))
def test_whoever_is_killed_comes_to_the_same(
    steps: Sequence[tuple[int, Mapping[IncidentType, bool]]], kills: Sequence[int]
) -> None:
    """From any kept state, with samples of before it once more, the same changes follow (C062, F38)."""
    series = placed(steps)
    changes: list[Change] = []
    watch, at = Watch(), 0
    for stop in [*sorted(kills), len(series)]:
        for at_s, seen in series[max(0, at - 3) : stop]:  # some samples come twice
            watch, more = step(watch, at_s * SECOND_US, seen, {})
            changes += more
        at = max(at, stop)
        watch = from_json(to_json(watch))
    assert changes == play(series)


@given(_series)
def test_what_always_holds(steps: Sequence[tuple[int, Mapping[IncidentType, bool]]]) -> None:
    """One open incident a camera, which ends once and not before it starts; every instant is a sample's (C060, F37)."""
    series = placed(steps)
    instants = {at_s * SECOND_US for at_s, _ in series}
    watch, open_now = Watch(), dict[IncidentType, int]()
    for at_s, seen in series:
        watch, changes = step(watch, at_s * SECOND_US, seen, {})
        for change in changes:
            case = change.case
            assert {case.start_us, case.bad_us} <= instants
            assert case.start_us <= case.bad_us
            if change.turn is Turn.OPENED:
                assert case.type not in open_now
                assert case.bad_us - case.start_us >= 3 * SECOND_US
                assert case.count >= 2
                open_now[case.type] = case.start_us
            elif change.turn is Turn.RESOLVED:
                assert open_now.pop(case.type) == case.start_us
                assert case.good_us is not None
                assert case.good_us in instants
                assert case.good_us >= case.start_us
            elif change.turn is Turn.DROPPED:
                assert case.type not in open_now
        assert {case.type for case in watch.cases.values() if case.stage in OPEN} == set(open_now)
        assert len(open_now) <= 1
    assert set(open_now) <= set(PRIORITY)


def test_it_begins_when_it_began() -> None:
    """A begin that is known better than by the rhythm of samples is the incident's, and counts for its length."""
    watch, changes = step(Watch(), 10 * SECOND_US, {BLACK: True}, {}, {BLACK: 8 * SECOND_US})
    assert [(change.turn, change.case.start_us, change.case.count) for change in changes] == [
        (Turn.PENDING, 8 * SECOND_US, 2)
    ]
    assert next_due_us(watch, {}) == 11 * SECOND_US
    watch, changes = step(watch, 11 * SECOND_US, {BLACK: True}, {})
    assert changes[-1].turn is Turn.OPENED
    assert next_due_us(watch, {}) is None


def test_it_ends_when_it_ended() -> None:
    """The same of its end, and of when it is over; it never ends before it was seen last."""
    watch, _ = step(Watch(), 0, {BLACK: True}, {})
    watch, _ = step(watch, 4 * SECOND_US, {BLACK: True}, {})
    watch, _ = step(watch, 6 * SECOND_US, {BLACK: False}, {}, {BLACK: 5 * SECOND_US})
    assert next_due_us(watch, {}) == 8 * SECOND_US
    _, changes = step(watch, 8 * SECOND_US, {BLACK: False}, {})
    assert [(change.turn, change.case.good_us) for change in changes] == [(Turn.RESOLVED, 5 * SECOND_US)]
    early, _ = step(watch, 6 * SECOND_US + 1, {BLACK: False}, {}, {BLACK: 1})
    assert early.cases[BLACK].good_us == 5 * SECOND_US


def test_none_begins_before_the_last_one_was_over() -> None:
    """What was silent behind a black picture is told from the end of that on, not from before (C061)."""
    watch = Watch()
    for at_s in (0, 4):
        watch, _ = step(watch, at_s * SECOND_US, {BLACK: True, SILENT: True}, {})
    for at_s in (6, 10):
        watch, changes = step(watch, at_s * SECOND_US, {BLACK: False}, {}, {BLACK: 5 * SECOND_US})
    assert changes[-1].turn is Turn.RESOLVED
    watch = from_json(to_json(watch))
    watch, _ = step(watch, 11 * SECOND_US, {SILENT: True}, {}, {SILENT: 1 * SECOND_US})
    assert watch.cases[SILENT].start_us == 5 * SECOND_US
