"""The end of a stream's journal that may still change the timeline, and few lines in place of all that came before.

With it a new line costs the derivation of some hours instead of a year, and yet gives the same rows as deriving
everything (invariant I2, docs/design/0002; held by a property test). Where a line speaks of what was settled already,
`Stale` says that everything must be derived again: rare, and always right.

Pure, like core.footage: lines in, lines out; reading and writing rows is `index`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.core.footage import Clocks, Timeline, anchor_us, condense, placed, wrong_clocks
from holdfast.core.journal import Beat, Begun, Down, Emptied, Line, Sealed, decode, encode

KEEP = 24  # chosen: four hours of ten-minute segments; what is noticed late is noticed within that
SETTLE_AT = 120  # chosen: lines; derived and written in some 10 ms, settled with every 90 lines or so
_BOOTS = 16  # chosen: boots, and runs of wrong clocks, that are remembered; lines come from the newest one


class Stale(Exception):
    """A line speaks of what was settled: everything must be derived again. Never leaves `index`."""


@dataclass(slots=True)
class Tail:
    """What later rows of a stream are derived from.

    Attributes:
        settled_us: Rows that start earlier are final; None while none are.
        baked: Lines in place of all that came before, already placed.
        fresh: Lines since then, as they were written.
        anchors: Clock of each boot as of the last line before `fresh`.
        wrong: Runs before `fresh` that a wrong clock began.
        provisional: Boots whose lines were settled before their clock was known to be right.
        newest_us: Newest wall time of a line, by volume.
        limit: Number of lines at which to settle next.
    """

    settled_us: int | None = None
    baked: list[Line] = field(default_factory=list)
    fresh: list[Line] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, Clocks] = field(default_factory=dict)
    provisional: set[str] = field(default_factory=set)
    newest_us: dict[str, int] = field(default_factory=dict)
    limit: int = SETTLE_AT

    def copy(self) -> "Tail":
        """Return a copy that can be changed without changing this one."""
        return Tail(
            self.settled_us, list(self.baked), list(self.fresh), dict(self.anchors), dict(self.wrong),
            set(self.provisional), dict(self.newest_us), self.limit,
        )  # fmt: skip

    def add(self, volume: str, lines: Sequence[Line]) -> None:
        """Take new lines of one volume, in the order of writing.

        Raises:
            Stale: They belong between lines of another volume, or set a clock by which settled lines were placed.
        """
        others_us = max((at for name, at in self.newest_us.items() if name != volume), default=None)
        for line in lines:
            if line.when.sync and line.when.boot in self.provisional:
                raise Stale
            if others_us is not None and line.when.at_us <= others_us:
                raise Stale
            newest_us = self.newest_us.get(volume, line.when.at_us)
            self.newest_us[volume] = max(newest_us, line.when.at_us)
        self.fresh.extend(lines)

    def placed(self) -> list[Line]:
        """Return all lines, where they belong, fit for `derive`.

        Raises:
            Stale: One of them speaks of an instant that was settled.
        """
        fresh = placed(self.fresh, self.anchors, self.wrong)
        if self.settled_us is not None and any(_earliest_us(line) < self.settled_us for line in fresh):
            raise Stale
        return self.baked + fresh

    def settle(self, lines: Sequence[Line], timeline: Timeline) -> bool:
        """Replace what is old by fewer lines, where there are many.

        Args:
            lines: What `placed` returned.
            timeline: What they amount to.

        Returns:
            Whether it did; then rows before the new `settled_us` will not be touched again.
        """
        if len(lines) < self.limit:
            return False
        before_us = self._settleable_us(lines, timeline)
        if before_us is None or (self.settled_us is not None and before_us <= self.settled_us):
            self.limit = 2 * len(lines)
            return False
        self._remember_clocks()
        self.baked, self.fresh, self.settled_us = condense(lines, before_us), [], before_us
        # Where little could be dropped (many files from a wrong future, say) trying again at each line would not pay.
        self.limit = max(SETTLE_AT, 2 * len(self.baked))
        return True

    def _settleable_us(self, lines: Sequence[Line], timeline: Timeline) -> int | None:
        """Find an instant that nothing will speak of any more: before the last few segments written."""
        sealed = [line.event for line in lines if isinstance(line.event, Sealed)][-KEEP:]
        starts = [event.start_us for event in sealed if event.end_us > event.start_us]
        if not starts:
            return None
        before_us = min(starts)
        alive = [line for line in lines[-KEEP:] if not _recovery(line)]
        growing = [segment.start_us for segment in timeline.segments if segment.growing]
        if not alive or alive[-1].when.at_us < before_us or min(growing, default=before_us) < before_us:
            return None
        return before_us

    def _remember_clocks(self) -> None:
        for run, clocks in wrong_clocks(self.fresh, self.anchors).items():
            self.wrong.setdefault(run, clocks)
        for run in list(self.wrong)[:-_BOOTS]:
            del self.wrong[run]
        right: set[str] = set()
        for line in reversed(self.fresh):
            if line.when.sync:
                right.add(line.when.boot)
            elif line.when.boot not in right:
                self.provisional.add(line.when.boot)
        for line in self.fresh:
            if line.when.sync:
                self.anchors.pop(line.when.boot, None)  # the newest boots go last
                self.anchors[line.when.boot] = anchor_us(line.when)
        for boot in list(self.anchors)[:-_BOOTS]:
            del self.anchors[boot]

    def to_json(self) -> str:
        """Write it for the catalog."""
        body: dict[str, Any] = {
            "v": 1,
            "baked": [_text(line) for line in self.baked],
            "fresh": [_text(line) for line in self.fresh],
            "anchors": self.anchors,
            "wrong": {run: [clocks.wrong_us, clocks.right_us] for run, clocks in self.wrong.items()},
            "provisional": sorted(self.provisional),
            "newest_us": self.newest_us,
            "limit": self.limit,
        }
        return json.dumps(body, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, settled_us: int | None) -> "Tail | None":
        """Read it back; None for what another version wrote, so that everything is derived again."""
        body = json.loads(text)
        if body.get("v") != 1:
            return None
        return cls(
            settled_us=settled_us,
            baked=[decode(raw.encode()) for raw in body["baked"]],
            fresh=[decode(raw.encode()) for raw in body["fresh"]],
            anchors=body["anchors"],
            wrong={run: Clocks(*both) for run, both in body.get("wrong", {}).items()},
            provisional=set(body["provisional"]),
            newest_us=body["newest_us"],
            limit=body["limit"],
        )


def _recovery(line: Line) -> bool:
    return isinstance(line.event, Emptied) or (isinstance(line.event, Sealed) and line.event.recovered)


def _earliest_us(line: Line) -> int:
    event, when = line.event, line.when
    if isinstance(event, Begun | Sealed):
        return min(when.at_us, event.start_us)
    if isinstance(event, Down):
        return min(when.at_us, event.from_us)
    return when.at_us


def _text(line: Line) -> str:
    # A kind that this version does not know says only that somebody was there: as a beat does.
    return encode(line.when, line.event or Beat(reason=""), "")[0].decode().rstrip("\n")
