"""Which assets a rule of delivery or hand-over has not planned yet, and how far it has looked for them.

Everything here may be asked again and again: what has a row already is left out, or refused when rows are added.

Not here: rules, names and files (library.looking), rows (deliveries, handovers).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, delete, exists, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.deliveries import by_volume
from holdfast.catalog.rows import Id, StreamRow
from holdfast.core.delivery import Asset, AssetKind

_POSITIONS = schema.delivery_positions.c
_SEGMENTS = schema.segments.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a rule has looked through a source; columns as in the schema."""

    since_us: int
    place: int = 0
    walked: int = 0
    walked_us: int = 0


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whose rows say what is planned already: those of a target, or of whom finished files are handed over to.

    Attributes:
        noun: Table of the rows: `deliveries` or `handovers`.
        name: Name of the target, or of the rule of hand-over.
    """

    noun: str
    name: str

    @property
    def rows(self) -> ReadOnlyColumnCollection[str, Column[Any]]:
        """Columns of the table."""
        return schema.metadata.tables[self.noun].c

    @property
    def own(self) -> ColumnElement[bool]:
        """Whether a row is about this receiver."""
        return self.rows["target" if self.noun == "deliveries" else "rule"] == self.name


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that may be an asset, or another file with a row of its own: what is known of it without its content.

    Attributes:
        number: Of its row.
        asset: The file.
        begun_us: When what it shows began.
        made_us: When it was made, where that is long after what it shows; None for a picture.
        cameras: All that it shows, where those may be several; none is the asset's.
    """

    number: int
    asset: Asset
    begun_us: int
    made_us: int | None = None
    cameras: tuple[str, ...] = ()


def positions(tx: Transaction, node: int, rule: str) -> dict[str, Position]:
    """Return how far a rule has looked, by source."""
    where = (_POSITIONS.node == node) & (_POSITIONS.rule == rule)
    found = tx.run("delivery_positions", select(schema.delivery_positions).where(where)).mappings()
    return {row["source"]: Position(**{name: row[name] for name in Position.__dataclass_fields__}) for row in found}


def set_position(tx: Transaction, node: int, rule: str, source: str, position: Position) -> None:
    """Write how far a rule has looked, together with the rows that it made on the way."""
    values = {name: getattr(position, name) for name in Position.__dataclass_fields__}
    row = tx.insert(schema.delivery_positions).values(node=node, rule=rule, source=source, **values)
    index = [_POSITIONS.node, _POSITIONS.rule, _POSITIONS.source]
    tx.run("delivery_positions", row.on_conflict_do_update(index_elements=index, set_=values))


def keep_rules(tx: Transaction, node: int, rules: Iterable[str]) -> None:
    """Forget how far rules have looked that are not there any more."""
    where = (_POSITIONS.node == node) & _POSITIONS.rule.not_in(sorted(rules))
    where &= _POSITIONS.rule.not_like("@%")  # no rule's, but a walk through copies (delivery_checks)
    tx.run("delivery_positions", delete(schema.delivery_positions).where(where))


def segments(
    tx: Transaction, stream: StreamRow, receiver: Receiver, from_us: int, to_us: int | None, limit: int
) -> list[Asset]:  # fmt: skip
    """Return finished segments of a stream that start in a span and have no row for a receiver, oldest first."""
    volumes, runs, cameras = schema.volumes, schema.runs, schema.cameras
    known = receiver.rows
    planned = exists().where(
        known.node == _SEGMENTS.node, known.volume == volumes.c.name, known.file == _SEGMENTS.file, receiver.own,
        known.sha256 == _SEGMENTS.sha256,
    )  # fmt: skip
    joined = schema.segments.join(runs).join(volumes).join(schema.streams, schema.streams.c.id == _SEGMENTS.stream_id)
    joined = joined.join(cameras, cameras.c.id == schema.streams.c.camera_id)
    query = select(
        _SEGMENTS.file, _SEGMENTS.bytes, _SEGMENTS.sha256, _SEGMENTS.start_us, _SEGMENTS.end_us, runs.c.tracks,
        volumes.c.name.label("volume"), cameras.c.site, cameras.c.location,
    ).select_from(joined)  # fmt: skip
    node = stream.id.node
    query = query.where(
        _SEGMENTS.node == node, schema.streams.c.node == node, cameras.c.node == node,
        _SEGMENTS.stream_id == stream.id.number, _SEGMENTS.start_us >= from_us, _SEGMENTS.state == "sealed",
        _SEGMENTS.missing_us.is_(None), ~planned,
    )  # fmt: skip
    if to_us is not None:
        query = query.where(_SEGMENTS.start_us < to_us)
    rows = tx.run("segments", query.order_by(_SEGMENTS.start_us, _SEGMENTS.id).limit(limit)).mappings()
    return [_segment(row, stream) for row in rows]


