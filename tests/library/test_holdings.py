from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import cameras, gaps, nodes
from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.gap import Gap, GapReason
from holdfast.core.timing import DAY_US, HOUR_US, SECOND_US
from holdfast.library.holdings import Holdings, Lost
from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.journals import Told

GATE, DOCK = StreamKey("gate", "main"), StreamKey("dock", "sub")


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    return PushedClock()


class _Node:
    """A node with two streams; `index` does what the worker does."""

    def __init__(self, root: Path, clock: PushedClock, catalog: Catalog) -> None:
        self.clock = clock
        self.catalog: Catalog | None = catalog
        self.told = {key: Told(root / "vol", clock, key) for key in (GATE, DOCK)}
        for one in self.told.values():
            one.open()
        self.indexer = Indexer(catalog, {"main": root / "vol"}, clock)
        self.holdings = Holdings(clock, self._ask)

    def _ask(self) -> Catalog:
        if self.catalog is None:
            raise CatalogUnavailable("it is gone")
        return self.catalog

    def index(self) -> None:
        self.indexer.pass_once()

    def close(self) -> None:
        for one in self.told.values():
            one.die()


@pytest.fixture(name="made")
def _made(tmp_path: Path, clock: PushedClock, catalog: Catalog) -> Iterator[_Node]:
    node = _Node(tmp_path, clock, catalog)
    yield node
    node.close()


def test_a_catalog_without_anything(catalog: Catalog, clock: PushedClock) -> None:
    """Before the worker's first pass there is nothing, and nothing is wrong."""
    empty = Holdings(clock, lambda: catalog)
    assert (empty.newest(5), empty.usage()[0], empty.lost()) == ([], (), {})
    assert (empty.catalog_now().problem, empty.catalog_now().indexed_us) == ("", None)


def test_the_newest_recordings(made: _Node) -> None:
    """Finished files of all streams, newest first; removed and growing ones are none."""
    sealed = [made.told[GATE].record(10), made.told[DOCK].record(10), made.told[GATE].record(10)]
    made.told[GATE].remove(sealed[0])
    made.told[DOCK].begin()
    made.index()
    assert [one.file for one in made.holdings.newest(5)] == [sealed[2].file, sealed[1].file]
    assert [(one.key, one.bytes) for one in made.holdings.newest(1)] == [(GATE, sealed[2].bytes)]


def test_usage_is_counted_and_remembered(made: _Node) -> None:
    """Files and bytes of each stream on each volume, counted once a minute however often somebody asks (C110)."""
    first = [made.told[GATE].record(10) for _ in range(3)]
    made.told[DOCK].record(10)
    made.index()
    used, at_us = made.holdings.usage()
    assert [(one.volume, one.key, one.files) for one in used] == [("main", DOCK, 1), ("main", GATE, 3)]
    assert used[1].bytes == sum(sealed.bytes for sealed in first)
    assert at_us == made.clock.wall_us()
    made.told[GATE].remove(first[0])
    made.index()
    made.clock.advance(59)
    assert made.holdings.usage() == (used, at_us)
    made.clock.advance(1)
    assert [one.files for one in made.holdings.usage()[0]] == [1, 2]
    made.catalog = None
    made.clock.advance(600)
    stale, at_us = made.holdings.usage()
    assert ([one.files for one in stale], made.clock.wall_us() - at_us) == ([1, 2], 600 * SECOND_US)


def _lost(holdings: Holdings) -> Lost:
    lost = holdings.lost()
    assert lost is not None
    return lost


def test_what_was_never_known_is_not_nothing(clock: PushedClock) -> None:
    """While the catalog has not answered yet, lost seconds are unknown and not zero; other sums refuse."""

    def away() -> Catalog:
        raise CatalogUnavailable("it is gone")

    seen = Holdings(clock, away)
    assert seen.lost() is None
    for ask in (seen.usage, lambda: seen.newest(1)):
        with pytest.raises(CatalogUnavailable):
            ask()


