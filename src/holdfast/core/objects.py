"""What was recognised in pictures: an object, where it stands, whether it counts, and how an event tells of it. Pure.

Places are shares of the picture's width and height from its top left, 0 to 1, whatever size a model was shown.

Not here: models (media.analysis.objects), which pictures (library.recognising), rows (catalog.events).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from holdfast.core.area import Polygon

_DIGITS = 4  # of a place: a tenth of a pixel at 1080p
_SURE = re.compile(r" [01]\.\d\d$")
_EDGE = 0.9999  # a foot at the very bottom of a picture is in it


@dataclass(frozen=True, slots=True)
class Box:
    """Where something stands: its edges as shares of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def foot(self) -> tuple[float, float]:
        """The middle of its lower edge: where it stands on the ground."""
        return min((self.left + self.right) / 2, _EDGE), min(self.bottom, _EDGE)


@dataclass(frozen=True, slots=True)
class Seen:
    """An object that was recognised; confidence from 0 to 1."""

    label: str
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class Counts:
    """What counts of all that is recognised.

    Attributes:
        least: How sure a model must be, 0 to 1.
        wanted: Labels, whatever their capitals; none is all.
        masks: Parts of the picture; whose foot stands in one does not count.
        zones: Parts of the picture; where there are any, whose foot stands in none does not count.
    """

    least: float = 0.5
    wanted: tuple[str, ...] = ()
    masks: tuple[Polygon, ...] = ()
    zones: tuple[Polygon, ...] = ()

    def of(self, found: Iterable[Seen]) -> list[Seen]:
        """Return what counts, surest first."""
        return sorted((one for one in found if self._holds(one)), key=lambda one: (-one.confidence, one.label))

    def _holds(self, one: Seen) -> bool:
        wanted = {name.casefold() for name in self.wanted}
        if one.confidence < self.least or (wanted and one.label.casefold() not in wanted):
            return False
        if any(mask.holds(*one.box.foot) for mask in self.masks):
            return False
        return not self.zones or any(zone.holds(*one.box.foot) for zone in self.zones)


def label_of(pictures: Mapping[str, Sequence[Seen]]) -> str:
    """Say what pictures show together: `person 0.87, dog 0.52`, surest first, each label once."""
    best: dict[str, float] = {}
    for one in (one for found in pictures.values() for one in found):
        best[one.label] = max(best.get(one.label, 0.0), one.confidence)
    ordered = sorted(best.items(), key=lambda item: (-round(item[1], 2), item[0]))
    return ", ".join(f"{label} {sure:.2f}" for label, sure in ordered)


def names_in(label: str) -> list[str]:
    """Return what a label names, without how sure that is: `person 0.87, dog 0.52` names person and dog."""
    return [_SURE.sub("", one) for one in label.split(", ") if one]


def to_json(pictures: Mapping[str, Sequence[Seen]]) -> str:
    """Write what pictures show, by picture: a list of label, confidence and four edges each."""
    said = {
        which: [
            [one.label, round(one.confidence, _DIGITS)]
            + [round(edge, _DIGITS) for edge in (one.box.left, one.box.top, one.box.right, one.box.bottom)]
            for one in found
        ]
        for which, found in sorted(pictures.items())
    }
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)


def from_json(text: str) -> dict[str, list[Seen]]:
    """Read it back.

    Raises:
        ValueError: It is not what `to_json` wrote.
    """
    try:
        return {
            which: [Seen(str(label), float(sure), Box(*map(float, edges))) for label, sure, *edges in found]
            for which, found in json.loads(text).items()
        }
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{text[:60]!r} is not what pictures show") from error
