"""Chores: what a node does by itself again and again. A row each, which is never done but becomes due anew.

Not here: claims (claims), what is done (work.chores).
"""

from collections.abc import Collection

from sqlalchemy import delete, insert, select, update

from holdfast.catalog import claims, schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import new_ids
from holdfast.catalog.schema_work import FAILED, PENDING

NOUN = "chores"

_ROWS = schema.chores.c


def ensure(tx: Transaction, node: int, names: Collection[str], now_us: int) -> None:
    """Let a node have exactly these chores; a new one is due at once, and one that failed for good is tried again."""
    known = set(tx.run(NOUN, select(_ROWS.name).where(_ROWS.node == node)).scalars())
    for name in sorted(known - set(names)):
        tx.run(NOUN, delete(schema.chores).where((_ROWS.node == node) & (_ROWS.name == name)))
    fresh = sorted(set(names) - known)
    for number, name in zip(new_ids(tx, node, NOUN, len(fresh)) if fresh else (), fresh, strict=True):
        row = {"node": node, "id": number, "name": name, **claims.fresh(name, now_us)}
        tx.run(NOUN, insert(schema.chores).values(**row))
    ended = (_ROWS.node == node) & (_ROWS.state == FAILED)
    again = update(schema.chores).where(ended).values(state=PENDING, due_us=now_us, attempts=0, lost=0)
    if tx.run(NOUN, again.values(fence=_ROWS.fence + 1)).rowcount or fresh:
        claims.announce(tx)


def names(tx: Transaction, node: int) -> list[str]:
    """Return the chores of a node."""
    return list(tx.run(NOUN, select(_ROWS.name).where(_ROWS.node == node).order_by(_ROWS.name)).scalars())
