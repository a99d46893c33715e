"""Claims on rows of durable work, on both databases."""

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, update

from holdfast.catalog import claims, lost_work, work_rows
from holdfast.catalog.claims import Claim
from holdfast.catalog.db import Catalog
from holdfast.catalog.rows import Id
from holdfast.core.errors import CatalogError
from support import work
from support.work import kind, numbers

KIND = kind()
LEASE_US = 1_000_000


def _soon(_lost: int) -> int:
    return 0


@pytest.fixture(name="node")
def _node(catalog: Catalog) -> Iterator[int]:
    """A node with five rows, due at 100 to 104."""
    with work.known():
        number = work.make_tables(catalog)
        work.add(catalog, number, 5, due_us=100)
        yield number


def _claim(catalog: Catalog, node: int, number: int, *, worker: str = "w", now_us: int = 1000) -> Claim | None:
    with catalog.write() as tx:
        got = claims.claim(tx, KIND, node, [number], worker=worker, now_us=now_us, lease_us=LEASE_US)
    return got[0] if got else None


def test_a_row_has_one_claim(catalog: Catalog, node: int) -> None:
    """A row can be claimed when it is due, by one worker alone; each claim raises fence and attempts (F26)."""
    assert _claim(catalog, node, 1, now_us=99) is None
    first = _claim(catalog, node, 1, worker="one")
    assert first is not None
    assert _claim(catalog, node, 1, worker="two") is None
    with catalog.write() as tx:
        assert claims.again(tx, first, 1000, now_us=1000, error="away")
    second = _claim(catalog, node, 1, worker="two")
    assert second is not None
    assert (second.fence, second.attempt, second.lease_us) == (first.fence + 1, 2, 1000 + LEASE_US)


def test_a_late_result_is_refused(catalog: Catalog, node: int) -> None:
    """Whoever lost a row changes nothing any more: not its result, its values, its lease, nor its due time (F26)."""
    old = _claim(catalog, node, 1, worker="old")
    assert old is not None
    with catalog.write() as tx:
        assert [one.number for one in lost_work.expire(tx, KIND, node, now_us=2 * LEASE_US, after=_soon)] == [1]
    new = _claim(catalog, node, 1, worker="new", now_us=2 * LEASE_US)
    assert new is not None
    with catalog.write() as tx:
        assert not claims.finish(tx, old, "done", {"said": "late"}, now_us=2 * LEASE_US)
        assert not claims.again(tx, old, 5, now_us=2 * LEASE_US)
        assert not claims.later(tx, old, 5, now_us=2 * LEASE_US)
        assert not claims.give_back(tx, old, now_us=2 * LEASE_US)
        assert not claims.keep(tx, old, {"said": "late"})
        assert claims.renew(tx, [old, new], now_us=2 * LEASE_US, lease_us=LEASE_US) == {new}
        assert claims.finish(tx, new, "done", {"said": "2"}, now_us=2 * LEASE_US)
    assert work.row(catalog, 1)["said"] == "2"


def test_oldest_and_newest(catalog: Catalog, node: int) -> None:
    """What is due is told oldest first, whatever its priority, or most urgent and newest first; never what is not."""
    work.add(catalog, node, 1, first=10, due_us=50, priority=0)
    work.add(catalog, node, 1, first=11, due_us=102, priority=2)
    work.add(catalog, node, 1, first=12, due_us=10**9, priority=9)
    work.add(catalog, node, 1, first=14, due_us=102, priority=2)
    work.add(catalog, node, 1, first=13, lane="b", due_us=1)
    with catalog.read() as tx:
        oldest = claims.due(tx, KIND, node, 103, lane="a", limit=9)
        newest = claims.due(tx, KIND, node, 103, lane="a", limit=3, newest=True)
        assert claims.lanes(tx, KIND, node) == ["a", "b"]
    assert [row.number for row in oldest] == [10, 1, 2, 3, 11, 14, 4]
    assert [row.number for row in newest] == [14, 11, 4]


def test_bad_states_cannot_be_written(catalog: Catalog, node: int) -> None:
    """A row that is worked on has a worker and a lease, and no other row has; the history has one line a claim."""
    for values in ({"state": "working"}, {"worker": "w"}, {"worker": "w", "lease_us": 5}, {"lease_us": 5}):
        with pytest.raises(CatalogError), catalog.write() as tx:
            tx.run("a bad row", update(numbers).where(numbers.c.id == 1).values(**values))
    one = _claim(catalog, node, 1)
    assert one is not None
    with catalog.write() as tx:
        claims.write_history(tx, one, "done", now_us=1)
    with pytest.raises(CatalogError), catalog.write() as tx:
        claims.write_history(tx, one, "done", now_us=1)


def test_history_is_bounded(catalog: Catalog, node: int) -> None:
    """A row that fails for months keeps its last twenty lines, and old lines go after their time."""
    for number in range(30):
        one = _claim(catalog, node, 1, now_us=1000 + number)
        assert one is not None
        with catalog.write() as tx:
            claims.again(tx, one, 1000 + number, now_us=1000 + number, error=f"try {number}")
    with catalog.write() as tx:
        lines = work_rows.history(tx, KIND, Id(node, 1))
        assert [line.error for line in lines] == [f"try {number}" for number in range(29, 9, -1)]
        assert work_rows.prune_history(tx, 1025) == 15
        assert work_rows.prune_history(tx, 1025) == 0
        assert len(work_rows.history(tx, KIND, Id(node, 1))) == 5


def test_the_time_is_the_servers(catalog: Catalog) -> None:
    """Where hosts share a server its clock counts, else the host's; both count microseconds since the epoch."""
    with catalog.read() as tx:
        told_us = claims.time_us(tx, 5)
    assert told_us == 5 if catalog.dialect == "sqlite" else told_us > 1_600_000_000_000_000


def test_constants_of_indexes_are_told(catalog: Catalog, node: int) -> None:
    """A lane's oldest row is found by its index, however many rows are done or behind other lanes."""
    done = [
        {"node": node, "id": 100 + at, "said": "", **claims.fresh("a", 1), "state": "done"} for at in range(2000)
    ]  # fmt: skip
    with catalog.write() as tx:
        tx.run("numbers", insert(numbers), done)
        if catalog.dialect == "postgresql":
            tx.driver.execute("ANALYZE test_numbers")
        statement = (
            "SELECT id FROM test_numbers WHERE node = 1 AND lane = 'a' AND state = 'pending' AND due_us <= 5"
            " ORDER BY due_us, id LIMIT 1"
        )
        explain = "EXPLAIN " if catalog.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        plan = " ".join(str(line) for line in tx.driver.execute(explain + statement).fetchall())
    assert "ix_test_numbers_due" in plan
    assert "'pending'" in str(claims._PENDING)
