"""Holds survive the catalog: set, released, and brought back from beside the footage (C067, C080)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import events, nodes
from holdfast.catalog import holds as rows
from holdfast.catalog.db import open_catalog
from holdfast.catalog.events import Told
from holdfast.core.errors import CatalogUnavailable, Conflict, DiskError, UsageError, VolumeMissing
from holdfast.core.event import EventKind
from holdfast.core.kept import Held, Released
from holdfast.core.retention import Hold, HoldKind
from holdfast.library import holds, kept, lasting
from holdfast.library.check import check
from holdfast.library.reindex import put_aside, reindex
from holdfast.library.retention import outlook
from holdfast.storage import expendable
from holdfast.storage.expendable import Entry
from holdfast.storage.volume import MARKER, create_marker
from holdfast.work.retain import Retainer
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
    row = holds.add(node.catalog, node.roots, node.clock, hold(node), who="anna", state_dir=node.state)
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
        holds.add(node.catalog, node.roots, node.clock, hold(node, why=" "), who="anna", state_dir=node.state)
    wrong = Hold(uid="", camera="gate", from_us=5, to_us=5, kind=HoldKind.LEGAL, why="x")
    with pytest.raises(UsageError, match="after it begins"):
        holds.add(node.catalog, node.roots, node.clock, wrong, who="anna", state_dir=node.state)
    assert kept.holds(node.roots, [node.told.key])[0] == {}


def test_a_hold_that_cannot_be_written_down_does_not_stand(node: KeptNode) -> None:
    """Without a volume there is no hold, neither beside the footage nor in the catalog."""
    with pytest.raises(VolumeMissing):
        holds.add(node.catalog, {"main": node.root / "away"}, node.clock, hold(node), who="anna", state_dir=node.state)
    assert holds.listed(node.catalog) == []


def test_a_lost_catalog_knows_the_holds_again(node: KeptNode) -> None:
    """After the database was lost a reindex brings every hold that stands, and none that was released."""
    first = holds.add(node.catalog, node.roots, node.clock, hold(node), who="anna", state_dir=node.state)
    second = holds.add(node.catalog, node.roots, node.clock, hold(node), who="anna", state_dir=node.state)
    holds.release(node.catalog, node.roots, node.clock, second.id, who="anna")
    node.catalog.close()
    assert put_aside(node.config.catalog_url, node.clock) is not None
    node.catalog = open_catalog(node.config.catalog_url)
    reindex(node.catalog, node.roots, node.clock)
    assert [(row.hold, row.who, row.set_us) for row in holds.listed(node.catalog, released=True)] == [
        (first.hold, "anna", first.set_us)
    ]


def test_a_hold_is_safe_at_once(node: KeptNode) -> None:
    """What a hold covers is off the recorders' list before whoever set it is told so; the rest stays on it (C080)."""
    files = node.record(4)
    path = node.state / expendable.NAME
    expendable.publish(path, lambda: [Entry("v", one.file, one.bytes, one.start_us, one.end_us) for one in files])
    with path.open("ab") as file:
        file.write(expendable.encode([Entry("v", "footage/yard/main/2026-01-01/a.mp4", 1)]))
        file.write(expendable.encode([Entry("v", "footage/gate/main/2026-01-01/a.mp4", 1)]))
    span = Hold(uid="", camera="gate", from_us=files[1].start_us, to_us=files[2].end_us, kind=HoldKind.LEGAL, why="x")
    holds.add(node.catalog, node.roots, node.clock, span, who="anna", state_dir=node.state)
    left = [one.file for raw in path.read_bytes().splitlines() if (one := expendable.decode(raw)) is not None]
    assert left == [files[0].file, files[3].file, "footage/yard/main/2026-01-01/a.mp4"]


