"""Work that nobody comes back to by itself: claims whose holder died, and rows that a wrong clock put off.

A claim ends by its lease, or because a lock says that whoever made it is dead. Its row waits again, each time for
longer, and is failed in the end: it may be what kills its workers.

Everything here is asked each second, lane by lane: only so an index leads to the few rows that are meant, with or
without statistics. Not here: making claims and ending them in order (claims), who asks when (work.sweep).
"""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select, update

from holdfast.catalog import claims, schema
from holdfast.catalog.claims import Claim, Work
from holdfast.catalog.db import Transaction
from holdfast.catalog.schema_work import FAILED, PENDING
from holdfast.core.timing import HOUR_US, MINUTE_US

SLACK_US = MINUTE_US  # chosen: clocks of one site differ by less
LONGEST_LEASE_US = HOUR_US  # chosen: far above any lease, so a claim that holds for longer was made by a wrong clock

_PENDING: ColumnElement[str] = literal_column(f"'{PENDING}'")
_NOBODY: ColumnElement[str] = literal_column("''")


def any_expired(tx: Transaction, kind: Work, node: int, now_us: int) -> bool:
    """Say whether a claim's lease is over, without writing."""
    return bool(_lanes(tx, kind, node, now_us))


def expire(
    tx: Transaction, kind: Work, node: int, *, now_us: int, after: Callable[[int], int | None]
) -> list[Claim]:  # fmt: skip
    """End the claims whose lease is over, and return them; the arguments are those of `void`."""
    table = schema.metadata.tables[kind.noun]
    return _lose(tx, kind, node, _lanes(tx, kind, node, now_us), table.c.lease_us <= now_us, (now_us, after))


def void(
    tx: Transaction, kind: Work, node: int, worker: str, *, now_us: int, after: Callable[[int], int | None]
) -> list[Claim]:  # fmt: skip
    """End the claims of a worker that is known to be dead, and return them.

    Args:
        tx: The transaction.
        kind: The kind of work.
        node: Whose rows.
        worker: The dead one.
        now_us: The time, from `claims.time_us`.
        after: Tells by how often in a row a claim was lost how long the row waits, in microseconds; None to fail it.
    """
    table = schema.metadata.tables[kind.noun]
    return _lose(tx, kind, node, _lanes(tx, kind, node), table.c.worker == worker, (now_us, after))


def set_right(
    tx: Transaction, kind: Work, node: int, *, now_us: int, longest_us: int, most: int = 1000
) -> int:  # fmt: skip
    """Let rows be due, and claims be over, that a clock put off which was ahead of today's.

    That is: what was worked on last at a time that has not come yet; what nobody has worked on and is not due, for new
    rows are due at once; what is put off for longer than its kind ever does; claims that hold for longer than a lease.

    Args:
        tx: The transaction.
        kind: The kind of work.
        node: Whose rows.
        now_us: The time, from `claims.time_us`.
        longest_us: What a row of this kind is put off for at most, in microseconds.
        most: Rows of each lane in one go.

    Returns:
        How many there were; where it is `most` or more, there may be others.
    """
    table = schema.metadata.tables[kind.noun]
    soon_us, done = now_us + SLACK_US, 0
    wrong = (table.c.last_us > soon_us) | (table.c.due_us > now_us + longest_us)
    wrong |= table.c.last_us.is_(None) & (table.c.due_us > soon_us)
    for lane in claims.lanes(tx, kind, node):
        where = [table.c.node == node, table.c.lane == lane, table.c.state == _PENDING, table.c.due_us > soon_us, wrong]
        query = select(table.c.id).where(*where).order_by(table.c.due_us).limit(most)
        # Nothing is asked about no row: SQLite would go through all that wait to find none.
        if numbers := list(tx.run(kind.noun, query).scalars()):
            these = [table.c.node == node, table.c.id.in_(numbers), table.c.state == _PENDING, wrong]
            done += int(tx.run(kind.noun, update(table).where(*these).values(due_us=now_us)).rowcount)
    for lane in _lanes(tx, kind, node):
        held = [table.c.node == node, table.c.worker != _NOBODY, table.c.lane == lane]
        held.append(table.c.lease_us > now_us + LONGEST_LEASE_US)
        done += int(tx.run(kind.noun, update(table).where(*held).values(lease_us=now_us)).rowcount)
    return done


def _lanes(tx: Transaction, kind: Work, node: int, until_us: int | None = None) -> list[str]:
    """Return the lanes with claims, or with those whose lease ends up to then."""
    table = schema.metadata.tables[kind.noun]
    first = func.min(table.c.lease_us).label("first_us")
    query = select(table.c.lane, first).where(table.c.node == node, table.c.worker != _NOBODY).group_by(table.c.lane)
    return [str(row.lane) for row in tx.run(kind.noun, query) if until_us is None or row.first_us <= until_us]


def _lose(
    tx: Transaction, kind: Work, node: int, lanes: Iterable[str], which: ColumnElement[bool],
    told: tuple[int, Callable[[int], int | None]],
) -> list[Claim]:  # fmt: skip
    now_us, after = told
    table = schema.metadata.tables[kind.noun]
    lost = []
    for lane in lanes:
        where = [table.c.node == node, table.c.worker != _NOBODY, table.c.lane == lane, which]
        query = select(table).where(*where).with_for_update(skip_locked=True)
        lost += [claims.read(kind, dict(row)) for row in tx.run(kind.noun, query).mappings()]
    for one in lost:
        error, wait_us = f"{one.worker} ended, or was cut off, while it worked on this", after(one.lost + 1)
        values: dict[str, Any] = {"state": PENDING, "lost": one.lost + 1, "due_us": now_us + (wait_us or 0)}
        hint = ""
        if wait_us is None:
            values["state"] = FAILED
            hint = f"its worker died {one.lost + 1} times in a row: look at the log before you have it tried anew"
        claims.end(tx, one, "lost" if wait_us is not None else FAILED, values, now_us=now_us, error=error, hint=hint)
    return lost
