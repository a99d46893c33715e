"""What belongs to events outlives the catalog, where events alone keep a camera's footage (C079, K6)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import events, measures, nodes
from holdfast.catalog.db import open_catalog
from holdfast.catalog.events import Told
from holdfast.catalog.rows import Id
from holdfast.core.event import EventKind
from holdfast.core.journal import Sealed
from holdfast.core.retention import Hold, HoldKind
from holdfast.library import holds, kept, kept_memory, lasting, retention
from holdfast.library.check import check
from holdfast.library.reindex import put_aside, reindex
from holdfast.library.volumes import prepare
from holdfast.work.retain import Retainer
from support.kept_node import KEPT, KeptNode

ONLY = KEPT + "[cameras.gate.retention]\nonly = 'events'\nholds = []\n"


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path, ONLY)
    run(node)
    yield node
    node.close()


def run(node: KeptNode) -> None:
    """A pass of retention."""
    Retainer(node.catalog, node.clock).run(node.config)


def happened(node: KeptNode, one: Sealed, *, lasts: bool = False) -> None:
    """An event in the middle of a file."""
    told = Told(
        camera="gate", kind=EventKind.MOTION, start_us=one.start_us + 5, end_us=None if lasts else one.end_us - 5,
        from_us=one.start_us + 5, to_us=None if lasts else one.end_us - 5, score=1.0, confidence=1.0,
    )  # fmt: skip
    with node.catalog.write() as tx:
        events.put(tx, nodes.ensure(tx, "local", node.clock.wall_us()), told, node.clock.wall_us())


def watched(node: KeptNode, until_us: int) -> None:
    """The watcher has looked at what there is until then."""
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", node.clock.wall_us())
        measures.set_positions(tx, number, {"gate": measures.Position(until_us, {})}, node.clock.wall_us())


def lose(node: KeptNode, *, reindexed: bool) -> None:
    """Lose the catalog; a new one is filled, and the watcher begins again with what is recorded from now on."""
    node.catalog.close()
    assert put_aside(node.config.catalog_url, node.clock) is not None
    node.catalog = open_catalog(node.config.catalog_url)
    if reindexed:
        retention.doubt(node.catalog, node.clock, "made anew")
        reindex(node.catalog, node.roots, node.clock)
    else:
        node.index()
    node.clock.advance(1)
    run(node)
    watched(node, node.clock.wall_us())
    run(node)


def going(node: KeptNode) -> list[str]:
    """Files that would go."""
    return [one.piece.file for one in retention.outlook(node.catalog, node.config, node.clock).going]


@pytest.mark.parametrize("reindexed", [True, False], ids=["reindex", "worker"])
def test_a_lost_catalog_loses_no_event(node: KeptNode, *, reindexed: bool) -> None:
    """After the catalog was lost and the watcher has looked again, footage of events stays, and nothing is held."""
    files = node.record(5)
    happened(node, files[1])
    watched(node, files[2].end_us)
    run(node)
    node.later(48)
    before = going(node)
    assert before == [files[0].file, files[2].file]
    lose(node, reindexed=reindexed)
    # What nobody had looked at when it was lost stays, too, although the watcher is far beyond it.
    assert going(node) == before
    assert retention.outlook(node.catalog, node.config, node.clock).holds == ()
    assert not check(node.catalog, node.roots, node.clock).violations
    new = node.record(2)
    watched(node, new[-1].end_us)
    node.later(48)
    assert going(node) == [*before, *(one.file for one in new)]


def test_where_nothing_is_remembered_everything_may_show_an_event(node: KeptNode) -> None:
    """With the state folder lost, too, footage from before stays: nobody knows what was looked at."""
    files = node.record(3)
    watched(node, files[-1].end_us)
    run(node)
    node.later(48)
    assert going(node) == [one.file for one in files]
    (node.state / kept_memory.NAME).unlink()
    lose(node, reindexed=True)
    assert going(node) == []


def test_an_event_that_lasts_is_not_behind_us(node: KeptNode) -> None:
    """What an event covers that was not over when the catalog was lost counts as not looked at."""
    files = node.record(4)
    happened(node, files[2], lasts=True)
    watched(node, files[-1].end_us)
    run(node)
    node.later(48)
    lose(node, reindexed=True)
    assert going(node) == [one.file for one in files[:2]]


def test_events_of_before_are_written_once_they_are_what_counts(node: KeptNode) -> None:
    """Where a camera keeps only events from now on, those of long ago are written down, too; each pass writes news."""
    node.write(KEPT)
    files = node.record(2)
    happened(node, files[0])
    watched(node, files[-1].end_us)
    node.later(72)
    assert lasting.write_down(node.catalog, node.config, node.clock) == 0
    node.write(ONLY)
    assert lasting.write_down(node.catalog, node.config, node.clock) == 1
    assert lasting.write_down(node.catalog, node.config, node.clock) == 0
    # Written by a clock that was wrong, it is done again: rows of today must not look older than what is written.
    node.clock.step(30 * 86_400)
    assert lasting.write_down(node.catalog, node.config, node.clock) == 0
    node.clock.step(-30 * 86_400)
    happened(node, files[1])
    assert lasting.write_down(node.catalog, node.config, node.clock) == 1


def test_what_is_held_is_on_each_volume(node: KeptNode) -> None:
    """Holds and events come to a volume that is new with the next pass, so that the loss of another loses none."""
    files = node.record(2)
    span = Hold(uid="h1", camera="gate", from_us=1, to_us=2, kind=HoldKind.LEGAL, why="x")
    holds.add(node.catalog, node.roots, node.clock, span, who="anna", state_dir=node.state)
    happened(node, files[0])
    watched(node, files[-1].end_us)
    run(node)
    node.later(72)
    run(node)
    second = node.root / "second"
    second.mkdir()
    node.write(f"[volumes.second]\npath = '{second}'\nreserve = '0 MB'\n" + ONLY)
    prepare(node.config, node.clock)
    run(node)
    standing, _ = kept.holds({"second": second}, [node.told.key])
    assert set(standing) == {"h1", f"event:gate:{files[0].start_us + 5}"}
    assert standing["h1"] == kept.holds(node.roots, [node.told.key])[0]["h1"]


def test_an_event_that_somebody_deleted_stays_deleted(node: KeptNode) -> None:
    """Where no row was lost, a volume that is back brings people's holds alone: its journals know of no deletion."""
    files = node.record(1)
    happened(node, files[0])
    watched(node, files[-1].end_us)
    node.later(48)
    run(node)
    assert going(node) == []
    with node.catalog.write() as tx:
        events.remove(tx, [Id(nodes.ensure(tx, "local", node.clock.wall_us()), 1)])
    kept_memory.take_up_again(node.state)
    run(node)
    assert node.here() == set()