def reach_us(tx: Transaction, stream: StreamRow, from_us: int) -> int | None:
    """Return when the first segment from an instant on begins that is not finished, else the last one; None for none.

    Before that nothing can become finished any more but what comes late.
    """
    where = [_SEGMENTS.node == stream.id.node, _SEGMENTS.stream_id == stream.id.number, _SEGMENTS.start_us >= from_us]
    unfinished = _SEGMENTS.state.in_(("growing", "interrupted"))
    first = tx.run("segments", select(func.min(_SEGMENTS.start_us)).where(*where, unfinished)).scalar()
    if first is None:
        first = tx.run("segments", select(func.max(_SEGMENTS.start_us)).where(*where)).scalar()
    return None if first is None else int(first)


def first_us(tx: Transaction, stream: StreamRow) -> int | None:
    """Return when the first segment of a stream starts; None where there is none."""
    where = (_SEGMENTS.node == stream.id.node) & (_SEGMENTS.stream_id == stream.id.number)
    found = tx.run("segments", select(func.min(_SEGMENTS.start_us)).where(where)).scalar()
    return None if found is None else int(found)


def last_number(tx: Transaction, node: int, noun: str) -> int:
    """Return the highest number of a table's rows; 0 where there are none."""
    table = schema.metadata.tables[noun]
    return int(tx.run(noun, select(func.max(table.c.id)).where(table.c.node == node)).scalar() or 0)


def stills(tx: Transaction, node: int, from_number: int, to_number: int, sites: Mapping[str, str]) -> list[Picture]:
    """Return stills that were taken, by the numbers of their rows: from the first one, up to and with the last."""
    c = schema.stills.c
    query = select(schema.stills).where(*_between(schema.stills, node, from_number, to_number), c.state == "taken")
    found = []
    for row in tx.run("stills", query.order_by(c.id)).mappings():
        asset = Asset(
            kind=AssetKind.STILL, camera=row["camera"], volume=row["volume"], file=row["file"], bytes=row["bytes"],
            sha256=row["sha256"], start_us=row["at_us"], end_us=row["at_us"], location=row["location"],
            site=sites.get(row["camera"], ""), width=row["width"], height=row["height"],
        )  # fmt: skip
        found.append(Picture(int(row["id"]), asset, int(row["slot_us"])))
    return found


def evidence(tx: Transaction, node: int, from_number: int, to_number: int) -> list[Picture]:
    """Return pictures of incidents in the same way; their content is not known yet."""
    c, incidents = schema.evidence.c, schema.incidents.c
    joined = schema.evidence.join(schema.incidents)
    query = select(schema.evidence, incidents.camera, incidents.type, incidents.start_us).select_from(joined)
    query = query.where(*_between(schema.evidence, node, from_number, to_number)).order_by(c.id)
    found = []
    for row in tx.run("evidence", query).mappings():
        asset = Asset(
            kind=AssetKind.EVIDENCE, camera=row["camera"], volume=row["volume"], file=row["file"], bytes=row["bytes"],
            sha256="", start_us=row["at_us"], end_us=row["at_us"], width=row["width"], height=row["height"],
            label=f"{row['type']}/{row['number']}",
        )  # fmt: skip
        found.append(Picture(int(row["id"]), asset, int(row["start_us"])))
    return found


def events(tx: Transaction, node: int, from_number: int, to_number: int) -> list[Picture]:
    """Return pictures of events in the same way, those of events that last too; neither content nor size is known."""
    c = schema.events.c
    query = select(schema.events).where(*_between(schema.events, node, from_number, to_number), c.volume != "")
    found = []
    for row in tx.run("events", query.order_by(c.id)).mappings():
        files = [(number, row[name]) for number, name in ((1, "picture_a"), (2, "picture_b")) if row[name]]
        for number, file in files:
            asset = Asset(
                kind=AssetKind.EVENT, camera=row["camera"], volume=row["volume"], file=file, bytes=0, sha256="",
                start_us=row["start_us"], end_us=row["start_us"], label=f"{row['kind']}/{number}",
            )  # fmt: skip
            found.append(Picture(int(row["id"]), asset, int(row["start_us"])))
    return found


