"""Incidents: what was wrong, from when to when, what people said about it, and its pictures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.engine import RowMapping

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, Page, cursor_of, new_ids, read_cursor
from holdfast.core.errors import NotFound
from holdfast.core.incident import Case, IncidentType, Stage

_INCIDENTS = schema.incidents.c
_EVIDENCE = schema.evidence.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What people said about an incident. Times in `_us`, None while nobody did."""

    checked: bool = False
    check_type: str | None = None
    checked_by: str = ""
    checked_us: int | None = None
    discarded: bool = False
    discard_type: str = ""
    discarded_by: str = ""
    discarded_us: int | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of an incident: `number` from 1 at its begin, 0 at its end; its file under the root of a volume."""

    number: int
    at_us: int
    volume: str
    file: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """An incident. `end_us` is None while it lasts; `seen` is what was measured when it began."""

    id: Id
    camera: str
    type: IncidentType
    start_us: int
    end_us: int | None
    count: int
    detail: str
    seen: dict[str, Any]
    review: Review
    created_us: int
    updated_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which incidents a list shows; None for all. `open` is True for those that last, False for those that are over.

    `within` asks for what was there in the span: also what began before `from_us` and lasted beyond it.
    """

    node: int | None = None
    camera: str | None = None
    type: IncidentType | None = None
    open: bool | None = None
    from_us: int | None = None
    to_us: int | None = None
    discarded: bool | None = None
    within: bool = False


def put(
    tx: Transaction, node: int, camera: str, case: Case, *, detail: str = "", seen: Mapping[str, Any] | None = None,
    now_us: int,
) -> Id:  # fmt: skip
    """Write how an incident stands: a new row for one that begins, its end and count for one that is known.

    Args:
        tx: A writing transaction.
        node: The node's number.
        camera: The camera.
        case: The incident; resolved, its `good_us` is its end.
        detail: Why, in words.
        seen: What was measured when it began.
        now_us: Wall time.
    """
    end_us = case.good_us if case.stage is Stage.RESOLVED else None
    same = (_INCIDENTS.node == node) & (_INCIDENTS.camera == camera)
    same &= (_INCIDENTS.type == case.type.value) & (_INCIDENTS.start_us == case.start_us)
    number = tx.run("incidents", select(_INCIDENTS.id).where(same)).scalar()
    values: dict[str, Any] = {"end_us": end_us, "count": case.count, "updated_us": now_us}
    if number is not None:
        tx.run("incidents", update(schema.incidents).where(same).values(**values))
        return Id(node, int(number))
    number = new_ids(tx, node, "incidents")[0]
    row = {
        "node": node, "id": number, "camera": camera, "type": case.type.value, "start_us": case.start_us, **values,
        "detail": detail, "seen": json.dumps(dict(seen or {})), "checked": False, "check_type": None, "checked_by": "",
        "checked_us": None, "discarded": False, "discard_type": "", "discarded_by": "", "discarded_us": None,
        "comment": "", "created_us": now_us,
    }  # fmt: skip
    tx.run("incidents", insert(schema.incidents).values(row))
    return Id(node, number)


def add_pictures(tx: Transaction, incident: Id, pictures: Sequence[Picture]) -> None:
    """Say which files show an incident; one whose number is known is not added again."""
    where = (_EVIDENCE.node == incident.node) & (_EVIDENCE.incident_id == incident.number)
    known = set(tx.run("evidence", select(_EVIDENCE.number).where(where)).scalars())
    new = [picture for picture in pictures if picture.number not in known]
    if not new:
        return
    ids = new_ids(tx, incident.node, "evidence", len(new))
    rows = [
        {
            "node": incident.node, "id": number, "incident_id": incident.number,
            **{name: getattr(picture, name) for name in Picture.__dataclass_fields__},
        }
        for number, picture in zip(ids, new, strict=True)
    ]  # fmt: skip
    tx.run("evidence", insert(schema.evidence), rows)


def pictures(tx: Transaction, incidents: Sequence[Id]) -> dict[Id, list[Picture]]:
    """Return the pictures of some incidents, those of the begin first."""
    found: dict[Id, list[Picture]] = {incident: [] for incident in incidents}
    names = list(Picture.__dataclass_fields__)
    for node in {incident.node for incident in incidents}:
        numbers = [incident.number for incident in incidents if incident.node == node]
        query = select(_EVIDENCE.incident_id, *(_EVIDENCE[name] for name in names))
        query = query.where((_EVIDENCE.node == node) & _EVIDENCE.incident_id.in_(numbers))
        for row in tx.run("evidence", query.order_by(_EVIDENCE.at_us, _EVIDENCE.number)).mappings():
            picture = Picture(**{name: row[name] for name in names})
            found[Id(node, int(row["incident_id"]))].append(picture)
    return found


