"""Stills, events and incidents as whole rows: those that changed, and those that a lost catalog knew.

Not here: what is asked of them day by day (stills, events, incidents), their journal (library.findings).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Double, Integer, Table, and_, or_, select

from holdfast.catalog import incidents, schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.incidents import Picture
from holdfast.catalog.rows import Id, new_ids
from holdfast.core.errors import BadInput
from holdfast.core.findings import Finding, Found

Place = tuple[int, int]
"""When a row was written last, and its id: the order in which rows are gone through."""

NOWHERE: Place = (-1, -1)
_EVIDENCE = tuple(Picture.__dataclass_fields__)


def changed(
    tx: Transaction, node: int, kind: Found, after: Place, until_us: int, limit: int
) -> list[tuple[Place, Finding]]:
    """Return rows that were written after a place, up to and with an instant, in that order.

    Args:
        tx: A transaction.
        node: Whose.
        kind: Which.
        after: The place of the last one that is known.
        until_us: Wall time; what is written later may be committed before what was begun earlier.
        limit: How many at most.
    """
    table = _table(kind)
    c, moment = table.c, table.c[kind.changed]
    later = or_(moment > after[0], and_(moment == after[0], c.id > after[1]))
    # The first half alone is what an index can follow.
    query = select(table).where(c.node == node, moment >= after[0], moment <= until_us, later)
    rows = [dict(row) for row in tx.run(kind.value, query.order_by(moment, c.id).limit(limit)).mappings()]
    shown = _pictures(tx, node, [row["id"] for row in rows]) if kind is Found.INCIDENT else {}
    return [
        ((row[kind.changed], row["id"]), Finding(kind, _without_node(row), tuple(shown.get(row["id"], ()))))
        for row in rows
    ]


def any_began(tx: Transaction, node: int, from_us: int, to_us: int) -> bool:
    """Say whether anything is known that began in a span, its end not in it."""
    for kind in Found:
        table = _table(kind)
        begin = table.c[kind.begin]
        query = select(table.c.id).where(table.c.node == node, begin >= from_us, begin < to_us).limit(1)
        if tx.run(kind.value, query).first() is not None:
            return True
    return False


def restore(tx: Transaction, node: int, kind: Found, findings: Sequence[Finding]) -> int:
    """Put back what is not there, and what is there as it was before; return how many that were.

    Ids stay as they were where nobody else has them by now. What still lasted when it was written ends with that: only
    whoever goes on with it knows better, and says so.

    Args:
        tx: A writing transaction.
        node: Whose.
        kind: Which of them these are.
        findings: What to put back; of two about the same thing the later one counts.

    Raises:
        BadInput: A line says something that no row may.
        CatalogError: The same, of what goes together.
    """
    latest = {finding.key: finding for finding in findings}
    rows = {key: _row(kind, node, finding.row) for key, finding in latest.items()}
    known = _known(tx, node, kind, rows)
    new = {key: row for key, row in rows.items() if key not in known or _tells_more(kind, row, known[key])}
    if not new:
        return 0
    _number(tx, node, kind, new, known)
    table = _table(kind)
    put = tx.insert(table)
    kept = {"node", "id", *kind.names}
    change = {column.name: put.excluded[column.name] for column in table.c if column.name not in kept}
    index = [table.c.node, *(table.c[name] for name in kind.names)]
    tx.run(kind.value, put.on_conflict_do_update(index_elements=index, set_=change), list(new.values()))
    for key, row in new.items():
        if pictures := latest[key].pictures:
            incidents.add_pictures(tx, Id(node, row["id"]), [_picture(one) for one in pictures])
    return len(new)


def _table(kind: Found) -> Table:
    return schema.metadata.tables[kind.value]


def _without_node(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "node"}


def _pictures(tx: Transaction, node: int, numbers: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    c = schema.evidence.c
    query = select(c.incident_id, *(c[name] for name in _EVIDENCE)).where(c.node == node, c.incident_id.in_(numbers))
    found: dict[int, list[dict[str, Any]]] = {}
    for row in tx.run("evidence", query.order_by(c.incident_id, c.number)).mappings():
        found.setdefault(row["incident_id"], []).append({name: row[name] for name in _EVIDENCE})
    return found


def _row(kind: Found, node: int, said: Mapping[str, Any]) -> dict[str, Any]:
    row = {column.name: _value(column, said) for column in _table(kind).c} | {"node": node}
    if kind is not Found.STILL and row["end_us"] is None:
        row["end_us"] = max(row["start_us"], row["updated_us"])
        if kind is Found.EVENT:
            row["to_us"] = row["end_us"]
    return row


def _value(column: Column[Any], said: Mapping[str, Any]) -> Any:
    """Return what a line says for a column; what one of an earlier version does not say is nothing, as in its row."""
    kind: type | tuple[type, ...] = str
    empty: Any = ""
    if isinstance(column.type, Boolean):
        kind, empty = bool, False
    elif isinstance(column.type, Integer):
        kind, empty = int, 0
    elif isinstance(column.type, Double):
        kind, empty = (int, float), 0.0
    value = said.get(column.name, None if column.nullable else empty)
    right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if not right and not (value is None and column.nullable):
        raise BadInput(f"{column.table.name}.{column.name} cannot be {value!r}"[:200])
    return value


def _picture(said: Mapping[str, Any]) -> Picture:
    values = {column.name: _value(column, said) for column in schema.evidence.c if column.name in _EVIDENCE}
    return Picture(**values)


def _known(
    tx: Transaction, node: int, kind: Found, rows: Mapping[tuple[Any, ...], Mapping[str, Any]]
) -> dict[tuple[Any, ...], Mapping[str, Any]]:  # fmt: skip
    """Return what the catalog knows of these, by the same keys."""
    c = _table(kind).c
    begins = {row[kind.begin] for row in rows.values()}
    state = [c.state] if kind is Found.STILL else []
    query = select(c.id, c[kind.changed], *(c[name] for name in kind.names), *state)
    query = query.where(c.node == node, c[kind.begin].between(min(begins), max(begins)))
    there = [dict(row) for row in tx.run(kind.value, query).mappings()]
    found = {(kind, *(row[name] for name in kind.names)): row for row in there}
    return {key: row for key, row in found.items() if key in rows}


def _tells_more(kind: Found, row: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    if kind is Found.STILL:
        return bool(row["state"] == "taken" and known["state"] == "missed")
    return bool(row["updated_us"] > known["updated_us"])


def _number(
    tx: Transaction, node: int, kind: Found, new: Mapping[tuple[Any, ...], dict[str, Any]],
    known: Mapping[tuple[Any, ...], Mapping[str, Any]],
) -> None:  # fmt: skip
    """Give each row the id that it had, where nobody else has it by now; a new one where somebody has."""
    c = _table(kind).c
    wanted = [row["id"] for row in new.values()]
    taken = {int(one) for one in tx.run(kind.value, select(c.id).where(c.node == node, c.id.in_(wanted))).scalars()}
    _draw(tx, node, kind, max(wanted))
    homeless = []
    for key, row in new.items():
        if key in known:
            row["id"] = known[key]["id"]
        elif row["id"] in taken or row["id"] <= 0:
            homeless.append(row)
        else:
            taken.add(row["id"])
    if homeless:
        for number, row in zip(new_ids(tx, node, kind.value, len(homeless)), homeless, strict=True):
            row["id"] = number


def _draw(tx: Transaction, node: int, kind: Found, most: int) -> None:
    """See to it that no id up to this one is ever given out again."""
    c = schema.ids.c
    last = int(tx.run("ids", select(c.last).where(c.node == node, c.noun == kind.value)).scalar() or 0)
    if most > last:
        new_ids(tx, node, kind.value, most - last)
