"""One camera's looks: what is measured, and what becomes of incidents and their pictures."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import av
import pytest

from holdfast.core.config.watch import WatchConfig
from holdfast.core.gap import MEANING, GapReason
from holdfast.core.incident import IncidentType, Turn
from holdfast.core.quality import Heard, Region
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.eye import Look
from holdfast.media.analysis.file import looks_in
from holdfast.media.analysis.near import Coded, Part
from holdfast.media.still import Shot
from holdfast.watching.evidence import END
from holdfast.watching.judge import Judge, Settings
from holdfast.watching.standing import AGAIN_US
from support.films import film, plain

BLACK, FREEZE, LOST = IncidentType.BLACKSCREEN, IncidentType.FREEZE, IncidentType.SIGNAL_LOST


def look(at_s: float, *, black: bool = False, differ: float = 9.0, drift: float = 9.0) -> Look:
    """What is seen at a second."""
    at_us = round(at_s * SECOND_US)
    frame = av.VideoFrame.from_ndarray(plain(0 if black else 90, (64, 36)), format="gray")
    shots = tuple(Shot(frame, at_us - n, 64, 36) for n in (2, 1, 0))
    return Look(at_us, 100.0 if black else 0.0, (differ, differ, differ), drift, shots)


def turns(judge: Judge) -> list[Turn]:
    """What became of incidents, without counting."""
    return [step.change.turn for step in judge.found.steps if step.change.turn is not Turn.COUNTED]


def test_a_black_picture_is_pinned_at_once_and_at_the_end() -> None:
    """The first bad picture is kept before anybody knows what it will be, and the first good one too (F41)."""
    judge = Judge(Settings())
    judge.look(look(0), Heard(0, -20.0, -3.0))
    judge.look(look(1, black=True), None)
    assert [(pin.number, pin.at_us) for pin in judge.found.pins] == [(1, SECOND_US)]
    for second in range(2, 8):
        judge.look(look(second, black=True), None)
    judge.look(look(8), None)
    judge.look(look(12), None)
    assert turns(judge) == [Turn.OPENED, Turn.RESOLVED]
    assert [(pin.number, pin.at_us) for pin in judge.found.pins] == [(1, SECOND_US), (END, 8 * SECOND_US)]
    assert judge.found.steps[0].seen["black_percent"] == 100.0
    assert [one.at_us for one in judge.found.measures] == [s * SECOND_US for s in [*range(9), 12]]


def test_all_three_differences_are_kept() -> None:
    """Each look's row has the differences of all pairs, and so has what is told of a freeze (C052, C055)."""
    judge = Judge(Settings())
    for second in range(8):
        judge.look(replace(look(second, drift=0.1), differences=(0.1, 0.25, 0.2)), None)
    (opened,) = [step for step in judge.found.steps if step.change.turn is Turn.OPENED]
    assert [opened.seen[f"difference_{pair}"] for pair in ("12", "13", "23")] == [0.1, 0.25, 0.2]
    assert {one.differences for one in judge.found.measures} == {(0.1, 0.25, 0.2)}
    assert {one.difference for one in judge.found.measures} == {0.25}


def test_a_flicker_leaves_nothing() -> None:
    """What is gone before it is an incident is dropped, with its picture (C063)."""
    judge = Judge(Settings())
    for second, black in enumerate([False, True, False]):
        judge.look(look(second, black=black), None)
    assert [case.type for case in judge.found.dropped] == [BLACK]
    assert judge.found.steps == []


def test_what_was_taken_is_passed_over() -> None:
    """From a state that went through JSON the same looks change nothing, and later ones go on (C062)."""
    judge = Judge(Settings())
    for second in range(6):
        judge.look(look(second, black=True), None)
    judge.written()
    again = Judge(Settings(), json.loads(json.dumps(judge.state())))
    for second in range(6):
        again.look(look(second, black=True), None)
    assert again.found.empty
    again.look(look(6), None)
    again.look(look(10), None)
    assert turns(again) == [Turn.RESOLVED]
    assert again.found.steps[-1].change.case.start_us == 0


