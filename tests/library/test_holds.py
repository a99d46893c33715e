"""Holds survive the catalog: set, released, and brought back from beside the footage (C067, C080)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import events, nodes
from holdfast.catalog.db import open_catalog
from holdfast.catalog.events import Told
from holdfast.core.errors import Conflict, UsageError, VolumeMissing
from holdfast.core.event import EventKind
from holdfast.core.kept import Held
from holdfast.core.retention import Hold, HoldKind
from holdfast.library import holds, kept
from holdfast.library.check import check
from holdfast.library.reindex import put_aside, reindex
from holdfast.library.retention import outlook
from support.kept_node import KEPT, KeptNode


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path)
    node.record(3)
    yield node
    node.close()


def hold(node: KeptNode, **more: str) -> Hold:
    """A legal hold over the last minute."""
    now_us = node.clock.wall_us()
    facts = {"uid": "", "why": "theft", **more}
    return Hold(camera="gate", from_us=now_us - 60_000_000, to_us=now_us, kind=HoldKind.LEGAL, **facts)


def test_a_hold_is_set_and_released(node: KeptNode) -> None:
    """What somebody set stands with its reason and its author, until it is released once."""
    row = holds.add(node.catalog, node.roots, node.clock, hold(node), who="anna")
    assert (row.hold.why, row.who, row.released_us) == ("theft", "anna", None)
    assert holds.listed(node.catalog) == [row]
    assert holds.listed(node.catalog, camera="door") == []
    holds.release(node.catalog, node.roots, node.clock, row.id, who="bert", why="closed")
    assert holds.listed(node.catalog) == []
    assert holds.listed(node.catalog, released=True)[0].released_by == "bert"
    with pytest.raises(Conflict):
        holds.release(node.catalog, node.roots, node.clock, row.id, who="bert")


def test_a_hold_needs_a_span_and_a_reason(node: KeptNode) -> None:
    """A hold without an end after its begin, or without a reason, is refused, and nothing is written."""
    with pytest.raises(UsageError, match="reason"):
        holds.add(node.catalog, node.roots, node.clock, hold(node, why=" "), who="anna")
    wrong = Hold(uid="", camera="gate", from_us=5, to_us=5, kind=HoldKind.LEGAL, why="x")
    with pytest.raises(UsageError, match="after it begins"):
        holds.add(node.catalog, node.roots, node.clock, wrong, who="anna")
    assert kept.holds(node.roots, [node.told.key]) == {}


def test_a_hold_that_cannot_be_written_down_does_not_stand(node: KeptNode) -> None:
    """Without a volume there is no hold, neither beside the footage nor in the catalog."""
    with pytest.raises(VolumeMissing):
        holds.add(node.catalog, {"main": node.root / "away"}, node.clock, hold(node), who="anna")
    assert holds.listed(node.catalog) == []


def test_a_lost_catalog_knows_the_holds_again(node: KeptNode) -> None:
    """After the database was lost a reindex brings every hold that stands, and none that was released."""
    first = holds.add(node.catalog, node.roots, node.clock, hold(node), who="anna")
    second = holds.add(node.catalog, node.roots, node.clock, hold(node), who="anna")
    holds.release(node.catalog, node.roots, node.clock, second.id, who="anna")
    node.catalog.close()
    assert put_aside(node.config.catalog_url, node.clock) is not None
    node.catalog = open_catalog(node.config.catalog_url)
    reindex(node.catalog, node.roots, node.clock)
    assert [(row.hold, row.who, row.set_us) for row in holds.listed(node.catalog, released=True)] == [
        (first.hold, "anna", first.set_us)
    ]


def happened(node: KeptNode, from_us: int, to_us: int) -> None:
    """An event, with its footage."""
    told = Told(
        camera="gate", kind=EventKind.MOTION, start_us=from_us, end_us=to_us, from_us=from_us, to_us=to_us,
        score=1.0, confidence=1.0,
    )  # fmt: skip
    with node.catalog.write() as tx:
        events.put(tx, nodes.ensure(tx, "local", node.clock.wall_us()), told, node.clock.wall_us())


def test_what_events_held_outlives_their_rows(node: KeptNode) -> None:
    """What events hold is written down once; after the catalog was lost it goes on holding, and ends by policy."""
    node.write(KEPT + "[cameras.gate.retention]\nkeep_days = 1\nholds = ['events']\nhold_days = 5\n")
    (first, second) = node.record(2)
    happened(node, second.start_us + 1, second.end_us - 1)
    node.later(48)

    def going() -> list[str]:
        return [one.piece.file for one in outlook(node.catalog, node.config, node.clock).going]

    before = outlook(node.catalog, node.config, node.clock)
    assert second.file not in going()
    assert first.file in going()
    assert holds.write_down(node.roots, before.holds, node.clock.wall_us()) == 1
    assert holds.write_down(node.roots, before.holds, node.clock.wall_us()) == 0
    reindex(node.catalog, node.roots, node.clock)
    assert outlook(node.catalog, node.config, node.clock).holds == before.holds
    assert not check(node.catalog, node.roots, node.clock).violations
    node.catalog.close()
    assert put_aside(node.config.catalog_url, node.clock) is not None
    node.catalog = open_catalog(node.config.catalog_url)
    reindex(node.catalog, node.roots, node.clock)
    after = outlook(node.catalog, node.config, node.clock)
    assert (after.holds, after.going) == (before.holds, before.going)
    assert holds.listed(node.catalog) == []
    assert not check(node.catalog, node.roots, node.clock).violations
    node.later(6 * 24)
    assert second.file in going()


def test_the_journals_are_right_where_they_and_the_catalog_differ(node: KeptNode) -> None:
    """A hold that was written down while the catalog was away gets its row; one released so loses its standing."""
    row = holds.add(node.catalog, node.roots, node.clock, hold(node, uid="h1"), who="anna")
    event = Held(uid="h2", camera="gate", from_us=1, to_us=2, hold="of-tomorrow", why="x", who="bert")
    kept.hold_said(node.roots, "gate", 1, event, node.clock.wall_us())
    assert holds.restore(node.catalog, node.roots, node.clock) == 2
    found = {one.hold.uid: one.hold.kind for one in holds.listed(node.catalog)}
    assert found == {"h1": HoldKind.LEGAL, "h2": HoldKind.LEGAL}
    assert row.hold.uid == "h1"