def get(tx: Transaction, incident: Id) -> IncidentRow:
    """Return an incident.

    Raises:
        NotFound: There is none.
    """
    query = select(schema.incidents).where((_INCIDENTS.node == incident.node) & (_INCIDENTS.id == incident.number))
    row = tx.run("incidents", query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no incident {incident}", hint="it may have been cleared, or purged after its time")
    return _row(row)


def page(tx: Transaction, wanted: Wanted, *, limit: int = PAGE, cursor: str | None = None) -> Page[IncidentRow]:
    """List incidents by their start, newest first."""
    # What lasts is a handful: SQLite is to find those and sort them, and not to look for them among all in order.
    start = _INCIDENTS.start_us + 0 if wanted.open else _INCIDENTS.start_us
    order = (start.desc(), _INCIDENTS.node.desc(), _INCIDENTS.id.desc())
    query = _chosen(select(schema.incidents), wanted).order_by(*order)
    if cursor is not None:
        start_us, node, number = read_cursor(cursor, 3)
        before = (_INCIDENTS.node < node) | ((_INCIDENTS.node == node) & (_INCIDENTS.id < number))
        query = query.where((_INCIDENTS.start_us < start_us) | ((_INCIDENTS.start_us == start_us) & before))
    limit = max(1, min(limit, PAGE_MAX))
    rows = [_row(row) for row in tx.run("incidents", query.limit(limit + 1)).mappings()]
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(tuple(rows[:limit]), cursor_of(last.start_us, last.id.node, last.id.number) if last else None)


def counts(tx: Transaction, wanted: Wanted) -> dict[IncidentType, int]:
    """Count incidents by type; those that were discarded are left out unless they are asked for."""
    if wanted.discarded is None:
        wanted = Wanted(
            node=wanted.node, camera=wanted.camera, type=wanted.type, open=wanted.open, from_us=wanted.from_us,
            to_us=wanted.to_us, discarded=False,
        )  # fmt: skip
    kind = _INCIDENTS.type + "" if wanted.open else _INCIDENTS.type
    query = _chosen(select(kind.label("type"), func.count().label("number")), wanted).group_by(kind)
    return {IncidentType(row.type): int(row.number) for row in tx.run("incidents", query)}


def review(tx: Transaction, incident: Id, said: Mapping[str, Any], now_us: int) -> IncidentRow:
    """Write what somebody said about an incident: columns of `Review`.

    Raises:
        NotFound: There is no such incident.
        CatalogError: It makes no sense.
    """
    get(tx, incident)
    where = (_INCIDENTS.node == incident.node) & (_INCIDENTS.id == incident.number)
    tx.run("incidents", update(schema.incidents).where(where).values(**said, updated_us=now_us))
    return get(tx, incident)


def remove(tx: Transaction, incidents: Sequence[Id]) -> None:
    """Delete incidents and what is known of their pictures; their files go first."""
    for node in {incident.node for incident in incidents}:
        numbers = [incident.number for incident in incidents if incident.node == node]
        tx.run("evidence", delete(schema.evidence).where(_EVIDENCE.node == node, _EVIDENCE.incident_id.in_(numbers)))
        tx.run("incidents", delete(schema.incidents).where(_INCIDENTS.node == node, _INCIDENTS.id.in_(numbers)))


def _chosen(query: Select[Any], wanted: Wanted) -> Select[Any]:
    # Columns that are made to nothing else, as `camera + ""`, keep SQLite from other indexes than that of what lasts.
    if wanted.node is not None:
        # Who asks by node asks for what is old or lasts: all rows of a node, found first, would be gone through.
        query = query.where(_INCIDENTS.node + 0 == wanted.node)
    if wanted.camera is not None:
        query = query.where((_INCIDENTS.camera + "" if wanted.open else _INCIDENTS.camera) == wanted.camera)
    if wanted.type is not None:
        query = query.where((_INCIDENTS.type + "" if wanted.open else _INCIDENTS.type) == wanted.type.value)
    if wanted.open is not None:
        query = query.where(_INCIDENTS.end_us.is_(None) if wanted.open else _INCIDENTS.end_us.is_not(None))
    if wanted.from_us is not None:
        begun = _INCIDENTS.start_us >= wanted.from_us
        lasted = _INCIDENTS.end_us.is_(None) | (_INCIDENTS.end_us > wanted.from_us)
        query = query.where(begun | lasted if wanted.within else begun)
    if wanted.to_us is not None:
        query = query.where(_INCIDENTS.start_us < wanted.to_us)
    if wanted.discarded is not None:
        discarded = func.coalesce(_INCIDENTS.discarded, False) if wanted.open else _INCIDENTS.discarded
        query = query.where(discarded.is_(wanted.discarded))
    return query


def _row(row: RowMapping) -> IncidentRow:
    said = Review(**{name: row[name] for name in Review.__dataclass_fields__})
    end_us = row["end_us"]
    return IncidentRow(
        id=Id(int(row["node"]), int(row["id"])), camera=row["camera"], type=IncidentType(row["type"]),
        start_us=int(row["start_us"]), end_us=None if end_us is None else int(end_us), count=int(row["count"]),
        detail=row["detail"], seen=json.loads(row["seen"]), review=said, created_us=int(row["created_us"]),
        updated_us=int(row["updated_us"]),
    )  # fmt: skip
