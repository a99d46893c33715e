"""One camera's looks, in the order of media time: what was measured, what became of incidents, which pictures to keep.

Does nothing by itself: whoever feeds it takes what it found, writes pictures, rows and `state` together, and after a
crash begins with the state that was written last. What it is shown again it passes over.

Used on one thread. Not here: reading footage (library.watching), rules (core.incident), files (evidence).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from holdfast.catalog.incidents import Picture
from holdfast.catalog.measures import Measure
from holdfast.core.errors import HoldfastError
from holdfast.core.gap import MEANING, GapReason
from holdfast.core.incident import (
    LOST,
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
    renamed,
    step,
    to_json,
)
from holdfast.core.quality import Heard, Seen, Thresholds, conditions, current
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.eye import Gaze, Look
from holdfast.media.still import Shot, packed
from holdfast.watching.evidence import END, Pin
from holdfast.watching.standing import Standing
from holdfast.watching.turns import black_since, ended, loud_since, quiet_since

BLACK, FREEZE = IncidentType.BLACKSCREEN, IncidentType.FREEZE
LULL_US = 10 * SECOND_US  # a pause this long is looked into, and again each time it passes


@dataclass(frozen=True, slots=True)
class Settings:
    """What is looked at in one camera, and how.

    Attributes:
        every_us: Between two looks.
        limits: What is bad.
        rules: How long it must last.
        wanted: Types that are told at all.
        blocks: Whether blockiness is measured.
        loudness: Whether loudness is.
    """

    every_us: int = 2 * SECOND_US
    limits: Thresholds = field(default_factory=Thresholds)
    rules: Mapping[IncidentType, Rule] = field(default_factory=dict)
    wanted: frozenset[IncidentType] = frozenset(PRIORITY)
    blocks: bool = False
    loudness: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What became of an incident: how it stands, why in words, and what was measured when it began."""

    change: Change
    detail: str
    seen: Mapping[str, Any]


