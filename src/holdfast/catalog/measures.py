"""Measures: what was seen and heard, look by look and minute by minute; how far the watcher is."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Executable, Table, delete, func, select

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.core.timing import MINUTE_US

_WATCHES = schema.watches.c
_MEASURES = schema.measures.c
_MINUTES = schema.minutes.c
_AS_THEY_ARE = ("black_most", "difference_least", "db_most", "clipped_most", "loudness_most", "blocks_most")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What one look brought; columns as in the schema, None where it is not known."""

    at_us: int
    black_percent: float | None = None
    difference: float | None = None
    difference_12: float | None = None
    difference_13: float | None = None
    difference_23: float | None = None
    drift: float | None = None
    mean_db: float | None = None
    peak_db: float | None = None
    clipped_percent: float | None = None
    loudness: float | None = None
    blocks: float | None = None
    damaged: int | None = None

    @property
    def differences(self) -> tuple[float, float, float] | None:
        """Those of the three pictures, by pairs; of a look from before they were kept the largest stands for all."""
        one, two, three = self.difference_12, self.difference_13, self.difference_23
        if one is None or two is None or three is None:
            return None if self.difference is None else (self.difference,) * 3
        return one, two, three


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What the looks of a minute brought. `black_mean` and `db_mean` are means over the looks that knew."""

    minute_us: int
    looks: int
    black_mean: float | None
    black_most: float | None
    difference_least: float | None
    db_mean: float | None
    db_most: float | None
    clipped_most: float | None
    loudness_most: float | None
    blocks_most: float | None
    damaged: int | None


@dataclass(frozen=True, slots=True)
class Position:
    """How far the watcher came with a camera, and what it must know to go on."""

    taken_us: int
    state: dict[str, Any]


def position(tx: Transaction, node: int, camera: str) -> Position | None:
    """Return how far a camera's footage is judged; None where nobody has begun."""
    where = (_WATCHES.node == node) & (_WATCHES.camera == camera)
    row = tx.run("watches", select(_WATCHES.taken_us, _WATCHES.state).where(where)).one_or_none()
    return None if row is None else Position(int(row.taken_us), json.loads(row.state))


def set_positions(tx: Transaction, node: int, reached: Mapping[str, Position], now_us: int) -> None:
    """Write how far footage of cameras is judged, with everything that was found until there."""
    rows = [
        {"node": node, "camera": camera, "taken_us": one.taken_us, "state": json.dumps(one.state), "updated_us": now_us}
        for camera, one in reached.items()
    ]
    if rows:
        tx.run("watches", _put(tx, schema.watches, ("node", "camera"), rows[0]), rows)


