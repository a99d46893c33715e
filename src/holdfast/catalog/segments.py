"""Segments and runs: rows about files of footage."""

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, bindparam, delete, false, func, insert, select, text, union_all, update
from sqlalchemy.engine import RowMapping

from holdfast.catalog import cameras, schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, Page, SegmentRow, cursor_of, new_ids, read_cursor
from holdfast.core.camera import StreamKey
from holdfast.core.journal import LOST_MEMORY

_SEGMENTS = schema.segments.c
_RUNS = schema.runs.c
_VOLUMES = schema.volumes.c
_BATCH = 500  # chosen: far below the limit of bound values in one statement (32,766)
_OVERLAPPING = 8  # chosen: more segments over one instant than any step of a clock leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is written about a segment; columns as in the schema."""

    volume: str
    file: str
    run: str
    state: str
    origin: str
    start_us: int
    end_us: int | None
    boot: str = ""
    start_boot_us: int | None = None
    bytes: int | None = None
    media_bytes: int | None = None
    sha256: str | None = None
    video_samples: int | None = None
    audio_samples: int | None = None
    began: str = ""
    ended: str = ""
    recovered: bool = False
    removed_why: str | None = None
    tracks: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)

    def columns(self, volume: int, run: int) -> dict[str, Any]:
        """Return the row's values, its identity apart."""
        elsewhere = {"volume", "run", "tracks"}
        own = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in elsewhere}
        return {**own, "volume_id": volume, "run_id": run}


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a stream lies on a volume."""

    volume: str
    key: StreamKey
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Newest:
    """A finished segment, in short; times in microseconds since the epoch, UTC."""

    start_us: int
    file: str
    key: StreamKey
    volume: str
    end_us: int
    bytes: int


def between(tx: Transaction, stream: Id, from_us: int, to_us: int) -> list[SegmentRow]:
    """Return the segments that touch a span, in order; growing ones reach to now."""
    ends_later = (_SEGMENTS.end_us > from_us) | _SEGMENTS.end_us.is_(None)
    query = _query(stream).where(_SEGMENTS.start_us < to_us, ends_later)
    return [_row(row) for row in tx.run("segments", query).mappings()]


def gone(tx: Transaction, stream: Id, from_us: int, to_us: int) -> list[tuple[int, int, bool]]:
    """Return the spans within a span whose files are not here any more: start, end, whether they were removed.

    What is false there is missing: nobody removed it. Segments that are here cost nothing, however many they are.
    """
    where = (_SEGMENTS.node == stream.node) & (_SEGMENTS.stream_id == stream.number)
    where &= (_SEGMENTS.start_us < to_us) & ((_SEGMENTS.end_us > from_us) | _SEGMENTS.end_us.is_(None))
    spans = select(_SEGMENTS.start_us, func.coalesce(_SEGMENTS.end_us, _SEGMENTS.start_us)).where(where)
    # Word for word the conditions of the two indexes: with a bound value in its place neither would be used.
    on_purpose = (func.coalesce(_SEGMENTS.removed_why, "") != LOST_MEMORY).label("on_purpose")
    removed = spans.add_columns(on_purpose).where(text("state = 'removed'"))
    missing = spans.add_columns(false()).where(_SEGMENTS.state == "sealed", text("missing_us IS NOT NULL"))
    rows: Iterable[Any] = tx.run("segments", union_all(removed, missing))
    return sorted((start_us, end_us, bool(on_purpose)) for start_us, end_us, on_purpose in rows)


def around(tx: Transaction, stream: Id, from_us: int, to_us: int) -> list[SegmentRow]:
    """As `between`, in a time that does not grow with the stream's history.

    Of what starts before the span only the last few are looked at: segments follow each other, and only a clock that
    was set back lets some overlap.
    """
    inside = _query(stream).where(_SEGMENTS.start_us > from_us, _SEGMENTS.start_us < to_us)
    before = _query(stream).order_by(None).order_by(_SEGMENTS.start_us.desc(), _SEGMENTS.id.desc())
    before = before.where(_SEGMENTS.start_us <= from_us).limit(_OVERLAPPING)
    earlier = [_row(row) for row in tx.run("segments", before).mappings()]
    reaching = [row for row in reversed(earlier) if row.end_us is None or row.end_us > from_us]
    return reaching + [_row(row) for row in tx.run("segments", inside).mappings()]


def starting_at(tx: Transaction, stream: Id, from_us: int | None) -> list[SegmentRow]:
    """Return the segments that start at an instant or later, in order; all for None."""
    query = _query(stream)
    if from_us is not None:
        query = query.where(_SEGMENTS.start_us >= from_us)
    return [_row(row) for row in tx.run("segments", query).mappings()]


def finished(tx: Transaction, stream: Id) -> list[tuple[SegmentRow, list[dict[str, Any]]]]:
    """Return all segments that are not being written, in order, with the facts of their tracks."""
    query = _query(stream).add_columns(_RUNS.tracks).where(_SEGMENTS.state.in_(("sealed", "removed")))
    return [(_row(row), json.loads(row["tracks"])) for row in tx.run("segments", query).mappings()]


def page(tx: Transaction, stream: Id, *, limit: int = PAGE, cursor: str | None = None) -> Page[SegmentRow]:
    """List a stream's segments, newest first."""
    query = _query(stream).order_by(None).order_by(_SEGMENTS.start_us.desc(), _SEGMENTS.id.desc())
    if cursor is not None:
        start_us, number = read_cursor(cursor, 2)
        query = query.where(
            (_SEGMENTS.start_us < start_us) | ((_SEGMENTS.start_us == start_us) & (_SEGMENTS.id < number))
        )
    limit = max(1, min(limit, PAGE_MAX))
    rows = [_row(row) for row in tx.run("segments", query.limit(limit + 1)).mappings()]
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(tuple(rows[:limit]), cursor_of(last.start_us, last.id.number) if last else None)


