"""Every picture between two looks: when exactly something began or ended, for whoever saw that it is different now.

A look is cheap because nothing between looks is decoded. Where the answer has changed, what lies between is decoded
after all, once: it is there, because footage is the queue.

One call at a time a track. Not here: what is asked for (watching.turns), looks (eye).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from holdfast.core.errors import HoldfastError
from holdfast.core.quality import Region
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.grey import Grey, Squares, grey_of
from holdfast.media.decode import Coding, Decoder

MOST_US = 10 * SECOND_US  # chosen: who looks more seldom than this does not ask for more exact times than that


class Coded(NamedTuple):
    """A sample of a video track; `wall_us` is when it is shown."""

    payload: bytes
    pts: int
    dts: int
    wall_us: int
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Some samples in a row, as they lie in a file.

    Attributes:
        from_us: Wall time of its begin.
        to_us: Of its end.
        keyframe: Whether it begins with one.
        read: Reads them; what was removed meanwhile is no samples.
    """

    from_us: int
    to_us: int
    keyframe: bool
    read: Callable[[], Iterable[Coded]]


@dataclass(frozen=True, slots=True)
class Near:
    """A picture between two looks.

    Attributes:
        at_us: Its wall time.
        key_us: Wall time of the keyframe that was decoded last before it; None where there was none. It may be shown
            before that one, and is packed as those after it nevertheless.
        black_percent: As `core.quality.Seen`.
        difference: Mean grey difference to the picture before it; None where there is none of its size.
        before: Drift from the picture of the look before; None where that has another size.
        squares: Its mean luma by squares.
        scale: Greys a step of that.
    """

    at_us: int
    key_us: int | None
    black_percent: float
    difference: float | None
    before: float | None
    squares: Squares
    scale: float = 1.0

    @property
    def keyframe(self) -> bool:
        """Say whether it is one: what stands still is packed anew with it, and differs."""
        return self.at_us == self.key_us

    def drift(self, squares: Squares) -> float | None:
        """Return how far it is from another picture in grey; None where that has another size."""
        same = self.squares.shape == squares.shape
        return float(np.abs(self.squares - squares).mean()) * self.scale if same else None


@dataclass(frozen=True)
class Between:
    """What lies between two looks, and how to see it; whoever asks for its pictures again gets those."""

    coding: Coding
    parts: Sequence[Part]
    region: Region
    black_level: int
    last: Grey
    newest: Grey
    span_us: tuple[int, int]

    def pictures(self) -> list[Near]:
        """Decode the pictures that are shown after the first look, up to the last one of the second."""
        return self._pictures

    @cached_property
    def _pictures(self) -> list[Near]:
        try:
            decoder = Decoder(self.coding)
        except HoldfastError:
            return []
        decoder.references_only()  # as looks do: others are packed worse, and would differ where nothing does
        found: list[Near] = []
        before: Grey | None = None
        walls: dict[int, tuple[int, int | None]] = {}
        newest_key_us: int | None = None
        after_us, until_us = self.span_us
        last = self.last.squares()
        for coded in (coded for part in self.parts for coded in part.read()):
            newest_key_us = coded.wall_us if coded.keyframe else newest_key_us
            walls[coded.pts] = coded.wall_us, newest_key_us
            for frame in decoder.feed(coded.payload, coded.pts, coded.dts):
                at_us, key_us = walls.pop(frame.pts, (0, None))
                grey = grey_of(frame, self.region)
                if after_us < at_us <= until_us:
                    mine = grey.squares()
                    difference = grey.difference(before) if before is not None and grey.same_size(before) else None
                    near = Near(
                        at_us=at_us, key_us=key_us,
                        black_percent=grey.black_percent(self.black_level), difference=difference,
                        before=grey.drift_from(last, mine) if grey.same_size(self.last) else None,
                        squares=mine, scale=grey.scale,
                    )  # fmt: skip
                    found.append(near)
                before = grey
        return found
