"""Exports that were asked for: rows of durable work, and what became of them.

Not here: claims and retries (claims), files (library.exports), making them (work.export).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from holdfast.catalog import claims, schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, Page, cursor_of, new_ids, read_cursor
from holdfast.core.errors import NotFound

NOUN = "exports"
PENDING, WORKING, DONE, FAILED, EXPIRED = "pending", "working", "done", "failed", "expired"

_ROWS = schema.exports.c


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """An export as it stands; columns as in the schema, times in `_us`."""

    id: Id
    state: str
    attempts: int
    due_us: int
    error: str
    hint: str
    streams: str
    from_us: int
    to_us: int
    format: str
    cut: bool
    asked_by: str
    purpose: str
    created_us: int
    name: str
    volume: str
    file: str
    bytes: int
    written_bytes: int
    sha256: str
    manifest: str
    complete: bool
    missing: str
    done_us: int | None
    expires_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks for; `streams` with spaces between them."""

    streams: str
    from_us: int
    to_us: int
    format: str
    cut: bool
    asked_by: str
    purpose: str


def add(tx: Transaction, node: int, wanted: Wanted, now_us: int) -> Id:
    """Ask for an export; whoever works on such rows begins at once."""
    number = new_ids(tx, node, NOUN)[0]
    values = {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}
    nothing = {
        "name": "", "volume": "", "file": "", "bytes": 0, "written_bytes": 0, "sha256": "", "manifest": "",
        "complete": False, "missing": "", "done_us": None, "expires_us": None,
    }  # fmt: skip
    row = {"node": node, "id": number, **claims.fresh("", now_us), **values, "created_us": now_us, **nothing}
    tx.run(NOUN, insert(schema.exports).values(**row))
    claims.announce(tx)
    return Id(node, number)


def get(tx: Transaction, export: Id) -> ExportRow:
    """Return one.

    Raises:
        NotFound: There is none.
    """
    where = (_ROWS.node == export.node) & (_ROWS.id == export.number)
    row = tx.run(NOUN, select(schema.exports).where(where)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no export {export}", hint="it may have been deleted")
    return of_columns(row)


def page(tx: Transaction, node: int, *, limit: int = PAGE, cursor: str | None = None) -> Page[ExportRow]:
    """List the exports of a node, newest first."""
    query = select(schema.exports).where(_ROWS.node == node).order_by(_ROWS.id.desc())
    if cursor is not None:
        query = query.where(_ROWS.id < read_cursor(cursor, 1)[0])
    limit = max(1, min(limit, PAGE_MAX))
    rows = [of_columns(row) for row in tx.run(NOUN, query.limit(limit + 1)).mappings()]
    return Page(tuple(rows[:limit]), cursor_of(rows[limit - 1].id.number) if len(rows) > limit else None)


def open_count(tx: Transaction, node: int) -> int:
    """Count those that wait or are being made."""
    where = (_ROWS.node == node) & _ROWS.state.in_([PENDING, WORKING])
    return int(tx.run(NOUN, select(func.count()).select_from(schema.exports).where(where)).scalar_one())


def over(tx: Transaction, node: int, now_us: int) -> list[ExportRow]:
    """Return those whose files are to go."""
    query = select(schema.exports).where(_ROWS.node == node, _ROWS.state == DONE, _ROWS.expires_us <= now_us)
    return [of_columns(row) for row in tx.run(NOUN, query).mappings()]


def expire(tx: Transaction, export: Id) -> bool:
    """Say that the file of one that was done is gone; False where it is in another state."""
    where = (_ROWS.node == export.node) & (_ROWS.id == export.number) & (_ROWS.state == DONE)
    return bool(tx.run(NOUN, update(schema.exports).where(where).values(state=EXPIRED, volume="", file="")).rowcount)


def remove(tx: Transaction, export: Id) -> None:
    """Forget one; whoever is making it is refused its result."""
    tx.run(NOUN, delete(schema.exports).where((_ROWS.node == export.node) & (_ROWS.id == export.number)))


def of_columns(row: Mapping[str, Any] | Any) -> ExportRow:
    """Read a row, such as one that was claimed."""
    plain = {name: row[name] for name in ExportRow.__dataclass_fields__ if name != "id"}
    return ExportRow(id=Id(int(row["node"]), int(row["id"])), **plain)