def test_a_removal_that_hangs_is_said(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what had begun does not end, the hold stands, is written down, and whoever set it is told the truth."""
    monkeypatch.setattr(expendable, "WAIT_S", 0.0)
    with expendable.removing(node.state / expendable.NAME), pytest.raises(DiskError, match="the hold stands"):
        holds.add(node.catalog, node.roots, node.clock, hold(node, uid="h1"), who="anna", state_dir=node.state)
    assert [row.hold.uid for row in holds.listed(node.catalog)] == ["h1"]
    assert set(kept.holds(node.roots, [node.told.key])[0]) == {"h1"}


def test_without_a_catalog_a_hold_counts_all_the_same(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorders heed a hold that has no row yet, and the next pass of retention makes its row (C080)."""
    (file,) = node.record(1)
    path = node.state / expendable.NAME
    Retainer(node.catalog, node.clock).run(node.config)
    expendable.publish(path, lambda: [Entry("v", file.file, file.bytes, file.start_us, file.end_us)])
    wanted = Hold(uid="h1", camera="gate", from_us=file.start_us, to_us=file.end_us, kind=HoldKind.LEGAL, why="x")

    def away(*_args: object, **_more: object) -> None:
        raise CatalogUnavailable("it does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(rows, "put", away)
        with pytest.raises(CatalogUnavailable):
            holds.add(node.catalog, node.roots, node.clock, wanted, who="anna", state_dir=node.state)
    assert path.read_bytes().strip() == b""
    assert holds.listed(node.catalog) == []
    Retainer(node.catalog, node.clock).run(node.config)
    assert [row.hold for row in holds.listed(node.catalog)] == [wanted]


def test_a_hold_that_cannot_be_made_durable_leaves_its_row_as_it_was(node: KeptNode) -> None:
    """What no volume takes does not stand; one of that name stands, or is released, as it was before."""
    first = holds.add(node.catalog, node.roots, node.clock, hold(node, uid="h1"), who="anna", state_dir=node.state)
    holds.release(node.catalog, node.roots, node.clock, first.id, who="bert")
    before = holds.listed(node.catalog, released=True)
    (node.disk / MARKER).rename(node.disk / "aside")
    for uid in ("h1", "h2"):
        with pytest.raises(VolumeMissing):
            holds.add(node.catalog, node.roots, node.clock, hold(node, uid=uid), who="carl", state_dir=node.state)
    assert holds.listed(node.catalog, released=True) == before


def test_a_volume_that_is_away_releases_nothing(node: KeptNode) -> None:
    """A reindex without the volume that speaks of a hold leaves it; released in error, it stands again (C080)."""
    row = holds.add(node.catalog, node.roots, node.clock, hold(node, uid="h1"), who="anna", state_dir=node.state)
    other = node.root / "other"
    create_marker(other, 0)
    both = {**node.roots, "other": other}
    away = node.disk.rename(node.root / "elsewhere")
    holds.restore(node.catalog, both, node.clock)
    node.disk.mkdir()
    holds.restore(node.catalog, both, node.clock)
    assert [one.hold.uid for one in holds.listed(node.catalog)] == ["h1"]
    assert not check(node.catalog, both, node.clock).violations
    with node.catalog.write() as tx:
        rows.release(tx, row.id.node, ["h1"], who="", now_us=node.clock.wall_us())
    node.disk.rmdir()
    away.rename(node.disk)
    assert [one.number for one in check(node.catalog, both, node.clock).violations] == ["K1"]
    holds.restore(node.catalog, both, node.clock)
    assert [one.hold.uid for one in holds.listed(node.catalog)] == ["h1"]
    # Somebody released it while one volume was away, which therefore still says that it stands.
    node.clock.advance(1)
    elsewhere = node.disk.rename(node.root / "elsewhere")
    holds.release(node.catalog, both, node.clock, row.id, who="bert")
    holds.restore(node.catalog, both, node.clock)
    elsewhere.rename(node.disk)
    holds.restore(node.catalog, both, node.clock)
    assert holds.listed(node.catalog) == []
    assert not check(node.catalog, both, node.clock).violations


def test_a_release_whose_row_was_not_written_is_made_up(node: KeptNode) -> None:
    """Released beside the footage while the catalog was away, a hold stands no more once its journal was read."""
    holds.add(node.catalog, node.roots, node.clock, hold(node, uid="h1"), who="anna", state_dir=node.state)
    node.clock.advance(1)
    kept.hold_said(
        node.roots, "gate", node.clock.wall_us(), Released(uid="h1", who="bert", why=""), node.clock.wall_us()
    )
    holds.restore(node.catalog, node.roots, node.clock)
    (row,) = holds.listed(node.catalog, released=True)
    assert (row.released_by, row.released_us) == ("bert", node.clock.wall_us())


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
    assert lasting.write_down(node.catalog, node.config, node.clock) == 1
    assert lasting.write_down(node.catalog, node.config, node.clock) == 0
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
    row = holds.add(node.catalog, node.roots, node.clock, hold(node, uid="h1"), who="anna", state_dir=node.state)
    event = Held(uid="h2", camera="gate", from_us=1, to_us=2, hold="of-tomorrow", why="x", who="bert")
    kept.hold_said(node.roots, "gate", 1, event, node.clock.wall_us())
    assert holds.restore(node.catalog, node.roots, node.clock) == 2
    found = {one.hold.uid: one.hold.kind for one in holds.listed(node.catalog)}
    assert found == {"h1": HoldKind.LEGAL, "h2": HoldKind.LEGAL}
    assert row.hold.uid == "h1"
