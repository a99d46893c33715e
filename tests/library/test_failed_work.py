"""What failed for good is counted."""

from pathlib import Path

from sqlalchemy import func, select, update

from holdfast.catalog import schema
from holdfast.catalog.db import Catalog
from holdfast.library.failed_work import AGAIN_US, FailedWork
from support.clock import PushedClock
from support.handed import Handed


def test_what_failed_is_counted_now_and_then(catalog: Catalog, tmp_path: Path) -> None:
    """By kind and lane, on this node, and not with each look; what is tried again is not counted (C070)."""
    site, clock = Handed(tmp_path, catalog), PushedClock()
    failed = FailedWork(catalog, site.node, clock)
    failed.once()
    assert failed.found == []
    for number in range(3):
        site.segment(number)
    site.handing.once()
    with catalog.write() as tx:
        first = select(func.min(schema.deliveries.c.id)).scalar_subquery()
        tx.run("deliveries", update(schema.deliveries).where(schema.deliveries.c.id == first).values(state="failed"))
    failed.once()
    assert failed.found == [], "it was counted a moment ago"
    clock.advance(AGAIN_US / 1e6)
    failed.once()
    assert failed.found == [{"job": "deliver", "lane": "nas", "count": 1}]
    with catalog.write() as tx:
        tx.run("deliveries", update(schema.deliveries).values(state="pending"))
    clock.advance(AGAIN_US / 1e6)
    failed.once()
    assert failed.found == []
