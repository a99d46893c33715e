"""What outputs mean: families told apart where shapes alone leave it open."""

from typing import Any

import numpy as np
import pytest

from holdfast.core.errors import BadInput
from holdfast.media.analysis.objects_read import MOST_FOUND, Family, apart, boxes_of, reading_of

Array = np.ndarray[Any, Any]


def table(rows: int, classes: int, *, shares: bool = False, there: bool = False) -> Array:
    """Boxes in a row each, as a model has them for a grey picture: places all over, hardly a score."""
    dice = np.random.default_rng(rows)
    places = dice.uniform(0.02, 0.98, (rows, 4)) * (1 if shares else 640)
    return np.concatenate([places, dice.uniform(1e-6, 0.02, (rows, classes + there))], axis=1)[None].astype(np.float32)


def final(rows: int, found: int) -> Array:
    """Boxes of a model that sorts out by itself what it found; what is not filled is zero."""
    dice = np.random.default_rng(rows)
    made = np.zeros((1, rows, 6), np.float32)
    made[0, :found, :2] = dice.uniform(0, 300, (found, 2))
    made[0, :found, 2:4] = made[0, :found, :2] + 50
    made[0, :found, 4] = np.sort(dice.uniform(0, 1, found))[::-1]
    made[0, :found, 5] = dice.integers(0, 80, found)
    return made


@pytest.mark.parametrize(
    ("output", "labels", "family", "classes"),
    [
        (table(8400, 80).transpose(0, 2, 1), None, Family.YOLOV8, 80),
        (table(8400, 80).transpose(0, 2, 1), 80, Family.YOLOV8, 80),
        (table(8400, 80), 80, Family.YOLOV8, 80),
        (table(8400, 2).transpose(0, 2, 1), None, Family.YOLOV8, 2),
        (table(25_200, 80, there=True), None, Family.YOLOV5, 80),
        (table(25_200, 80, there=True), 80, Family.YOLOV5, 80),
        (table(25_200, 1, there=True), 1, Family.YOLOV5, 1),
        (table(25_200, 1, there=True), None, Family.YOLOV5, 1),
        (table(300, 80, shares=True), None, Family.RT_DETR, 80),
        (table(300, 2, shares=True), 2, Family.RT_DETR, 2),
        (table(20, 80).transpose(0, 2, 1), 80, Family.YOLOV8, 80),
        (final(300, 0), 80, Family.END_TO_END, None),
        (final(300, 7), None, Family.END_TO_END, None),
    ],
)
def test_families_are_told_apart(output: Array, labels: int | None, family: Family, classes: int | None) -> None:
    """Six columns are one class of YOLOv5, two of RT-DETR or a finished result: what they hold tells which."""
    found = reading_of([output], ["out"], labels)
    assert (found.family, found.classes) == (family, classes)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("classes", [4, 80])
def test_two_outputs_are_places_and_scores(classes: int, raw: bool) -> None:  # noqa: FBT001 - pytest names it
    """Whichever comes first, places are those with four shares; scores that are below zero become some by a sigmoid."""
    whole = table(300, classes, shares=True)
    scores = np.log(whole[..., 4:] / (1 - whole[..., 4:])) if raw else whole[..., 4:]
    found = reading_of([scores, whole[..., :4]], ["logits", "pred_boxes"], None)
    assert (found.family, found.boxes, found.scores, found.raw) == (Family.RT_DETR, 1, 0, raw)
    assert found == reading_of([scores, whole[..., :4]], ["dec_logits", "dec_boxes"], classes)
    scores[0, 5, 2] = 4.0 if raw else 0.982
    seen = boxes_of(found, [scores, whole[..., :4]], (640, 640), 0.5)
    assert seen.classes.tolist() == [2]
    assert seen.scores.tolist() == pytest.approx([0.982], abs=0.001)
    assert (seen.edges[0, :2] + seen.edges[0, 2:]) / 2 == pytest.approx(whole[0, 5, :2], abs=1e-6)


def test_old_exports_hand_out_their_heads_too() -> None:
    """What YOLOv5 used to hand out beside its result is passed over."""
    heads = [np.zeros((1, 3, size, size, 85), np.float32) for size in (80, 40, 20)]
    assert reading_of([table(25_200, 80, there=True), *heads], list("abcd"), 80).family is Family.YOLOV5


@pytest.mark.parametrize(
    "outputs",
    [
        [np.zeros((1, 1000), np.float32)],
        [table(8400, 112).transpose(0, 2, 1), np.zeros((1, 32, 160, 160), np.float32)],
        [table(300, 80, shares=True), table(300, 80, shares=True)],
        [table(300, 80)[..., :4], table(300, 80)[..., 4:]],
        [table(300, 80, shares=True).transpose(0, 2, 1)],
        [table(8400, 80)] * 3,
        [np.zeros((1, 84, 84), np.float32)],
        [np.zeros((1, 3, 8400), np.float32)],
        [],
    ],
)
def test_what_is_none_of_them_is_refused(outputs: list[Array]) -> None:
    """Classifiers, segmenters and the rest are refused with what is understood."""
    with pytest.raises(BadInput, match=r"understood are 1x\(4\+n\)xanchors"):
        reading_of(outputs, ["out"] * len(outputs), None)


def test_places_that_are_yet_to_be_decoded_are_refused() -> None:
    """What a model writes before boxes are made of it (YOLOX) is told from boxes, and refused."""
    raw = table(8400, 80, shares=True, there=True)
    raw[..., :4] = (raw[..., :4] - 0.5) * 6
    for labels in (None, 80):
        with pytest.raises(BadInput, match="neither pixels nor shares"):
            reading_of([raw], ["out"], labels)


@pytest.mark.parametrize("labels", [1, 2, 79, 91])
def test_labels_must_be_as_many(labels: int) -> None:
    """Labels for another model are said to be too many or too few."""
    with pytest.raises(BadInput, match=f"tells 80 classes apart, but there are {labels} labels"):
        reading_of([table(8400, 80).transpose(0, 2, 1)], ["out"], labels)


def test_what_is_no_number_is_not_found() -> None:
    """A model that goes astray writes values that are no numbers; they are nothing that was found."""
    output = table(8400, 3).transpose(0, 2, 1).copy()
    found = reading_of([output], ["out"], None)
    output[0, 4:, 7] = np.nan
    output[0, 0, 8], output[0, 4, 8] = np.inf, 0.9
    assert len(boxes_of(found, [output], (640, 640), 0.5).scores) == 0


def test_a_crowd_is_its_surest() -> None:
    """However many are found, the surest of them are told."""
    output = final(300, 250)
    seen = boxes_of(reading_of([output], ["out"], None), [output], (640, 640), 0.01)
    assert len(seen.scores) == MOST_FOUND
    assert seen.scores[0] == output[0, :, 4].max()
    assert (np.diff(seen.scores) <= 0).all()


def test_of_what_overlaps_the_surest_stays() -> None:
    """A box that covers most of a surer one of its class is left out; another class, or a little of it, stays."""
    edges = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [6, 0, 16, 10]], np.float32)
    assert apart(edges, np.array([0, 0, 1, 0])) == [0, 2, 3]
