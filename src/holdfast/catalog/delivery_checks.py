"""Copies that were delivered, gone through anew: which come next, how far a walk is, and what was found wrong.

Not here: looking at them (work.reverify).
"""

from sqlalchemy import ColumnElement, func, insert, literal_column, select, update

from holdfast.catalog import claims, schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.deliveries import NOUN, DeliveryRow, of_columns
from holdfast.catalog.handing_on import Position, positions, set_position
from holdfast.core.delivery import DeliveryState

WALK = "@copies"
"""What stands in place of a rule's name where positions are kept; no rule can be called so."""

_ROWS = schema.deliveries.c
_DELIVERED: ColumnElement[str] = literal_column(f"'{DeliveryState.DELIVERED.value}'")


def walks(tx: Transaction, node: int) -> dict[str, Position]:
    """Return how far the copies of each target were gone through.

    `since_us` is when a walk began, `place` the number of the row up to which it is, `walked` 1 once it is over.
    """
    return positions(tx, node, WALK)


def set_walk(tx: Transaction, node: int, target: str, walk: Position) -> None:
    """Write how far a walk is."""
    set_position(tx, node, WALK, target, walk)


def following(tx: Transaction, node: int, target: str, walk: Position, most: int) -> list[DeliveryRow]:
    """Return the copies that come next in a walk: those that were verified before it began, by their number."""
    query = select(schema.deliveries).where(
        _ROWS.node == node, _ROWS.id > walk.place, _ROWS.target == target, _ROWS.state == _DELIVERED,
        _ROWS.object_us < walk.since_us,
    )  # fmt: skip
    return [of_columns(row) for row in tx.run(NOUN, query.order_by(_ROWS.id).limit(most)).mappings()]


def lost(
    tx: Transaction, row: DeliveryRow, state: DeliveryState, why: str, hint: str, memory: str, now_us: int
) -> bool:
    """Say that a copy is not what it was: its delivery is pending again, or failed where there is nothing to send.

    Args:
        tx: The transaction.
        row: The delivery as it was when its copy was looked at.
        state: `pending` or `failed`.
        why: What was found, in words.
        hint: What to do about it; empty where it is sent again.
        memory: What the next attempt needs to know.
        now_us: The time, from `claims.time_us`.

    Returns:
        False where somebody changed the row meanwhile: nothing was written.
    """
    values = {
        "state": state.value, "due_us": now_us, "attempts": 0, "lost": 0, "fence": func.coalesce(_ROWS.fence, 0) + 1,
        "error": why, "hint": hint, "address": "", "verified": "", "object_us": None, "row_us": None, "done_us": None,
        "memory": memory, "differed": 0, "last_us": now_us,
    }  # fmt: skip
    where = [
        _ROWS.node == row.id.node, _ROWS.id == row.id.number, _ROWS.state == _DELIVERED,
        _ROWS.object_us == row.object_us,
    ]  # fmt: skip
    changed = tx.run(NOUN, update(schema.deliveries).where(*where).values(**values).returning(_ROWS.fence)).first()
    if changed is None:
        return False
    line = {
        "node": row.id.node, "noun": NOUN, "row_id": row.id.number, "fence": int(changed.fence), "at_us": now_us,
        "what": "lost-copy", "worker": "", "attempt": 0, "error": why,
    }  # fmt: skip
    tx.run("work_history", insert(schema.work_history), [line])
    claims.announce(tx)
    return True