def add(tx: Transaction, node: int, found: Mapping[str, Sequence[Measure]]) -> None:
    """Add measures by camera, each in the order of time, and to their minutes. One that is there is not added again.

    Few statements, however many cameras: what is written each second costs more than what is looked at.
    """
    rows = [{"node": node, "camera": camera, **asdict(one)} for camera, looks in found.items() for one in looks]
    if not rows:
        return
    same = [_MEASURES.node, _MEASURES.camera, _MEASURES.at_us]
    tx.run("measures", tx.insert(schema.measures).on_conflict_do_nothing(index_elements=same), rows)
    minutes: dict[int, set[str]] = {}
    for one in rows:
        minutes.setdefault(one["at_us"] // MINUTE_US * MINUTE_US, set()).add(one["camera"])
    for minute_us, cameras in sorted(minutes.items()):
        _roll_up(tx, node, cameras, minute_us)


def _roll_up(tx: Transaction, node: int, cameras: Collection[str], minute_us: int) -> None:
    """Make a minute's rows of its looks, which are all there still: nothing is judged later than looks are kept."""
    where = (_MEASURES.node == node) & _MEASURES.camera.in_(cameras)
    where &= (_MEASURES.at_us >= minute_us) & (_MEASURES.at_us < minute_us + MINUTE_US)
    columns = {
        "looks": func.count(),
        "black_most": func.max(_MEASURES.black_percent),
        "black_sum": func.sum(_MEASURES.black_percent),
        "difference_least": func.min(_MEASURES.difference),
        "db_sum": func.sum(_MEASURES.mean_db),
        "db_most": func.max(_MEASURES.mean_db),
        "db_looks": func.count(_MEASURES.mean_db),
        "clipped_most": func.max(_MEASURES.clipped_percent),
        "loudness_most": func.max(_MEASURES.loudness),
        "blocks_most": func.max(_MEASURES.blocks),
        "damaged": func.sum(_MEASURES.damaged),
    }
    query = select(_MEASURES.camera, *(column.label(name) for name, column in columns.items()))
    query = query.where(where).group_by(_MEASURES.camera)
    rows = [{"node": node, "minute_us": minute_us, **row} for row in tx.run("measures", query).mappings()]
    tx.run("measure_minutes", _put(tx, schema.minutes, ("node", "camera", "minute_us"), rows[0]), rows)


def _put(tx: Transaction, table: Table, key: Sequence[str], row: Mapping[str, Any]) -> Executable:
    """Return a statement that writes rows of these columns over those with the same key."""
    made = tx.insert(table)
    values = {name: made.excluded[name] for name in row if name not in key}
    return made.on_conflict_do_update(index_elements=[table.c[name] for name in key], set_=values)


def between(tx: Transaction, node: int, camera: str, from_us: int, to_us: int, *, limit: int) -> list[Measure]:
    """Return the measures of a span, in the order of time, `limit` at most."""
    where = (_MEASURES.node == node) & (_MEASURES.camera == camera)
    where &= (_MEASURES.at_us >= from_us) & (_MEASURES.at_us < to_us)
    names = list(Measure.__dataclass_fields__)
    query = select(*(_MEASURES[name] for name in names)).where(where).order_by(_MEASURES.at_us).limit(limit)
    return [Measure(**row) for row in tx.run("measures", query).mappings()]


def newest(tx: Transaction, node: int, camera: str) -> Measure | None:
    """Return the newest measure of a camera; None where there is none."""
    names = list(Measure.__dataclass_fields__)
    query = select(*(_MEASURES[name] for name in names))
    query = query.where((_MEASURES.node == node) & (_MEASURES.camera == camera)).order_by(_MEASURES.at_us.desc())
    row = tx.run("measures", query.limit(1)).mappings().one_or_none()
    return None if row is None else Measure(**row)


def minutes(tx: Transaction, node: int, camera: str, from_us: int, to_us: int, *, limit: int) -> list[Minute]:
    """Return the minutes that begin in a span, in the order of time, `limit` at most."""
    where = (_MINUTES.node == node) & (_MINUTES.camera == camera)
    where &= (_MINUTES.minute_us >= from_us) & (_MINUTES.minute_us < to_us)
    query = select(schema.minutes).where(where).order_by(_MINUTES.minute_us).limit(limit)
    found = []
    for row in tx.run("measure_minutes", query).mappings():
        looks, heard, damaged = int(row["looks"]), int(row["db_looks"]), row["damaged"]
        minute = Minute(
            minute_us=int(row["minute_us"]), looks=looks,
            black_mean=None if row["black_sum"] is None else row["black_sum"] / looks,
            db_mean=row["db_sum"] / heard if heard else None,
            damaged=None if damaged is None else int(damaged),  # PostgreSQL sums whole numbers to decimals
            **{name: row[name] for name in _AS_THEY_ARE},
        )  # fmt: skip
        found.append(minute)
    return found


def forget(tx: Transaction, node: int, *, looks_before_us: int, minutes_before_us: int, most: int) -> int:
    """Delete what is older, `most` looks and minutes at once; return how many rows went."""
    gone = 0
    for table, at, before_us in (
        (schema.measures, _MEASURES.at_us, looks_before_us),
        (schema.minutes, _MINUTES.minute_us, minutes_before_us),
    ):
        columns = table.c
        old = select(columns.camera, at).where(columns.node == node, at < before_us).limit(most)
        last: dict[str, int] = {}
        for row in tx.run(table.name, old.order_by(columns.camera, at)).mappings():
            last[row["camera"]] = int(row[at.name])
        for camera, last_us in last.items():
            where = (columns.node == node) & (columns.camera == camera) & (at <= last_us)
            gone += tx.run(table.name, delete(table).where(where)).rowcount
    return gone