def by_file(tx: Transaction, stream: Id, files: Iterable[tuple[int, str]]) -> list[SegmentRow]:
    """Return the rows of some files of a stream, each named as (volume's number, path)."""
    by_volume: dict[int, list[str]] = {}
    for volume, file in sorted(set(files)):
        by_volume.setdefault(volume, []).append(file)
    found: list[SegmentRow] = []
    for volume, names in by_volume.items():
        for at in range(0, len(names), _BATCH):
            some = _SEGMENTS.file.in_(names[at : at + _BATCH])
            # Without the volume no index would fit, and every row of the stream would be looked at.
            query = _query(stream).where(_SEGMENTS.volume_id == volume, some).order_by(None)
            found += [_row(row) for row in tx.run("segments", query).mappings()]
    return found


def write(
    tx: Transaction,
    stream: Id,
    volumes: Mapping[str, int],
    *,
    new: Sequence[Piece],
    changed: Sequence[tuple[int, Piece]],
    gone: Sequence[int],
) -> None:
    """Write what became of a stream's segments, and bring its runs up to date.

    Args:
        tx: A writing transaction.
        stream: The stream.
        volumes: Numbers of the volumes by name.
        new: Segments without a row.
        changed: Row numbers and what they say now.
        gone: Row numbers of segments that turned out not to be: emptied by recovery.
    """
    touched = _runs_of(tx, stream, [*gone, *(number for number, _ in changed)])
    if gone:
        where = (_SEGMENTS.node == stream.node) & _SEGMENTS.id.in_(gone)
        tx.run("segments", delete(schema.segments).where(where))
    runs = _ensure_runs(tx, stream, [*new, *(piece for _, piece in changed)])
    # What ends being the growing one goes first: there may be only one at any time, inside a transaction too.
    for number, piece in sorted(changed, key=lambda item: item[1].state == "growing"):
        where = (_SEGMENTS.node == stream.node) & (_SEGMENTS.id == number)
        values = piece.columns(volumes[piece.volume], runs[piece.run])
        tx.run(f"segment {piece.file}", update(schema.segments).where(where).values(values))
    if new:
        numbers = new_ids(tx, stream.node, "segments", len(new))
        identity = {"node": stream.node, "stream_id": stream.number}
        rows = [
            {**identity, "id": number, **piece.columns(volumes[piece.volume], runs[piece.run])}
            for number, piece in zip(numbers, new, strict=True)
        ]
        tx.run(f"segment {new[0].file}", insert(schema.segments), rows)
    _refresh_runs(tx, stream, touched | set(runs.values()))


