"""Rows after objects: two steps, each retried alone (C075)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.delivery import DeliveryState
from holdfast.library import deliveries
from holdfast.storage.targets.contract import Content, Going, Receipt
from holdfast.work.rule_rows import WAIT_US
from support.handed import Handed
from support.postgrest import PostgRest, postgrest
from support.sending import Sending


def rules(table: PostgRest, name: str = "shop") -> str:
    """Return a rule that sends stills and writes rows."""
    return (
        f'[deliveries.snaps]\ntarget = "nas"\nassets = ["stills"]\nname = "{name}"\n'
        f'row = {{url = "{table.url}", table = "ase_snapshot", key = "k", preset = "shop"}}\n'
    )


def sent(sending: Sending) -> list[str]:
    """Count what goes to the target from now on: names of what is put."""
    target, keys = sending.deliver.ways["nas"].target, list[str]()
    real = target.put

    def put(source: Path, key: str, content: Content, going: Going) -> Receipt:
        keys.append(key)
        return real(source, key, content, going)

    target.put = put  # type: ignore[method-assign] # counts, and does the same
    return keys


@pytest.fixture(name="pushed")
def _pushed(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog that goes by the clock that is pushed; PostgreSQL has one of its own."""
    with open_catalog(f"sqlite:///{tmp_path / 'pushed.sqlite'}") as made:
        yield made


def test_shops_layout_and_row(catalog: Catalog, tmp_path: Path) -> None:
    """A still lies at camera_XX/YYYYMMDD_HHMMSS_W_H.jpg, and its row says where, when and how large (C075)."""
    with postgrest() as table:
        site = Handed(tmp_path, catalog, rules(table))
        site.still(0)
        with Sending(site) as sending:
            sending.drain()
        (name,) = site.arrived()
        assert name == "camera_gate/20260921_141320_640_360.jpg"
        (row,) = table.rows
        assert row["image_url"].endswith(name)
        assert (row["camera_name"], row["resolution"], row["restaurant_id"]) == ("camera_gate", "640x360", "r-7")
        assert row["capture_timestamp"].startswith("2026-09-21T14:13:20")
        assert site.rows()[0].row_us


def test_a_row_that_fails_does_not_send_the_object_again(pushed: Catalog, tmp_path: Path) -> None:
    """With the table away the object stays where it is and is not sent again; back, one row is written (F23)."""
    with postgrest() as table:
        site = Handed(tmp_path, pushed, rules(table))
        site.still(0)
        table.answers = [503, 503]
        with Sending(site) as sending:
            keys = sent(sending)
            for _ in range(6):
                sending.drain()
                sending.wait(WAIT_US / 1e6 + 10)
        assert len(keys) == 1
        assert len(table.rows) == 1
        assert [row.state for row in site.rows()] == [DeliveryState.DELIVERED]


@pytest.mark.parametrize("unique", ["", "image_url"])
def test_a_catalog_that_was_lost_doubles_no_row(pushed: Catalog, tmp_path: Path, unique: str) -> None:
    """What was sent before the catalog was made anew is sent again, found to be there, and has its one row (C067)."""
    with postgrest(unique) as table, open_catalog(f"sqlite:///{tmp_path / 'new.sqlite'}") as new:
        site = Handed(tmp_path, pushed, rules(table))
        site.still(0)
        with Sending(site) as sending:
            sending.drain()
        site.clock.advance(60)  # type: ignore[attr-defined] # a clock that is pushed
        with new.write() as tx:
            nodes.ensure(tx, "local", site.clock.wall_us())
        site.again(rules(table), new)
        site.still(0)
        site.still(120)
        with Sending(site) as sending:
            sending.drain()
        assert [row.state for row in site.rows()] == [DeliveryState.DELIVERED] * 2
        assert len(table.rows) == 2


@pytest.mark.parametrize("unique", ["", "image_url"])
def test_a_lost_answer_makes_one_row(pushed: Catalog, tmp_path: Path, unique: str) -> None:
    """A row whose answer was lost is found by the retry, whether the table minds doubles or not (F23)."""
    with postgrest(unique) as table:
        site = Handed(tmp_path, pushed, rules(table))
        site.still(0)
        table.lost = 1
        with Sending(site) as sending:
            sending.drain()
            sending.wait(60)
            sending.drain()
        assert len(table.rows) == 1
        assert [row.state for row in site.rows()] == [DeliveryState.DELIVERED]


def test_a_refused_row_fails_and_keeps_its_object(catalog: Catalog, tmp_path: Path) -> None:
    """A row that the table refuses is listed with its reason; a retry writes it without sending again (C069)."""
    with postgrest() as table:
        site = Handed(tmp_path, catalog, rules(table))
        site.still(0)
        table.answers = [400]
        with Sending(site) as sending:
            keys = sent(sending)
            sending.drain()
            (row,) = site.rows()
            assert (row.state, bool(row.object_us), "400" in row.error) == (DeliveryState.FAILED, True, True)
            assert deliveries.retry(site.catalog, "local", "ann", site.clock) == 1
            sending.drain()
        assert (len(keys), len(table.rows)) == (1, 1)
