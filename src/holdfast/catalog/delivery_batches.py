"""Deliveries that go together: small files of one target that nothing speaks against, a few hundred at once.

Not here: claiming them (claims), sending them (work.deliver_together).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal_column, select, tuple_

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.core.delivery import AssetKind, DeliveryState

_ROWS = schema.deliveries.c
# Written out, not bound: only so is the index on rows that wait used (claims).
_PENDING: ColumnElement[str] = literal_column(f"'{DeliveryState.PENDING.value}'")
_FRESH = and_(
    _ROWS.state == _PENDING, _ROWS.attempts == 0, _ROWS.lost == 0, _ROWS.memory == "", _ROWS.object_us.is_(None),
    _ROWS.kind != AssetKind.JOURNAL.value,
)  # fmt: skip
_COLUMNS = (_ROWS.id, _ROWS.bytes, _FRESH.label("fresh"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """What goes together at most: rows, bytes of each file, and bytes of all."""

    rows: int
    each_bytes: int
    all_bytes: int


def beside(tx: Transaction, node: int, lane: str, number: int, now_us: int, most: Most) -> list[int]:
    """Return the deliveries that may go together with one, that one first; it alone where it must go alone.

    An ordinary one takes those that are due after it; where it is among the newest, those before it. One that goes
    first takes others that do, newest first. What was tried before goes alone: whatever is wrong with it, or kills
    whoever sends it, harms no other. So do journals, whose parts are removed when they have arrived.

    Args:
        tx: The transaction in which they are claimed next; on PostgreSQL they are locked until it ends.
        node: Whose rows.
        lane: The lane.
        number: The one.
        now_us: The time, from `claims.time_us`.
        most: What goes together.
    """
    this = select(*_COLUMNS, _ROWS.due_us, _ROWS.priority).where(_ROWS.node == node, _ROWS.id == number)
    own = tx.run("deliveries", this).one_or_none()
    if own is None or not own.fresh or own.bytes > most.each_bytes:
        return [number]
    where = [_ROWS.node == node, _ROWS.lane == lane, _ROWS.state == _PENDING, _ROWS.due_us <= now_us]
    query, place = select(*_COLUMNS).where(*where, _ROWS.id != number), tuple_(_ROWS.due_us, _ROWS.id)
    given = tuple_(own.due_us, own.id)
    if own.priority > 0:
        urgent = query.where(_ROWS.priority > 0).order_by(_ROWS.priority.desc(), _ROWS.due_us.desc(), _ROWS.id.desc())
        found = _rows(tx, urgent, most.rows)
    else:
        found = _rows(
            tx, query.where(_ROWS.due_us >= own.due_us, place > given).order_by(_ROWS.due_us, _ROWS.id), most.rows
        )
        if len(found) < most.rows:
            before = query.where(_ROWS.due_us <= own.due_us, place < given).order_by(
                _ROWS.due_us.desc(), _ROWS.id.desc()
            )
            found += _rows(tx, before, most.rows - len(found))
    numbers, room = [number], most.all_bytes - int(own.bytes)
    for one, size, fresh in found:
        if fresh and len(numbers) < most.rows and size <= most.each_bytes and size <= room:
            numbers.append(one)
            room -= size
    return numbers


def _rows(tx: Transaction, query: Select[Any], most: int) -> list[Any]:
    return list(tx.run("deliveries", query.limit(most).with_for_update(skip_locked=True)).all())
