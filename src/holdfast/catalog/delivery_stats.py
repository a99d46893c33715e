"""Counting deliveries: how many stand how, how much waits, how fast it goes.

Not here: rows (deliveries), what the figures mean (library.deliveries).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, update

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.core.delivery import DeliveryState

_ROWS = schema.deliveries.c
_PENDING = DeliveryState.PENDING.value


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


def by_state(tx: Transaction, node: int) -> dict[tuple[str, DeliveryState], Count]:
    """Count the deliveries of a node by target and state."""
    columns = (_ROWS.target, _ROWS.state)
    query = select(*columns, *_sums()).where(_ROWS.node == node).group_by(*columns)
    return {
        (row.target, DeliveryState(row.state)): Count(int(row.number), int(row.size or 0), int(row.oldest))
        for row in tx.run("deliveries", query)
    }


def waiting_by_camera(tx: Transaction, node: int) -> dict[tuple[str, str], Count]:
    """Count what waits or is being sent by target and camera; it is little where all is well."""
    columns = (_ROWS.target, _ROWS.camera)
    states = (_PENDING, DeliveryState.SENDING.value)
    query = select(*columns, *_sums()).where(_ROWS.node == node, _ROWS.state.in_(states)).group_by(*columns)
    return {
        (row.target, row.camera): Count(int(row.number), int(row.size or 0), int(row.oldest))
        for row in tx.run("deliveries", query)
    }


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


def hurry(tx: Transaction, node: int, target: str, now_us: int) -> int:
    """Let what waits for another attempt be due at once; return how many there were."""
    where = [_ROWS.node == node, _ROWS.target == target, _ROWS.state == _PENDING, _ROWS.due_us > now_us]
    changed = tx.run("deliveries", update(schema.deliveries).where(*where).values(due_us=now_us))
    return changed.rowcount


def pending(tx: Transaction, node: int, target: str, after: tuple[int, int], limit: int) -> list[tuple[int, int, int]]:
    """Return what waits for a target, oldest first: start, number and bytes, after such a start and number."""
    start_us, number = after
    later = (_ROWS.start_us > start_us) | ((_ROWS.start_us == start_us) & (_ROWS.id > number))
    query = select(_ROWS.start_us, _ROWS.id, _ROWS.bytes).where(
        _ROWS.node == node, _ROWS.target == target, _ROWS.state == _PENDING, later
    )
    rows = tx.run("deliveries", query.order_by(_ROWS.start_us, _ROWS.id).limit(limit))
    return [(int(row.start_us), int(row.id), int(row.bytes)) for row in rows]


def _sums() -> tuple[object, ...]:
    return (
        func.count().label("number"), func.sum(_ROWS.bytes).label("size"), func.min(_ROWS.start_us).label("oldest")
    )  # fmt: skip
