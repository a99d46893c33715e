"""Stills of a recorded camera: the right picture, few decodes, bounded memory, and reasons where there is none."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.timing import SECOND_US
from holdfast.library.stills import MOST_TILES, Stills
from support.clock import PushedClock
from support.pictures import Recorded, frames_of, number_in, recorded, size_of
from support.recording import footage_files

KEY = StreamKey("cam1", "main")


def _no_catalog() -> Catalog | None:
    return None


@pytest.fixture(scope="module", name="tree")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("stills"), "h264", seconds=4)


@pytest.fixture(name="clock")
def _clock(tree: Recorded) -> PushedClock:
    return PushedClock(SystemClock().wall_us() + 60 * SECOND_US)


@pytest.fixture(name="stills")
def _stills(tree: Recorded, clock: PushedClock, no_leaks: None) -> Iterator[Stills]:
    with Stills(clock, volumes=lambda: tree.volumes, catalog=_no_catalog) as made:
        yield made


def test_still_of_an_instant_shows_what_was_recorded_then(tree: Recorded, stills: Stills) -> None:
    """C010: over all files of a tree, the number in the still is the one that was recorded at that instant."""
    for at_us, number in tree.pictures[5::17]:
        still = stills.at(KEY, at_us)
        assert (still.at_us, number_in(still.body)) == (at_us, number)
        between = stills.at(KEY, at_us + 15_000, width=160)
        assert (between.at_us, size_of(between.body)) == (at_us, (160, 120))


def test_latest_still_is_the_newest_keyframe(tree: Recorded, stills: Stills) -> None:
    """The latest picture is the newest keyframe, decoded once however often it is asked for and however old it is."""
    first = stills.latest(KEY, width=160)
    assert number_in(stills.latest(KEY).body) == tree.number_at(first.at_us)
    assert tree.pictures[-1][0] - first.at_us < SECOND_US
    assert stills.decodes == 2
    assert all(stills.latest(KEY, width=160) is first for _ in range(50))
    assert stills.decodes == 2


def test_latest_still_is_looked_for_again_after_a_second(stills: Stills, clock: PushedClock) -> None:
    """A new keyframe is looked for each second; where it is the same one nothing is decoded again."""
    first = stills.latest(KEY)
    clock.advance(1.5)
    assert stills.latest(KEY) is first
    assert stills.decodes == 1


def test_latest_still_outlives_its_footage(tree: Recorded, clock: PushedClock) -> None:
    """Where the disk is gone the picture of a moment ago is still answered: a wall of cameras does not go dark."""
    volumes = dict(tree.volumes)
    with Stills(clock, volumes=lambda: volumes, catalog=_no_catalog) as stills:
        first = stills.latest(KEY)
        volumes.clear()
        clock.advance(1.5)
        assert stills.latest(KEY) is first


def test_equal_requests_share_one_decode(tree: Recorded, stills: Stills) -> None:
    """Thirty-two viewers who ask for the same picture at once cost one decode."""
    start = threading.Barrier(32)

    def ask(_: int) -> bytes:
        start.wait(60)
        return stills.at(KEY, tree.pictures[30][0]).body

    with ThreadPoolExecutor(32) as viewers:
        assert len(set(viewers.map(ask, range(32)))) == 1
    assert stills.decodes <= 2  # one that had just finished may be asked for before it is remembered


def test_memory_is_bounded(tree: Recorded, clock: PushedClock) -> None:
    """What is kept stays below its limit, and what went is decoded again."""
    limit = 3 * len(_still_of(tree, clock))
    with Stills(clock, volumes=lambda: tree.volumes, catalog=_no_catalog, most_bytes=limit) as stills:
        for at_us, _ in tree.pictures[:40]:
            stills.at(KEY, at_us)
        assert stills.kept_bytes <= limit
        stills.at(KEY, tree.pictures[0][0])
        assert stills.decodes == 41


def _still_of(tree: Recorded, clock: PushedClock) -> bytes:
    with Stills(clock, volumes=lambda: tree.volumes, catalog=_no_catalog) as stills:
        return stills.at(KEY, tree.pictures[0][0]).body


def test_no_footage_says_why(tree: Recorded, stills: Stills, clock: PushedClock) -> None:
    """Where there is no picture the answer is the gap's reason, in words; for nobody's camera that there is nothing."""
    with pytest.raises(NotFound, match="recorder-down, the recorder was not running"):
        stills.at(KEY, tree.pictures[-1][0] + 20 * SECOND_US)
    with pytest.raises(NotFound, match="has no footage"):
        stills.at(KEY, tree.pictures[0][0] - 3600 * SECOND_US)
    with pytest.raises(NotFound, match="nobody/main has no footage"):
        stills.latest(StreamKey("nobody", "main"))


def test_sheet_spreads_pictures_over_a_span(tree: Recorded, stills: Stills) -> None:
    """Each tile shows the keyframe nearest before its instant; where footage is missing it says why."""
    first, last = tree.pictures[0][0], tree.pictures[-1][0]
    span = (first, last + (last - first))
    sheet = stills.sheet(KEY, span, 12, 160)
    assert (sheet.tile_width, sheet.tile_height) == (160, 120)
    (frame,) = frames_of(sheet.body)
    assert (frame.width, frame.height) == (sheet.width, sheet.height) == (640, 360)
    shown = [tile for tile in sheet.tiles if tile.at_us is not None]
    assert 6 <= len(shown) <= 7
    assert all(0 <= tile.asked_us - (tile.at_us or 0) <= 1.1 * SECOND_US for tile in shown)
    assert {tile.reason for tile in sheet.tiles[8:]} == {"recorder-down"}
    assert [(tile.x, tile.y) for tile in sheet.tiles[:5]] == [(0, 0), (160, 0), (320, 0), (480, 0), (0, 120)]
    assert stills.sheet(KEY, span, 12, 160) is sheet


def test_sheet_needs_a_span_and_sensible_numbers(stills: Stills) -> None:
    """An empty span, no picture or too many, and tiles like walls are refused."""
    for span, count, width in (((5, 5), 1, 160), ((0, 100), 0, 160), ((0, 10**9), MOST_TILES + 1, 160)):
        with pytest.raises(UsageError):
            stills.sheet(KEY, span, count, width)
    with pytest.raises(UsageError):
        stills.sheet(KEY, (0, 10**9), 5, 1000)


def test_removed_file_is_a_fact(tree: Recorded, tmp_path: Path, clock: PushedClock) -> None:
    """A file that vanished gives a missing picture, not a fault."""
    with Stills(clock, volumes=lambda: {"main": tmp_path}, catalog=_no_catalog) as stills:
        file = footage_files(tree.plan)[0]
        copy = tmp_path / file.relative_to(tree.volumes["main"])
        copy.parent.mkdir(parents=True)
        copy.write_bytes(file.read_bytes())
        assert stills.latest(KEY).body
        copy.unlink()
        with pytest.raises(NotFound):
            stills.at(KEY, tree.pictures[0][0])
