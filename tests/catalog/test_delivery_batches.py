"""Which deliveries go together."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text, update

from holdfast.catalog import deliveries, delivery_batches, nodes, schema
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import Planned
from holdfast.catalog.delivery_batches import Most
from holdfast.core.delivery import Asset, AssetKind

MOST = Most(rows=4, each_bytes=100, all_bytes=250)
NOW_US = 10_000


@pytest.fixture(name="node")
def _node(catalog: Catalog) -> int:
    """A node with nine pictures of 50 bytes for `nas`, due at 1 to 9."""
    asset = Asset(
        kind=AssetKind.STILL, camera="gate", volume="disk", file="", bytes=50, sha256="0" * 64, start_us=0, end_us=0
    )
    planned = [
        Planned(rule="r", target="nas", asset=replace(asset, file=f"{at}.jpg", start_us=at, end_us=at), key=f"{at}.jpg")
        for at in range(1, 10)
    ]
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        deliveries.add(tx, node, planned, NOW_US)
    return node


def _change(catalog: Catalog, number: int, **values: Any) -> None:
    with catalog.write() as tx:
        tx.run("test", update(schema.deliveries).where(schema.deliveries.c.id == number).values(**values))


def _beside(catalog: Catalog, node: int, number: int, *, most: Most = MOST, now_us: int = NOW_US) -> list[int]:
    with catalog.write() as tx:
        return delivery_batches.beside(tx, node, "nas", number, now_us, most)


def test_an_old_one_takes_the_next_and_the_newest_those_before(catalog: Catalog, node: int) -> None:
    """The oldest row takes those after it in order; the newest, which nothing follows, those before it (F25)."""
    assert _beside(catalog, node, 1) == [1, 2, 3, 4]
    assert _beside(catalog, node, 9) == [9, 8, 7, 6]
    assert _beside(catalog, node, 8, now_us=8) == [8, 7, 6, 5]


def test_what_goes_first_takes_its_like(catalog: Catalog, node: int) -> None:
    """A picture of an event takes other urgent ones, newest first, and no others (U2)."""
    for number in (2, 5, 7):
        _change(catalog, number, priority=1)
    assert _beside(catalog, node, 7) == [7, 5, 2]


def test_bytes_are_bounded(catalog: Catalog, node: int) -> None:
    """Large files go alone and are passed over, and no batch is larger than it may be."""
    _change(catalog, 2, bytes=101)
    assert _beside(catalog, node, 2) == [2]
    assert _beside(catalog, node, 1) == [1, 3, 4, 5]
    assert _beside(catalog, node, 1, most=replace(MOST, all_bytes=100)) == [1, 3]


@pytest.mark.parametrize(
    "values", [{"attempts": 1}, {"lost": 1}, {"memory": "{}"}, {"kind": "journal"}, {"state": "failed"}]
)
def test_what_may_be_bad_goes_alone(catalog: Catalog, node: int, values: dict[str, Any]) -> None:
    """What failed before, killed somebody, goes on from somewhere, is a journal, or does not wait goes alone."""
    _change(catalog, 2, **values)
    assert _beside(catalog, node, 2) == [2]
    assert 2 not in _beside(catalog, node, 1)


# A server plans by statistics that so few rows do not have.
@pytest.mark.parametrize("catalog_url", ["sqlite"], indirect=True)
def test_an_index_finds_them(catalog: Catalog, node: int) -> None:
    """However many rows there are, those that go together are found by the index on rows that wait."""
    statement = (
        "EXPLAIN QUERY PLAN SELECT id FROM deliveries WHERE node = 1 AND lane = 'nas' AND state = 'pending'"
        " AND due_us <= 10 AND due_us >= 1 AND (due_us, id) > (1, 1) ORDER BY due_us, id LIMIT 4"
    )
    with catalog.read() as tx:
        plan = " ".join(str(row) for row in tx.run("test", text(statement)))
    assert "ix_deliveries_due" in plan
    assert "TEMP B-TREE" not in plan
