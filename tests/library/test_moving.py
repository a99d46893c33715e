"""Motion out of footage: what is found, what is kept, and that no kill changes either."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.events import Told
from holdfast.core.config.motion import MotionConfig
from holdfast.core.timing import SECOND_US
from support.media import WALL_US
from support.streets import keep, street, told, watching
from support.watched_film import Gate

ALL_US = 10**12
MOTION = MotionConfig(enabled=True, cool_down_s=8)
Expected = tuple[Sequence[Told], list[str]]


@pytest.fixture(name="gate", scope="module")
def _gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Something goes through from 10 to 16 s, for a moment at 30, from 40 to 42 s; then the camera is away."""
    gate = Gate(tmp_path_factory.mktemp("street") / "vol")
    gate.record(47, street((10, 16), (30, 30.3), (40, 42)), group=50)
    gate.down("unreachable", 30)
    gate.record(6, street(), group=50)
    gate.rest()
    return gate


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


def pictures(root: Path) -> list[str]:
    """Files of events."""
    return sorted(path.relative_to(root / "pictures").as_posix() for path in root.rglob("events/**/*.jpg"))


def whole(gate: Gate, catalog: Catalog, root: Path, config: MotionConfig = MOTION) -> Sequence[Told]:
    """Watch everything at a stretch."""
    watch = watching(gate, catalog, root, config)
    while watch.work(ALL_US):
        pass
    keep(watch, catalog)
    watch.kept()
    return told(catalog)


@pytest.fixture(name="expected", scope="module")
def _expected(gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """What is found at a stretch, and its pictures."""
    root = tmp_path_factory.mktemp("whole")
    with open_catalog(f"sqlite:///{root}/catalog.sqlite") as catalog:
        return whole(gate, catalog, root), pictures(root)


def test_what_moves_is_an_event(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Each stay is one event with its roll before and after, score and confidence; a moment is none (C047)."""
    first, second = whole(gate, catalog, tmp_path)
    for event, begin_s, end_s in ((first, 10, 16), (second, 40, 42)):
        assert event.end_us is not None
        assert begin_s <= (event.start_us - WALL_US) / SECOND_US <= begin_s + 0.6
        assert end_s - 0.6 <= (event.end_us - WALL_US) / SECOND_US <= end_s + 0.4
        assert (event.from_us, event.to_us) == (event.start_us - 20 * SECOND_US, event.end_us + 5 * SECOND_US)
        assert event.score > 1.3  # 30 by 50 of 320 by 180 is 2.6 %
        assert event.confidence > 100


def test_two_pictures_and_a_small_one(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Picture A is of the begin, B of 4 s later, the thumbnail is small; what never opened leaves none (C047)."""
    first, second = whole(gate, catalog, tmp_path)
    assert pictures(tmp_path) == sorted([*first.files, *second.files])
    assert len(first.files) == 3
    assert [file.rpartition("_")[2] for file in first.files] == ["a.jpg", "b.jpg", "thumb.jpg"]
    root = tmp_path / "pictures"
    assert (root / first.thumbnail).stat().st_size < 50_000
    greys = []
    for file in (first.picture_a, first.picture_b, second.picture_b):
        with av.open(str(root / file)) as container:
            greys.append(next(container.decode(video=0)).to_ndarray(format="gray"))
    assert (greys[0][60:110] > 210).any()
    assert (greys[0] != greys[1]).any()
    # It left after 2 s; the second picture is of 4 s all the same.
    assert not (greys[2][60:110] > 210).any()


@pytest.mark.parametrize("seed", range(5))
def test_kills_change_nothing(gate: Gate, expected: Expected, catalog: Catalog, tmp_path: Path, seed: int) -> None:
    """Killed 20 times, before or after writing, it finds what it finds at a stretch: rows and files (F38)."""
    dice = random.Random(seed)
    kills = 20
    while True:
        watch = watching(gate, catalog, tmp_path / "killed", MOTION)
        more = True
        for _ in range(dice.randrange(1, 6)):
            more = watch.work(dice.randrange(1, 4 * SECOND_US))
            if dice.random() < 0.7:
                keep(watch, catalog)
                if dice.random() < 0.7:
                    watch.kept()
        kills -= 1
        if not more and kills < 0:
            break
    keep(watch, catalog)
    watch.kept()
    assert told(catalog) == expected[0]
    assert pictures(tmp_path / "killed") == expected[1]


def test_what_is_switched_off_ends(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """An event that lasts while motion is switched off ends with what moved last; nothing is found after."""
    watch = watching(gate, catalog, tmp_path, MOTION)
    while (watch.seen_us or 0) < WALL_US + 14 * SECOND_US:
        watch.work(1)
    keep(watch, catalog)
    watch.kept()
    (event,) = told(catalog)
    assert event.end_us is None
    (event,) = whole(gate, catalog, tmp_path, MotionConfig())
    assert event.end_us is not None
    assert event.end_us <= WALL_US + 14.5 * SECOND_US


def test_masks_hold(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """What is under a mask is no event (C047)."""
    assert whole(gate, catalog, tmp_path, MotionConfig(enabled=True, masks="0,25 100,25 100,70 0,70")) == []
