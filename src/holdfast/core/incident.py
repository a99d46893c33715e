"""When something is wrong for long enough to be an incident, and when it is over: a state machine of media time. Pure.

A condition that is seen for the first time is *pending*; seen for `open_after_us` it becomes an *active* incident; seen
no more it is *closing*, and after `close_after_us` without it, resolved. Its start is its first bad sample, its end the
first good one. What is seen together is told once, as the worst of it: see `PRIORITY`.

`step` takes the samples of one camera in the order of their media time and passes over what it has taken already, so
whoever is killed goes on from the last state that was kept, with the samples that came after it, and comes to the same.

Not here: what is bad (core.quality), rows and pictures (library), footage (roles.watcher).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from holdfast.core.gap import PLANNED, GapReason
from holdfast.core.timing import SECOND_US


class IncidentType(StrEnum):
    """What is wrong."""

    SIGNAL_LOST = "signal_lost"
    STALLED = "stalled"
    STREAM_MISMATCH = "stream_mismatch"
    DISK = "disk"
    ARCHIVE = "archive"
    BLACKSCREEN = "blackscreen"
    FREEZE = "freeze"
    MACROBLOCKS = "macroblocks"
    ERRORS = "errors"
    AUDIO_LOSS = "audio_loss"


PRIORITY = (
    IncidentType.DISK, IncidentType.STREAM_MISMATCH, IncidentType.STALLED, IncidentType.SIGNAL_LOST,
    IncidentType.BLACKSCREEN, IncidentType.FREEZE, IncidentType.MACROBLOCKS, IncidentType.ERRORS,
    IncidentType.AUDIO_LOSS,
)  # fmt: skip
"""Worst first: while one of these is active, none of those after it is opened. Without picture nothing can be black, a
black picture stands still, and who sees a frozen picture needs no word about its sound."""


LOST = frozenset(
    {IncidentType.SIGNAL_LOST, IncidentType.STALLED, IncidentType.STREAM_MISMATCH, IncidentType.DISK}
)  # fmt: skip
"""What there is no picture in: the first one that comes again is the end of it."""


class Stage(StrEnum):
    """How far a condition has come."""

    PENDING = "pending"
    ACTIVE = "active"
    CLOSING = "closing"
    RESOLVED = "resolved"


OPEN = frozenset({Stage.ACTIVE, Stage.CLOSING})


@dataclass(frozen=True, slots=True)
class Rule:
    """How long a condition must be seen, and must be gone.

    Attributes:
        open_after_us: From its first bad sample to the one that opens it; 0 opens with the first one.
        samples: Bad samples that it takes, unless `open_after_us` is 0.
        close_after_us: From its first good sample to the one that resolves it; 0 resolves with the first one.
        lapse_us: A pause between samples that is longer says nothing of what was between them: pending begins anew.
    """

    open_after_us: int = 3 * SECOND_US
    samples: int = 2
    close_after_us: int = 3 * SECOND_US
    lapse_us: int = 15 * SECOND_US


@dataclass(frozen=True, slots=True)
class Case:
    """A condition that is being watched.

    Attributes:
        type: What is wrong.
        stage: How far it has come.
        start_us: Media time of the first bad sample, as wall time.
        bad_us: Of the newest bad one.
        count: Bad samples so far.
        good_us: Of the first good one since then; None while there is none. Where it is resolved, its end.
    """

    type: IncidentType
    stage: Stage
    start_us: int
    bad_us: int
    count: int = 1
    good_us: int | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of a camera.

    Attributes:
        taken_us: Media time of the newest sample; None before the first.
        cases: What is being watched.
        over_us: When the last incident was over: none begins before it. None before the first.
    """

    taken_us: int | None = None
    cases: Mapping[IncidentType, Case] = field(default_factory=dict)
    over_us: int | None = None


