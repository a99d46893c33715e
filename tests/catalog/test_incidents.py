"""Incidents as rows."""

import time
from functools import partial

import pytest
from sqlalchemy import insert

from holdfast.catalog import incidents, nodes, schema
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.incidents import Picture, Wanted
from holdfast.catalog.rows import Id
from holdfast.core.errors import CatalogError, NotFound
from holdfast.core.incident import Case, IncidentType, Stage
from support.effort import effort

BLACK, FREEZE = IncidentType.BLACKSCREEN, IncidentType.FREEZE


def open_case(start_us: int, kind: IncidentType = BLACK, count: int = 2) -> Case:
    """An incident that lasts."""
    return Case(kind, Stage.ACTIVE, start_us, start_us + 3, count)


def over(start_us: int, kind: IncidentType = BLACK, end_us: int | None = None) -> Case:
    """One that is over."""
    return Case(kind, Stage.RESOLVED, start_us, start_us + 3, 9, start_us + 10 if end_us is None else end_us)


def picture(number: int, at_us: int = 5) -> Picture:
    """A picture of one."""
    return Picture(
        number=number, at_us=at_us, volume="main", file=f"incidents/{number}.jpg", width=640, height=360, bytes=9
    )


def test_an_incident_is_one_row_from_begin_to_end(catalog: Catalog) -> None:
    """Written again and again it stays one row, whose count and end move on; its pictures come once (C060, C063)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        first = incidents.put(tx, node, "gate", open_case(100), seen={"black_percent": 99.1}, now_us=200)
        incidents.add_pictures(tx, first, [picture(1, 100), picture(2, 101)])
        assert incidents.put(tx, node, "gate", open_case(100, count=7), now_us=300) == first
        incidents.add_pictures(tx, first, [picture(1, 100), picture(0, 110)])
        incidents.put(tx, node, "gate", over(100), now_us=400)
        row = incidents.get(tx, first)
        assert (row.start_us, row.end_us, row.count, row.seen) == (100, 110, 9, {"black_percent": 99.1})
        assert (row.created_us, row.updated_us) == (200, 400)
        assert [one.number for one in incidents.pictures(tx, [first])[first]] == [1, 2, 0]
        with pytest.raises(NotFound):
            incidents.get(tx, Id(node, 99))


def test_two_cannot_be_open_and_none_ends_before_it_starts(catalog: Catalog) -> None:
    """The catalog refuses a second open incident of a type at a camera, and an end before the start."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        incidents.put(tx, node, "gate", open_case(100), now_us=1)
    with pytest.raises(CatalogError), catalog.write() as tx:
        incidents.put(tx, node, "gate", open_case(200), now_us=1)
    with pytest.raises(CatalogError), catalog.write() as tx:
        incidents.put(tx, nodes.ensure(tx, "local", 1), "gate", over(100, end_us=99), now_us=1)


def test_lists_and_counts(catalog: Catalog) -> None:
    """Lists are by camera, type, state and span, newest first; counts leave out what was discarded (C064, C065)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        for start_us in (100, 200, 300):
            incidents.put(tx, node, "gate", over(start_us), now_us=1)
        last = incidents.put(tx, node, "gate", open_case(400), now_us=1)
        incidents.put(tx, node, "yard", over(250, FREEZE), now_us=1)
        page = incidents.page(tx, Wanted(), limit=2)
        assert [row.start_us for row in page.rows] == [400, 300]
        page = incidents.page(tx, Wanted(), limit=3, cursor=page.cursor)
        assert ([row.start_us for row in page.rows], page.cursor) == ([250, 200, 100], None)
        assert [row.id for row in incidents.page(tx, Wanted(open=True)).rows] == [last]
        assert [row.start_us for row in incidents.page(tx, Wanted(camera="gate", open=False, to_us=300)).rows] == [
            200,
            100,
        ]
        assert incidents.counts(tx, Wanted()) == {BLACK: 4, FREEZE: 1}
        incidents.review(tx, last, {"discarded": True, "discarded_us": 5, "discard_type": "false alarm"}, 9)
        assert incidents.counts(tx, Wanted()) == {BLACK: 3, FREEZE: 1}
        assert incidents.counts(tx, Wanted(discarded=True)) == {BLACK: 1}
        incidents.add_pictures(tx, last, [picture(1)])
        incidents.remove(tx, [last])
        assert incidents.page(tx, Wanted(type=BLACK, open=True)).rows == ()


def test_what_was_there_in_a_span(catalog: Catalog) -> None:
    """What began before a span and lasted into it, or still lasts, is in it where that is asked for."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        for one in (over(100), over(200), open_case(150)):
            incidents.put(tx, node, "gate", one, now_us=1)
        ends = {row.start_us: row.end_us for row in incidents.page(tx, Wanted()).rows}
        from_us = (ends[200] or 0) - 1
        assert [row.start_us for row in incidents.page(tx, Wanted(from_us=from_us)).rows] == []
        assert [row.start_us for row in incidents.page(tx, Wanted(from_us=from_us, within=True)).rows] == [200, 150]


