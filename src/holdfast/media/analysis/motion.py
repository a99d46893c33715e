"""Looks for what moves in a video track: keyframes always, everything between them where it may be worth it.

Of each group of pictures the keyframe is decoded. Where the sizes of the others say that something may have happened,
or the keyframe shows that something has moved, the group is decoded from its keyframe on, and what follows until all is
at rest again. Some five pictures a second are looked at. What need not be decoded is not even read.

A group is decoded by itself, and `Memory` holds all that is known: whoever goes on with it sees the same.
In order of media time. One object a track of a file, on one thread at a time.
Not here: what stands still (scenery), sizes (gate), what an event is (core.event).
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from holdfast.core.quality import Region
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.gate import Gate
from holdfast.media.analysis.grey import grey_of
from holdfast.media.analysis.scenery import Scenery, View, cells_of
from holdfast.media.decode import Coding, Decoder
from holdfast.media.still import Shot

EVERY_US = SECOND_US // 5  # chosen: who runs through a picture in a second is seen five times
HOLD_US = 2 * SECOND_US  # so long after it moved everything is decoded
_WHOLE = Region()


class Unit(NamedTuple):
    """A coded picture: presentation and decode time as the decoder wants them, when it is shown, and its size."""

    pts: int
    dts: int
    wall_us: int
    bytes: int
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Some consecutive coded pictures; a keyframe begins one. `load` reads what is in them, one after the other."""

    at_us: int
    units: Sequence[Unit]
    load: Callable[[], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Stir:
    """How much of a picture moves, in percent.

    `shot` returns the picture, decoded once more: what is looked at is decoded in haste, and looks it. To be called
    before the next one is asked for, if at all.
    """

    at_us: int
    moved: float
    shot: Callable[[], Shot]


@dataclass(slots=True)
class Memory:
    """What goes on from one file to the next, and over restarts.

    Attributes:
        view: What is looked at.
        scenery: What stands still.
        gate: What sizes are usual.
        taken_us: The newest part that was taken.
        group_us: The keyframe of the group that it belongs to.
        open: That group is decoded.
        due_us: When the next picture is looked at.
        hold_us: Until then everything is decoded.
        seldom: Only keyframes are looked at, because there is no time for more.
    """

    view: View = field(default_factory=View)
    scenery: Scenery = field(default_factory=lambda: Scenery(View()))
    gate: Gate = field(default_factory=Gate)
    taken_us: int = 0
    group_us: int = 0
    open: bool = False
    due_us: int = 0
    hold_us: int = 0
    seldom: bool = False

    @staticmethod
    def of(view: View, said: Mapping[str, Any] | None = None) -> "Memory":
        """Go on with what `to_json` returned; None, and what is not of this program, begins anew."""
        if said is None:
            return Memory(view, Scenery(view))
        try:
            return Memory._read(view, said)
        except (KeyError, ValueError, TypeError, zlib.error):
            # A scene is learned in seconds. Whoever cannot go on at all loses more.
            return Memory(view, Scenery(view))

    @staticmethod
    def _read(view: View, said: Mapping[str, Any]) -> "Memory":
        return Memory(
            view, Scenery(view, said["scenery"]), Gate.from_json(said["gate"]), taken_us=int(said["taken_us"]),
            group_us=int(said["group_us"]), open=bool(said["open"]), due_us=int(said["due_us"]),
            hold_us=int(said["hold_us"]),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "scenery": self.scenery.to_json(), "gate": self.gate.to_json(), "taken_us": self.taken_us,
            "group_us": self.group_us, "open": self.open, "due_us": self.due_us, "hold_us": self.hold_us,
        }  # fmt: skip


class MotionEye:
    """Looks at one video track.

    Args:
        coding: How it is coded.
        memory: What is known.
        always: Decode everything, whatever sizes say.

    Attributes:
        decoded: Pictures that were decoded, a count.

    Raises:
        Unsupported: This build of libav cannot decode it.
        BadInput: Its configuration is damaged.
    """

    def __init__(self, coding: Coding, memory: Memory, *, always: bool = False) -> None:
        self._decoder = Decoder(coding, hasty=True)
        self._coding = coding
        self._memory = memory
        self._always = always
        self._group: list[Part] = []
        self._fed = 0  # parts of the group that the decoder has
        self._walls: dict[int, int] = {}
        self.decoded = 0

    @property
    def damaged(self) -> int:
        """Samples that could not be decoded, a count."""
        return self._decoder.damaged

    def feed(self, part: Part) -> Iterator[Stir]:
        """Take the next part; yield what was seen. To be gone through to its end."""
        if not part.units:
            return
        memory, new = self._memory, part.at_us > self._memory.taken_us
        keyframe = part.units[0].keyframe
        if keyframe:
            if new:
                yield from self._finish()
                memory.group_us, memory.open = part.at_us, self._wanted(part.at_us)
            self._group, self._fed = [part], 0
        elif self._group:
            self._group.append(part)
        if not new:
            return
        memory.taken_us = part.at_us
        memory.open |= self._worth(part) and not memory.seldom
        if not self._group:
            return
        if keyframe and not memory.open:
            yield from self._keyframe(part)
        if memory.open:
            yield from self._follow()

    def _worth(self, part: Part) -> bool:
        gate = self._memory.gate
        if part.units[0].keyframe:
            gate.keyframe(part.units[0].bytes)
        sizes = [unit.bytes for unit in part.units if not unit.keyframe]
        return gate.take(sizes, part.units[-1].wall_us - part.at_us)

    def _wanted(self, at_us: int) -> bool:
        memory = self._memory
        return not memory.seldom and (self._always or at_us < memory.hold_us or not memory.scenery.steady)

    def _keyframe(self, part: Part) -> Iterator[Stir]:
        unit = part.units[0]
        if unit.wall_us < self._memory.due_us:
            return  # where every picture is a keyframe five a second are enough
        self._restart()
        payloads = part.load()
        if not payloads:
            return
        self._walls[unit.pts] = unit.wall_us
        frames = [*self._decoder.feed(payloads[0], unit.pts, unit.dts), *self._decoder.flush()]
        for stir in self._look(frames):
            # Half of it in a keyframe may be all of it a moment later.
            self._memory.open |= stir.moved >= self._memory.view.least / 2 and not self._memory.seldom
            yield stir
        self._decoder.restart()

    def _follow(self) -> Iterator[Stir]:
        if self._fed == 0:
            self._restart()
        for part in self._group[self._fed :]:
            for unit, payload in zip(part.units, part.load(), strict=False):  # none where its file is gone
                self._walls[unit.pts] = unit.wall_us
                yield from self._look(self._decoder.feed(payload, unit.pts, unit.dts))
        self._fed = len(self._group)

    def _finish(self) -> Iterator[Stir]:
        """Look at what the decoder holds back of a group that is over."""
        if self._memory.open and self._group:
            yield from self._follow()
            yield from self._look(self._decoder.flush())

    def _restart(self) -> None:
        self._decoder.restart()
        self._walls.clear()

    def _look(self, frames: Sequence[Any]) -> Iterator[Stir]:
        memory = self._memory
        for frame in frames:
            self.decoded += 1
            wall_us = self._walls.pop(frame.pts, None)
            if wall_us is None or wall_us < memory.due_us:
                continue
            memory.due_us = (wall_us // EVERY_US + 1) * EVERY_US
            moved = memory.scenery.look(cells_of(grey_of(frame, _WHOLE)), wall_us)
            if moved >= memory.view.least:
                memory.hold_us = max(memory.hold_us, wall_us + HOLD_US)
            yield Stir(wall_us, moved, partial(self._shot, frame, wall_us))

    def _shot(self, hasty: Any, at_us: int) -> Shot:
        """Decode a picture of this group as it should look; as it was looked at where its file is gone."""
        decoder, found = Decoder(self._coding), hasty
        for part in self._group:
            for unit, payload in zip(part.units, part.load(), strict=False):
                for frame in decoder.feed(payload, unit.pts, unit.dts):
                    found = frame if frame.pts == hasty.pts else found
            if found is not hasty:
                break
        else:
            found = next((frame for frame in decoder.flush() if frame.pts == hasty.pts), found)
        return Shot(found, at_us, found.width, found.height)