class Turn(StrEnum):
    """What became of a condition with a sample."""

    PENDING = "pending"  # seen for the first time: its pictures are wanted now
    DROPPED = "dropped"  # gone before it was one: its pictures are not wanted any more
    OPENED = "opened"
    COUNTED = "counted"  # seen again, or in doubt: still the same incident
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one condition; `case` is how it stands after it."""

    turn: Turn
    case: Case


def step(
    watch: Watch, at_us: int, seen: Mapping[IncidentType, bool], rules: Mapping[IncidentType, Rule],
    since: Mapping[IncidentType, int] = MappingProxyType({}),
) -> tuple[Watch, list[Change]]:  # fmt: skip
    """Take one sample.

    Args:
        watch: What is known.
        at_us: Media time of the sample, as wall time.
        seen: Conditions that could be judged, and whether they are there. What is missing is not known, which is
            neither good nor bad (F40).
        rules: What differs from `Rule()`.
        since: From when on something has been so, where that is known better than by this sample.

    Returns:
        What is known now, and what changed, worst first.
    """
    if watch.taken_us is not None and at_us <= watch.taken_us:
        return watch, []
    cases = dict(watch.cases)
    changes: list[Change] = []
    for kind in [*PRIORITY, *(other for other in seen if other not in PRIORITY)]:
        if kind in seen:
            begin_us = min(at_us, max(since.get(kind, at_us), watch.over_us or 0))
            sample = _Sample(kind, at_us, begin_us, seen[kind])
            _advance(cases, changes, sample, rules.get(kind, _RULE))
    _decide(cases, changes, rules)
    over = [change.case.good_us for change in changes if change.turn is Turn.RESOLVED]
    over_us = max((us for us in (watch.over_us, *over) if us is not None), default=None)
    return Watch(at_us, cases, over_us), changes


@dataclass(frozen=True, slots=True)
class _Sample:
    """What one sample says of one condition: whether it is there, and since when that has been so."""

    kind: IncidentType
    at_us: int
    since_us: int
    bad: bool


def renamed(watch: Watch, old: IncidentType, new: IncidentType) -> Watch:
    """Call a pending condition by another name, as more is known of it; what is an incident keeps its own."""
    case = watch.cases.get(old)
    if case is None or case.stage is not Stage.PENDING or new in watch.cases:
        return watch
    others = {kind: one for kind, one in watch.cases.items() if kind is not old}
    return replace(watch, cases=others | {new: replace(case, type=new)})


def next_due_us(watch: Watch, rules: Mapping[IncidentType, Rule]) -> int | None:
    """Return the next instant at which a sample would open or resolve something; None where nothing waits for one."""
    if watch.taken_us is None:
        return None
    due = []
    for kind, case in watch.cases.items():
        rule = rules.get(kind, _RULE)
        if case.good_us is not None:
            due.append(case.good_us + rule.close_after_us)
        elif case.stage is Stage.PENDING:
            due.append(case.start_us + rule.open_after_us)
    return min((us for us in due if us > watch.taken_us), default=None)


_RULE = Rule()


def _advance(cases: dict[IncidentType, Case], changes: list[Change], sample: _Sample, rule: Rule) -> None:
    kind, at_us, bad = sample.kind, sample.at_us, sample.bad
    case = cases.get(kind)
    if case is not None and case.stage is Stage.PENDING and (not bad or at_us - case.bad_us > rule.lapse_us):
        del cases[kind]
        changes.append(Change(Turn.DROPPED, case))
        case = None
    if case is None:
        if bad:
            count = 1 if sample.since_us == at_us else 2  # its first bad sample was before this one
            _set(cases, changes, Turn.PENDING, Case(kind, Stage.PENDING, sample.since_us, at_us, count))
    elif bad:
        stage = case.stage if case.stage is Stage.PENDING else Stage.ACTIVE
        seen_again = replace(case, stage=stage, bad_us=at_us, count=case.count + 1, good_us=None)
        _set(cases, changes, Turn.COUNTED, seen_again)
    else:
        good_us = max(sample.since_us, case.bad_us) if case.good_us is None else case.good_us
        if at_us - good_us >= rule.close_after_us:
            _resolve(cases, changes, case, good_us)
        elif case.stage is Stage.ACTIVE:
            _set(cases, changes, Turn.COUNTED, replace(case, stage=Stage.CLOSING, good_us=good_us))


def _decide(cases: dict[IncidentType, Case], changes: list[Change], rules: Mapping[IncidentType, Rule]) -> None:
    """Open what has lasted, worst first; what is less bad waits, goes, or ends with it."""
    worse: Case | None = None
    for kind in [*PRIORITY, *(other for other in cases if other not in PRIORITY)]:
        case = cases.get(kind)
        alone = kind not in PRIORITY
        if case is None:
            continue
        if worse is not None and worse.stage is Stage.ACTIVE and not alone:
            # Told with what is worse. Once that is over it is looked at anew.
            if case.stage is Stage.PENDING:
                del cases[kind]
                changes.append(Change(Turn.DROPPED, case))
            else:
                _resolve(cases, changes, case, max(case.start_us, min(worse.start_us, case.good_us or worse.start_us)))
            continue
        # What is worse and pending decides itself soon; what is closing may come back: until then this one waits.
        if case.stage is Stage.PENDING and (worse is None or alone) and _lasted(case, rules.get(kind, _RULE)):
            case = replace(case, stage=Stage.ACTIVE)
            _set(cases, changes, Turn.OPENED, case)
        if not alone and (worse is None or worse.stage is Stage.PENDING):
            worse = case


def _lasted(case: Case, rule: Rule) -> bool:
    enough = case.count >= rule.samples or rule.open_after_us == 0
    return enough and case.bad_us - case.start_us >= rule.open_after_us


def _set(cases: dict[IncidentType, Case], changes: list[Change], turn: Turn, case: Case) -> None:
    cases[case.type] = case
    changes.append(Change(turn, case))


def _resolve(cases: dict[IncidentType, Case], changes: list[Change], case: Case, end_us: int) -> None:
    del cases[case.type]
    changes.append(Change(Turn.RESOLVED, replace(case, stage=Stage.RESOLVED, good_us=end_us)))


def outcomes(changes: Iterable[Change]) -> list[Case]:
    """Return how each incident that opened stands in the end, by its begin."""
    newest: dict[tuple[IncidentType, int], Case] = {}
    for change in changes:
        if change.case.stage in OPEN or change.turn is Turn.RESOLVED:
            newest[change.case.type, change.case.start_us] = change.case
    return sorted(newest.values(), key=lambda case: case.start_us)


def to_json(watch: Watch) -> dict[str, Any]:
    """Return it as JSON knows it."""
    cases = [asdict(case) for case in watch.cases.values()]
    return {"taken_us": watch.taken_us, "cases": cases, "over_us": watch.over_us}


def from_json(body: Mapping[str, Any]) -> Watch:
    """Read it back.

    Raises:
        KeyError: Something is missing.
        TypeError: Something is of another kind.
        ValueError: Something is none of ours.
    """
    cases: dict[IncidentType, Case] = {}
    for said in body["cases"]:
        good_us = said["good_us"]
        case = Case(
            IncidentType(said["type"]), Stage(said["stage"]), int(said["start_us"]), int(said["bad_us"]),
            int(said["count"]), None if good_us is None else int(good_us),
        )  # fmt: skip
        cases[case.type] = case
    taken_us, over_us = body["taken_us"], body.get("over_us")
    return Watch(None if taken_us is None else int(taken_us), cases, None if over_us is None else int(over_us))


_BY_REASON = {
    GapReason.STALLED: IncidentType.STALLED,
    GapReason.NO_KEYFRAME: IncidentType.STALLED,
    GapReason.UNSUPPORTED: IncidentType.STREAM_MISMATCH,
    GapReason.DISK_FULL: IncidentType.DISK,
    GapReason.DISK_ERROR: IncidentType.DISK,
    GapReason.DISK_SLOW: IncidentType.DISK,
}


def of_gap(reason: GapReason) -> IncidentType | None:
    """Return what it is called when no picture comes for this reason; None where none was wanted."""
    return None if reason in PLANNED else _BY_REASON.get(reason, IncidentType.SIGNAL_LOST)
