"""Gaps: spans without footage, and why."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.engine import RowMapping

from holdfast.catalog import cameras, schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, GapRow, Id, Page, cursor_of, new_ids, read_cursor
from holdfast.core.camera import StreamKey
from holdfast.core.gap import Gap, GapReason

_GAPS = schema.gaps.c
_REASONS = {reason.value: reason for reason in GapReason}


def between(tx: Transaction, stream: Id, from_us: int, to_us: int) -> list[GapRow]:
    """Return the gaps that touch a span, in order; one that lasts reaches to now."""
    ends_later = (_GAPS.end_us > from_us) | _GAPS.end_us.is_(None)
    return _rows(tx, _query(stream).where(_GAPS.start_us < to_us, ends_later))


def plain(tx: Transaction, stream: Id, from_us: int, to_us: int) -> list[tuple[int, int | None, GapReason, str]]:
    """As `between`, without what rows are: start, end, reason, detail. A third of the time for thousands."""
    where = (_GAPS.node == stream.node) & (_GAPS.stream_id == stream.number)
    where &= (_GAPS.start_us < to_us) & ((_GAPS.end_us > from_us) | _GAPS.end_us.is_(None))
    query = select(_GAPS.start_us, _GAPS.end_us, _GAPS.reason, _GAPS.detail).where(where).order_by(_GAPS.start_us)
    rows: Iterable[Any] = tx.run("gaps", query)
    return [(start, end, _REASONS[reason], detail) for start, end, reason, detail in rows]


def beside(
    tx: Transaction, stream: Id, at_us: int, *, later: bool
) -> tuple[int, int | None, GapReason, str] | None:  # fmt: skip
    """Return the gap that starts next after an instant, or the last one that starts before it; None for none.

    As `plain`: start, end, reason, detail.
    """
    where = (_GAPS.node == stream.node) & (_GAPS.stream_id == stream.number)
    where &= (_GAPS.start_us > at_us) if later else (_GAPS.start_us < at_us)
    order = _GAPS.start_us if later else _GAPS.start_us.desc()
    query = select(_GAPS.start_us, _GAPS.end_us, _GAPS.reason, _GAPS.detail).where(where).order_by(order).limit(1)
    row = tx.run("gaps", query).one_or_none()
    return None if row is None else (row.start_us, row.end_us, _REASONS[row.reason], row.detail)


def starting_at(tx: Transaction, stream: Id, from_us: int | None) -> list[GapRow]:
    """Return the gaps that start at an instant or later, in order; all for None."""
    query = _query(stream)
    return _rows(tx, query if from_us is None else query.where(_GAPS.start_us >= from_us))


def page(tx: Transaction, stream: Id, *, limit: int = PAGE, cursor: str | None = None) -> Page[GapRow]:
    """List a stream's gaps, newest first."""
    query = _query(stream).order_by(None).order_by(_GAPS.start_us.desc())
    if cursor is not None:
        query = query.where(_GAPS.start_us < read_cursor(cursor, 1)[0])
    limit = max(1, min(limit, PAGE_MAX))
    rows = _rows(tx, query.limit(limit + 1))
    more = len(rows) > limit
    return Page(tuple(rows[:limit]), cursor_of(rows[limit - 1].start_us) if more else None)


def first_us(tx: Transaction, stream: Id) -> int | None:
    """Return when a stream's first gap starts, None where it has none."""
    where = (_GAPS.node == stream.node) & (_GAPS.stream_id == stream.number)
    found = tx.run("gaps", select(func.min(_GAPS.start_us)).where(where)).scalar()
    return None if found is None else int(found)


def lengths(
    tx: Transaction, node: int, from_us: int, to_us: int | None, now_us: int
) -> dict[tuple[StreamKey, str], int]:
    """Return how long the gaps of a node that end within a span are together, by stream and reason.

    Args:
        tx: A transaction.
        node: Its number.
        from_us: Begin of the span.
        to_us: End of the span; what ends then is not in it. None for no end: then those that last are in it, too.
        now_us: How far those reach.
    """
    length = func.coalesce(_GAPS.end_us, now_us) - _GAPS.start_us
    query = select(_GAPS.stream_id, _GAPS.reason, func.sum(length).label("length")).where(_GAPS.node == node)
    if to_us is None:
        query = query.where((_GAPS.end_us >= from_us) | _GAPS.end_us.is_(None))
    else:
        query = query.where(_GAPS.end_us >= from_us, _GAPS.end_us < to_us)
    rows = tx.run("gaps", query.group_by(_GAPS.stream_id, _GAPS.reason)).all()
    names = {stream.id.number: stream.key for stream in cameras.streams(tx, node)}
    # A sum of integers is a decimal number in PostgreSQL.
    return {(names[row.stream_id], row.reason): int(row.length) for row in rows}


def write(
    tx: Transaction, stream: Id, *, new: Sequence[Gap], changed: Sequence[tuple[int, Gap]], gone: Sequence[int]
) -> None:
    """Write what became of a stream's gaps.

    Args:
        tx: A writing transaction.
        stream: The stream.
        new: Gaps without a row.
        changed: Row numbers and what they say now.
        gone: Row numbers of gaps that turned out to be footage.
    """
    own = _GAPS.node == stream.node
    if gone:
        tx.run("gaps", delete(schema.gaps).where(own, _GAPS.id.in_(gone)))
    # What closes goes first: only one may be open at any time, inside a transaction too.
    for number, gap in sorted(changed, key=lambda item: item[1].open):
        tx.run("gaps", update(schema.gaps).where(own, _GAPS.id == number).values(_columns(gap)))
    if new:
        numbers = new_ids(tx, stream.node, "gaps", len(new))
        identity = {"node": stream.node, "stream_id": stream.number}
        rows = [{**identity, "id": number, **_columns(gap)} for number, gap in zip(numbers, new, strict=True)]
        tx.run("gaps", insert(schema.gaps), rows)


def _columns(gap: Gap) -> dict[str, Any]:
    end_us = None if gap.open else gap.end_us
    return {"start_us": gap.start_us, "end_us": end_us, "reason": gap.reason.value, "detail": gap.detail}


def _query(stream: Id) -> Select[Any]:
    where = (_GAPS.node == stream.node) & (_GAPS.stream_id == stream.number)
    return select(schema.gaps).where(where).order_by(_GAPS.start_us)


def _rows(tx: Transaction, query: Select[Any]) -> list[GapRow]:
    return [_row(row) for row in tx.run("gaps", query).mappings()]


def _row(row: RowMapping) -> GapRow:
    return GapRow(
        id=Id(int(row["node"]), int(row["id"])),
        stream=int(row["stream_id"]),
        start_us=row["start_us"],
        end_us=row["end_us"],
        reason=GapReason(row["reason"]),
        detail=row["detail"],
    )