def first_us(tx: Transaction, stream: Id) -> int | None:
    """Return when a stream's first segment starts, None where it has none."""
    where = (_SEGMENTS.node == stream.node) & (_SEGMENTS.stream_id == stream.number)
    found = tx.run("segments", select(func.min(_SEGMENTS.start_us)).where(where)).scalar()
    return None if found is None else int(found)


def newest(tx: Transaction, node: int, count: int) -> list[Newest]:
    """Return the newest finished segments of a node whose files are here, newest first."""
    columns = (_SEGMENTS.start_us, _SEGMENTS.file, _SEGMENTS.end_us, _SEGMENTS.bytes, _SEGMENTS.volume_id)
    query = select(*columns).where(_SEGMENTS.node == node, _SEGMENTS.stream_id == bindparam("stream"))
    query = query.where(_SEGMENTS.state == "sealed", _SEGMENTS.missing_us.is_(None))
    query = query.order_by(_SEGMENTS.start_us.desc(), _SEGMENTS.id.desc()).limit(count)
    volumes = volume_names(tx, node)
    # Stream by stream, because only so an index leads to them: over all at once every row would be sorted.
    found = [
        Newest(row.start_us, row.file, stream.key, volumes[row.volume_id], row.end_us, row.bytes)
        for stream in cameras.streams(tx, node)
        for row in tx.run("segments", query, [{"stream": stream.id.number}])
    ]
    return heapq.nlargest(count, found, key=lambda one: (one.start_us, one.file))


def usage(tx: Transaction, node: int) -> list[Usage]:
    """Return how much finished footage of each stream of a node lies on each volume; looks at every row."""
    counted = select(
        _SEGMENTS.volume_id, _SEGMENTS.stream_id, func.count().label("files"), func.sum(_SEGMENTS.bytes).label("bytes")
    )
    counted = counted.where(_SEGMENTS.node == node, _SEGMENTS.state == "sealed", _SEGMENTS.missing_us.is_(None))
    rows = tx.run("segments", counted.group_by(_SEGMENTS.volume_id, _SEGMENTS.stream_id)).all()
    names = {stream.id.number: stream.key for stream in cameras.streams(tx, node)}
    volumes = volume_names(tx, node)
    # A sum of integers is a decimal number in PostgreSQL.
    found = [
        Usage(volumes[row.volume_id], names[row.stream_id], files=int(row.files), bytes=int(row.bytes)) for row in rows
    ]
    return sorted(found, key=lambda one: (one.volume, one.key.camera, one.key.stream))


def set_removed(tx: Transaction, stream: Id, volume: int, removed: Mapping[str, str]) -> None:
    """Note that files were deleted, and why."""
    if not removed:
        return
    where = (_SEGMENTS.node == stream.node) & (_SEGMENTS.stream_id == stream.number)
    where &= (_SEGMENTS.volume_id == volume) & (_SEGMENTS.file == bindparam("name"))
    where &= (_SEGMENTS.state == "sealed") | (_SEGMENTS.state == "removed")
    statement = update(schema.segments).where(where).values(state="removed", removed_why=bindparam("why"))
    tx.run("segments", statement, [{"name": file, "why": why} for file, why in removed.items()])


def set_missing(tx: Transaction, rows: Iterable[SegmentRow], now_us: int | None) -> None:
    """Note that files are gone although nobody removed them; None for files that are there again."""
    for row in rows:
        where = (_SEGMENTS.node == row.id.node) & (_SEGMENTS.id == row.id.number)
        tx.run(f"segment {row.file}", update(schema.segments).where(where).values(missing_us=now_us))


def volume_names(tx: Transaction, node: int) -> dict[int, str]:
    """Return the names of a node's volumes by their numbers."""
    query = select(_VOLUMES.id, _VOLUMES.name).where(_VOLUMES.node == node)
    return {int(row.id): str(row.name) for row in tx.run("volumes", query)}


