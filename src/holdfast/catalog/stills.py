"""Stills that are kept: what became of each planned picture, and how far each camera's grid is decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select
from sqlalchemy.engine import RowMapping

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, Page, cursor_of, new_ids, read_cursor
from holdfast.core.errors import NotFound

TAKEN, MISSED = "taken", "missed"

_STILLS = schema.stills.c
_POSITIONS = schema.still_positions.c
_SEALED = func.sum(case((_STILLS.plain_bytes > 0, 1), else_=0)).label("sealed")
_MOST_AT_ONCE = 500  # chosen: SQLite takes 32,766 values a statement, and a row has 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a planned picture; columns as in the schema. `cause` is empty where it was taken."""

    camera: str
    slot_us: int
    location: str = ""
    at_us: int | None = None
    cause: str = ""
    volume: str = ""
    file: str = ""
    thumbnail: str = ""
    width: int = 0
    height: int = 0
    source_width: int = 0
    source_height: int = 0
    bytes: int = 0
    sha256: str = ""
    plain_bytes: int = 0
    plain_sha256: str = ""

    @property
    def is_sealed(self) -> bool:
        """Whether its file is encrypted, so that nobody here can show it."""
        return bool(self.plain_sha256)

    @property
    def state(self) -> str:
        """Either `taken` or `missed`."""
        return MISSED if self.cause else TAKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class StillRow:
    """A planned picture, and what became of it."""

    id: Id
    outcome: Outcome
    created_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which stills are meant; None for all. `from_us` and `to_us` are about the planned instant, the end not in it."""

    node: int | None = None
    camera: str | None = None
    volume: str | None = None
    state: str | None = None
    from_us: int | None = None
    to_us: int | None = None
    sealed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many were taken and missed, how many of those taken are encrypted, and the size of the files in bytes."""

    taken: int = 0
    missed: int = 0
    sealed: int = 0
    bytes: int = 0


def position(tx: Transaction, node: int, camera: str) -> int | None:
    """Return the instant up to which every planned still of a camera is decided; None where nobody has begun."""
    where = (_POSITIONS.node == node) & (_POSITIONS.camera == camera)
    found = tx.run("still_positions", select(_POSITIONS.decided_us).where(where)).scalar()
    return None if found is None else int(found)


def set_position(tx: Transaction, node: int, camera: str, decided_us: int, now_us: int) -> None:
    """Write how far a camera's stills are decided, together with the stills until there."""
    values = {"decided_us": decided_us, "updated_us": now_us}
    row = tx.insert(schema.still_positions).values(node=node, camera=camera, **values)
    tx.run(
        "still_positions", row.on_conflict_do_update(index_elements=[_POSITIONS.node, _POSITIONS.camera], set_=values)
    )


def keep_positions(tx: Transaction, node: int, cameras: Sequence[str]) -> None:
    """Forget how far it is with all cameras but these: where stills are switched on again they begin with now."""
    known = set(tx.run("still_positions", select(_POSITIONS.camera).where(_POSITIONS.node == node)).scalars())
    for camera in known - set(cameras):
        where = (_POSITIONS.node == node) & (_POSITIONS.camera == camera)
        tx.run("still_positions", delete(schema.still_positions).where(where))


def put(tx: Transaction, node: int, outcomes: Sequence[Outcome], now_us: int) -> None:
    """Write what became of planned pictures, each once.

    One that is there stays as it is, except that what was missed is taken where there is a picture after all.
    """
    for at in range(0, len(outcomes), _MOST_AT_ONCE):
        part = outcomes[at : at + _MOST_AT_ONCE]
        numbers = new_ids(tx, node, "stills", len(part))
        rows = [
            {"node": node, "id": number, "created_us": now_us, "state": one.state, **_columns(one)}
            for number, one in zip(numbers, part, strict=True)
        ]
        insert = tx.insert(schema.stills)
        change = {name: insert.excluded[name] for name in rows[0] if name not in {"node", "id", "camera", "slot_us"}}
        statement = insert.on_conflict_do_update(
            index_elements=[_STILLS.node, _STILLS.camera, _STILLS.slot_us], set_=change,
            where=(_STILLS.state == MISSED) & (insert.excluded.state == TAKEN),
        )  # fmt: skip
        tx.run("stills", statement, rows)


def known(tx: Transaction, node: int, camera: str, from_us: int, to_us: int) -> dict[int, str]:
    """Return the state of each planned picture of a span by its instant."""
    query = select(_STILLS.slot_us, _STILLS.state).where(
        _STILLS.node == node, _STILLS.camera == camera, _STILLS.slot_us >= from_us, _STILLS.slot_us < to_us
    )
    return {int(row.slot_us): row.state for row in tx.run("stills", query)}


