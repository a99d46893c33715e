"""Events: what happened before cameras, from when to when, how sure that is, and its pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update
from sqlalchemy.engine import RowMapping

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, Page, cursor_of, new_ids, read_cursor
from holdfast.core.errors import NotFound
from holdfast.core.event import EventKind

_EVENTS = schema.events.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of an event. Times in `_us`, `end_us` and `to_us` None while it lasts; files lie on `volume`.

    `objects` is what its pictures show, as core.objects writes it; None while nobody looked. `label` is that in words.
    """

    camera: str
    kind: EventKind
    start_us: int
    end_us: int | None
    from_us: int
    to_us: int | None
    score: float
    confidence: float
    label: str = ""
    objects: str | None = None
    volume: str = ""
    picture_a: str = ""
    picture_b: str = ""
    thumbnail: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Its pictures that there are."""
        return tuple(file for file in (self.picture_a, self.picture_b, self.thumbnail) if file)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as it stands in the catalog."""

    id: Id
    told: Told
    reviewed: bool
    reviewed_by: str
    created_us: int
    updated_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events a list shows; None for all. `open` is True for those that last, False for those that are over.

    `label` is what was recognised in them, whatever its capitals.
    """

    node: int | None = None
    camera: str | None = None
    kind: EventKind | None = None
    from_us: int | None = None
    to_us: int | None = None
    confidence: float | None = None
    label: str | None = None
    reviewed: bool | None = None
    open: bool | None = None


def put(tx: Transaction, node: int, told: Told, now_us: int, *, seek: bool = False) -> Id:
    """Write how an event stands: a new row for one that begins, what changed for one that is known.

    Args:
        tx: The transaction.
        node: Whose event.
        told: How it stands. What was recognised in one that moves stays as `recognise` wrote it.
        now_us: Wall time.
        seek: Its pictures are to be looked through, as often as there is another one, and once it is over.

    Raises:
        CatalogError: It makes no sense, such as a second one that lasts at a camera.
    """
    values = {name: getattr(told, name) for name in Told.__dataclass_fields__} | {"updated_us": now_us}
    same = (_EVENTS.node == node) & (_EVENTS.camera == told.camera)
    same &= (_EVENTS.kind == told.kind.value) & (_EVENTS.start_us == told.start_us)
    values["kind"] = told.kind.value
    shown = (told.picture_a, told.picture_b, told.end_us)
    known = tx.run("events", select(_EVENTS.id, _EVENTS.picture_a, _EVENTS.picture_b, _EVENTS.end_us).where(same))
    found = known.one_or_none()
    if found is not None:
        if told.kind is EventKind.MOTION:
            del values["label"], values["objects"]
        if seek and tuple(found)[1:] != shown:
            values["sought"] = True
        tx.run("events", update(schema.events).where(same).values(**values))
        return Id(node, int(found.id))
    if told.kind is EventKind.MOTION and told.end_us is None:
        # Whoever wrote what still lasts here has lost its memory; nobody else would ever end it.
        lost = (_EVENTS.node == node) & (_EVENTS.camera == told.camera) & _EVENTS.end_us.is_(None)
        ended = {"end_us": _EVENTS.start_us, "to_us": _EVENTS.start_us, "updated_us": now_us}
        tx.run("events", update(schema.events).where(lost & (_EVENTS.kind == told.kind.value)).values(**ended))
    number = new_ids(tx, node, "events")[0]
    row = {"node": node, "id": number, **values, "reviewed": False, "reviewed_by": "", "created_us": now_us}
    row["sought"] = seek
    tx.run("events", insert(schema.events).values(row))
    return Id(node, number)


def sought(
    tx: Transaction,
    node: int,
    cameras: Sequence[str],
    limit: int,
    *,
    volumes: Sequence[str],
    without: Sequence[Id] = (),
) -> list[EventRow]:
    """Return events of some cameras of a node whose pictures wait to be looked through, newest first.

    Args:
        tx: The transaction.
        node: Whose events.
        cameras: Of which cameras.
        limit: How many at most.
        volumes: Where pictures can be read; those without any picture come, too.
        without: Events that are left out.
    """
    query = select(schema.events).where(_EVENTS.sought, _EVENTS.node == node, _EVENTS.camera.in_(cameras))
    query = query.where(_EVENTS.volume.in_(["", *volumes]))
    if numbers := [event.number for event in without if event.node == node]:
        query = query.where(_EVENTS.id.not_in(numbers))
    return [_row(row) for row in tx.run("events", query.order_by(_EVENTS.start_us.desc()).limit(limit)).mappings()]


def give_up(tx: Transaction, seen: EventRow) -> None:
    """Look no more through the pictures that an event had when it was seen; what they show stays untold."""
    tx.run("events", update(schema.events).where(_stands(seen)).values(sought=False))


def recognise(tx: Transaction, seen: EventRow, *, objects: str, label: str, now_us: int) -> None:
    """Write what was recognised in the pictures of an event.

    Where there is another picture by now, or it is over, it waits again. One that was deleted stays so.

    Args:
        tx: The transaction.
        seen: The event as it was when it was looked through.
        objects: What each picture shows, as core.objects writes it.
        label: The same in words.
        now_us: Wall time.
    """
    said = {"objects": objects, "label": label, "updated_us": now_us}
    tx.run("events", update(schema.events).where(_is(seen.id)).values(**said))
    tx.run("events", update(schema.events).where(_stands(seen)).values(sought=False))


def get(tx: Transaction, event: Id) -> EventRow:
    """Return an event.

    Raises:
        NotFound: There is none.
    """
    query = select(schema.events).where(_is(event))
    row = tx.run("events", query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no event {event}", hint="it may have been deleted, or purged after its time")
    return _row(row)


def page(tx: Transaction, wanted: Wanted, *, limit: int = PAGE, cursor: str | None = None) -> Page[EventRow]:
    """List events by their start, newest first."""
    query = _chosen(select(schema.events), wanted)
    if cursor is not None:
        start_us, node, number = read_cursor(cursor, 3)
        query = query.where(_before(start_us, Id(node, number)))
    limit = max(1, min(limit, PAGE_MAX))
    query = query.order_by(*_order(wanted)).limit(limit + 1)
    rows = [_row(row) for row in tx.run("events", query).mappings()]
    last = rows[limit - 1] if len(rows) > limit else None
    following = cursor_of(last.told.start_us, last.id.node, last.id.number) if last else None
    return Page(tuple(rows[:limit]), following)


def neighbours(tx: Transaction, row: EventRow, wanted: Wanted) -> tuple[Id | None, Id | None]:
    """Return the events before and after one among those that are wanted; None where there are no more."""
    ids = select(_EVENTS.node, _EVENTS.id)
    back = _chosen(ids, wanted).where(_before(row.told.start_us, row.id))
    back = back.order_by(*_order(wanted)).limit(1)
    later = (_EVENTS.node > row.id.node) | ((_EVENTS.node == row.id.node) & (_EVENTS.id > row.id.number))
    on = _chosen(ids, wanted).where(
        (_EVENTS.start_us >= row.told.start_us) & ((_EVENTS.start_us > row.told.start_us) | later)
    )
    on = on.order_by(_start(wanted), _EVENTS.node, _EVENTS.id).limit(1)
    found = [tx.run("events", query).one_or_none() for query in (back, on)]
    before, after = (None if one is None else Id(int(one.node), int(one.id)) for one in found)
    return before, after


def count(tx: Transaction, wanted: Wanted) -> int:
    """Count events."""
    return int(tx.run("events", _chosen(select(func.count()).select_from(schema.events), wanted)).scalar() or 0)


def review(tx: Transaction, event: Id, who: str, *, reviewed: bool, now_us: int) -> EventRow:
    """Say that somebody has looked at an event, or take it back.

    Raises:
        NotFound: There is none.
    """
    where = _is(event)
    said = {"reviewed": reviewed, "reviewed_by": who if reviewed else "", "updated_us": now_us}
    tx.run("events", update(schema.events).where(where).values(**said))
    return get(tx, event)


def drop(tx: Transaction, seen: EventRow) -> bool:
    """Delete an event that is over and as it was seen, unless somebody marked it as looked at meanwhile.

    Args:
        tx: The transaction.
        seen: The event as it was; one that has another picture by now is another matter.

    Returns:
        Whether it was deleted; its files go after it.
    """
    where = _stands(seen) & ~_EVENTS.reviewed & _EVENTS.end_us.is_not(None)
    return tx.run("events", delete(schema.events).where(where)).rowcount > 0


def remove(tx: Transaction, events: Sequence[Id]) -> None:
    """Delete events; their files go first."""
    for node in {event.node for event in events}:
        numbers = [event.number for event in events if event.node == node]
        tx.run("events", delete(schema.events).where(_EVENTS.node == node, _EVENTS.id.in_(numbers)))


def _is(event: Id) -> ColumnElement[bool]:
    return (_EVENTS.node == event.node) & (_EVENTS.id == event.number)


def _stands(seen: EventRow) -> ColumnElement[bool]:
    """Match an event while it has the pictures and the end that it had when it was seen."""
    same = (_EVENTS.picture_a == seen.told.picture_a) & (_EVENTS.picture_b == seen.told.picture_b)
    return _is(seen.id) & same & _EVENTS.end_us.is_not_distinct_from(seen.told.end_us)


def _order(wanted: Wanted) -> tuple[Any, ...]:
    return _start(wanted).desc(), _EVENTS.node.desc(), _EVENTS.id.desc()


def _start(wanted: Wanted) -> Any:
    # What lasts is a handful: SQLite is to find those and sort them, and not to look for them among all in order.
    return _EVENTS.start_us + 0 if wanted.open else _EVENTS.start_us


def _before(start_us: int, event: Id) -> Any:
    earlier = (_EVENTS.node < event.node) | ((_EVENTS.node == event.node) & (_EVENTS.id < event.number))
    # The first half alone is what an index can follow.
    return (_EVENTS.start_us <= start_us) & ((_EVENTS.start_us < start_us) | earlier)


def _chosen(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.node is not None:
        # Who asks by node asks for what is old: all rows of a node, found first, would be gone through.
        query = query.where(_EVENTS.node + 0 == wanted.node)
    words = {"camera": wanted.camera, "kind": None if wanted.kind is None else wanted.kind.value}
    for name, value in words.items():
        if value is not None:
            # Of what lasts, a handful, no other index is to be taken than its own.
            query = query.where((_EVENTS[name] + "" if wanted.open else _EVENTS[name]) == value)
    if wanted.reviewed is not None:
        query = query.where(_EVENTS.reviewed == wanted.reviewed)
    if wanted.from_us is not None:
        query = query.where(_EVENTS.start_us >= wanted.from_us)
    if wanted.to_us is not None:
        query = query.where(_EVENTS.start_us < wanted.to_us)
    if wanted.confidence is not None:
        query = query.where(_EVENTS.confidence >= wanted.confidence)
    if wanted.label is not None:
        query = query.where(_shows(wanted.label))
    if wanted.open is not None:
        query = query.where(_EVENTS.end_us.is_(None) if wanted.open else _EVENTS.end_us.is_not(None))
    return query


def _shows(label: str) -> ColumnElement[bool]:
    """Match a label within `person 0.87, dog 0.52`, and not one that begins or ends alike."""
    plain = label.replace("/", "//").replace("%", "/%").replace("_", "/_")
    # One comparison, and none of what shows nothing: a rare label is looked for in all events.
    listed = ", " + _EVENTS.label + ", "
    return (_EVENTS.label != "") & listed.ilike(f"%, {plain} _.__, %", escape="/")


def _row(row: RowMapping) -> EventRow:
    said = {name: row[name] for name in Told.__dataclass_fields__} | {"kind": EventKind(row["kind"])}
    return EventRow(
        id=Id(int(row["node"]), int(row["id"])), told=Told(**said), reviewed=bool(row["reviewed"]),
        reviewed_by=row["reviewed_by"], created_us=int(row["created_us"]), updated_us=int(row["updated_us"]),
    )  # fmt: skip