def test_what_people_say_makes_sense(catalog: Catalog) -> None:
    """A check has a kind; what nobody knows of is not reviewed (C065)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        row = incidents.put(tx, node, "gate", over(1), now_us=1)
        said = incidents.review(tx, row, {"checked": True, "check_type": "ai", "checked_by": "bot", "checked_us": 8}, 9)
        assert (said.review.checked, said.review.check_type, said.updated_us) == (True, "ai", 9)
        with pytest.raises(NotFound):
            incidents.review(tx, Id(node, 77), {"comment": "?"}, 9)
    with pytest.raises(CatalogError), catalog.write() as tx:
        incidents.review(tx, row, {"checked": True, "check_type": "guess"}, 9)


def fill(tx: Transaction, node: int, begin: int, end: int) -> None:
    """Add incidents that are over: all of one kind but for two, at twenty cameras."""
    plain = {
        "node": node, "count": 2, "detail": "", "seen": "{}", "checked": False, "check_type": None, "checked_by": "",
        "checked_us": None, "discarded": False, "discard_type": "", "discarded_by": "", "discarded_us": None,
        "comment": "", "created_us": 1, "updated_us": 1,
    }  # fmt: skip
    rows = [
        {
            **plain, "id": 10 + n, "camera": f"cam{n % 20}", "start_us": n * 10, "end_us": n * 10 + 5,
            "type": "audio_loss" if n in {3, 5} else "freeze",
        }
        for n in range(begin, end)
    ]  # fmt: skip
    tx.run("incidents", insert(schema.incidents), rows)


LISTS = {
    "all": Wanted(), "open": Wanted(open=True), "over": Wanted(open=False), "of a camera": Wanted(camera="cam3"),
    "open of a camera": Wanted(camera="cam3", open=True), "of a type": Wanted(type=FREEZE, open=False),
    "of a rare type": Wanted(type=IncidentType.AUDIO_LOSS), "open of a type": Wanted(type=FREEZE, open=True),
    "old of a node": Wanted(node=1, open=False, to_us=60), "of a span": Wanted(from_us=100, to_us=140),
    "open of a node": Wanted(node=1, type=FREEZE, open=True),
}  # fmt: skip


def test_many_cost_as_little_as_few(catalog: Catalog) -> None:
    """Each list, and the number of those that last, reads as much of 3,000 incidents as of 60 (F56, C066)."""
    efforts = []
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        incidents.put(tx, node, "gate", open_case(10**9), now_us=1)
    for begin, end in ((0, 60), (60, 3000)):
        with catalog.write() as tx:
            fill(tx, node, begin, end)
            if catalog.dialect == "postgresql":
                tx.driver.execute("ANALYZE incidents")
        pages = {name: effort(catalog, partial(incidents.page, wanted=one, limit=5)) for name, one in LISTS.items()}
        numbers = {
            f"number of {name}": effort(catalog, partial(incidents.counts, wanted=LISTS[name]))
            for name in ("open", "open of a camera")
        }
        efforts.append(pages | numbers)
    assert {name: many for name, many in efforts[1].items() if many > 2 * efforts[0][name] + 400} == {}


@pytest.mark.best_of_three
@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_however_many_are_listed_at_once(catalog: Catalog, count: int) -> None:
    """Pages of any kind, and the numbers above them, take less than 300 ms (F56, C066)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        incidents.put(tx, node, "gate", open_case(10**9), now_us=1)
        for begin in range(0, count, 10_000):
            fill(tx, node, begin, begin + 10_000)
    with catalog.read() as tx:
        for name, wanted in LISTS.items():
            begun = time.perf_counter()
            incidents.page(tx, wanted, limit=100)
            assert time.perf_counter() - begun < 0.3, name
        for wanted in (Wanted(open=True), Wanted(open=False), Wanted(from_us=9 * count)):
            begun = time.perf_counter()
            incidents.counts(tx, wanted)
            assert time.perf_counter() - begun < 0.3, wanted
