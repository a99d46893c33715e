"""Rows of durable work as people see them: how many wait, which failed and why, and having them tried anew.

Not here: claims (claims), kinds and what holds them back (work_controls).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, delete, func, insert, select, update

from holdfast.catalog import schema
from holdfast.catalog.claims import Work, announce
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, Page, cursor_of, read_cursor
from holdfast.catalog.schema_work import FAILED, PENDING
from holdfast.core.errors import NotFound
from holdfast.core.timing import HOUR_US

_HISTORY = schema.work_history.c
_AT_ONCE = 500  # chosen: rows that a person's deed changes in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Rows of a lane in one state. `due_us` is the oldest due time among them; `attempts` the most of one."""

    lane: str
    state: str
    rows: int
    due_us: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How a claim ended, or what a person did."""

    fence: int
    at_us: int
    what: str
    worker: str
    attempt: int
    error: str


def counts(tx: Transaction, kind: Work, node: int) -> list[Count]:
    """Count the rows that are not done: those that wait, are worked on, or failed."""
    table = schema.metadata.tables[kind.noun]
    query = (
        select(
            table.c.lane, table.c.state, func.count().label("rows"), func.min(table.c.due_us).label("due_us"),
            func.max(table.c.attempts).label("attempts"),
        )
        .where(table.c.node == node, table.c.state.in_([PENDING, kind.working, FAILED]))
        .group_by(table.c.lane, table.c.state)
        .order_by(table.c.lane, table.c.state)
    )  # fmt: skip
    return [
        Count(
            lane=row.lane, state=row.state, rows=int(row.rows), due_us=int(row.due_us), attempts=int(row.attempts)
        )
        for row in tx.run(kind.noun, query)
    ]  # fmt: skip


def failed(tx: Transaction, noun: str, node: int) -> dict[str, int]:
    """Count the rows of a table of work that failed, by lane; lanes without any are left out."""
    table = schema.metadata.tables[noun]
    query = select(table.c.lane, func.count().label("rows")).where(table.c.node == node, table.c.state == FAILED)
    return {row.lane: int(row.rows) for row in tx.run(noun, query.group_by(table.c.lane).order_by(table.c.lane))}


def oldest_due_us(tx: Transaction, kind: Work, node: int, lane: str) -> int | None:
    """Return when the row of a lane that waits longest became due; None where none waits."""
    table = schema.metadata.tables[kind.noun]
    query = select(func.min(table.c.due_us)).where(
        table.c.node == node, table.c.lane == lane, table.c.state == PENDING
    )  # fmt: skip
    found = tx.run(kind.noun, query).scalar()
    return None if found is None else int(found)


def page(
    tx: Transaction, kind: Work, node: int, *, state: str = "", lane: str | None = None, limit: int = PAGE,
    cursor: str | None = None,
) -> Page[Mapping[str, Any]]:  # fmt: skip
    """List rows, newest first, with all their columns.

    Args:
        tx: The transaction.
        kind: Which kind.
        node: Whose rows.
        state: Only those in this state; empty for all.
        lane: Only those of this lane; None for all.
        limit: Rows a page.
        cursor: Of the page before.
    """
    table = schema.metadata.tables[kind.noun]
    query = select(table).where(table.c.node == node).order_by(table.c.id.desc())
    if cursor is not None:
        query = query.where(table.c.id < read_cursor(cursor, 1)[0])
    limit = max(1, min(limit, PAGE_MAX))
    # One question a state and lane: each is a stretch of the index on states, in order.
    parts = [query] if not state and lane is None else [
        query.where(table.c.state == one, table.c.lane == of)
        for one in ([state] if state else _each(tx, table, "state", node=node))
        for of in ([lane] if lane is not None else _each(tx, table, "lane", node=node, state=one))
    ]  # fmt: skip
    rows = [dict(row) for part in parts for row in tx.run(kind.noun, part.limit(limit + 1)).mappings()]
    rows.sort(key=lambda row: int(row["id"]), reverse=True)
    return Page(tuple(rows[:limit]), cursor_of(int(rows[limit - 1]["id"])) if len(rows) > limit else None)


def _each(tx: Transaction, table: Table, name: str, **of: int | str) -> list[str]:
    """Return the values of a column: one look into the index on states each, however many rows there are."""
    found: list[str] = []
    query = select(func.min(table.c[name])).where(*(table.c[column] == value for column, value in of.items()))
    while (one := tx.run(table.name, query.where(table.c[name] > found[-1]) if found else query).scalar()) is not None:
        found.append(str(one))
    return found


def get(tx: Transaction, kind: Work, row: Id) -> Mapping[str, Any]:
    """Return a row with all its columns.

    Raises:
        NotFound: There is none.
    """
    table = schema.metadata.tables[kind.noun]
    query = select(table).where(table.c.node == row.node, table.c.id == row.number)
    found = tx.run(kind.noun, query).mappings().one_or_none()
    if found is None:
        raise NotFound(f"there is no row {row} of {kind.name}", hint=f"holdfast jobs show {kind.name} lists them")
    return dict(found)


def history(tx: Transaction, kind: Work, row: Id) -> list[Line]:
    """Return how the last claims of a row ended, newest first."""
    where = [_HISTORY.node == row.node, _HISTORY.noun == kind.noun, _HISTORY.row_id == row.number]
    rows = tx.run("work_history", select(schema.work_history).where(*where).order_by(_HISTORY.fence.desc())).mappings()
    return [
        Line(
            fence=int(one["fence"]), at_us=int(one["at_us"]), what=one["what"], worker=one["worker"],
            attempt=int(one["attempt"]), error=one["error"],
        )
        for one in rows
    ]  # fmt: skip


def ended(tx: Transaction, kind: Work, node: int, state: str, *, lane: str | None = None) -> list[int]:
    """Return numbers of all rows in a state that a person may have tried anew, those first that ended first.

    Args:
        tx: The transaction.
        kind: Which kind.
        node: Whose rows.
        state: `failed`, or a word of the kind's own.
        lane: Only those of this lane; None for all.
    """
    table = schema.metadata.tables[kind.noun]
    query = select(table.c.id).where(table.c.node == node, table.c.state == state)
    if lane is not None:
        query = query.where(table.c.lane == lane)
    return [int(one) for one in tx.run(kind.noun, query.order_by(table.c.last_us, table.c.id)).scalars()]


def retry(
    tx: Transaction, kind: Work, node: int, numbers: list[int], *, by: str, now_us: int, also: Collection[str] = ()
) -> int:  # fmt: skip
    """Have rows that failed, or wait for another attempt, tried at once and as if for the first time.

    Args:
        tx: The transaction.
        kind: Which kind.
        node: Whose rows.
        numbers: Which ones.
        by: Who says so.
        now_us: The time, from `claims.time_us`.
        also: Further states in which rows may be tried anew: words of the kind's own.

    Returns:
        How many there were; those in any other state stay as they are.
    """
    values = {"state": PENDING, "due_us": now_us, "attempts": 0, "lost": 0}
    done = _by_hand(tx, kind, node, numbers, (FAILED, PENDING, *also), values, ("retried", by, now_us))
    if done:
        announce(tx)
    return done


def cancel(tx: Transaction, kind: Work, node: int, numbers: list[int], *, by: str, now_us: int) -> int:
    """Let rows that wait, or are worked on, come to nothing: they are failed, and a person may have them tried anew.

    Returns:
        How many there were. Whoever works on one is refused its result.
    """
    values = {
        "state": FAILED, "worker": "", "lease_us": None, "error": f"cancelled by {by}",
        "hint": "have it tried anew if it is wanted after all",
    }  # fmt: skip
    return _by_hand(tx, kind, node, numbers, (kind.working, PENDING), values, ("cancelled", by, now_us))


def _by_hand(
    tx: Transaction, kind: Work, node: int, numbers: list[int], states: Collection[str], values: dict[str, Any],
    said: tuple[str, str, int],
) -> int:  # fmt: skip
    table, (what, by, now_us) = schema.metadata.tables[kind.noun], said
    done = 0
    for at in range(0, len(numbers), _AT_ONCE):
        where = [table.c.node == node, table.c.id.in_(numbers[at : at + _AT_ONCE]), table.c.state.in_(states)]
        change = update(table).where(*where).values(**values, fence=table.c.fence + 1)
        changed = tx.run(kind.noun, change.returning(table.c.id, table.c.fence)).all()
        lines = [
            {"node": node, "noun": kind.noun, "row_id": int(row.id), "fence": int(row.fence), "at_us": now_us,
             "what": what, "worker": by, "attempt": 0, "error": ""}
            for row in changed
        ]  # fmt: skip
        if lines:
            tx.run("work_history", insert(schema.work_history), lines)
        done += len(lines)
    return done


def prune_history(tx: Transaction, before_us: int) -> int:
    """Forget how claims ended before a time, on any node: an hour's worth at once, the oldest.

    Returns:
        How many there were; 0 where there are no more.
    """
    # By time alone: asked for a node as well, a database without statistics goes through all that node ever did.
    first_us = tx.run("work_history", select(func.min(_HISTORY.at_us))).scalar()
    if first_us is None or first_us >= before_us:
        return 0
    old = _HISTORY.at_us < min(before_us, int(first_us) + HOUR_US)
    return int(tx.run("work_history", delete(schema.work_history).where(old)).rowcount)
