"""Holds: spans of cameras that must stay, as people and bookings set them.

What events and incidents hold follows from their rows (`spans` of those modules); only what came back from kept
journals after the catalog was lost stands here too. Not here: writing them down durably (library.holds).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.engine import RowMapping

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import Id, new_ids
from holdfast.core.errors import NotFound
from holdfast.core.incident import LOST
from holdfast.core.retention import Hold, HoldKind
from holdfast.core.timing import SECOND_US

_HOLDS = schema.holds.c
_EVENTS = schema.events.c
_INCIDENTS = schema.incidents.c

AROUND_US = 30 * SECOND_US  # chosen: what led to an incident and what came of it


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """A hold. Times in `_us`; `released_us` is None while it stands."""

    id: Id
    hold: Hold
    who: str
    set_us: int
    released_us: int | None
    released_by: str


def put(tx: Transaction, node: int, hold: Hold, *, who: str, set_us: int) -> Id:
    """Write a hold; one of that name is changed, and stands again where it was released."""
    values: dict[str, Any] = {
        "camera": hold.camera, "from_us": hold.from_us, "to_us": hold.to_us, "kind": hold.kind.value, "why": hold.why,
        "who": who, "set_us": set_us, "released_us": None, "released_by": "",
    }  # fmt: skip
    same = (_HOLDS.node == node) & (_HOLDS.uid == hold.uid)
    known = tx.run("holds", select(_HOLDS.id).where(same)).scalar()
    if known is not None:
        tx.run("holds", update(schema.holds).where(same).values(**values))
        return Id(node, int(known))
    number = new_ids(tx, node, "holds")[0]
    tx.run("holds", insert(schema.holds).values(node=node, id=number, uid=hold.uid, **values))
    return Id(node, number)


def restore(tx: Transaction, node: int, lost: Sequence[tuple[Hold, str, int]]) -> None:
    """Write many holds that no row has, each with who set it and when."""
    if lost:
        numbers = new_ids(tx, node, "holds", len(lost))
        rows = [
            {
                "node": node, "id": number, "uid": hold.uid, "camera": hold.camera, "from_us": hold.from_us,
                "to_us": hold.to_us, "kind": hold.kind.value, "why": hold.why, "who": who, "set_us": set_us,
                "released_us": None, "released_by": "",
            }
            for number, (hold, who, set_us) in zip(numbers, lost, strict=True)
        ]  # fmt: skip
        tx.run("holds", insert(schema.holds), rows)


def drop(tx: Transaction, hold: Id) -> None:
    """Forget a hold that never stood."""
    tx.run("holds", delete(schema.holds).where(_HOLDS.node == hold.node, _HOLDS.id == hold.number))


def release(tx: Transaction, node: int, uids: Iterable[str], *, who: str, now_us: int) -> None:
    """Release holds; those that were released stay as they are."""
    for uid in uids:
        where = (_HOLDS.node == node) & (_HOLDS.uid == uid) & _HOLDS.released_us.is_(None)
        tx.run("holds", update(schema.holds).where(where).values(released_us=now_us, released_by=who))


def get(tx: Transaction, hold: Id) -> HoldRow:
    """Return a hold.

    Raises:
        NotFound: There is none.
    """
    row = tx.run("holds", _query().where(_HOLDS.node == hold.node, _HOLDS.id == hold.number)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no hold {hold}", hint="holdfast hold list shows all")
    return _row(row)


def listed(
    tx: Transaction, node: int, *, camera: str | None = None, released: bool = False,
    kinds: Iterable[HoldKind] | None = None, after_us: int | None = None, uid: str | None = None,
) -> list[HoldRow]:  # fmt: skip
    """Return the holds of a node, newest span first: those that stand, or all of them.

    Args:
        tx: The transaction.
        node: Whose.
        camera: Only this one's.
        released: Those that were released, too.
        kinds: Only these.
        after_us: Only those that end later.
        uid: Only the one of this name.
    """
    query = _query().where(_HOLDS.node == node)
    if camera is not None:
        query = query.where(_HOLDS.camera == camera)
    if not released:
        query = query.where(_HOLDS.released_us.is_(None))
    if kinds is not None:
        query = query.where(_HOLDS.kind.in_([kind.value for kind in kinds]))
    if after_us is not None:
        query = query.where(_HOLDS.to_us > after_us)
    if uid is not None:
        query = query.where(_HOLDS.uid == uid)
    return [_row(row) for row in tx.run("holds", query.order_by(_HOLDS.from_us.desc(), _HOLDS.id.desc())).mappings()]


def of_events(
    tx: Transaction, node: int, camera: str, since_us: int, now_us: int, *, changed_us: int = 0
) -> list[Hold]:  # fmt: skip
    """Return the footage that belongs to events of a camera, for those that lasted after `since_us`.

    Only those whose rows were written at `changed_us` or later, and those that last.
    """
    columns = (_EVENTS.id, _EVENTS.from_us, _EVENTS.to_us, _EVENTS.kind)
    where = (_EVENTS.node == node) & (_EVENTS.camera == camera)
    where &= _EVENTS.to_us.is_(None) | (_EVENTS.updated_us >= changed_us)
    where &= _EVENTS.to_us.is_(None) | (_EVENTS.to_us > since_us)
    return [
        Hold(
            uid=f"event:{camera}:{row.from_us}", camera=camera, kind=HoldKind.EVENT, why=row.kind,
            from_us=int(row.from_us), to_us=max(int(row.from_us), now_us if row.to_us is None else int(row.to_us)),
        )
        for row in tx.run("events", select(*columns).where(where).order_by(_EVENTS.start_us, _EVENTS.id))
    ]  # fmt: skip


def of_incidents(
    tx: Transaction, node: int, camera: str, since_us: int, now_us: int, *, changed_us: int = 0
) -> list[Hold]:  # fmt: skip
    """Return the spans of a camera's incidents that footage shows, for those that lasted after `since_us`.

    Only those whose rows were written at `changed_us` or later. Discarded ones hold nothing, and where there was no
    picture there is nothing to hold.
    """
    columns = (_INCIDENTS.id, _INCIDENTS.start_us, _INCIDENTS.end_us, _INCIDENTS.type)
    where = (_INCIDENTS.node == node) & (_INCIDENTS.camera == camera) & _INCIDENTS.discarded.is_(False)
    where &= _INCIDENTS.updated_us >= changed_us
    where &= _INCIDENTS.type.not_in(sorted(LOST)) & (_INCIDENTS.end_us.is_(None) | (_INCIDENTS.end_us > since_us))
    return [
        Hold(
            uid=f"incident:{camera}:{row.type}:{row.start_us}", camera=camera, kind=HoldKind.INCIDENT, why=row.type,
            from_us=int(row.start_us) - AROUND_US,
            to_us=max(int(row.start_us), now_us if row.end_us is None else int(row.end_us)) + AROUND_US,
        )
        for row in tx.run("incidents", select(*columns).where(where).order_by(_INCIDENTS.start_us, _INCIDENTS.id))
    ]  # fmt: skip


def _query() -> Select[Any]:
    return select(schema.holds)


def _row(row: RowMapping) -> HoldRow:
    hold = Hold(
        uid=row["uid"], camera=row["camera"], from_us=int(row["from_us"]), to_us=int(row["to_us"]),
        kind=HoldKind(row["kind"]), why=row["why"],
    )  # fmt: skip
    return HoldRow(
        id=Id(int(row["node"]), int(row["id"])), hold=hold, who=row["who"], set_us=int(row["set_us"]),
        released_us=row["released_us"], released_by=row["released_by"],
    )  # fmt: skip