def test_a_lull_is_one_incident_by_one_name() -> None:
    """A camera that is away is refused, stalled and unreachable by turns: one incident, by what it was first (C061)."""
    judge = Judge(Settings())
    judge.look(look(0), None)
    for until_s, reason in ((12, GapReason.UNREACHABLE), (25, GapReason.STALLED), (60, GapReason.AUTH)):
        judge.lull(SECOND_US, until_s * SECOND_US, reason, "")
    opened = [step.change.case for step in judge.found.steps if step.change.turn is Turn.OPENED]
    assert [(case.type, case.start_us) for case in opened] == [(LOST, SECOND_US)]
    judge.look(look(61), None)
    judge.look(look(65), None)
    assert turns(judge)[-1] is Turn.RESOLVED
    first_us = 61 * SECOND_US - 2  # the first of the three pictures of that look
    assert judge.found.steps[-1].change.case.good_us == first_us


def test_a_pulled_cable_is_a_lost_signal() -> None:
    """What is stalled first and unreachable from then on is told as what it is by the time that it is told (F39)."""
    judge = Judge(Settings(rules=WatchConfig().rules()))
    judge.look(look(0), None)
    for until_s, reason in ((11, GapReason.STALLED), (30, GapReason.UNREACHABLE)):
        judge.lull(SECOND_US, until_s * SECOND_US, reason, "")
    assert judge.found.steps == []
    judge = Judge(judge.settings, json.loads(json.dumps(judge.state())))
    for until_s, reason in ((31, GapReason.UNREACHABLE), (90, GapReason.STALLED)):
        judge.lull(SECOND_US, until_s * SECOND_US, reason, "")
    (opened,) = [step for step in judge.found.steps if step.change.turn is Turn.OPENED]
    assert (opened.change.case.type, opened.change.case.start_us) == (LOST, SECOND_US)
    assert (opened.detail, opened.seen) == (MEANING[GapReason.UNREACHABLE], {"reason": "unreachable"})
    assert {step.change.case.type for step in judge.found.steps} == {LOST}


def test_old_sound_is_not_measured_again() -> None:
    """Sound that stopped is measured for as long as it belongs to the picture, and not known after that (C053, F40)."""
    judge = Judge(Settings())
    judge.look(look(0), Heard(0, -20.0, -3.0))
    for second in (5, 10, 11, 20):
        judge.look(look(second), None)
    assert [one.mean_db for one in judge.found.measures] == [-20.0, -20.0, -20.0, None, None]
    assert [one.peak_db for one in judge.found.measures][-2:] == [None, None]


def test_short_lulls_and_wanted_ones_are_nothing() -> None:
    """Less than 10 s without pictures, and hours in which none are wanted, are not judged (C013)."""
    judge = Judge(Settings())
    judge.lull(0, 9 * SECOND_US, GapReason.ENDED, "")
    judge.lull(0, 900 * SECOND_US, GapReason.OFF_SCHEDULE, "")
    judge.lull(0, 900 * SECOND_US, GapReason.DISABLED, "")
    assert judge.found.empty


def test_nobody_watches_any_more() -> None:
    """What is open ends with the last look when a camera goes, and what was pending is dropped."""
    judge = Judge(Settings())
    for second in range(5):
        judge.look(look(second, black=True), None)
    judge.abandon()
    assert turns(judge) == [Turn.OPENED, Turn.RESOLVED]
    assert judge.found.steps[-1].change.case.good_us == 4 * SECOND_US
    assert judge.state()["watch"]["cases"] == []


def test_skipping_keeps_what_is_open() -> None:
    """Told to skip to now, it leaves out what lies between, and closes what was open by what it sees then."""
    judge = Judge(Settings())
    for second in range(5):
        judge.look(look(second, black=True), None)
    judge.skip_to(100 * SECOND_US)
    judge.look(look(50), None)
    judge.look(look(101), None)
    judge.look(look(105), None)
    assert judge.found.steps[-1].change.turn is Turn.RESOLVED
    assert judge.found.steps[-1].change.case.good_us == 101 * SECOND_US


def wanted_us(judge: Judge) -> int | None:
    """When a look is wanted besides those of the rhythm."""
    return judge.gaze.exact_us


