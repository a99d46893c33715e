"""What `check` says of holds and deletions that do not agree (docs/design/0015)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import holds as rows
from holdfast.catalog import removals
from holdfast.catalog.removals import Removal
from holdfast.core.kept import Deleted, Held
from holdfast.core.retention import Hold, HoldKind
from holdfast.library import holds, kept
from holdfast.library.check import INVARIANTS, check
from support.kept_node import KeptNode


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path)
    yield node
    node.close()


def numbers(node: KeptNode) -> list[str]:
    """Invariants that are broken."""
    found = check(node.catalog, node.roots, node.clock).violations
    assert all(one.number in INVARIANTS for one in found)
    return [one.number for one in found]


def hold(node: KeptNode, from_us: int, to_us: int, uid: str) -> Hold:
    """A legal hold."""
    made = Hold(uid=uid, camera="gate", from_us=from_us, to_us=to_us, kind=HoldKind.LEGAL, why="x")
    holds.add(node.catalog, node.roots, node.clock, made, who="anna", state_dir=node.state)
    return made


def test_holds_beside_the_footage_and_in_the_catalog_are_the_same(node: KeptNode) -> None:
    """K1: a hold that only one of both knows is named, and what would bring them together."""
    files = node.record(2)
    hold(node, files[0].start_us, files[0].end_us, "h1")
    assert numbers(node) == []
    event = Held(uid="h2", camera="gate", from_us=1, to_us=2, hold="legal", why="x", who="")
    kept.hold_said(node.roots, "gate", files[0].start_us, event, node.clock.wall_us())
    assert numbers(node) == ["K1"]
    holds.restore(node.catalog, node.roots, node.clock)
    assert numbers(node) == []
    with node.catalog.write() as tx:
        rows.put(tx, 1, Hold(uid="h3", camera="gate", from_us=1, to_us=2, kind=HoldKind.LEGAL), who="", set_us=1)
    assert numbers(node) == ["K1"]


def test_what_was_deleted_while_it_was_held_is_named(node: KeptNode) -> None:
    """K2: a deletion that came after a hold and before its release is a violation; one before or after is none."""
    files = node.record(3)

    def delete(number: int) -> None:
        one = files[number]
        node.clock.advance(1)
        gone = Deleted(file=one.file, sha256=one.sha256, bytes=one.bytes, why="age")
        kept.deleted(node.roots, [("main", gone)], node.clock.wall_us())
        (node.disk / one.file).unlink()
        with node.catalog.write() as tx:
            removals.end(
                tx, 1,
                [Removal(volume="main", file=one.file, sha256=one.sha256, bytes=1, camera="gate", why="age")],
            )  # fmt: skip

    delete(0)
    hold(node, files[0].start_us, files[2].end_us, "h1")
    assert numbers(node) == []
    delete(1)
    assert numbers(node) == ["K2"]
    row = holds.listed(node.catalog)[0]
    node.clock.advance(1)
    holds.release(node.catalog, node.roots, node.clock, row.id, who="anna")
    delete(2)
    assert numbers(node) == ["K2"]


def test_what_is_being_deleted_is_written_down(node: KeptNode) -> None:
    """K3: a file whose deletion was begun is there, or its kept line is."""
    (one,) = node.record(1)
    begun = Removal(volume="main", file=one.file, sha256=one.sha256, bytes=one.bytes, camera="gate", why="age")
    with node.catalog.write() as tx:
        assert removals.begin(tx, 1, [begun], node.clock.wall_us()) == [begun]
    assert numbers(node) == []
    (node.disk / one.file).unlink()
    assert "K3" in numbers(node)


def test_what_events_held_ends_without_a_line(node: KeptNode) -> None:
    """Events hold for as long as the settings say: deleting after that breaks no invariant (K2)."""
    (one,) = node.record(1)
    event = Held(
        uid="event:gate:1", camera="gate", from_us=one.start_us, to_us=one.end_us, hold="event", why="", who=""
    )
    kept.hold_said(node.roots, "gate", one.start_us, event, node.clock.wall_us())
    node.clock.advance(1)
    gone = Deleted(file=one.file, sha256=one.sha256, bytes=one.bytes, why="age")
    kept.deleted(node.roots, [("main", gone)], node.clock.wall_us())
    (node.disk / one.file).unlink()
    with node.catalog.write() as tx:
        removals.end(
            tx, 1, [Removal(volume="main", file=one.file, sha256=one.sha256, bytes=1, camera="gate", why="age")]
        )
    assert numbers(node) == []
