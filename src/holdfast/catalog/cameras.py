"""Cameras and streams: what is recorded, or was."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.engine import RowMapping

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, CameraRow, Id, Page, StreamRow, cursor_of, new_ids, read_cursor
from holdfast.core.camera import StreamKey
from holdfast.core.errors import NotFound

_CAMERAS = schema.cameras.c
_STREAMS = schema.streams.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is said about a camera.

    Attributes:
        camera: Its id; unique ignoring case.
        origin: `file` (configuration), `runtime` (added while running) or `found` (footage on disk, nothing else).
        site: Site id, or empty.
        location: Location id of the customer's own systems, or empty.
        enabled: False while it is switched off.
        settings: The keys of a camera table of the configuration, secrets apart; for `runtime` and only there.
    """

    camera: str
    origin: str
    site: str = ""
    location: str = ""
    enabled: bool = True
    settings: dict[str, Any] | None = None


def put(tx: Transaction, node: int, facts: Facts, now_us: int) -> Id:
    """Add a camera to a node, or change the one of that id; one that was removed is there again.

    Raises:
        CatalogError: The id is taken in other letters, or by another node.
    """
    camera, settings = facts.camera, facts.settings
    values: dict[str, Any] = {
        "site": facts.site,
        "location": facts.location,
        "enabled": facts.enabled,
        "origin": facts.origin,
        "settings": None if settings is None else json.dumps(settings, ensure_ascii=False, sort_keys=True),
        "removed_us": None,
    }
    what = f"camera {camera}"
    where = (_CAMERAS.node == node) & (_CAMERAS.camera == camera)
    row = tx.run(what, select(schema.cameras).where(where)).mappings().one_or_none()
    if row is None:
        number = new_ids(tx, node, "cameras")[0]
        identity = {"node": node, "id": number, "camera": camera, "created_us": now_us}
        tx.run(what, insert(schema.cameras).values({**identity, **values}))
        return Id(node, number)
    if any(row[name] != value for name, value in values.items()):
        tx.run(what, update(schema.cameras).where(where).values(values))
    return Id(node, int(row["id"]))


def remove(tx: Transaction, camera: str, now_us: int) -> None:
    """Mark a camera as taken away; its footage and rows stay.

    Raises:
        NotFound: There is none of that id.
    """
    where = (func.lower(_CAMERAS.camera) == camera.lower()) & _CAMERAS.removed_us.is_(None)
    changed = tx.run(f"camera {camera}", update(schema.cameras).where(where).values(removed_us=now_us))
    if changed.rowcount == 0:
        raise NotFound(f"there is no camera {camera}", hint="holdfast cameras list shows all")


def get(tx: Transaction, camera: str) -> CameraRow | None:
    """Return a camera by its id, ignoring case; removed ones too. None where there never was one."""
    query = select(schema.cameras).where(func.lower(_CAMERAS.camera) == camera.lower())
    row = tx.run(f"camera {camera}", query).mappings().one_or_none()
    return None if row is None else _camera(row)


def page(
    tx: Transaction,
    *,
    site: str | None = None,
    location: str | None = None,
    origin: str | None = None,
    removed: bool = False,
    limit: int = PAGE,
    cursor: str | None = None,
) -> Page[CameraRow]:
    """List cameras in the order in which they came; `removed` includes those taken away."""
    query = select(schema.cameras).order_by(_CAMERAS.node, _CAMERAS.id)
    for column, wanted in ((_CAMERAS.site, site), (_CAMERAS.location, location), (_CAMERAS.origin, origin)):
        if wanted is not None:
            query = query.where(column == wanted)
    if not removed:
        query = query.where(_CAMERAS.removed_us.is_(None))
    if cursor is not None:
        node, number = read_cursor(cursor, 2)
        query = query.where((_CAMERAS.node > node) | ((_CAMERAS.node == node) & (_CAMERAS.id > number)))
    limit = max(1, min(limit, PAGE_MAX))
    rows = [_camera(row) for row in tx.run("cameras", query.limit(limit + 1)).mappings()]
    more = len(rows) > limit
    last = rows[limit - 1].id if more else None
    return Page(tuple(rows[:limit]), cursor_of(last.node, last.number) if last else None)


def ensure_stream(tx: Transaction, node: int, key: StreamKey, now_us: int) -> StreamRow:
    """Return a stream, adding it where it is new; its camera too, as `found`, where nobody has spoken of it."""
    known = find_stream(tx, node, key)
    if known is not None:
        return known
    where = (_CAMERAS.node == node) & (_CAMERAS.camera == key.camera)
    camera = tx.run("cameras", select(_CAMERAS.id).where(where)).scalar()
    if camera is None:
        camera = put(tx, node, Facts(camera=key.camera, origin="found"), now_us).number
    number = new_ids(tx, node, "streams")[0]
    values = {"node": node, "id": number, "camera_id": camera, "stream": key.stream}
    tx.run("streams", insert(schema.streams).values(values))
    return StreamRow(id=Id(node, number), key=key, settled_us=None, tail=None)


def find_stream(tx: Transaction, node: int, key: StreamKey) -> StreamRow | None:
    """Return a stream of a node, None where it was never recorded there."""
    row = tx.run("streams", _stream_query(node).where(_same(key))).mappings().one_or_none()
    return None if row is None else _stream(row)


def streams(tx: Transaction, node: int | None = None, camera: str | None = None) -> list[StreamRow]:
    """List streams in the order of their names: of one node or of all, of one camera or of all."""
    query = _stream_query(node).order_by(func.lower(_CAMERAS.camera), _STREAMS.stream)
    if camera is not None:
        query = query.where(func.lower(_CAMERAS.camera) == camera.lower())
    return [_stream(row) for row in tx.run("streams", query).mappings()]


def set_tail(tx: Transaction, stream: Id, *, settled_us: int | None, tail: str | None) -> None:
    """Keep the indexer's memory of a stream."""
    where = (_STREAMS.node == stream.node) & (_STREAMS.id == stream.number)
    tx.run("streams", update(schema.streams).where(where).values(settled_us=settled_us, tail=tail))


def tail_of(tx: Transaction, stream: Id) -> str | None:
    """Return the indexer's memory of a stream, as it was last committed by whomever."""
    where = (_STREAMS.node == stream.node) & (_STREAMS.id == stream.number)
    found = tx.run("streams", select(_STREAMS.tail).where(where)).scalar()
    return None if found is None else str(found)


def _stream_query(node: int | None) -> Select[Any]:
    joined = schema.streams.join(schema.cameras)
    query = select(schema.streams, _CAMERAS.camera).select_from(joined)
    return query if node is None else query.where(_STREAMS.node == node)


def _same(key: StreamKey) -> Any:
    return (_CAMERAS.camera == key.camera) & (_STREAMS.stream == key.stream)


def _stream(row: RowMapping) -> StreamRow:
    return StreamRow(
        id=Id(int(row["node"]), int(row["id"])),
        key=StreamKey(row["camera"], row["stream"]),
        settled_us=row["settled_us"],
        tail=row["tail"],
    )


def _camera(row: RowMapping) -> CameraRow:
    settings = row["settings"]
    return CameraRow(
        id=Id(int(row["node"]), int(row["id"])),
        camera=row["camera"],
        site=row["site"],
        location=row["location"],
        enabled=bool(row["enabled"]),
        origin=row["origin"],
        settings=None if settings is None else json.loads(settings),
        created_us=row["created_us"],
        removed_us=row["removed_us"],
    )
