"""Events as rows."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import insert

from holdfast.catalog import events, nodes, schema
from holdfast.catalog.db import Catalog
from holdfast.catalog.events import Told, Wanted
from holdfast.catalog.rows import Id
from holdfast.core.errors import CatalogError, NotFound
from holdfast.core.event import EventKind


def told(start_us: int, *, end_us: int | None = None, camera: str = "gate", confidence: float = 40.0) -> Told:
    """Something that moves."""
    return Told(
        camera=camera, kind=EventKind.MOTION, start_us=start_us, end_us=end_us, from_us=start_us - 20,
        to_us=None if end_us is None else end_us + 5, score=1.5, confidence=confidence,
    )  # fmt: skip


def test_an_event_is_one_row_from_begin_to_end(catalog: Catalog) -> None:
    """Written again and again it stays one row, and what somebody said of it stays (C047)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        first = events.put(tx, node, told(100), 200)
        events.review(tx, first, "ann", reviewed=True, now_us=250)
        more = replace(told(100, end_us=150), volume="main", picture_a="events/a.jpg")
        assert events.put(tx, node, more, 300) == first
        row = events.get(tx, first)
        assert row.told == more
        assert row.told.files == ("events/a.jpg",)
        assert (row.reviewed, row.reviewed_by, row.created_us, row.updated_us) == (True, "ann", 200, 300)
        events.remove(tx, [first])
        with pytest.raises(NotFound):
            events.get(tx, first)


def test_one_lasts_at_a_camera(catalog: Catalog) -> None:
    """What lasted when its memory was lost ends where the next one begins; none ends before it starts."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        lost = events.put(tx, node, told(100), 1)
        events.put(tx, node, told(900), 1)
        events.put(tx, node, told(900, camera="yard"), 1)
        assert events.get(tx, lost).told.end_us == 100
        assert events.count(tx, Wanted(open=True)) == 2
    with pytest.raises(CatalogError), catalog.write() as tx:
        events.put(tx, nodes.ensure(tx, "local", 1), told(500, end_us=499), 1)


def test_lists_and_neighbours(catalog: Catalog) -> None:
    """Lists go from the newest back, page by page; who looks at one finds the ones beside it among those wanted."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        ids = [
            events.put(tx, node, told(at, end_us=at + 5, camera=camera, confidence=at / 10), 1)
            for at, camera in ((100, "gate"), (200, "yard"), (300, "gate"), (300, "yard"), (500, "gate"))
        ]
        first = events.page(tx, Wanted(), limit=2)
        rest = events.page(tx, Wanted(), limit=9, cursor=first.cursor)
        assert [row.id for row in (*first.rows, *rest.rows)] == ids[::-1]
        assert rest.cursor is None
        assert [row.id for row in events.page(tx, Wanted(camera="gate", confidence=30)).rows] == [ids[4], ids[2]]
        assert [row.id for row in events.page(tx, Wanted(from_us=200, to_us=300)).rows] == [ids[1]]
        middle = events.get(tx, ids[2])
        assert events.neighbours(tx, middle, Wanted()) == (ids[1], ids[3])
        assert events.neighbours(tx, middle, Wanted(camera="gate")) == (ids[0], ids[4])
        assert events.neighbours(tx, events.get(tx, ids[4]), Wanted()) == (ids[3], None)
        assert [row.id for row in events.oldest(tx, node, 300, 9)] == ids[:2]


def test_a_list_of_many_is_quick(catalog: Catalog) -> None:
    """With 20,000 events any page is there within 300 ms (C116)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        row = {name: getattr(told(1), name) for name in Told.__dataclass_fields__} | {
            "kind": "motion", "node": node, "reviewed": False, "reviewed_by": "", "created_us": 1, "updated_us": 1,
        }  # fmt: skip
        rows = [
            row | {"id": n, "camera": f"cam{n % 8}", "start_us": n * 1000, "end_us": n * 1000 + 5, "from_us": n * 1000,
                   "to_us": n * 1000 + 5, "confidence": float(n % 300)}
            for n in range(1, 20_001)
        ]  # fmt: skip
        tx.run("events", insert(schema.events), rows)
    for wanted in (Wanted(), Wanted(camera="cam3"), Wanted(confidence=290), Wanted(reviewed=True), Wanted(open=True)):
        with catalog.read() as tx:
            began_s = time.monotonic()
            events.page(tx, wanted, limit=100)
            events.neighbours(tx, events.get(tx, Id(node, 10_000)), wanted)
            assert time.monotonic() - began_s < 0.3
