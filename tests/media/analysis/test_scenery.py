"""What stands still, and what does not."""

import json

import numpy as np
import pytest

from holdfast.core.area import read_polygons
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.grey import Grey
from holdfast.media.analysis.scenery import COLUMNS, Scenery, View, cells_of
from support.films import Picture

STEP_US = SECOND_US // 5
ROWS, DICE = 180, 7


def ground() -> Picture:
    """Something with shapes."""
    rows, columns = np.mgrid[0:ROWS, 0:320]
    return np.asarray(90 + 30 * np.sin(columns / 23) + 25 * np.sin(rows / 17), np.uint8)


def seen(picture: Picture) -> Grey:
    """It as an eye has it."""
    return Grey(picture, 0, 1.0, picture.shape[1], picture.shape[0])


def play(scenery: Scenery, pictures: list[Picture], from_step: int = 0) -> list[float]:
    """Look at pictures, five a second, grainy as a camera's are."""
    found = []
    for number, picture in enumerate(pictures, from_step):
        grain = np.random.default_rng([DICE, number]).normal(0, 2, picture.shape)
        grainy = (picture + grain).clip(0, 255).astype(np.uint8)
        found.append(scenery.look(cells_of(seen(grainy)), (number + 1) * STEP_US))
    return found


def crossing(steps: int = 20, top: int = 60) -> list[Picture]:
    """Something 16 by 40 pixels goes through."""
    pictures = []
    for step in range(steps):
        picture = ground()
        left = 20 + step * 12
        picture[top : top + 40, left : left + 16] = 220
        pictures.append(picture)
    return pictures


REST = [ground()] * 30


def test_what_goes_through_moves() -> None:
    """Rest is nothing; what goes through is about as large as it is (C047)."""
    found = play(Scenery(View()), [*REST, *crossing(), *REST])
    assert max(found[:30]) == 0
    share = 16 * 40 / (320 * 180) * 100
    assert share / 2 < np.median(found[32:50]) < share * 2.5
    assert max(found[60:]) == 0


@pytest.mark.parametrize("gain", [0.4, 1.3])
def test_light_is_no_motion(gain: float) -> None:
    """Light that goes on or off at once is none."""
    lit = (ground() * gain).clip(0, 255).astype(np.uint8)
    assert max(play(Scenery(View()), [*REST, *[lit] * 30])) == 0


def test_another_view_is_no_motion() -> None:
    """A camera that is turned shows another scene, in which something moves again once it was looked at."""
    turned = ground()[::-1, ::-1].copy()
    assert max(play(Scenery(View()), [*REST, *[turned] * 30])) == 0


def test_what_stays_becomes_part_of_it() -> None:
    """Something that was put down moves while it is put down and not after."""
    standing = ground()
    standing[60:100, 120:160] = 220
    found = play(Scenery(View()), [*REST, *[standing] * 60])
    assert sum(moved > 0 for moved in found[30:]) <= 2


def test_masks_and_zones() -> None:
    """What moves under a mask, or outside of every zone, is not seen; elsewhere it is (C047)."""
    left_out = View(masks=read_polygons("0,20 100,20 100,70 0,70"))
    assert max(play(Scenery(left_out), [*REST, *crossing()])) == 0
    assert max(play(Scenery(left_out), [*REST, *crossing(top=135)])) > 0
    alone = View(zones=read_polygons("0,70 100,70 100,100 0,100"))
    assert max(play(Scenery(alone), [*REST, *crossing()])) == 0
    assert max(play(Scenery(alone), [*REST, *crossing(top=135)])) > 0


def test_faint_things_want_sensitivity() -> None:
    """Something faint is seen at high sensitivity and not at low one."""
    faint = [((picture.astype(int) - ground()).clip(0, 12) + ground()).astype(np.uint8) for picture in crossing()]
    assert max(play(Scenery(View(sensitivity=1)), [*REST, *faint])) == 0
    assert max(play(Scenery(View(sensitivity=95)), [*REST, *faint])) > 0


def test_whoever_goes_on_sees_the_same() -> None:
    """What is written down at any time, as JSON, goes on to exactly the same (F38)."""
    pictures = [*REST, *crossing(), *REST]
    expected = play(Scenery(View()), pictures)
    found: list[float] = []
    said = None
    for at in range(0, len(pictures), 7):
        scenery = Scenery(View(), said)
        found += play(scenery, pictures[at : at + 7], at)
        said = json.loads(json.dumps(scenery.to_json()))
    assert found == expected


@pytest.mark.parametrize("size", [(180, 320), (288, 352), (37, 50), (1, 1)])
def test_cells_of_any_size(size: tuple[int, int]) -> None:
    """A picture of any size has cells, whose mean is its own."""
    picture = np.arange(size[0] * size[1]).reshape(size).astype(np.uint8)
    cells = cells_of(seen(picture))
    assert cells.shape[1] == min(COLUMNS, size[1])
    assert abs(float(cells.mean()) - float(picture.mean())) < 3