def test_what_an_encoder_may_have_packed_anew_is_looked_at_again() -> None:
    """Pictures that differ a little after a keyframe prove nothing: one more look settles it, and only one (Q2)."""
    judge = Judge(Settings())
    judge.look(look(0), None)
    judge.look(look(2, differ=0.8, drift=0.4), None)
    assert wanted_us(judge) == 2 * SECOND_US + AGAIN_US
    gone_on = Judge(Settings(), json.loads(json.dumps(judge.state())))
    gone_on.look(look(2, differ=0.8, drift=0.4), None)
    assert wanted_us(gone_on) == 2 * SECOND_US + AGAIN_US
    judge.look(look(2.6, differ=0.8, drift=0.4), None)
    assert wanted_us(judge) is None  # grain at night is like this all the time
    judge.look(look(4, differ=0.8, drift=0.4), None)
    assert wanted_us(judge) is None
    judge.look(look(6), None)
    judge.look(look(8, differ=0.8, drift=0.4), None)
    assert wanted_us(judge) == 8 * SECOND_US + AGAIN_US
    judge.look(look(8.6, differ=0.1, drift=0.4), None)
    judge.look(look(10, differ=0.8, drift=0.4), None)  # the next keyframe: no reason to think that it goes on
    judge.look(look(11.6, differ=0.1, drift=0.4), None)
    (opened,) = [step.change for step in judge.found.steps]
    assert (opened.turn, opened.case.type) == (Turn.OPENED, IncidentType.FREEZE)


def test_what_stood_and_went_nowhere_goes_on_standing() -> None:
    """While a freeze is pending a small difference without any drift does not hold it up; a larger one says nothing."""
    judge = Judge(Settings())
    judge.look(look(0), None)
    judge.look(look(2, differ=0.1, drift=0.4), None)
    judge.look(look(4, differ=1.2, drift=0.4), None)
    judge.look(look(5.2, differ=0.6, drift=0.8), None)
    assert turns(judge) == []
    judge.look(look(5.4, differ=0.6, drift=0.4), None)
    (opened,) = [step.change for step in judge.found.steps]
    assert (opened.turn, opened.case.start_us) == (Turn.OPENED, 2 * SECOND_US)


@pytest.fixture(name="stood", scope="module")
def _stood(tmp_path_factory: pytest.TempPathFactory) -> tuple[Look, ...]:
    """Looks every second at a picture that stands, with what lies between them."""
    path = film(tmp_path_factory.mktemp("still") / "still.mp4", 5, lambda _: plain(90, (64, 36)), group=25)
    return tuple(
        seen for _, seen in looks_in(path, 0, black_level=10, region=Region(), every_us=SECOND_US) if seen is not None
    )


def watched(seen: Look, read: list[int], *, differ: float) -> Look:
    """A look whose pictures differ by so much; `read` gets the instant of each one between that is read."""
    assert seen.between is not None

    def counted(part: Part) -> Iterator[Coded]:
        for one in part.read():
            read.append(one.wall_us)
            yield one

    parts = tuple(replace(part, read=partial(counted, part)) for part in seen.between.parts)
    between = replace(seen.between, parts=parts)
    return replace(seen, differences=(differ,) * 3, drift=0.4, between=between, repacked=None)


def test_a_doubt_that_comes_to_nothing_is_not_looked_into(stood: tuple[Look, ...]) -> None:
    """Since when a picture stands is decoded only where the next look says that it does (P4)."""
    judge, read = Judge(Settings()), list[int]()
    judge.look(look(0), None)
    judge.look(watched(stood[1], read, differ=0.8), None)
    in_doubt = judge.undecided
    judge.look(look(stood[1].at_us / SECOND_US + 0.6), None)
    assert (in_doubt, judge.undecided, read) == (True, False, [])


@pytest.mark.parametrize("killed", [False, True])
def test_a_doubt_that_was_right_is_looked_into(stood: tuple[Look, ...], *, killed: bool) -> None:
    """It stands since the first picture before the look that was in doubt, for whoever comes after a kill too (Q3)."""
    judge, read = Judge(Settings()), list[int]()
    judge.look(look(0), None)
    judge.look(watched(stood[1], read, differ=0.8), None)
    if killed:
        judge = Judge(Settings(), json.loads(json.dumps(judge.state())))
        assert read != []
    judge.look(watched(stood[2], [], differ=0.1), None)
    assert read != []
    case = judge.watch.cases[FREEZE]
    assert stood[0].at_us < case.start_us < stood[1].at_us - SECOND_US // 2