def exports(tx: Transaction, node: int, from_number: int, to_number: int) -> list[Picture]:
    """Return exports that are done in the same way, each as a file of the first of its cameras."""
    c = schema.exports.c
    query = select(schema.exports).where(*_between(schema.exports, node, from_number, to_number), c.state == "done")
    found = []
    for row in tx.run("exports", query.order_by(c.id)).mappings():
        streams, cameras = row["streams"].split(), _cameras(row["streams"])
        asset = Asset(
            kind=AssetKind.EXPORT, camera=cameras[0],
            stream=streams[0].partition("/")[2] if len(streams) == 1 else "",
            volume=row["volume"], file=row["file"], bytes=row["bytes"], sha256=row["sha256"], start_us=row["from_us"],
            end_us=row["to_us"], label=str(Id(row["node"], row["id"])),
        )  # fmt: skip
        found.append(Picture(int(row["id"]), asset, int(row["from_us"]), int(row["done_us"]), cameras))
    return found


def shown(tx: Transaction, node: int, assets: Iterable[Asset]) -> dict[str, tuple[str, ...]]:
    """Return all cameras of those files that are exports, by their labels; those that were deleted are left out."""
    numbers = [Id.read(one.label, "export").number for one in assets if one.kind is AssetKind.EXPORT]
    if not numbers:
        return {}
    c = schema.exports.c
    rows = tx.run("exports", select(c.id, c.streams).where(c.node == node, c.id.in_(numbers)))
    return {str(Id(node, int(row.id))): _cameras(row.streams) for row in rows}


def first_open_event(tx: Transaction, node: int) -> int | None:
    """Return the number of the oldest event that lasts, and may still get a picture; None where none does."""
    c = schema.events.c
    found = tx.run("events", select(func.min(c.id)).where(c.node == node, c.end_us.is_(None))).scalar()
    return None if found is None else int(found)


@dataclass(frozen=True, slots=True)
class Sent:
    """What was planned of a file that changes: the most bytes of it, and when that was planned."""

    bytes: int
    created_us: int


def planned_sizes(
    tx: Transaction, node: int, receiver: Receiver, files: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Sent]:  # fmt: skip
    """Return what was planned of files, by (volume, path); those of which nothing was are left out."""
    found: dict[tuple[str, str], Sent] = {}
    rows = receiver.rows
    size, made_us = func.max(rows.bytes).label("size"), func.max(rows.created_us).label("made_us")
    for volume, paths in by_volume(files):
        these = (rows.node == node) & receiver.own & (rows.volume == volume) & rows.file.in_(paths)
        for row in tx.run(receiver.noun, select(rows.file, size, made_us).where(these).group_by(rows.file)):
            found[volume, row.file] = Sent(int(row.size), int(row.made_us))
    return found


def sites(tx: Transaction, node: int) -> dict[str, str]:
    """Return the site of each camera."""
    c = schema.cameras.c
    return {row.camera: row.site for row in tx.run("cameras", select(c.camera, c.site).where(c.node == node))}


def _cameras(streams: str) -> tuple[str, ...]:
    """Return the cameras of an export, in order and each once."""
    return tuple(dict.fromkeys(one.partition("/")[0] for one in streams.split()))


def _between(table: Table, node: int, from_number: int, to_number: int) -> list[ColumnElement[bool]]:
    return [table.c.node == node, table.c.id >= from_number, table.c.id <= to_number]


def _segment(row: RowMapping, stream: StreamRow) -> Asset:
    tracks: list[dict[str, Any]] = json.loads(row["tracks"])
    video: dict[str, Any] = next((track for track in tracks if track.get("width")), {})
    return Asset(
        kind=AssetKind.SEGMENT, camera=stream.key.camera, stream=stream.key.stream, volume=row["volume"],
        file=row["file"], bytes=row["bytes"], sha256=row["sha256"], start_us=row["start_us"], end_us=row["end_us"],
        site=row["site"], location=row["location"], width=int(video.get("width", 0)),
        height=int(video.get("height", 0)),
    )  # fmt: skip
