"""Deliveries as rows: one for an asset, a target and a name; acknowledged is this instance alone."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from holdfast.catalog import claims, deliveries, nodes, schema
from holdfast.catalog.claims import Known
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import Planned, Wanted
from holdfast.catalog.rows import Id
from holdfast.core.delivery import Asset, AssetKind, DeliveryState
from holdfast.core.errors import CatalogError, NotFound
from holdfast.core.timing import DAY_US

NOW_US = 1_790_000_000_000_000
ASSET = Asset(
    kind=AssetKind.SEGMENT, camera="gate", stream="main", volume="disk", file="a.mp4", bytes=10, sha256="0" * 64,
    start_us=NOW_US - 10, end_us=NOW_US - 5, label="x", width=640, height=360, site="s", location="r",
)  # fmt: skip
KIND = Known("deliver", deliveries.NOUN, "sending")


def plan(catalog: Catalog, *planned: Planned) -> tuple[int, int]:
    """Plan deliveries; the node, and how many rows were made."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        return node, deliveries.add(tx, node, planned, NOW_US)


def one(asset: Asset = ASSET, target: str = "nas", key: str = "a.mp4", *, priority: int = 0) -> Planned:
    """Plan an asset."""
    return Planned(rule="r", target=target, asset=asset, key=key, priority=priority)


def arrive(catalog: Catalog, node: int, number: int) -> None:
    """Let a delivery arrive."""
    with catalog.write() as tx:
        now_us = claims.time_us(tx, NOW_US)
        (claim,) = claims.claim(tx, KIND, node, [number], worker="w", now_us=now_us, lease_us=1000)
        done = {"address": "nas:/a", "verified": "sha256", "object_us": now_us, "done_us": now_us}
        assert claims.finish(tx, claim, "delivered", done, now_us=now_us)


def test_what_was_planned_is_read(catalog: Catalog) -> None:
    """A delivery comes back as it was planned, and waits since its footage was recorded."""
    node, made = plan(catalog, one(priority=1))
    with catalog.read() as tx:
        row = deliveries.get(tx, Id(node, 1))
        with pytest.raises(NotFound):
            deliveries.get(tx, Id(node, 2))
    assert (made, row.asset, row.state, row.due_us, row.priority) == (
        1, ASSET, DeliveryState.PENDING, ASSET.start_us, 1
    )  # fmt: skip


def test_planned_twice_is_there_once(catalog: Catalog) -> None:
    """The same asset under the same name makes one row for each target, in one go or in several (S1)."""
    assert plan(catalog, one(), one(), one(target="cloud"))[1] == 2
    assert plan(catalog, one(), one(target="cloud"))[1] == 0


def test_a_name_belongs_to_one_asset(catalog: Catalog) -> None:
    """Another asset of the same name gets a number, the same one each time it is asked for (F14)."""
    other, third = replace(ASSET, file="b.mp4"), replace(ASSET, sha256="1" * 64)
    plan(catalog, one(), one(other))
    assert plan(catalog, one(third), one(other), one())[1] == 1
    with catalog.read() as tx:
        rows = deliveries.page(tx, Wanted(), oldest_first=True).rows
    assert [(row.asset.file, row.asset.sha256[0], row.key) for row in rows] == [
        ("a.mp4", "0", "a.mp4"), ("b.mp4", "0", "a-2.mp4"), ("a.mp4", "1", "a-3.mp4"),
    ]  # fmt: skip


def test_acknowledged_is_this_instance(catalog: Catalog) -> None:
    """What counts is a verified copy of this very content; the same path with another one has none (F21, C076)."""
    changed = replace(ASSET, sha256="1" * 64)
    node, _ = plan(catalog, one(), one(target="cloud"), one(changed, key="b.mp4"))
    with catalog.read() as tx:
        assert deliveries.acknowledged(tx, node, [ASSET, changed]) == {}
        assert deliveries.undelivered(tx, node, [ASSET])[ASSET.volume, ASSET.file, ASSET.sha256] == {"nas", "cloud"}
    arrive(catalog, node, 1)
    with catalog.read() as tx:
        assert deliveries.acknowledged(tx, node, [ASSET, changed]) == {("disk", "a.mp4", "0" * 64): 1}
        assert deliveries.undelivered(tx, node, [ASSET, changed]) == {
            ("disk", "a.mp4", "0" * 64): {"cloud"}, ("disk", "a.mp4", "1" * 64): {"nas"},
        }  # fmt: skip
        assert deliveries.addresses(tx, [("disk", "a.mp4"), ("disk", "z")]) == {("disk", "a.mp4"): "nas:/a"}
    arrive(catalog, node, 2)
    with catalog.read() as tx:
        assert list(deliveries.acknowledged(tx, node, [ASSET]).values()) == [2]


@pytest.mark.parametrize("oldest_first", [False, True])
def test_pages_are_all_of_it(catalog: Catalog, *, oldest_first: bool) -> None:
    """Pages together are every delivery once, also where many began in one instant (F57)."""
    plan(
        catalog, *(one(replace(ASSET, file=f"{n}.mp4", start_us=NOW_US - 100 + n // 3), key=f"{n}") for n in range(10))
    )
    seen, cursor = [], None
    with catalog.read() as tx:
        while True:
            page = deliveries.page(tx, Wanted(camera="gate"), limit=3, cursor=cursor, oldest_first=oldest_first)
            seen += [row.id.number for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
        assert deliveries.page(tx, Wanted(state=DeliveryState.FAILED)).rows == ()
    assert seen == (list(range(1, 11)) if oldest_first else list(range(10, 0, -1)))


def test_records_of_what_is_gone_are_forgotten(catalog: Catalog) -> None:
    """Records of delivered files go after their time, those of files that wait never (C071)."""
    node, _ = plan(catalog, one(), one(target="cloud"))
    arrive(catalog, node, 1)
    later_us = 4_000_000_000_000_000
    with catalog.write() as tx:
        assert deliveries.forget(tx, node, NOW_US - DAY_US) == 0
        assert deliveries.forget(tx, node, later_us, dry_run=True) == 1
        assert deliveries.forget(tx, node, later_us) == 1
        assert list(tx.run("deliveries", select(schema.deliveries.c.id)).scalars()) == [2]


@pytest.mark.parametrize(
    "bad",
    [
        {"state": "lost"}, {"state": "delivered"}, {"object_us": 1}, {"row_us": 1}, {"key": ""}, {"bytes": -1},
        {"state": "sending"}, {"done_us": 5},
    ],
)  # fmt: skip
def test_bad_states_cannot_be_written(catalog: Catalog, bad: dict[str, object]) -> None:
    """What is delivered has an address and a time, and what is sent has a worker: nothing else can be written."""
    node, _ = plan(catalog, one())
    with catalog.read() as tx:
        row = dict(tx.run("deliveries", select(schema.deliveries)).mappings().one())
    with pytest.raises(CatalogError), catalog.write() as tx:
        tx.run("deliveries", insert(schema.deliveries), [row | {"id": 9, "key": "other", "node": node} | bad])
