"""Deliveries as rows: one for an asset, a target and a name."""

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


def arrive(catalog: Catalog, node: int, number: int, address: str = "nas:/a", at_us: int = NOW_US) -> None:
    """Let a delivery arrive; on PostgreSQL it is now."""
    with catalog.write() as tx:
        now_us = claims.time_us(tx, at_us)
        (claim,) = claims.claim(tx, KIND, node, [number], worker="w", now_us=now_us, lease_us=1000)
        done = {"address": address, "verified": "sha256", "object_us": now_us, "done_us": now_us}
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


def test_addresses_are_of_what_arrived_first(catalog: Catalog) -> None:
    """Where a file lies is told once it is verified there, the first of several places, of files of this node alone."""
    node, _ = plan(catalog, one(), one(target="cloud"), one(replace(ASSET, volume="two"), key="b.mp4"))
    files = [("disk", "a.mp4"), ("two", "a.mp4"), ("disk", "z")]
    with catalog.read() as tx:
        assert deliveries.addresses(tx, node, files) == {}
    arrive(catalog, node, 2, "cloud:/a")
    arrive(catalog, node, 1, at_us=NOW_US + 1)
    with catalog.read() as tx:
        assert deliveries.addresses(tx, node, files) == {("disk", "a.mp4"): "cloud:/a"}
        assert deliveries.addresses(tx, node + 1, files) == {}


@pytest.mark.parametrize("wanted", [Wanted(target="nas"), Wanted(state=DeliveryState.PENDING)])
def test_pages_of_a_part_are_in_order(catalog: Catalog, wanted: Wanted) -> None:
    """Pages of one target, or one state, are in one order over all states and targets, and leave nothing out (F57)."""
    many = [replace(ASSET, file=f"{n}.mp4", start_us=NOW_US - 100 + n // 2) for n in range(8)]
    target = {0: "nas", 1: wanted.target or "cloud"}
    node, _ = plan(catalog, *(one(asset, target[at % 2], f"{at}") for at, asset in enumerate(many)))
    if wanted.state is None:
        arrive(catalog, node, 3)
        arrive(catalog, node, 6)
    seen, cursor = [], None
    with catalog.read() as tx:
        while True:
            page = deliveries.page(tx, wanted, limit=3, cursor=cursor)
            seen += [row.id.number for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
    assert seen == list(range(8, 0, -1))


@pytest.mark.parametrize("few", [100, 0])
@pytest.mark.parametrize("state", [None, DeliveryState.PENDING, DeliveryState.DELIVERED])
@pytest.mark.parametrize("camera", [None, "gate"])
def test_pages_of_a_kind_are_all_of_it(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, few: int, state: DeliveryState | None, camera: str | None
) -> None:
    """Whichever index leads to them, what is of a kind comes in order, with state and camera, and nothing else does."""
    monkeypatch.setattr(deliveries, "_FEW", few)
    kinds = [AssetKind.STILL, AssetKind.SEGMENT]
    many = [replace(ASSET, file=f"{n}", kind=kinds[n % 2], start_us=NOW_US - 100 + n) for n in range(12)]
    many[4] = replace(many[4], camera="yard")
    node, _ = plan(catalog, *(one(asset, ("nas", "cloud")[at % 3 // 2], f"{at}") for at, asset in enumerate(many)))
    arrived = {3, 9}
    for number in sorted(arrived):
        arrive(catalog, node, number)
    wanted, seen, cursor = Wanted(kind=AssetKind.STILL, state=state, camera=camera), list[int](), None
    with catalog.read() as tx:
        while True:
            page = deliveries.page(tx, wanted, limit=2, cursor=cursor)
            seen += [row.id.number for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
    of_state = {None: set(range(13)), DeliveryState.DELIVERED: arrived}.get(state, set(range(13)) - arrived)
    assert seen == [n for n in (11, 9, 7, 5, 3, 1) if n in of_state and not (camera and n == 5)]


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
        assert deliveries.forgettable(tx, node, NOW_US - DAY_US) == []
        assert deliveries.forgettable(tx, node, later_us) == [1]
        assert deliveries.forgettable(tx, node, later_us, after=1) == []
        assert deliveries.forget(tx, node, later_us, [1, 2]) == 1
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