def test_lost_seconds_by_reason(made: _Node) -> None:
    """Unplanned gaps count by reason, those that last up to now; what nobody wanted does not."""
    gate = made.told[GATE]
    gate.record(10)
    gate.down("refused", 30)
    gate.record(10, run="r2")
    gate.down("disabled", 100)
    gate.record(10, run="r3")
    gate.down("unreachable", 5)
    made.index()
    lost = _lost(made.holdings)
    assert lost[GATE, GapReason.REFUSED] == 30 * SECOND_US
    assert lost[GATE, GapReason.UNREACHABLE] == 5 * SECOND_US
    assert GapReason.DISABLED not in {reason for _, reason in lost}
    made.clock.advance(7)
    assert _lost(made.holdings)[GATE, GapReason.UNREACHABLE] == 12 * SECOND_US


def _write(catalog: Catalog, clock: PushedClock, *found: Gap, instead: int | None = None) -> int:
    """Write rows of gaps of the gate; `instead` of one. Returns the number of the last row."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", clock.wall_us())
        stream = cameras.ensure_stream(tx, node, GATE, clock.wall_us()).id
        if instead is None:
            gaps.write(tx, stream, new=found, changed=[], gone=[])
        else:
            gaps.write(tx, stream, new=[], changed=[(instead, found[0])], gone=[])
        return max(row.id.number for row in gaps.starting_at(tx, stream, None))


def test_lost_seconds_never_fall(catalog: Catalog, clock: PushedClock) -> None:
    """A gap that turns out to be shorter does not lower the figure, and without the catalog it stays as it was."""
    opened: list[Catalog] = [catalog]

    def ask() -> Catalog:
        if not opened:
            raise CatalogUnavailable("it is gone")
        return opened[0]

    seen = Holdings(clock, ask)
    now_us, stalled = clock.wall_us(), (GATE, GapReason.STALLED)
    row = _write(catalog, clock, Gap(now_us - 30 * SECOND_US, now_us, GapReason.STALLED))
    assert seen.lost() == {stalled: 30 * SECOND_US}
    _write(catalog, clock, Gap(now_us - 20 * SECOND_US, now_us, GapReason.STALLED), instead=row)
    assert seen.lost() == {stalled: 30 * SECOND_US}
    _write(catalog, clock, Gap(now_us, now_us + 15 * SECOND_US, GapReason.STALLED))
    assert seen.lost() == {stalled: 35 * SECOND_US}
    opened.clear()
    assert seen.lost() == {stalled: 35 * SECOND_US}
    assert seen.catalog_now().problem == "it is gone"


def test_lost_seconds_of_days_are_counted_once(catalog: Catalog, clock: PushedClock) -> None:
    """What ended long ago is remembered; a gap of days counts while it lasts and after it has ended."""
    began_us = clock.wall_us()
    old = Gap(began_us - 9 * DAY_US, began_us - 9 * DAY_US + HOUR_US, GapReason.AUTH)
    open_row = _write(catalog, clock, old, Gap(began_us - 3 * DAY_US, began_us, GapReason.AUTH, open=True))
    seen = Holdings(clock, lambda: catalog)
    auth = (GATE, GapReason.AUTH)
    assert seen.lost() == {auth: 3 * DAY_US + HOUR_US}
    clock.advance(3600)
    assert seen.lost() == {auth: 3 * DAY_US + 2 * HOUR_US}
    end_us = began_us + 2 * HOUR_US
    _write(catalog, clock, Gap(began_us - 3 * DAY_US, end_us, GapReason.AUTH), instead=open_row)
    clock.advance(3600)
    for _ in range(4):
        assert seen.lost() == {auth: 3 * DAY_US + 3 * HOUR_US}
        clock.advance(86_400)
    _write(catalog, clock, Gap(clock.wall_us() - HOUR_US, clock.wall_us(), GapReason.AUTH))
    assert seen.lost() == {auth: 3 * DAY_US + 4 * HOUR_US}