@dataclass(slots=True)
class Found:
    """What came of some looks, in order. `dropped` are incidents that never opened: their pictures go."""

    measures: list[Measure] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)
    dropped: list[Case] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to write."""
        return not (self.measures or self.steps or self.pins or self.dropped)


def key_of(one: Case | Pin) -> str:
    """Return what a condition, or that of a picture, is called in `state`."""
    return f"{one.type.value}@{one.start_us}"


class Judge:
    """Judges one camera.

    Args:
        settings: What is looked at; may be replaced at any time.
        state: What `state` returned when everything until then was written; None begins anew.

    Attributes:
        settings: As given.
        gaze: Where looking goes on.
        found: What was found and is not written yet.
        taken_us: Wall time up to which everything is judged; None before the first look.
        pictures: Pictures that are kept of each condition that is being watched; the caller adds what it wrote.
        leftovers: Files of conditions that came to nothing, by volume; the caller deletes them once `state` is written.
    """

    def __init__(self, settings: Settings, state: Mapping[str, Any] | None = None) -> None:
        self.settings = settings
        said = state or {}
        self._watch = from_json(said["watch"]) if "watch" in said else Watch()
        self._lull: str = said.get("lull", "")
        self._details: dict[str, str] = dict(said.get("details", {}))
        self._seen: dict[str, dict[str, Any]] = dict(said.get("seen", {}))
        self._heard: Heard | None = None
        self._quiet_us: int | None = said.get("quiet_us")  # since when, at the end of what was heard last
        self._standing = Standing(said.get("standing"))
        self.gaze = Gaze(seldom=bool(said.get("seldom", True)), due_us=int(said.get("due_us", 0)))
        self.pictures: dict[str, list[Picture]] = {
            kind: [Picture(**one) for one in ones] for kind, ones in said.get("pictures", {}).items()
        }
        self.leftovers: list[tuple[str, str]] = [(volume, file) for volume, file in said.get("leftovers", [])]
        self.found = Found()
        self.written()

    @property
    def watch(self) -> Watch:
        """What is being watched."""
        return self._watch

    @property
    def taken_us(self) -> int | None:
        """Wall time up to which everything is judged."""
        return self._watch.taken_us

    @property
    def undecided(self) -> bool:
        """Say whether the last look left in doubt whether the picture stands: then `state` is not cheap."""
        return self._standing.undecided

    def state(self) -> dict[str, Any]:
        """Return what whoever goes on must know, as JSON knows it."""
        return {
            "watch": to_json(self._watch), "lull": self._lull, "details": self._details, "seen": self._seen,
            "pictures": {kind: [asdict(one) for one in ones] for kind, ones in self.pictures.items()},
            "leftovers": self.leftovers, "seldom": self.gaze.seldom,
            "due_us": self.gaze.due_us, "quiet_us": self._quiet_us,
            "standing": self._standing.state(),
        }  # fmt: skip

    def skip_to(self, us: int) -> None:
        """Leave out what was not judged until an instant; what is open stays open until something else is seen."""
        self._watch = replace(self._watch, taken_us=max(us, self.taken_us or us))

    def abandon(self) -> None:
        """Nobody watches this camera any more: what is open ends with the last look."""
        if self.taken_us is None:
            return
        for case in self._watch.cases.values():
            if case.stage in OPEN:
                over = replace(case, stage=Stage.RESOLVED, good_us=max(case.start_us, case.good_us or self.taken_us))
                self.found.steps.append(Step(Change(Turn.RESOLVED, over), self._details.get(case.type.value, ""), {}))
            else:
                self.found.dropped.append(case)
        self._watch = Watch(self.taken_us, {}, self._watch.over_us)

    def drop(self, case: Case) -> None:
        """A condition came to nothing: its pictures are not wanted any more."""
        self.leftovers += [(one.volume, one.file) for one in self.pictures.pop(key_of(case), [])]

    def written(self) -> None:
        """What was found is written, and `state` with it."""
        self.found = Found()
        open_now = {key_of(case) for case in self._watch.cases.values()}
        self.pictures = {key: ones for key, ones in self.pictures.items() if key in open_now}

    def look(self, look: Look, heard: Heard | None) -> None:
        """Judge a look at pictures, with the sound since the last one; None where there was none."""
        self._heard = heard or self._heard
        if self.taken_us is not None and look.at_us <= self.taken_us:
            self._aim()
            return
        self._lull = ""
        seen = Seen(
            look.at_us, look.black_percent, look.differences, look.drift, self._heard, look.blocks, look.damaged
        )
        measure = _measure(seen, self.settings.limits)
        self.found.measures.append(measure)
        there = dict(conditions(seen, self.settings.limits, self.settings.wanted))
        since = self._turned(look, heard, there)
        gone = dict.fromkeys(LOST & self._watch.cases.keys(), False)
        if look.shots:
            since |= dict.fromkeys(gone, look.shots[0].at_us)  # the first of its pictures is the one that came again
        facts = {name: value for name, value in asdict(measure).items() if value is not None}
        self._step(look.at_us, {**there, **gone}, since, look.shots, facts, "")

    def _turned(self, look: Look, heard: Heard | None, there: dict[IncidentType, bool]) -> dict[IncidentType, int]:
        """Say since when what is different now has been so; may find in `there` that a picture stands."""
        since: dict[IncidentType, int] = {}
        limits, sound = self.settings.limits, IncidentType.AUDIO_LOSS
        if heard is not None:
            self._quiet_us = quiet_since(heard, limits, self._quiet_us)
            if sound in there and there[sound] != self._is_bad(sound):
                turned_us = self._quiet_us if there[sound] else loud_since(heard, limits)
                since |= {} if turned_us is None else {sound: turned_us}
        close, black = self.gaze.fewer == 1, there.get(BLACK)
        hidden = bool(black) and self._is_bad(BLACK)  # black stands still, too: nobody asks since when
        if black is not None and black != self._is_bad(BLACK) and look.between is not None and close:
            pictures = look.between.pictures()
            turned_us = black_since(pictures, limits) if black else ended(BLACK, pictures, limits)
            since |= {} if turned_us is None else {BLACK: turned_us}
        if FREEZE in self.settings.wanted:
            case, frozen = self._watch.cases.get(FREEZE), there.pop(FREEZE, None)
            frozen, turned_us = self._standing.judge(look, case, limits, frozen=frozen, close=close and not hidden)
            there |= {} if frozen is None else {FREEZE: frozen}
            since |= {} if turned_us is None else {FREEZE: turned_us}
        return since

    def _is_bad(self, kind: IncidentType) -> bool:
        case = self._watch.cases.get(kind)
        return case is not None and case.good_us is None

    def _aim(self) -> None:
        """Ask for a look where one would open or resolve something, rather than up to a whole rhythm later."""
        wanted = [
            us for us in (next_due_us(self._watch, self.settings.rules), self._standing.again_us) if us is not None
        ]
        self.gaze.exact_us = None if self.gaze.fewer > 1 else min(wanted, default=None)

    def lull(self, from_us: int, now_us: int, reason: GapReason, detail: str) -> None:
        """Judge a time without pictures.

        Args:
            from_us: When the last picture ended.
            now_us: Until when it is known that none came.
            reason: Why.
            detail: The same in words.
        """
        kind = of_gap(reason)
        if kind is None or now_us - from_us < LULL_US:
            return
        words, facts = detail or MEANING[reason], {"reason": reason.value}
        named = IncidentType(self._lull or kind.value)
        case = self._watch.cases.get(named)
        if named is not kind and (case is None or case.stage is Stage.PENDING):
            # A camera whose cable was pulled is stalled first, unreachable then: until it is told the newest counts.
            self._watch = renamed(self._watch, named, kind)
            named, self._details[kind.value], self._seen[kind.value] = kind, words, facts
        # Once it is told it keeps its name: a camera that is away is refused, unreachable and stalled by turns.
        self._lull = named.value
        if named not in self.settings.wanted:
            return
        taken_us = from_us - 1 if self.taken_us is None else max(from_us - 1, self.taken_us)
        first_us = from_us + -(-(taken_us + 1 - from_us) // LULL_US) * LULL_US
        for at_us in range(first_us, now_us + 1, LULL_US):
            self._step(at_us, {named: True}, {}, (), facts, words)

    def _step(
        self, at_us: int, there: Mapping[IncidentType, bool], since: Mapping[IncidentType, int],
        shots: Sequence[Shot], facts: dict[str, Any], detail: str,
    ) -> None:  # fmt: skip
        bad_before = {kind for kind in self._watch.cases if self._is_bad(kind)}
        self._watch, changes = step(self._watch, at_us, there, self.settings.rules, since)
        self._aim()
        for change in changes:
            case, kind = change.case, change.case.type.value
            if change.turn is Turn.PENDING:
                self._details[kind], self._seen[kind] = detail, facts
                self._pin(case, shots if case.type is IncidentType.FREEZE else shots[-1:])
            elif case.type in bad_before and case.good_us is not None and not there.get(case.type, True):
                self._pin(case, shots[-1:], END)
            if change.turn is Turn.DROPPED:
                self.found.dropped.append(case)
            elif case.stage in OPEN or change.turn is Turn.RESOLVED:
                self.found.steps.append(Step(change, self._details.get(kind, ""), self._seen.get(kind, {})))

    def _pin(self, case: Case, shots: Sequence[Shot], number: int | None = None) -> None:
        for place, shot in enumerate(shots, 1):
            try:
                still = packed(shot)
            except HoldfastError:
                continue  # an incident without its picture is one all the same
            which = place if number is None else number
            pin = Pin(case.type, case.start_us, which, shot.at_us, still.body, still.width, still.height)
            self.found.pins.append(pin)


def _measure(seen: Seen, limits: Thresholds) -> Measure:
    heard = current(seen, limits)  # who reads the row must not take what is too old for this picture's
    differences = None if seen.differences is None else [round(one, 3) for one in seen.differences]
    pairs = dict(zip(("difference_12", "difference_13", "difference_23"), differences or (), strict=False))
    return Measure(
        at_us=seen.at_us,
        black_percent=seen.black_percent,
        difference=None if differences is None else max(differences),
        **pairs,
        drift=None if seen.drift is None else round(seen.drift, 3),
        mean_db=None if heard is None else heard.mean_db,
        peak_db=None if heard is None else heard.peak_db,
        clipped_percent=None if heard is None else heard.clipped_percent,
        loudness=None if heard is None else heard.loudness,
        blocks=seen.blocks,
        damaged=seen.damaged,
    )
