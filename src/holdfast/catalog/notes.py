"""Notes: what people wrote on the timeline."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import func, insert, select
from sqlalchemy.engine import RowMapping

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, NoteRow, Page, cursor_of, new_ids, read_cursor

_NOTES = schema.notes.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody wrote. `camera` is None where it is about the whole site."""

    uid: str
    at_us: int
    words: str
    created_us: int
    camera: str | None = None
    site: str = ""
    author: str = ""


def add(tx: Transaction, node: int, note: Note) -> Id:
    """Add a note; the one that is there already where `uid` is known.

    Raises:
        CatalogError: There are no words in it.
    """
    found = tx.run("notes", select(_NOTES.node, _NOTES.id).where(_NOTES.uid == note.uid)).one_or_none()
    if found is not None:
        return Id(int(found.node), int(found.id))
    number = new_ids(tx, node, "notes")[0]
    row = {**asdict(note), "node": node, "id": number}
    tx.run("notes", insert(schema.notes).values(row))
    return Id(node, number)


def add_missing(tx: Transaction, node: int, found: Iterable[Note]) -> int:
    """Add those notes whose `uid` is not known, and return how many.

    Raises:
        CatalogError: There are no words in one.
    """
    known = set(tx.run("notes", select(_NOTES.uid)).scalars())
    missing = [note for note in found if note.uid not in known]
    for note in missing:
        add(tx, node, note)
    return len(missing)


def page(
    tx: Transaction,
    *,
    camera: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    limit: int = PAGE,
    cursor: str | None = None,
) -> Page[NoteRow]:
    """List notes by the instant that they are about, oldest first.

    Args:
        tx: A transaction.
        camera: Only notes about this camera, ignoring case, and about the whole site.
        from_us: Only about this instant or later.
        to_us: Only about instants before this one.
        limit: Rows a page.
        cursor: Where the page before ended.
    """
    query = select(schema.notes).order_by(_NOTES.at_us, _NOTES.node, _NOTES.id)
    if camera is not None:
        query = query.where((func.lower(_NOTES.camera) == camera.lower()) | _NOTES.camera.is_(None))
    if from_us is not None:
        query = query.where(_NOTES.at_us >= from_us)
    if to_us is not None:
        query = query.where(_NOTES.at_us < to_us)
    if cursor is not None:
        at_us, node, number = read_cursor(cursor, 3)
        later = (_NOTES.node > node) | ((_NOTES.node == node) & (_NOTES.id > number))
        query = query.where((_NOTES.at_us > at_us) | ((_NOTES.at_us == at_us) & later))
    limit = max(1, min(limit, PAGE_MAX))
    rows = [_row(row) for row in tx.run("notes", query.limit(limit + 1)).mappings()]
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(tuple(rows[:limit]), cursor_of(last.at_us, last.id.node, last.id.number) if last else None)


def beside(tx: Transaction, camera: str, at_us: int, *, later: bool) -> NoteRow | None:
    """Return the next note after an instant, or the last before it, about a camera or the whole site; None for none."""
    query = select(schema.notes).where((func.lower(_NOTES.camera) == camera.lower()) | _NOTES.camera.is_(None))
    if later:
        query = query.where(_NOTES.at_us > at_us).order_by(_NOTES.at_us)
    else:
        query = query.where(_NOTES.at_us < at_us).order_by(_NOTES.at_us.desc())
    row = tx.run("notes", query.limit(1)).mappings().one_or_none()
    return None if row is None else _row(row)


def note_of(row: NoteRow) -> Note:
    """Return what somebody wrote, without its place in the catalog."""
    return Note(**{name: getattr(row, name) for name in Note.__dataclass_fields__})


def _row(row: RowMapping) -> NoteRow:
    names = [name for name in NoteRow.__dataclass_fields__ if name != "id"]
    return NoteRow(id=Id(int(row["node"]), int(row["id"])), **{name: row[name] for name in names})
