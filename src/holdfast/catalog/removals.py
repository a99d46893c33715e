"""Removals: which footage there is to decide about, what is being deleted, and whether anything may be.

A file goes in four steps (docs/design/0015): its row here, its line in the kept journal, the file, and last this row
together with what the segment's row says. Whoever is killed in between leaves a row here, and the next pass goes on.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import SegmentRow, new_ids
from holdfast.core.retention import Piece
from holdfast.core.trust import Trust

_SEGMENTS = schema.segments.c
_STREAMS = schema.streams.c
_CAMERAS = schema.cameras.c
_VOLUMES = schema.volumes.c
_REMOVALS = schema.removals.c
_RETENTION = schema.retention.c
_BATCH = 2_000  # chosen: rows that are looked at between two questions whether it is enough
_FEW = 500  # chosen: far below the limit of bound values in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A file that is being deleted."""

    volume: str
    file: str
    sha256: str
    bytes: int
    camera: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether this node may delete, when it last did a whole pass, and what it told of its disks."""

    trust: Trust
    passed_us: int | None = None
    levels: Mapping[str, str]


def streams(tx: Transaction, node: int) -> list[tuple[int, str]]:
    """Return the number and the camera of every stream of a node that has footage."""
    joined = schema.streams.join(schema.cameras)
    query = select(_STREAMS.id, _CAMERAS.camera).select_from(joined).where(_STREAMS.node == node)
    return [(int(row.id), str(row.camera)) for row in tx.run("streams", query.order_by(_CAMERAS.camera, _STREAMS.id))]


def finished(tx: Transaction, node: int, stream: int, camera: str) -> Iterator[list[Piece]]:
    """Yield the finished files of a stream that are here, oldest first, some at a time."""
    columns = (_SEGMENTS.id, _SEGMENTS.volume_id, _SEGMENTS.file, _SEGMENTS.sha256, _SEGMENTS.start_us,
               _SEGMENTS.end_us, _SEGMENTS.bytes)  # fmt: skip
    where = (_SEGMENTS.node == node) & (_SEGMENTS.stream_id == stream)
    where &= (_SEGMENTS.state == "sealed") & _SEGMENTS.missing_us.is_(None)
    query = select(*columns).where(where).order_by(_SEGMENTS.start_us, _SEGMENTS.id).limit(_BATCH)
    names = _volume_names(tx, node)
    after: tuple[int, int] | None = None
    while True:
        # The second condition says which of those that begin at the same instant come later; the first one is for the
        # index.
        further = query
        if after is not None:
            further = query.where(_SEGMENTS.start_us >= after[0], tuple_(_SEGMENTS.start_us, _SEGMENTS.id) > after)
        rows: Sequence[Any] = tx.run("segments", further).all()
        if not rows:
            return
        after = (rows[-1].start_us, rows[-1].id)
        yield [
            Piece(names[volume], file, sha256, camera, start_us, end_us, size)
            for _, volume, file, sha256, start_us, end_us, size in rows
        ]
        if len(rows) < _BATCH:
            return


def intake(tx: Transaction, node: int, from_us: int, to_us: int) -> dict[tuple[str, str], int]:
    """Return the bytes of the files that ended within a span, by volume and camera."""
    joined = schema.segments.join(schema.streams).join(schema.cameras)
    query = select(_SEGMENTS.volume_id, _CAMERAS.camera, func.sum(_SEGMENTS.bytes).label("bytes")).select_from(joined)
    query = query.where(_SEGMENTS.node == node, _SEGMENTS.stream_id == bindparam("stream"))
    query = query.where(_SEGMENTS.end_us > from_us, _SEGMENTS.end_us <= to_us, _SEGMENTS.bytes.is_not(None))
    query = query.group_by(_SEGMENTS.volume_id, _CAMERAS.camera)
    names = _volume_names(tx, node)
    found: dict[tuple[str, str], int] = {}
    # Stream by stream, because only so an index leads to them.
    for stream, _ in streams(tx, node):
        for row in tx.run("segments", query, [{"stream": stream}]):
            place = (names[row.volume_id], str(row.camera))
            found[place] = found.get(place, 0) + int(row.bytes)
    return found


def oldest_us(tx: Transaction, node: int) -> dict[tuple[str, str], int]:
    """Return when the oldest file that is here begins, by volume and camera."""
    names = _volume_names(tx, node)
    where = (_SEGMENTS.node == node) & (_SEGMENTS.stream_id == bindparam("stream"))
    where &= (_SEGMENTS.state == "sealed") & _SEGMENTS.missing_us.is_(None)
    query = select(_SEGMENTS.volume_id, func.min(_SEGMENTS.start_us).label("first")).where(where)
    query = query.group_by(_SEGMENTS.volume_id)
    found: dict[tuple[str, str], int] = {}
    for stream, camera in streams(tx, node):
        for row in tx.run("segments", query, [{"stream": stream}]):
            place = (names[row.volume_id], camera)
            found[place] = min(found.get(place, int(row.first)), int(row.first))
    return found


def newest_us(tx: Transaction, node: int, stream: int) -> dict[str, int]:
    """Return when the newest finished file of a stream that is here begins, for every volume where it has any."""
    names = _volume_names(tx, node)
    where = (_SEGMENTS.node == node) & (_SEGMENTS.stream_id == stream)
    where &= (_SEGMENTS.state == "sealed") & _SEGMENTS.missing_us.is_(None)
    query = select(_SEGMENTS.volume_id, func.max(_SEGMENTS.start_us).label("last")).where(where)
    rows = tx.run("segments", query.group_by(_SEGMENTS.volume_id))
    return {names[row.volume_id]: int(row.last) for row in rows}


def edges_us(tx: Transaction, node: int) -> tuple[int, int] | None:
    """Return the begin of the oldest and the end of the newest finished footage of a node; None where there is none."""
    query = select(func.min(_SEGMENTS.start_us).label("first"), func.max(_SEGMENTS.end_us).label("last"))
    query = query.where(_SEGMENTS.node == node, _SEGMENTS.stream_id == bindparam("stream"))
    found = [row for stream, _ in streams(tx, node) for row in tx.run("segments", query, [{"stream": stream}])]
    spans = [(int(row.first), int(row.last)) for row in found if row.first is not None and row.last is not None]
    return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None


def begin(tx: Transaction, node: int, going: Sequence[Removal], now_us: int) -> list[Removal]:
    """Write that files are being deleted; return those that are still there, finished, and the same instances."""
    found: set[tuple[str, str, str]] = set()
    names = _volume_names(tx, node)
    for at in range(0, len(going), _FEW):
        some = [one.file for one in going[at : at + _FEW]]
        for volume, number in {name: number for number, name in names.items()}.items():
            query = select(_SEGMENTS.file, _SEGMENTS.sha256).where(_SEGMENTS.node == node, _SEGMENTS.state == "sealed")
            query = query.where(_SEGMENTS.volume_id == number, _SEGMENTS.file.in_(some))
            found |= {(volume, row.file, row.sha256) for row in tx.run("segments", query)}
    chosen = [one for one in going if (one.volume, one.file, one.sha256) in found]
    put(tx, node, chosen, now_us)
    return chosen


def put(tx: Transaction, node: int, begun: Sequence[Removal], now_us: int) -> None:
    """Write that files are being deleted, whatever their rows say: their lines are written already."""
    if begun:
        numbers = new_ids(tx, node, "removals", len(begun))
        rows = [
            {"node": node, "id": number, "begun_us": now_us, **_columns(one)}
            for number, one in zip(numbers, begun, strict=True)
        ]
        statement = tx.insert(schema.removals).on_conflict_do_nothing(
            index_elements=[_REMOVALS.node, _REMOVALS.volume, _REMOVALS.file]
        )
        tx.run("removals", statement, rows)


def pending(tx: Transaction, node: int, limit: int, *, volumes: Iterable[str] | None = None) -> list[Removal]:
    """Return files whose deletion was begun and not ended, in that order: of these volumes, or of all."""
    query = select(schema.removals).where(_REMOVALS.node == node).order_by(_REMOVALS.id).limit(limit)
    if volumes is not None:
        query = query.where(_REMOVALS.volume.in_(sorted(volumes)))
    return [
        Removal(**{name: row[name] for name in Removal.__dataclass_fields__})
        for row in tx.run("removals", query).mappings()
    ]


def end(tx: Transaction, node: int, gone: Iterable[Removal]) -> None:
    """Write that files are deleted, and why."""
    numbers = {name: number for number, name in _volume_names(tx, node).items()}
    for one in gone:
        where = (_SEGMENTS.node == node) & (_SEGMENTS.volume_id == numbers.get(one.volume, 0))
        where &= (_SEGMENTS.file == one.file) & (_SEGMENTS.sha256 == one.sha256) & (_SEGMENTS.state == "sealed")
        changed = update(schema.segments).where(where).values(state="removed", removed_why=one.why, missing_us=None)
        tx.run(f"segment {one.file}", changed)
    drop(tx, node, gone)


def refuse(tx: Transaction, node: int, strange: Iterable[Removal], now_us: int) -> None:
    """Write that what lies in the place of files is something else: those that were recorded are missing."""
    numbers = {name: number for number, name in _volume_names(tx, node).items()}
    for one in strange:
        where = (_SEGMENTS.node == node) & (_SEGMENTS.volume_id == numbers.get(one.volume, 0))
        where &= (_SEGMENTS.file == one.file) & (_SEGMENTS.sha256 == one.sha256) & (_SEGMENTS.state == "sealed")
        tx.run(f"segment {one.file}", update(schema.segments).where(where).values(missing_us=now_us))
    drop(tx, node, strange)


def take_back(tx: Transaction, rows: Iterable[SegmentRow]) -> None:
    """Write that files are there which were called removed."""
    for row in rows:
        where = (_SEGMENTS.node == row.id.node) & (_SEGMENTS.id == row.id.number) & (_SEGMENTS.state == "removed")
        back = update(schema.segments).where(where).values(state="sealed", removed_why=None, missing_us=None)
        tx.run(f"segment {row.file}", back)


def drop(tx: Transaction, node: int, removals: Iterable[Removal]) -> None:
    """Forget that files were being deleted."""
    for one in removals:
        where = (_REMOVALS.node == node) & (_REMOVALS.volume == one.volume) & (_REMOVALS.file == one.file)
        tx.run("removals", delete(schema.removals).where(where))


def standing(tx: Transaction, node: int) -> Standing | None:
    """Return whether this node may delete; None where nobody has asked yet, as in a new catalog."""
    row = tx.run("retention", select(schema.retention).where(_RETENTION.node == node)).one_or_none()
    if row is None:
        return None
    trust = Trust(
        off_why=row.off_why, off_us=row.off_us, wall_us=int(row.wall_us), boot_us=int(row.boot_us), boot=row.boot
    )
    return Standing(trust=trust, passed_us=row.passed_us, levels=json.loads(row.levels))


def stand(tx: Transaction, node: int, standing: Standing) -> None:
    """Write whether this node may delete."""
    trust = standing.trust
    values = {
        "off_why": trust.off_why, "off_us": trust.off_us, "wall_us": trust.wall_us, "boot_us": trust.boot_us,
        "boot": trust.boot, "passed_us": standing.passed_us, "levels": json.dumps(dict(standing.levels)),
    }  # fmt: skip
    known = tx.run("retention", select(_RETENTION.node).where(_RETENTION.node == node)).scalar()
    if known is None:
        tx.run("retention", insert(schema.retention).values(node=node, **values))
    else:
        tx.run("retention", update(schema.retention).where(_RETENTION.node == node).values(**values))


def begun_us(tx: Transaction, node: int) -> int:
    """Return when this catalog first saw a node, by which it is told from one that was lost and made anew."""
    return int(tx.run("nodes", select(schema.nodes.c.created_us).where(schema.nodes.c.id == node)).scalar_one())


def set_levels(tx: Transaction, node: int, levels: Mapping[str, str]) -> None:
    """Write what was told of the disks."""
    tx.run("retention", update(schema.retention).where(_RETENTION.node == node).values(levels=json.dumps(dict(levels))))


def _columns(one: Removal) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Removal.__dataclass_fields__}


def _volume_names(tx: Transaction, node: int) -> dict[int, str]:
    query = select(_VOLUMES.id, _VOLUMES.name).where(_VOLUMES.node == node)
    return {int(row.id): str(row.name) for row in tx.run("volumes", query)}
