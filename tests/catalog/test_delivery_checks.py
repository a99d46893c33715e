"""Copies that are gone through anew."""

from dataclasses import replace

import pytest
from sqlalchemy import text, update

from holdfast.catalog import deliveries, delivery_checks, handing_on, nodes, schema
from holdfast.catalog.claims import Known
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import NOUN, DeliveryRow, Planned, Wanted
from holdfast.catalog.handing_on import Position
from holdfast.catalog.work_rows import history
from holdfast.core.delivery import Asset, AssetKind, DeliveryState

KIND = Known("deliver", NOUN, "sending")


@pytest.fixture(name="node")
def _node(catalog: Catalog) -> int:
    """A node with four copies at `nas`, verified at 1 to 4."""
    asset = Asset(
        kind=AssetKind.STILL, camera="gate", volume="disk", file="", bytes=5, sha256="0" * 64, start_us=0, end_us=0
    )
    planned = [
        Planned(rule="r", target="nas", asset=replace(asset, file=f"{at}.jpg", start_us=at, end_us=at), key=f"{at}.jpg")
        for at in range(1, 5)
    ]
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        deliveries.add(tx, node, planned, 10)
        rows = schema.deliveries.c
        tx.run(
            "test",
            update(schema.deliveries).values(
                state="delivered", address="a", verified="sha256", object_us=rows.id, done_us=rows.id
            ),
        )
    return node


def _rows(catalog: Catalog) -> list[DeliveryRow]:
    with catalog.read() as tx:
        return list(deliveries.page(tx, Wanted(), oldest_first=True).rows)


def test_a_walk_sees_each_copy_once(catalog: Catalog, node: int) -> None:
    """What was verified before a walk began comes by its number; how far it is is kept, whatever rules there are."""
    walk = Position(since_us=4)
    with catalog.write() as tx:
        assert [row.id.number for row in delivery_checks.following(tx, node, "nas", walk, 2)] == [1, 2]
        walk = replace(walk, place=2)
        assert [row.id.number for row in delivery_checks.following(tx, node, "nas", walk, 9)] == [3]
        delivery_checks.set_walk(tx, node, "nas", walk)
        handing_on.keep_rules(tx, node, ["r"])
        assert delivery_checks.walks(tx, node) == {"nas": walk}


def test_a_lost_copy_waits_again(catalog: Catalog, node: int) -> None:
    """A copy that is lost is due as if for the first time, with a line that says why, and only if nothing changed."""
    row = _rows(catalog)[0]
    with catalog.write() as tx:
        assert delivery_checks.lost(tx, row, DeliveryState.PENDING, "flipped", "", "", 99)
        assert not delivery_checks.lost(tx, row, DeliveryState.FAILED, "again", "", "", 100)
    now = _rows(catalog)[0]
    assert (now.state, now.error, now.due_us, now.attempts) == (DeliveryState.PENDING, "flipped", 99, 0)
    assert (now.address, now.verified, now.object_us, now.done_us) == ("", "", None, None)
    with catalog.read() as tx:
        assert [line.error for line in history(tx, KIND, row.id)] == ["flipped"]


# A server plans by statistics that so few rows do not have.
@pytest.mark.parametrize("catalog_url", ["sqlite"], indirect=True)
def test_copies_come_without_sorting(catalog: Catalog, node: int) -> None:
    """However many deliveries there are, the next copies are found by number, and none is sorted for it."""
    query = (
        f"EXPLAIN QUERY PLAN SELECT * FROM deliveries WHERE node = {node} AND id > 1 AND target = 'nas'"  # noqa: S608 - a number
        " AND state = 'delivered' AND object_us < 9 ORDER BY id LIMIT 50"
    )
    with catalog.read() as tx:
        plan = " ".join(str(row) for row in tx.run("test", text(query)))
    assert "TEMP B-TREE" not in plan
