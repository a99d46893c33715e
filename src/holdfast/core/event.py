"""When something that moves is an event: begins, goes on, ends. Pure; times are media times as wall time.

A sample says how much of a picture moved. Enough of them, close together, open an event at the first of them; what
moves again before the cool-down is over belongs to it; its end is the last sample that moved. An event that goes on and
on is ended after `most_us`, so that a busy street is many events and not one without end.

Not here: pixels (media.analysis.motion), pictures and rows (watching.stir, catalog.events).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from holdfast.core.timing import MINUTE_US, SECOND_US

MOST_CONFIDENCE = 999.0  # more says nothing more


class EventKind(StrEnum):
    """What an event is about."""

    MOTION = "motion"
    OBJECT = "object"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is an event.

    Attributes:
        least: Smallest part of the picture that counts as moving, in percent.
        cool_down_us: From the last sample that moved to the end of waiting for more.
        samples: So many must move: what is switched on or off changes a picture once.
        lapse_us: Rest between two of them that is longer begins the counting anew.
        most_us: How long an event lasts at most.
    """

    least: float = 0.3
    cool_down_us: int = 65 * SECOND_US
    samples: int = 3
    lapse_us: int = SECOND_US
    most_us: int = 10 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Case:
    """An event that may be one.

    Attributes:
        start_us: The first sample that moved.
        last_us: The newest one.
        count: How many moved.
        score: The largest part of the picture that moved, in percent.
        open: It is an event.
    """

    start_us: int
    last_us: int
    count: int
    score: float
    open: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of a camera. `taken_us` is the newest sample; None before the first."""

    taken_us: int | None = None
    case: Case | None = None


class Turn(StrEnum):
    """What became of an event."""

    PENDING = "pending"  # something moved for the first time: its picture is wanted now
    DROPPED = "dropped"  # and that was all
    OPENED = "opened"
    WENT_ON = "went-on"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Change:
    """One step; `case` is how it stands after it."""

    turn: Turn
    case: Case


def step(watch: Watch, at_us: int, moved: float, rule: Rule) -> tuple[Watch, list[Change]]:
    """Take one sample.

    Args:
        watch: What is known.
        at_us: Media time of the sample, as wall time. One that is not newer than `taken_us` changes nothing.
        moved: Part of the picture that moves, in percent; 0 where there is no picture.
        rule: What is an event.

    Returns:
        What is known now, and what changed.
    """
    if watch.taken_us is not None and at_us <= watch.taken_us:
        return watch, []
    watch, changes = rest(watch, at_us, rule)
    case = watch.case
    if moved < rule.least:
        return Watch(at_us, case), changes
    if case is None:
        case, turn = Case(at_us, at_us, 1, moved, rule.samples <= 1), Turn.PENDING
        changes.append(Change(turn, case))
        if case.open:
            changes.append(Change(Turn.OPENED, case))
        return Watch(at_us, case), changes
    was_open = case.open
    case = replace(case, last_us=at_us, count=case.count + 1, score=max(case.score, moved))
    if not was_open and case.count >= rule.samples:
        case = replace(case, open=True)
        changes.append(Change(Turn.OPENED, case))
    elif was_open:
        changes.append(Change(Turn.WENT_ON, case))
    return Watch(at_us, case), changes


def rest(watch: Watch, until_us: int, rule: Rule) -> tuple[Watch, list[Change]]:
    """Nothing came until an instant, as wall time: what would be over by then is. Samples of before may still come."""
    case = watch.case
    if case is None or not _over(case, until_us, rule):
        return watch, []
    return Watch(watch.taken_us), [Change(Turn.ENDED if case.open else Turn.DROPPED, case)]


def _over(case: Case, at_us: int, rule: Rule) -> bool:
    if not case.open:
        return at_us - case.last_us > rule.lapse_us
    return at_us - case.last_us >= rule.cool_down_us or at_us - case.start_us >= rule.most_us


def confidence(score: float, least: float) -> float:
    """Say how far a score is beyond what counts, in percent of that: 0 just reaches it, 100 is twice as much.

    Scores of two cameras with different thresholds cannot be compared; these can.
    """
    return round(min(MOST_CONFIDENCE, max(0.0, (score / least - 1) * 100)), 1)


def to_json(watch: Watch) -> dict[str, Any]:
    """Return it as JSON knows it."""
    return {"taken_us": watch.taken_us, "case": None if watch.case is None else asdict(watch.case)}


def from_json(body: Mapping[str, Any]) -> Watch:
    """Read it back.

    Raises:
        KeyError: Something is missing.
        TypeError: Something is of another kind.
        ValueError: Something is none of ours.
    """
    said, taken_us = body["case"], body["taken_us"]
    case = None
    if said is not None:
        case = Case(
            int(said["start_us"]), int(said["last_us"]), int(said["count"]), float(said["score"]), bool(said["open"])
        )
    return Watch(None if taken_us is None else int(taken_us), case)
