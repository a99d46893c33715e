"""Sums for reports: what of each camera falls into a span. One question a noun, each over an index on time.

What lies across a border counts where it begins. Not here: coverage (library.coverage), words (library.report_words).
"""

from dataclasses import dataclass

from sqlalchemy import case, func, select

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import Id

_SEGMENTS = schema.segments.c
_STILLS = schema.stills.c
_INCIDENTS = schema.incidents.c
_EVENTS = schema.events.c
_DELIVERIES = schema.deliveries.c
_HISTORY = schema.work_history.c

_WORDS = 120  # chosen: what tells causes apart; addresses and numbers of attempts come later in a sentence


@dataclass(frozen=True, slots=True)
class Files:
    """Files that begin in a span: how many, their bytes, and how many bytes of them are still here."""

    count: int = 0
    bytes: int = 0
    kept_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Stills:
    """Stills that were planned in a span."""

    taken: int = 0
    missed: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt at a delivery that failed: target, camera, error, and when, microseconds since the epoch, UTC."""

    target: str
    camera: str
    error: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made within a span: its cameras, when, its bytes, and whether it is still here."""

    cameras: frozenset[str]
    at_us: int
    bytes: int
    here: bool


def segments(tx: Transaction, stream: Id, from_us: int, to_us: int) -> Files:
    """Return a stream's finished footage."""
    here = (_SEGMENTS.state == "sealed") & _SEGMENTS.missing_us.is_(None)
    query = select(
        func.count().label("files"), func.sum(_SEGMENTS.bytes).label("bytes"),
        func.sum(case((here, _SEGMENTS.bytes), else_=0)).label("kept"),
    ).where(
        _SEGMENTS.node == stream.node, _SEGMENTS.stream_id == stream.number, _SEGMENTS.start_us >= from_us,
        _SEGMENTS.start_us < to_us, _SEGMENTS.bytes.is_not(None),
    )  # fmt: skip
    row = tx.run("segments", query).one()
    # A sum of integers is a decimal number in PostgreSQL.
    return Files(int(row.files), int(row.bytes or 0), int(row.kept or 0))


def stills(tx: Transaction, node: int, from_us: int, to_us: int) -> dict[str, Stills]:
    """Return stills by camera."""
    query = select(
        _STILLS.camera, func.sum(case((_STILLS.state == "taken", 1), else_=0)).label("taken"),
        func.count().label("all"), func.sum(_STILLS.bytes).label("bytes"),
    ).where(_STILLS.node == node, _STILLS.slot_us >= from_us, _STILLS.slot_us < to_us)  # fmt: skip
    return {
        row.camera: Stills(int(row.taken), int(row.all) - int(row.taken), int(row.bytes or 0))
        for row in tx.run("stills", query.group_by(_STILLS.camera))
    }


def evidence(tx: Transaction, node: int, from_us: int, to_us: int) -> list[Made]:
    """Return the pictures of incidents that are here."""
    c = schema.evidence.c
    joined = schema.evidence.join(schema.incidents)
    query = select(_INCIDENTS.camera, c.at_us, c.bytes).select_from(joined)
    rows = tx.run("evidence", query.where(c.node == node, c.at_us >= from_us, c.at_us < to_us))
    return [Made(frozenset({row.camera}), int(row.at_us), int(row.bytes), here=True) for row in rows]


def exports(tx: Transaction, node: int, from_us: int, to_us: int) -> list[Made]:
    """Return the exports that were made, those whose files are gone too."""
    c = schema.exports.c
    query = select(c.streams, c.done_us, c.bytes, c.state).where(
        c.node == node, c.done_us >= from_us, c.done_us < to_us
    )
    return [
        Made(
            frozenset(one.partition("/")[0] for one in row.streams.split()), int(row.done_us), int(row.bytes),
            here=row.state == "done",
        )
        for row in tx.run("exports", query)
    ]  # fmt: skip


def incidents(tx: Transaction, node: int, from_us: int, to_us: int) -> dict[str, dict[str, int]]:
    """Count incidents that began, by camera and type; without those that were none after all."""
    query = select(_INCIDENTS.camera, _INCIDENTS.type, func.count().label("number")).where(
        _INCIDENTS.node == node, _INCIDENTS.start_us >= from_us, _INCIDENTS.start_us < to_us,
        _INCIDENTS.discarded.is_(False),
    )  # fmt: skip
    found: dict[str, dict[str, int]] = {}
    for row in tx.run("incidents", query.group_by(_INCIDENTS.camera, _INCIDENTS.type)):
        found.setdefault(row.camera, {})[row.type] = int(row.number)
    return found


def events(tx: Transaction, node: int, from_us: int, to_us: int) -> dict[str, int]:
    """Count events that began, by camera."""
    query = select(_EVENTS.camera, func.count().label("number")).where(
        _EVENTS.node == node, _EVENTS.start_us >= from_us, _EVENTS.start_us < to_us
    )
    return {row.camera: int(row.number) for row in tx.run("events", query.group_by(_EVENTS.camera))}


def deliveries(tx: Transaction, node: int, from_us: int, to_us: int) -> dict[str, dict[str, int]]:
    """Count deliveries of files that begin in the span, by camera and state as it is now."""
    query = select(_DELIVERIES.camera, _DELIVERIES.state, func.count().label("number")).where(
        _DELIVERIES.node == node, _DELIVERIES.start_us >= from_us, _DELIVERIES.start_us < to_us
    )
    found: dict[str, dict[str, int]] = {}
    for row in tx.run("deliveries", query.group_by(_DELIVERIES.camera, _DELIVERIES.state)):
        found.setdefault(row.camera, {})[row.state] = int(row.number)
    return found


def failures(tx: Transaction, node: int, from_us: int, to_us: int) -> list[Failure]:
    """Return attempts at deliveries that failed within a span, oldest first; each row keeps its last few."""
    query = (
        select(_DELIVERIES.target, _DELIVERIES.camera, _HISTORY.error, _HISTORY.at_us)
        .join_from(
            schema.work_history, schema.deliveries,
            (_DELIVERIES.node == _HISTORY.node) & (_DELIVERIES.id == _HISTORY.row_id),
        )
        .where(
            _HISTORY.node == node, _HISTORY.noun == "deliveries", _HISTORY.what.in_(["again", "failed"]),
            _HISTORY.at_us >= from_us, _HISTORY.at_us < to_us,
        )
        .order_by(_HISTORY.at_us)
    )  # fmt: skip
    return [
        Failure(row.target, row.camera, str(row.error)[:_WORDS], int(row.at_us))
        for row in tx.run("work_history", query)
    ]
