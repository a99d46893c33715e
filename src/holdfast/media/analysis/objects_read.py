"""What a model's outputs mean: which family wrote them, and the boxes that are in them.

Models that find objects write numbers in a handful of shapes, and say nowhere which. It is told once, from what a model
makes of a grey picture: from shapes, and where these leave it open from values, because places in pixels are large,
places as shares are not, and the number of a class is whole.

    yolov8       1 x (4 + n) x anchors      cx cy w h in pixels, a score a class          also YOLO11 and 12
    yolov5       1 x anchors x (5 + n)      cx cy w h in pixels, whether anything is there, a score a class
    end-to-end   1 x k x 6                  x1 y1 x2 y2 in pixels, score, class           YOLOv10, and exports with NMS
    rt-detr      1 x q x 4 and 1 x q x n    cx cy w h as shares; scores, or what becomes scores by a sigmoid
    rt-detr      1 x q x (4 + n)            the same in one, as Ultralytics exports it

Pure numpy; any thread. Not here: running a model (objects).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from holdfast.core.errors import BadInput

Array = np.ndarray[Any, Any]

OVERLAP = 0.45  # as YOLOv5 had it: two boxes of a class that share more of their area are one object
MOST_BOXES = 1000  # chosen: the surest so many are compared with each other, some 10 ms at worst
MOST_FOUND = 32  # chosen: nobody reads more frames in one picture; 2 KB of a row
_SHARE = 2.0  # places as shares stay below, the larger ones in pixels are tens and hundreds
_PIXELS = 16.0  # whose places are in pixels has some beyond that, in the smallest input
_END_TO_END = 6
_RANK = 3
_HEADS = 5  # rank of raw heads that old exports of YOLOv5 hand out beside their result
_UNDERSTOOD = (
    "understood are 1x(4+n)xanchors, 1xanchorsx(5+n), 1xkx6, 1xqx4 with 1xqxn, and 1xqx(4+n): the YOLO and RT-DETR "
    "families, for finding objects"
)


class Family(StrEnum):
    """How outputs are written."""

    YOLOV8 = "yolov8"
    YOLOV5 = "yolov5"
    END_TO_END = "end-to-end"
    RT_DETR = "rt-detr"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a model's outputs are read.

    Attributes:
        family: Who wrote them.
        classes: How many classes it tells apart; None where the outputs do not say.
        boxes: Number of the output that holds boxes.
        scores: Number of the one that holds scores; the same where both are one.
        turned: Each box is a column of its output, not a row.
        raw: Scores are yet to become some by a sigmoid.
    """

    family: Family
    classes: int | None
    boxes: int = 0
    scores: int = 0
    turned: bool = False
    raw: bool = False

    @property
    def stretched(self) -> bool:
        """Say whether the model was taught with pictures stretched to its input, instead of fitted into it."""
        return self.family is Family.RT_DETR


@dataclass(frozen=True, slots=True)
class Boxes:
    """What was found: edges (left, top, right, bottom) as shares of the input, scores and classes, surest first."""

    edges: Array
    scores: Array
    classes: Array


def reading_of(outputs: Sequence[Array], names: Sequence[str], labels: int | None) -> Reading:
    """Tell how outputs are read.

    Args:
        outputs: What a model made of some picture.
        names: What it calls them.
        labels: How many labels there are for its classes, where that is known.

    Raises:
        BadInput: It is none of the families, or tells another number of classes apart.
    """
    flat = [number for number, one in enumerate(outputs) if one.ndim == _RANK and one.shape[0] == 1]
    others = [one for number, one in enumerate(outputs) if number not in flat]
    if any(one.ndim != _HEADS for one in others) or not 1 <= len(flat) <= 2:  # noqa: PLR2004 - boxes and scores
        raise BadInput(f"its output is {_shapes(outputs)}; {_UNDERSTOOD}", hint="export it for detection, to ONNX")
    if len(flat) == 1:
        return _single(outputs, flat[0], labels)
    return _pair(outputs, flat, names, labels)


def _pair(outputs: Sequence[Array], flat: Sequence[int], names: Sequence[str], labels: int | None) -> Reading:
    def is_boxes(number: int) -> tuple[bool, bool, bool]:
        one = outputs[number]
        return one.shape[2] == 4, "box" in names[number].lower(), _as_shares(one)  # noqa: PLR2004 - edges

    boxes, scores = sorted(flat, key=is_boxes, reverse=True)
    fits = outputs[boxes].shape[2] == 4 and outputs[boxes].shape[1] == outputs[scores].shape[1]  # noqa: PLR2004 - edges
    if not fits or not _as_shares(outputs[boxes]):
        raise BadInput(f"its outputs are {_shapes(outputs)}; {_UNDERSTOOD}", hint="export it for detection, to ONNX")
    classes = outputs[scores].shape[2]
    _check(outputs, classes, labels)
    values = outputs[scores]
    return Reading(Family.RT_DETR, classes, boxes, scores, raw=bool((values < 0).any() or (values > 1).any()))


