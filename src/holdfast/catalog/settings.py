"""Settings that people changed while running: a row a key.

A key that was set back keeps its row, with the value null: so a catalog that has forgotten a setting (no row) can be
told from one where somebody took it back.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction

_SETTINGS = schema.settings.c


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """A setting. `value` goes before the file's; None where it was set back to it. `changed_us` is wall time, UTC."""

    key: str
    value: Any
    changed_us: int
    changed_by: str


def every(tx: Transaction, node: int) -> dict[str, SettingRow]:
    """Return all rows of a node by key, those that were set back too."""
    rows = tx.run("settings", select(schema.settings).where(_SETTINGS.node == node).order_by(_SETTINGS.key)).mappings()
    return {
        row["key"]: SettingRow(
            key=row["key"], value=json.loads(row["value"]), changed_us=int(row["changed_us"]),
            changed_by=row["changed_by"],
        )
        for row in rows
    }  # fmt: skip


def put(tx: Transaction, node: int, row: SettingRow) -> None:
    """Save a setting, in place of what was saved of its key before."""
    values = {
        "value": json.dumps(row.value, ensure_ascii=False), "changed_us": row.changed_us, "changed_by": row.changed_by,
    }  # fmt: skip
    where = (_SETTINGS.node == node) & (_SETTINGS.key == row.key)
    if not tx.run("settings", update(schema.settings).where(where).values(values)).rowcount:
        tx.run("settings", insert(schema.settings).values(node=node, key=row.key, **values))
