"""Looks at a track now and then: three consecutive reference pictures each time, nothing is decoded between.

A look begins at a keyframe, where decoding can begin; where those come too seldom for the rhythm, everything is
decoded. The three pictures are of one group, because a keyframe packs what stands still anew, and differently.
In order of media time. One object a track of a file, on one thread at a time.

Not here: what a look means (core.quality), where samples come from (roles.watcher, analysis.file).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.core.quality import FRAMES, Region, Repacked
from holdfast.media.analysis.blocks import blockiness
from holdfast.media.analysis.grey import Grey, differences, grey_of, luma_of
from holdfast.media.analysis.near import MOST_US, Between, Coded, Part
from holdfast.media.decode import Coding, Decoder
from holdfast.media.still import Shot

_NEVER = 2**62
_SELDOM = 1.25  # chosen: groups as long as the rhythm vary a little, and looks 2.5 s apart will do
_KNOWN = 64  # pictures whose instants are remembered: more than any decoder holds back


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one instant.

    Attributes:
        at_us: Wall time of the newest picture.
        black_percent: How much of it is black; None where nothing is seen, but heard.
        differences: As `core.quality.Seen`; None where fewer than three pictures of one size came.
        drift: As there.
        shots: The pictures, oldest first.
        blocks: As there; None where nobody wants it.
        damaged: As there.
        between: What lies between the look before and this one; None where there is none, or too much.
        key_us: Wall time of the keyframe of its group; None where that is not known.
        repacked: The newest keyframe beside that of the look before; None where that is the same one, or there is none.
    """

    at_us: int
    black_percent: float | None = None
    differences: tuple[float, float, float] | None = None
    drift: float | None = None
    shots: tuple[Shot, ...] = ()
    blocks: float | None = None
    damaged: int = 0
    between: Between | None = None
    key_us: int | None = None
    repacked: Repacked | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A keyframe: when it is shown, what it shows, and how large it is as coded, in bytes."""

    at_us: int
    grey: Grey
    size: int


@dataclass(slots=True)
class Gaze:
    """What goes on from one file to the next.

    Attributes:
        last: The picture that was seen last.
        key: The keyframe of its group.
        due_us: When the next look is due.
        seldom: Keyframes come more seldom than looks; so it is taken to be until two of them came.
        exact_us: When a look is wanted besides, from exactly this picture on; None while none is.
        last_us: When the picture that was seen last was.
        goes_on_us: When the look after the first one is due, for whoever takes that once more after a restart; None
            for whoever just begins.
        fewer: One look is taken where so many were wanted, because there is no time for more.
        left_out: Looks that were left out therefore, a count.
    """

    last: Grey | None = None
    key: Key | None = None
    due_us: int = 0
    seldom: bool = True
    exact_us: int | None = None
    last_us: int | None = None
    goes_on_us: int | None = None
    fewer: int = 1
    left_out: int = 0

    def advance(self, at_us: int, every_us: int, *, besides: bool = False) -> None:
        """A look was taken, in the rhythm or besides: say when the next one is due, on the grid."""
        self.exact_us, self.last_us = None, at_us
        if self.goes_on_us is not None:
            self.due_us, self.goes_on_us = self.goes_on_us, None
            return
        if besides and at_us < self.due_us:
            return
        self.left_out += self.fewer - 1
        step_us = every_us * self.fewer
        self.due_us = (max(at_us, self.due_us) // step_us + 1) * step_us

    def retake(self, at_us: int) -> None:
        """Take the look of an instant once more, the picture that the next one is compared with, and go on after it."""
        if self.goes_on_us is None:
            self.goes_on_us = self.due_us
        self.last, self.key, self.due_us, self.exact_us = None, None, _NEVER, at_us


class Eye:
    """Looks at one video track.

    Args:
        coding: How it is coded.
        every_us: Time between two looks, on a grid of wall time.
        black_level: Grey that counts as black.
        region: What of the picture is looked at.
        gaze: What went on before this track, and goes on after it.
        blocks: Whether to measure blockiness.

    Attributes:
        decoded: Pictures that were decoded, a count.
        damaged: Samples that could not be, or only in part.

    Raises:
        Unsupported: This build of libav cannot decode it.
        BadInput: Its configuration is damaged.
    """

    def __init__(
        self, coding: Coding, every_us: int, *, black_level: int, region: Region, gaze: Gaze | None = None,
        blocks: bool = False,
    ) -> None:  # fmt: skip
        self._decoder = Decoder(coding, strict=True)
        # B-pictures are packed worse than those around them: of what stands still they would differ.
        self._decoder.references_only()
        self._every_us = every_us
        self._black_level = black_level
        self._region = region
        self._blocks = blocks
        self._damaged_before = 0
        self._coding = coding
        self._group: list[Part] = []  # from the newest keyframe on
        self._between: list[Part] = []  # from the keyframe before the last look on
        self._known: dict[int, tuple[int, int]] = {}  # by pts: when it is shown, and how large it is
        self._key: tuple[int, Any, int] | None = None  # the newest keyframe: when, the picture, its bytes
        self._frames: deque[tuple[int, Any]] = deque(maxlen=FRAMES)
        self._gaze = gaze or Gaze()
        self._grouped = 0  # pictures since the newest keyframe that came out
        self._key_us: int | None = None
        self._target_us: int | None = None  # a look is wanted from this picture on; None while none is
        self._besides = False  # that look is not of the rhythm
        self._skipped = False
        self.decoded = 0

    @property
    def damaged(self) -> int:
        """Samples that could not be decoded, or only in part, a count."""
        return self._decoder.damaged

    @property
    def busy(self) -> bool:
        """Say whether the next part is wanted even where it does not begin with a keyframe."""
        return self._target_us is not None or self._gaze.seldom

    def feed(self, part: Part) -> list[Look]:
        """Take the next samples; return what was seen, hardly ever more than one look."""
        gaze = self._gaze
        if part.keyframe:
            self._begin_group(part.from_us)
        self._group.append(part)
        self._between.append(part)
        if self._key_us is None:
            return []
        if gaze.exact_us is not None and self._target_us is None and part.to_us > gaze.exact_us:
            self._target_us, self._besides = gaze.exact_us, True
        if not self.busy:
            self._skipped = True
            return []
        if not self._skipped:
            return self._decode([part])
        # Nothing of this group was decoded, or not all: from its keyframe on, then.
        self._decoder.restart()
        self._frames.clear()
        self._known.clear()
        self._skipped = False
        return self._decode(list(self._group))

    def _begin_group(self, wall_us: int) -> None:
        gaze = self._gaze
        length_us = 0 if self._key_us is None else wall_us - self._key_us
        if length_us:
            gaze.seldom = length_us > self._every_us * _SELDOM
        self._key_us = wall_us
        self._group.clear()
        # The keyframe that is nearest to the due time: the next one may come almost a whole group later.
        if self._target_us is None and wall_us >= gaze.due_us - (0 if gaze.seldom else length_us // 2):
            self._target_us = wall_us

    def _decode(self, parts: Iterable[Part]) -> list[Look]:
        looks: list[Look] = []
        for coded in (coded for part in parts for coded in part.read()):
            if not self.busy:
                self._skipped = True
                break
            self._remember(coded)
            looks += self._take(self._decoder.feed(coded.payload, coded.pts, coded.dts))
        return looks

    def flush(self) -> list[Look]:
        """Return what is held back, even of fewer than three pictures. Nothing more may be fed after it."""
        looks = [] if self._skipped or self._key_us is None else self._take(self._decoder.flush())
        if self._target_us is not None and self._frames:
            looks.append(self._look())
        return looks

    def _remember(self, coded: Coded) -> None:
        self._known[coded.pts] = coded.wall_us, len(coded.payload)
        if len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]

    def _take(self, frames: list[Any]) -> list[Look]:
        looks: list[Look] = []
        for frame in frames:
            self.decoded += 1
            wall_us, size = self._known.pop(frame.pts, (None, 0))
            if wall_us is None:
                continue
            if frame.key_frame:
                self._key = wall_us, frame, size
                if self._grouped >= FRAMES:  # else groups are so short that there would never be three
                    self._frames.clear()
                self._grouped = 0
            self._grouped += 1
            self._frames.append((wall_us, frame))
            if self._target_us is None and wall_us >= self._gaze.due_us:
                self._target_us = self._gaze.due_us
            if self._target_us is not None and wall_us >= self._target_us and len(self._frames) == FRAMES:
                looks.append(self._look())
        return looks

    def _look(self) -> Look:
        shots = tuple(Shot(frame, wall_us, frame.width, frame.height) for wall_us, frame in self._frames)
        greys = [grey_of(shot.frame, self._region) for shot in shots]
        newest, last = greys[-1], self._gaze.last
        at_us = shots[-1].at_us
        self._target_us, self._gaze.last = None, newest
        damaged, self._damaged_before = self.damaged - self._damaged_before, self.damaged
        between, repacked = self._what_is_between(last, newest, at_us), self._repacked(shots, greys)
        self._between = list(self._group)
        self._gaze.advance(at_us, self._every_us, besides=self._besides)
        self._besides = False
        return Look(
            at_us=at_us,
            black_percent=newest.black_percent(self._black_level),
            differences=differences(greys),
            drift=newest.drift(last) if last is not None and newest.same_size(last) else None,
            shots=shots,
            blocks=blockiness(luma_of(shots[-1].frame, self._region)) if self._blocks else None,
            damaged=damaged,
            between=between,
            key_us=None if self._key is None else self._key[0],
            repacked=repacked,
        )

    def _repacked(self, shots: Sequence[Shot], greys: Sequence[Grey]) -> Repacked | None:
        last = self._gaze.key
        if self._key is None or (last is not None and self._key[0] <= last.at_us):
            return None
        at_us, frame, size = self._key
        seen = next((grey for shot, grey in zip(shots, greys, strict=True) if shot.at_us == at_us), None)
        key = self._gaze.key = Key(at_us, seen or grey_of(frame, self._region), size)
        if last is None or not key.grey.same_size(last.grey):
            return None
        growth = key.size / max(1, last.size) - 1
        return Repacked(last.at_us, key.grey.difference(last.grey), key.grey.drift(last.grey), growth)

    def _what_is_between(self, last: Grey | None, newest: Grey, at_us: int) -> Between | None:
        last_us = self._gaze.last_us
        if last is None or last_us is None or at_us - last_us > MOST_US:
            return None
        parts, span_us = tuple(self._between), (last_us, at_us)
        return Between(self._coding, parts, self._region, self._black_level, last, newest, span_us)