def _single(outputs: Sequence[Array], number: int, labels: int | None) -> Reading:
    values = outputs[number][0]
    rows, columns = values.shape
    if columns == _END_TO_END and _is_final(values):
        return Reading(Family.END_TO_END, None, number, number)
    shaped = [
        (turned, before)
        for turned, width in ((rows < columns, min(rows, columns)), (rows >= columns, max(rows, columns)))
        for before in ((4,) if turned else (4, 5))
        if width - before == labels
    ]
    # Without labels, or with too few: whatever there is more of are places.
    turned = shaped[0][0] if shaped else rows < columns
    table = values.T if turned else values
    shares = table.shape[1] > 4 and _as_shares(table[:, :4])  # noqa: PLR2004 - a box
    before = shaped[0][1] if shaped else 4 if turned or shares else 5
    if table.shape[1] <= before or rows == columns or (shares and (turned or before != 4)):  # noqa: PLR2004 - a box
        raise BadInput(f"its output is {_shapes(outputs)}; {_UNDERSTOOD}", hint="export it for detection, to ONNX")
    if not shares and np.abs(table[:, :4]).max(initial=0.0) < _PIXELS:
        raise BadInput(
            f"its output is {_shapes(outputs)}, but places in it are neither pixels nor shares of the picture",
            hint="export it with its boxes decoded; YOLOX, for one, does not by itself",
        )
    classes = table.shape[1] - before
    _check(outputs, classes, labels)
    family = Family.RT_DETR if shares else Family.YOLOV8 if before == 4 else Family.YOLOV5  # noqa: PLR2004 - a box
    return Reading(family, classes, number, number, turned=turned)


def _check(outputs: Sequence[Array], classes: int, labels: int | None) -> None:
    if labels is not None and classes != labels:
        raise BadInput(
            f"its output is {_shapes(outputs)}, so it tells {classes} classes apart, but there are {labels} labels",
            hint="give a label for each class, in the model's order; without any the model's own names are taken",
        )


def _as_shares(boxes: Array) -> bool:
    values = boxes.astype(np.float32)
    return bool(values.min(initial=0.0) >= 0 and values.max(initial=0.0) <= _SHARE)


def _is_final(rows: Array) -> bool:
    scores, classes = rows[:, 4], rows[:, 5]
    ordered = (rows[:, 2] >= rows[:, 0]).all() and (rows[:, 3] >= rows[:, 1]).all()
    whole = (classes == np.round(classes)).all() and (classes >= -1).all()
    return bool(ordered and whole and (scores >= 0).all() and (scores <= 1).all())


def _shapes(outputs: Sequence[Array]) -> str:
    return " and ".join("x".join(map(str, one.shape)) for one in outputs)


def boxes_of(reading: Reading, outputs: Sequence[Array], size: tuple[int, int], least: float) -> Boxes:
    """Read what was found.

    Args:
        reading: How.
        outputs: What the model made of a picture.
        size: Width and height of its input, pixels.
        least: Scores below it are left out.
    """
    table = outputs[reading.boxes][0].astype(np.float32)
    table = table.T if reading.turned else table
    scores, classes = _scores(reading, outputs, table)
    # Not `scores < least`: what is no number is left out, too.
    likely = np.nonzero((scores >= least) & np.isfinite(table[:, :4]).all(axis=1))[0]
    likely = likely[np.argsort(-scores[likely], kind="stable")][:MOST_BOXES]
    edges, scores, classes = table[likely, :4], scores[likely], classes[likely]
    if reading.family is not Family.END_TO_END:
        middle, half = edges[:, :2], edges[:, 2:] / 2
        edges = np.concatenate([middle - half, middle + half], axis=1)
    if reading.family is not Family.RT_DETR:
        edges = edges / np.array([*size, *size], np.float32)
    if reading.family in {Family.YOLOV8, Family.YOLOV5}:
        single = apart(edges, classes)
        edges, scores, classes = edges[single], scores[single], classes[single]
    return Boxes(edges[:MOST_FOUND], scores[:MOST_FOUND], classes[:MOST_FOUND])


def _scores(reading: Reading, outputs: Sequence[Array], table: Array) -> tuple[Array, Array]:
    if reading.family is Family.END_TO_END:
        return table[:, 4], table[:, 5].astype(np.int64)
    if reading.scores != reading.boxes:
        each = outputs[reading.scores][0].astype(np.float32)
    else:
        each = table[:, 5:] if reading.family is Family.YOLOV5 else table[:, 4:]
    if reading.raw:
        each = 1 / (1 + np.exp(-np.clip(each, -50, 50)))
    classes = each.argmax(axis=1)
    best = each[np.arange(len(each)), classes]
    return best * table[:, 4] if reading.family is Family.YOLOV5 else best, classes


def apart(edges: Array, classes: Array) -> list[int]:
    """Return which boxes stay, surest first as they come: none that overlaps a surer one of its class too much."""
    areas = np.clip(edges[:, 2] - edges[:, 0], 0, None) * np.clip(edges[:, 3] - edges[:, 1], 0, None)
    stay: list[int] = []
    left = np.arange(len(edges))
    while len(left):
        first, left = int(left[0]), left[1:]
        stay.append(first)
        width = np.minimum(edges[left, 2], edges[first, 2]) - np.maximum(edges[left, 0], edges[first, 0])
        height = np.minimum(edges[left, 3], edges[first, 3]) - np.maximum(edges[left, 1], edges[first, 1])
        shared = np.clip(width, 0, None) * np.clip(height, 0, None)
        either = areas[left] + areas[first] - shared
        same = (classes[left] == classes[first]) & (shared > OVERLAP * either)
        left = left[~same]
    return stay
