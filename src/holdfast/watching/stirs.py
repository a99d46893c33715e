"""One camera's motion, in the order of media time: what became of events, and which pictures to keep of them.

Does nothing by itself: whoever feeds it takes what it found, writes pictures, rows and `state` together, and after a
crash begins with the state that was written last (as watching.judge). What it is shown again it passes over.

Used on one thread. Not here: pixels (media.analysis.motion), rules (core.event), reading and writing (library.moving).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.core.errors import HoldfastError
from holdfast.core.event import Case, Change, Rule, Turn, Watch, from_json, rest, step, to_json
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.motion import EVERY_US, Memory, Stir
from holdfast.media.analysis.scenery import View
from holdfast.media.still import Shot, packed
from holdfast.watching.evidence import begun

FOLDER = "events"
A, B, THUMBNAIL = "a", "b", "thumb"
THUMBNAIL_WIDTH = 320  # chosen: some 15 KB, and never 50 (C047)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is an event at one camera, and what is kept of it.

    Attributes:
        enabled: Whether there are any.
        view: What of the picture is looked at.
        rule: What is an event.
        pre_us: Footage before it that belongs to it.
        post_us: Footage after it.
        second_us: From its first picture to its second one.
        seek: Its pictures are to be looked through for objects.
    """

    enabled: bool = False
    view: View = field(default_factory=View)
    rule: Rule = field(default_factory=Rule)
    pre_us: int = 20 * SECOND_US
    post_us: int = 5 * SECOND_US
    second_us: int = 4 * SECOND_US
    seek: bool = False


@dataclass(frozen=True, slots=True)
class Pin:
    """A picture to be kept: of the event that began then, which one, and the JPEG."""

    start_us: int
    which: str
    body: bytes


@dataclass(slots=True)
class Found:
    """What came of some looks: how events stand, by their begin, and whether they are over; pictures; what was none."""

    events: dict[int, tuple[Case, bool]] = field(default_factory=dict)
    pins: list[Pin] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to write."""
        return not (self.events or self.pins or self.dropped)


def file_of(camera: str, start_us: int, which: str) -> str:
    """Return the path of a picture under the root of a volume."""
    return f"{FOLDER}/{camera}/{camera}_motion_{begun(start_us)}_{which}.jpg"


class Stirs:
    """Judges one camera.

    Args:
        settings: What is an event.
        state: What `state` returned when everything until then was written; None begins anew.

    Attributes:
        settings: As given.
        memory: What the eye knows.
        found: What was found and is not written yet.
        files: Pictures of what goes on, as `a@BEGIN`: volume and path; the caller adds what it wrote.
        leftovers: Files of what was none, by volume; the caller deletes them once `state` is written.
    """

    def __init__(self, settings: Settings, state: Mapping[str, Any] | None = None) -> None:
        said = state or {}
        self.settings = settings
        self.memory = Memory.of(settings.view, said.get("memory"))
        self._watch = from_json(said["watch"]) if "watch" in said else Watch()
        self._second_us: int | None = said.get("second_us")  # begin of the event whose second picture was taken
        self.files: dict[str, tuple[str, str]] = {
            which: (volume, file) for which, (volume, file) in said.get("files", {}).items()
        }
        self.leftovers: list[tuple[str, str]] = [(volume, file) for volume, file in said.get("leftovers", [])]
        self._stream: str | None = said.get("stream")
        self.found = Found()
        if not settings.enabled:
            self.abandon()

    def state(self) -> dict[str, Any]:
        """Return what whoever goes on must know, as JSON knows it."""
        return {
            "watch": to_json(self._watch), "memory": self.memory.to_json(), "second_us": self._second_us,
            "files": {which: list(file) for which, file in self._current().items()}, "leftovers": self.leftovers,
            "stream": self._stream,
        }  # fmt: skip

    def look_at(self, stream: str) -> None:
        """Say which stream is looked at: another one has other pictures and other sizes."""
        if self._stream not in {None, stream}:
            self.memory = Memory.of(self.settings.view)
        self._stream = stream

    def take(self, stir: Stir) -> None:
        """Judge a look."""
        case = self._watch.case
        if (
            case is not None
            and case.open
            and self._second_us != case.start_us
            and stir.at_us >= case.start_us + self.settings.second_us
        ):
            self._second_us = case.start_us
            self._pin(case.start_us, B, stir.shot())
            self.found.events[case.start_us] = case, False
        self._watch, changes = step(self._watch, stir.at_us, stir.moved, self.settings.rule)
        for change in changes:
            self._note(change)
            if change.turn is Turn.PENDING:
                shot = stir.shot()
                self._pin(change.case.start_us, A, shot)
                self._pin(change.case.start_us, THUMBNAIL, shot, THUMBNAIL_WIDTH)
            elif change.turn is Turn.OPENED:
                # Whatever moves until then, the second picture is to be that of its instant.
                wanted_us = change.case.start_us + self.settings.second_us + EVERY_US
                self.memory.hold_us = max(self.memory.hold_us, wanted_us)

    def rest(self, until_us: int) -> None:
        """Nothing came until an instant."""
        self._watch, changes = rest(self._watch, until_us, self.settings.rule)
        for change in changes:
            self._note(change)

    def abandon(self) -> None:
        """Nobody looks any more: what goes on ends with what moved last."""
        case = self._watch.case
        if case is not None:
            self._note(Change(Turn.ENDED if case.open else Turn.DROPPED, case))
        self._watch = Watch(self._watch.taken_us)
        self.memory = Memory.of(self.settings.view)

    def drop(self, start_us: int) -> None:
        """What began then was none: its pictures are not wanted."""
        for which in (A, B, THUMBNAIL):
            file = self.files.pop(f"{which}@{start_us}", None)
            self.leftovers += [] if file is None else [file]

    def written(self) -> None:
        """What was found is written, and `state` with it."""
        self.found = Found()
        self.files = self._current()

    def _current(self) -> dict[str, tuple[str, str]]:
        """Pictures of what goes on; of all else the catalog knows."""
        case = self._watch.case
        mark = "" if case is None else f"@{case.start_us}"
        return {which: file for which, file in self.files.items() if mark and which.endswith(mark)}

    def _note(self, change: Change) -> None:
        case = change.case
        if change.turn is Turn.DROPPED:
            self.found.dropped.append(case.start_us)
        elif case.open:
            self.found.events[case.start_us] = case, change.turn is Turn.ENDED

    def _pin(self, start_us: int, which: str, shot: Shot, width: int | None = None) -> None:
        try:
            body = packed(shot, width=width).body
        except HoldfastError:
            return  # an event without its picture is one all the same
        self.found.pins.append(Pin(start_us, which, body))
