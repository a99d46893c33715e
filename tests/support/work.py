"""A kind of work for tests: numbers that are to be doubled, with a table of its own and bodies that do as told.

Each result is a line of `doubled`, without a key: what is done twice is there twice.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Integer, MetaData, PrimaryKeyConstraint, String, Table, func, insert, inspect, select

from holdfast.catalog import claims, claims_together, nodes, schema
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.schema_base import id_of, node
from holdfast.catalog.schema_work import work_columns, work_rules
from holdfast.core.clock import SystemClock
from holdfast.work.job import Job
from holdfast.work.kind import Kind, Queue
from holdfast.work.retry import Retry
from holdfast.work.station import Options, Station

NOUN = "test_numbers"


def _tables() -> tuple[Table, Table]:
    """Make the tables; they are not in the catalog's own metadata, which must stay what migrations lead to."""
    own = MetaData(naming_convention=schema.metadata.naming_convention)
    numbers = Table(
        NOUN, own, node(), id_of("number"), Column("said", String(200), nullable=False),
        *work_columns(), PrimaryKeyConstraint("node", "id"), *work_rules(NOUN, "working"),
    )  # fmt: skip
    doubled = Table("test_doubled", own, Column("id", Integer), Column("worker", String(80)), Column("value", Integer))
    return numbers, doubled


numbers, doubled = _tables()


@contextmanager
def known() -> Iterator[None]:
    """Let the catalog find our table by its name, as it finds its own."""
    dict.__setitem__(schema.metadata.tables, NOUN, numbers)
    try:
        yield
    finally:
        dict.pop(schema.metadata.tables, NOUN)
        for made in (
            claims._claiming, claims._holding, claims.ending, claims_together._holding, claims_together._writing
        ):  # fmt: skip
            made.cache_clear()


def make_tables(catalog: Catalog) -> int:
    """Make the tables where they are missing, and the node; return its number."""
    if not inspect(catalog._engine).has_table(NOUN):
        numbers.metadata.create_all(catalog._engine)
    with catalog.write() as tx:
        return nodes.ensure(tx, "local", 1)


def add(catalog: Catalog, of: int, count: int, *, lane: str = "a", first: int = 1, due_us: int | None = None,
        priority: int = 0) -> list[int]:  # fmt: skip
    """Add rows, the first one due first."""
    at_us = SystemClock().wall_us() - count if due_us is None else due_us
    rows = [
        {"node": of, "id": first + at, "said": "", **claims.fresh(lane, at_us + at, priority=priority)}
        for at in range(count)
    ]
    with catalog.write() as tx:
        tx.run("numbers", insert(numbers), rows)
        claims.announce(tx)
    return [row["id"] for row in rows]


def double(job: Job) -> None:
    """Do the work: the result, and a line that counts."""
    number = job.claim.number
    line = {"id": number, "worker": job.claim.worker, "value": number * 2}
    job.finish("done", {"said": str(number * 2)}, along=lambda tx: void(tx.run("doubled", insert(doubled), [line])))


def void(_result: object) -> None:
    """Nobody looks at it."""


def kind(body: Callable[[Job], None] = double, **more: Any) -> Kind:
    """The kind, with a body."""
    facts: dict[str, Any] = {
        "name": "double", "noun": NOUN, "queue": Queue.DELIVER, "about": "Doubles numbers.",
        "retry": Retry(first_s=0.05, cap_s=0.2, unexpected=3),
    }  # fmt: skip
    return Kind(body=body, **{**facts, **more})


@dataclass
class Place:
    """A catalog with our table, and the engine that carries its rows."""

    catalog: Catalog
    url: str
    node: int
    shared: bool

    @contextmanager
    def station(self, *kinds: Kind, worker: str = "w1", **more: Any) -> Iterator[Station]:
        """A worker at work on some kinds, with a catalog of its own, as every process has."""
        options = Options(worker=worker, shared=self.shared, **more)
        with open_catalog(self.url) as own, Station(own, self.node, kinds, SystemClock(), options) as running:
            yield running

    @staticmethod
    def now_us() -> int:
        """The time."""
        return SystemClock().wall_us()

    def add(self, count: int, **more: Any) -> list[int]:
        """Add rows, the first one due first."""
        return add(self.catalog, self.node, count, **more)


def states(catalog: Catalog) -> dict[str, int]:
    """Count rows by state."""
    with catalog.read() as tx:
        query = select(numbers.c.state, func.count().label("rows")).group_by(numbers.c.state)
        return {str(one.state): int(one.rows) for one in tx.run("numbers", query)}


def row(catalog: Catalog, number: int) -> dict[str, Any]:
    """Return a row."""
    with catalog.read() as tx:
        return dict(tx.run("numbers", select(numbers).where(numbers.c.id == number)).mappings().one())


def results(catalog: Catalog) -> list[tuple[int, str]]:
    """Return number and worker of each result that was written."""
    with catalog.read() as tx:
        return sorted((int(one.id), str(one.worker)) for one in tx.run("doubled", select(doubled)))


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> float:
    """Wait for something that another thread or process does; return the seconds it took."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < timeout_s, "it did not come to that"
        time.sleep(0.02)
    return time.monotonic() - began_s
