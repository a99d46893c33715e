"""Counting deliveries: how many stand how, how much waits, how fast it goes.

Not here: rows (deliveries), what the figures mean (library.deliveries).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Label, func, literal_column, select, tuple_, update

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.core.delivery import DeliveryState

_ROWS = schema.deliveries.c
_PENDING = DeliveryState.PENDING.value
# Written out, not bound: only so is the index on rows that wait used (claims).
_WAITS: ColumnElement[str] = literal_column(f"'{_PENDING}'")


@dataclass(frozen=True, slots=True)
class Count:
    """How many deliveries, and how many bytes; `oldest_us` is when the oldest asset among them began, None for none."""

    count: int = 0
    bytes: int = 0
    oldest_us: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """What arrived at a target within a span: files, bytes, and when the last one did (None for none)."""

    files: int = 0
    bytes: int = 0
    last_us: int | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a try came to nothing, what to do, and when it began, microseconds since the epoch, UTC."""

    why: str
    hint: str
    at_us: int


def by_state(tx: Transaction, node: int) -> dict[tuple[str, DeliveryState], Count]:
    """Count the deliveries of a node by target and state."""
    columns = (_ROWS.target, _ROWS.state)
    query = select(*columns, *_sums()).where(_ROWS.node == node).group_by(*columns)
    return {
        (row.target, DeliveryState(row.state)): Count(int(row.number), int(row.size or 0), int(row.oldest))
        for row in tx.run("deliveries", query)
    }


def waiting_by_camera(tx: Transaction, node: int, targets: Iterable[str]) -> dict[tuple[str, str], Count]:
    """Count what waits or is being sent to targets, by target and camera; it is little where all is well."""
    found = {}
    states = (_PENDING, DeliveryState.SENDING.value)
    # No column of an index, or SQLite would go through all deliveries in the order of their cameras.
    camera = _ROWS.camera.concat("").label("name")
    for target in targets:
        # Each by itself, because only so an index leads to what waits.
        where = (_ROWS.node == node) & (_ROWS.target == target) & _ROWS.state.in_(states)
        for row in tx.run("deliveries", select(camera, *_sums()).where(where).group_by(camera)):
            found[target, str(row.name)] = Count(int(row.number), int(row.size or 0), int(row.oldest))
    return found


def rows_waiting(tx: Transaction, node: int, target: str, rule: str) -> Count:
    """Count what has arrived at a target and waits for a rule's row about it."""
    where = [
        _ROWS.node == node, _ROWS.target == target, _ROWS.state == _PENDING, _ROWS.rule == rule,
        _ROWS.object_us.is_not(None),
    ]  # fmt: skip
    row = tx.run("deliveries", select(*_sums()).where(*where)).one()
    return Count(int(row.number), int(row.size or 0), None if row.oldest is None else int(row.oldest))


def paces(tx: Transaction, node: int, targets: Mapping[str, object], from_us: int) -> dict[str, Pace]:
    """Say what arrived at each target since an instant, and when anything did last."""
    found = {}
    for target in targets:
        where = [_ROWS.node == node, _ROWS.target == target, _ROWS.object_us.is_not(None)]
        query = select(func.count().label("number"), func.sum(_ROWS.bytes).label("size"))
        row = tx.run("deliveries", query.where(*where, _ROWS.object_us >= from_us)).one()
        last_us = tx.run("deliveries", select(func.max(_ROWS.object_us)).where(*where)).scalar()
        found[target] = Pace(int(row.number), int(row.size or 0), None if last_us is None else int(last_us))
    return found


def complaint(tx: Transaction, node: int, target: str) -> Complaint | None:
    """Return why the last one did not arrive, of those that wait for a target; None where none was tried in vain."""
    where = [
        _ROWS.node == node, _ROWS.target == target, _ROWS.state.in_((_PENDING, DeliveryState.SENDING.value)),
        _ROWS.object_us.is_(None), _ROWS.error != "", _ROWS.last_us.is_not(None),
    ]  # fmt: skip
    query = select(_ROWS.error, _ROWS.hint, _ROWS.last_us).where(*where).order_by(_ROWS.last_us.desc()).limit(1)
    row = tx.run("deliveries", query).one_or_none()
    return None if row is None else Complaint(str(row.error), str(row.hint), int(row.last_us))


def hurry(tx: Transaction, node: int, target: str, now_us: int, *, most: int = 1000) -> int:
    """Let what waits for another attempt be due at once, `most` of it in one go; return how many there were."""
    waits = [_ROWS.node == node, _ROWS.lane == target, _ROWS.state == _WAITS, _ROWS.due_us > now_us]
    numbers = list(tx.run("deliveries", select(_ROWS.id).where(*waits).order_by(_ROWS.due_us).limit(most)).scalars())
    if numbers:
        these = [_ROWS.node == node, _ROWS.id.in_(numbers), _ROWS.state == _WAITS, _ROWS.due_us > now_us]
        tx.run("deliveries", update(schema.deliveries).where(*these).values(due_us=now_us))
    return len(numbers)


def pending(tx: Transaction, node: int, target: str, after: tuple[int, int], limit: int) -> list[tuple[int, int, int]]:
    """Return what waits for a target, oldest first: start, number and bytes, after such a start and number."""
    query = select(_ROWS.start_us, _ROWS.id, _ROWS.bytes).where(
        _ROWS.node == node, _ROWS.target == target, _ROWS.state == _PENDING,
        # The first for the index; the second says which of those that begin at the same instant come later.
        _ROWS.start_us >= after[0], tuple_(_ROWS.start_us, _ROWS.id) > after,
    )  # fmt: skip
    rows = tx.run("deliveries", query.order_by(_ROWS.start_us, _ROWS.id).limit(limit))
    return [(int(row.start_us), int(row.id), int(row.bytes)) for row in rows]


def _sums() -> tuple[Label[Any], ...]:
    return (
        func.count().label("number"), func.sum(_ROWS.bytes).label("size"), func.min(_ROWS.start_us).label("oldest")
    )  # fmt: skip
