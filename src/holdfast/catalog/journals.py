"""Journals: how far each one has been read into the catalog."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import Id, new_ids

_JOURNALS = schema.journals.c
_FEW = 100  # chosen: a pass changes one or two; a rebuild changes all, and then one list is quicker


@dataclass(frozen=True, slots=True)
class Read:
    """How far a journal has been read: bytes, and the chain value of the last line."""

    read_bytes: int
    chain: str


def positions(tx: Transaction, stream: Id, days: Iterable[str] | None = None) -> dict[tuple[str, str], Read]:
    """Return how far each journal of a stream has been read, by (volume, day): of some days, or of all."""
    joined = schema.journals.join(schema.volumes)
    columns = (schema.volumes.c.name, _JOURNALS.day, _JOURNALS.read_bytes, _JOURNALS.chain)
    where = (_JOURNALS.node == stream.node) & (_JOURNALS.stream_id == stream.number)
    if days is not None:
        where &= _JOURNALS.day.in_(sorted(days))
    rows = tx.run("journals", select(*columns).select_from(joined).where(where))
    return {(row.name, row.day): Read(int(row.read_bytes), row.chain) for row in rows}


def set_positions(
    tx: Transaction, stream: Id, volumes: Mapping[str, int], changed: Mapping[tuple[str, str], Read]
) -> None:
    """Note how far some journals have been read now."""
    known = positions(tx, stream, {day for _, day in changed}) if len(changed) < _FEW else positions(tx, stream)
    for (volume, day), read in changed.items():
        place = {"node": stream.node, "stream_id": stream.number, "volume_id": volumes[volume], "day": day}
        values = {"read_bytes": read.read_bytes, "chain": read.chain}
        if (volume, day) in known:
            where = [column == place[column.name] for column in _JOURNALS if column.name in place]
            tx.run("journals", update(schema.journals).where(*where).values(values))
        else:
            number = new_ids(tx, stream.node, "journals")[0]
            tx.run("journals", insert(schema.journals).values({**place, **values, "id": number}))


def forget(tx: Transaction, stream: Id) -> None:
    """Read a stream's journals from their beginning next time."""
    where = (_JOURNALS.node == stream.node) & (_JOURNALS.stream_id == stream.number)
    tx.run("journals", delete(schema.journals).where(where))