def get(tx: Transaction, still: Id) -> StillRow:
    """Return a still.

    Raises:
        NotFound: There is none.
    """
    query = select(schema.stills).where((_STILLS.node == still.node) & (_STILLS.id == still.number))
    row = tx.run("stills", query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no still {still}", hint="it may have been deleted")
    return _row(row)


def page(
    tx: Transaction, wanted: Wanted, *, limit: int = PAGE, cursor: str | None = None, oldest_first: bool = False
) -> Page[StillRow]:
    """List stills by their planned instant, newest first unless told otherwise."""
    columns = (_STILLS.slot_us, _STILLS.node, _STILLS.id)
    query = select(schema.stills).where(*_chosen(wanted))
    query = query.order_by(*(column if oldest_first else column.desc() for column in columns))
    if cursor is not None:
        slot_us, node, number = read_cursor(cursor, 3)
        query = query.where(_beyond(slot_us, node, number, later=oldest_first))
    limit = max(1, min(limit, PAGE_MAX))
    rows = [_row(row) for row in tx.run("stills", query.limit(limit + 1)).mappings()]
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        tuple(rows[:limit]), cursor_of(last.outcome.slot_us, last.id.node, last.id.number) if last else None
    )  # fmt: skip


def count(tx: Transaction, wanted: Wanted) -> Count:
    """Count stills."""
    query = select(_STILLS.state, func.count().label("number"), func.sum(_STILLS.bytes).label("size"), _SEALED)
    found = {row.state: row for row in tx.run("stills", query.where(*_chosen(wanted)).group_by(_STILLS.state))}
    taken, missed = found.get(TAKEN), found.get(MISSED)
    return Count(
        taken=0 if taken is None else int(taken.number), missed=0 if missed is None else int(missed.number),
        bytes=0 if taken is None else int(taken.size), sealed=0 if taken is None else int(taken.sealed),
    )  # fmt: skip


def edges(tx: Transaction, wanted: Wanted) -> tuple[int, int] | None:
    """Return the first and the last planned instant; None where there is none."""
    query = select(func.min(_STILLS.slot_us).label("first"), func.max(_STILLS.slot_us).label("last"))
    row = tx.run("stills", query.where(*_chosen(wanted))).one()
    return None if row.first is None else (int(row.first), int(row.last))


def forget(tx: Transaction, stills: Sequence[Id]) -> int:
    """Delete rows of stills; their files go first. Return how many there were."""
    gone = 0
    for node in {still.node for still in stills}:
        numbers = [still.number for still in stills if still.node == node]
        for at in range(0, len(numbers), _MOST_AT_ONCE):
            where = (_STILLS.node == node) & _STILLS.id.in_(numbers[at : at + _MOST_AT_ONCE])
            gone += tx.run("stills", delete(schema.stills).where(where)).rowcount
    return gone


def _beyond(slot_us: int, node: int, number: int, *, later: bool) -> ColumnElement[bool]:
    if later:
        same = (_STILLS.node > node) | ((_STILLS.node == node) & (_STILLS.id > number))
        return (_STILLS.slot_us > slot_us) | ((_STILLS.slot_us == slot_us) & same)
    same = (_STILLS.node < node) | ((_STILLS.node == node) & (_STILLS.id < number))
    return (_STILLS.slot_us < slot_us) | ((_STILLS.slot_us == slot_us) & same)


def _chosen(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    given = (
        (_STILLS.node, wanted.node), (_STILLS.camera, wanted.camera), (_STILLS.volume, wanted.volume),
        (_STILLS.state, wanted.state),
    )  # fmt: skip
    for column, value in given:
        if value is not None:
            found.append(column == value)
    if wanted.sealed is not None:
        found.append(_STILLS.plain_bytes > 0 if wanted.sealed else _STILLS.plain_bytes == 0)
    if wanted.from_us is not None:
        found.append(_STILLS.slot_us >= wanted.from_us)
    if wanted.to_us is not None:
        found.append(_STILLS.slot_us < wanted.to_us)
    return found


def _columns(one: Outcome) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Outcome.__dataclass_fields__}


def _row(row: RowMapping) -> StillRow:
    outcome = Outcome(**{name: row[name] for name in Outcome.__dataclass_fields__})
    return StillRow(id=Id(int(row["node"]), int(row["id"])), outcome=outcome, created_us=int(row["created_us"]))
