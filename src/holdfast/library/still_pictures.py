"""The picture that is nearest to an instant, for instants that come in order: footage is decoded straight through.

What cannot be said yet, because later pictures are still to be written, is said when it is asked again.

One object a camera, on one thread at a time. Not here: which instants (core.stills), what becomes of the picture
(still_taking).
"""

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from holdfast.core.camera import Kind
from holdfast.core.errors import BadInput, HoldfastError, NotFound
from holdfast.core.gap import Gap
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.library import following
from holdfast.library.footage import Chunk
from holdfast.media.boxread import StoredSample
from holdfast.media.decode import Coding
from holdfast.media.reel import Reel
from holdfast.media.still import Shot

NEAR_US = SECOND_US // 10  # specified (S2): what is nearer is the picture of an instant, wherever footage ends
_HELD_US = 5 * SECOND_US  # chosen: a decoder holds back 16 pictures at most; what has not come by then never will


class Answer(Enum):
    """Why there is no picture of an instant."""

    LATER = "later"
    """Nothing that is written so far can say."""
    HOLE = "hole"
    """There is no footage of it."""
    DAMAGED = "damaged"
    """There is footage, but what shows it cannot be decoded."""


@dataclass(frozen=True, slots=True)
class _Cover:
    """A stretch of footage without a hole."""

    start_us: int
    end_us: int


class Pictures:
    """Pictures of one stream from somewhere on.

    Args:
        volumes: Roots by name.
        items: Fragments in order, from a keyframe on; None says that no more is written now. Gaps are passed over.
    """

    def __init__(self, volumes: Mapping[str, Path], items: Iterable[Chunk | Gap | None]) -> None:
        self._volumes = volumes
        self._flow = self._shots_of(items)
        self._shots: list[Shot] = []
        self._walls: list[int] = []  # when the pictures are shown that are in the footage, whether they decode or not
        self._covers: list[_Cover] = []
        self._file = ""
        self._run = ""
        self._coding: Coding | None = None
        self._reel: Reel | None = None
        self.decoded = 0

    def nearest(self, at_us: int, *, final: bool = False) -> Shot | Answer:
        """Return the picture that is nearest to an instant, or why there is none.

        Args:
            at_us: The instant; never before one that was asked for earlier.
            final: Nothing will be written any more that matters, so `LATER` is no answer.

        Raises:
            StorageError: Footage cannot be read; this object is of no use any more.
        """
        self._drop(at_us)
        while not self._reaches(at_us):
            shot = next(self._flow, None)
            if shot is None:
                break
            insort(self._shots, shot, key=lambda one: one.at_us)
        else:
            return self._judged(at_us)
        if not final:
            return Answer.LATER
        if self._reel is not None:
            # What comes after a minute without any begins anew; until then the last pictures are those held back.
            for shot in self._reel.flush():
                insort(self._shots, shot, key=lambda one: one.at_us)
            self._reel, self._file, self._run = None, "", ""
        return self._judged(at_us)

    def _judged(self, at_us: int) -> Shot | Answer:
        shot = min(self._shots, key=lambda one: abs(one.at_us - at_us), default=None)
        away_us = abs(shot.at_us - at_us) if shot is not None else None
        if shot is not None and away_us is not None and away_us <= NEAR_US:
            return shot
        if not any(cover.start_us <= at_us <= cover.end_us for cover in self._covers):
            return Answer.HOLE
        best_us = min((abs(wall_us - at_us) for wall_us in self._walls), default=0)
        if shot is None or away_us is None or away_us > best_us + NEAR_US:
            return Answer.DAMAGED
        return shot

    def _reaches(self, at_us: int) -> bool:
        """Say whether everything is known that could be nearest."""
        if self._shots and self._shots[-1].at_us >= at_us:
            return True
        return bool(self._walls) and self._walls[-1] >= at_us + _HELD_US

    def _drop(self, at_us: int) -> None:
        """Forget what no later instant can need: all before the last picture that precedes this one."""
        while len(self._shots) > 1 and self._shots[1].at_us <= at_us:
            del self._shots[0]
        while len(self._walls) > 1 and self._walls[1] <= at_us:
            del self._walls[0]
        while len(self._covers) > 1 and self._covers[0].end_us < at_us:
            del self._covers[0]

    def _shots_of(self, items: Iterable[Chunk | Gap | None]) -> Iterator[Shot | None]:
        for item in items:
            if item is None:
                yield None
            elif isinstance(item, Chunk):
                yield from self._fed(item)
        if self._reel is not None:
            yield from self._reel.flush()

    def _fed(self, chunk: Chunk) -> Iterator[Shot]:
        same_file = chunk.piece.file == self._file
        coding = self._coding if same_file else _coding(self._volumes, chunk)
        samples = [] if coding is None else _samples(self._volumes, chunk, coding)
        if coding is None or not samples:
            return
        # Pictures are stored in another order than they are shown in, so all of a fragment are looked at together.
        start_us = min(wall_us for _, _, wall_us in samples)
        follows = bool(self._covers) and start_us - self._covers[-1].end_us <= NEAR_US
        if not follows or not (same_file or (chunk.head.run == self._run and coding == self._coding)):
            yield from self._opened(coding)
        self._file, self._run, self._coding = chunk.piece.file, chunk.head.run, coding
        self._cover(
            start_us, max(wall_us + ticks_to_us(one.duration_ticks, coding.timescale) for one, _, wall_us in samples),
            follows=follows,
        )  # fmt: skip
        for sample, payload, wall_us in samples:
            insort(self._walls, wall_us)
            if self._reel is None:
                continue
            dts_us = wall_us - ticks_to_us(sample.pts_ticks - sample.dts_ticks, coding.timescale)
            for shot in self._reel.feed(payload, (wall_us, dts_us), wall_us, key=sample.keyframe):
                self.decoded += 1
                yield shot

    def _cover(self, start_us: int, end_us: int, *, follows: bool) -> None:
        if follows:
            last = self._covers.pop()
            start_us, end_us = min(last.start_us, start_us), max(last.end_us, end_us)
        self._covers.append(_Cover(start_us, end_us))

    def _opened(self, coding: Coding) -> Iterator[Shot]:
        """Begin anew: there was a hole, or what follows is coded in another way."""
        if self._reel is not None:
            yield from self._reel.flush()
        self._reel = None
        with suppress(HoldfastError):  # what this build cannot decode: then all of it is damage
            self._reel = Reel(replace(coding, timescale=SECOND_US))


def _samples(volumes: Mapping[str, Path], chunk: Chunk, coding: Coding) -> list[tuple[StoredSample, bytes, int]]:
    """Read the pictures of a fragment; none where the file was removed meanwhile, which makes it a hole."""
    try:
        return list(following.payloads(volumes, chunk, coding))
    except NotFound:
        return []


def _coding(volumes: Mapping[str, Path], chunk: Chunk) -> Coding | None:
    try:
        return following.coding_of(volumes, chunk).get(Kind.VIDEO)
    except (NotFound, BadInput):
        return None
