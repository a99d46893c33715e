"""Incidents of disks stand for levels: one while a level lasts, whoever tells it."""

from pathlib import Path

import pytest

from holdfast.catalog import incidents, nodes
from holdfast.catalog.db import open_catalog
from holdfast.catalog.incidents import Wanted
from holdfast.library import disk_incidents, retention
from holdfast.library.watermarks import Mark
from support.clock import PushedClock


@pytest.mark.parametrize("step_us", [0, 1_000_000, -3_600_000_000])
def test_levels_follow_each_other_whatever_the_clock_does(tmp_path: Path, step_us: int) -> None:
    """Changes within one instant, or across a clock that was set back, are still one incident each, and one is open."""
    clock = PushedClock()
    now_us = clock.wall_us()
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        assert not disk_incidents.tell(catalog, {"main": Mark.ALERT}, {}, now_us, node="local")
        retention.confirm(catalog, clock)
        for mark in (Mark.ALERT, Mark.ALERT, Mark.CRITICAL, Mark.ALERT):
            assert disk_incidents.tell(catalog, {"main": mark}, {}, now_us, node="local")
            now_us += step_us
        with catalog.read() as tx:
            rows = incidents.page(tx, Wanted(), limit=9).rows
            known = disk_incidents.find(tx, nodes.find(tx, "local") or 0, "main")
        assert len(rows) == 3
        assert known is not None
        assert [row for row in rows if row.end_us is None] == [known]
        assert known.seen == {"level": "alert"}
        assert disk_incidents.told(catalog) == {"main": Mark.ALERT}
        disk_incidents.tell(catalog, {}, {}, now_us, node="local")
        with catalog.read() as tx:
            assert all(row.end_us is not None for row in incidents.page(tx, Wanted(), limit=9).rows)