def _query(stream: Id) -> Select[Any]:
    joined = schema.segments.join(schema.runs).join(schema.volumes)
    query = select(schema.segments, _RUNS.run, _VOLUMES.name.label("volume")).select_from(joined)
    query = query.where(_SEGMENTS.node == stream.node, _SEGMENTS.stream_id == stream.number)
    return query.order_by(_SEGMENTS.start_us, _SEGMENTS.id)


def _row(row: RowMapping) -> SegmentRow:
    names = [name for name in SegmentRow.__dataclass_fields__ if name not in {"id", "stream", "recovered"}]
    return SegmentRow(
        id=Id(int(row["node"]), int(row["id"])),
        stream=int(row["stream_id"]),
        recovered=bool(row["recovered"]),
        **{name: row[name] for name in names},
    )


def _runs_of(tx: Transaction, stream: Id, numbers: Sequence[int]) -> set[int]:
    if not numbers:
        return set()
    where = (_SEGMENTS.node == stream.node) & _SEGMENTS.id.in_(numbers)
    return {int(number) for number in tx.run("runs", select(_SEGMENTS.run_id).where(where)).scalars()}


def _ensure_runs(tx: Transaction, stream: Id, pieces: Sequence[Piece]) -> dict[str, int]:
    names = list(dict.fromkeys(piece.run for piece in pieces))
    known: dict[str, int] = {}
    for at in range(0, len(names), _BATCH):
        where = (_RUNS.node == stream.node) & (_RUNS.stream_id == stream.number)
        where &= _RUNS.run.in_(names[at : at + _BATCH])
        known |= {row.run: int(row.id) for row in tx.run("runs", select(_RUNS.run, _RUNS.id).where(where))}
    unknown = {piece.run: piece for piece in pieces if piece.run not in known}
    if unknown:
        numbers = new_ids(tx, stream.node, "runs", len(unknown))
        identity = {"node": stream.node, "stream_id": stream.number, "began": "", "ended": "", "tracks": "[]"}
        rows: list[dict[str, Any]] = [
            {**identity, "id": number, "run": run, "start_us": piece.start_us, "end_us": piece.start_us}
            for number, (run, piece) in zip(numbers, unknown.items(), strict=True)
        ]
        tx.run("runs", insert(schema.runs), rows)
        known |= {row["run"]: row["id"] for row in rows}
    tracks = {piece.run: json.dumps([dict(t) for t in piece.tracks]) for piece in pieces if piece.tracks}
    if tracks:
        where = (_RUNS.node == stream.node) & (_RUNS.id == bindparam("number"))
        statement = update(schema.runs).where(where).values(tracks=bindparam("facts"))
        tx.run("runs", statement, [{"number": known[run], "facts": facts} for run, facts in tracks.items()])
    return known


def _refresh_runs(tx: Transaction, stream: Id, numbers: set[int]) -> None:
    """Make runs say what their segments amount to; a run without any is none."""
    todo = sorted(numbers)
    for at in range(0, len(todo), _BATCH):
        some = todo[at : at + _BATCH]
        columns = (_SEGMENTS.run_id, _SEGMENTS.start_us, _SEGMENTS.end_us, _SEGMENTS.began, _SEGMENTS.ended)
        where = (_SEGMENTS.node == stream.node) & _SEGMENTS.run_id.in_(some)
        query = select(*columns).where(where).order_by(_SEGMENTS.start_us, _SEGMENTS.end_us, _SEGMENTS.file)
        spans: dict[int, dict[str, Any]] = {}
        for row in tx.run("runs", query):
            end_us = row.start_us if row.end_us is None else row.end_us
            span = spans.setdefault(
                int(row.run_id), {"start_us": row.start_us, "end_us": end_us, "began": row.began, "ended": ""}
            )
            span["end_us"] = max(span["end_us"], end_us)
            span["ended"] = row.ended if row.ended != "cut" else ""
        own = _RUNS.node == stream.node
        gone = [number for number in some if number not in spans]
        if gone:
            tx.run("runs", delete(schema.runs).where(own, _RUNS.id.in_(gone)))
        for number, span in spans.items():
            tx.run("runs", update(schema.runs).where(own, _RUNS.id == number).values(span))
