"""Deliveries: files on their way to targets, and what became of them.

A row is made once for an asset, a target and a name. However many rows there are, what is asked for often is found by
an index, with or without statistics: see the tests of work.

Not here: claiming rows and trying them again (claims), looking for assets (handing_on), counting (delivery_stats).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, tuple_
from sqlalchemy.engine import RowMapping

from holdfast.catalog import claims, files_here, nodes, schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import PAGE, PAGE_MAX, Id, Page, cursor_of, new_ids, read_cursor
from holdfast.core.delivery import Asset, AssetKind, DeliveryState
from holdfast.core.errors import NotFound
from holdfast.core.naming import PART, numbered

NOUN = "deliveries"

_ROWS = schema.deliveries.c
_BATCH = 300  # chosen: a row has 38 values, and SQLite takes 32,766 a statement
_FEW = 500  # chosen: so many rows are read in a millisecond or two
_LEADS = frozenset({"kind", "state"})
_ASSET = tuple(name for name in Asset.__dataclass_fields__ if name != "kind")
_PLAIN = (
    "rule", "target", "lane", "priority", "due_us", "attempts", "worker", "last_us", "error", "hint", "key", "address",
    "verified", "object_us", "row_us", "differed", "memory", "created_us", "done_us",
)  # fmt: skip

Instance = tuple[str, str, str]
"""A file as it was: volume, path, SHA-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An asset that a rule wants at a target.

    Attributes:
        rule: Name of the rule.
        target: Name of the target.
        asset: The asset.
        key: Its name there; where another asset has it, a number is added.
        priority: 0, or higher for what goes first.
    """

    rule: str
    target: str
    asset: Asset
    key: str
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A delivery as it stands; columns as in the schema, times in `_us`."""

    id: Id
    state: DeliveryState
    asset: Asset
    rule: str
    target: str
    lane: str
    priority: int
    due_us: int
    attempts: int
    worker: str
    last_us: int | None
    error: str
    hint: str
    key: str
    address: str
    verified: str
    object_us: int | None
    row_us: int | None
    differed: int
    memory: str
    created_us: int
    done_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which deliveries are meant; None for all. `from_us` to `to_us` is about the asset's start."""

    node: int | None = None
    target: str | None = None
    rule: str | None = None
    camera: str | None = None
    kind: AssetKind | None = None
    state: DeliveryState | None = None
    from_us: int | None = None
    to_us: int | None = None


def add(tx: Transaction, node: int, planned: Sequence[Planned], now_us: int) -> int:
    """Make rows for assets that have none yet under these names; return how many were made.

    Doing it again makes none. A name that another asset has at the target already gets a number (F14).
    """
    made = 0
    for at in range(0, len(planned), _BATCH):
        some = planned[at : at + _BATCH]
        taken = _taken(tx, node, some)
        rows = []
        for one in some:
            key = _free(tx, node, taken, one)
            if key is not None:
                taken[one.target, key] = _instance(one.asset)
                rows.append(_new(one, key, now_us))
        if rows:
            numbers = new_ids(tx, node, NOUN, len(rows))
            identified = [{"node": node, "id": number, **row} for number, row in zip(numbers, rows, strict=True)]
            tx.run(NOUN, insert(schema.deliveries), identified)
        made += len(rows)
    if made:
        claims.announce(tx)
    return made


def get(tx: Transaction, delivery: Id) -> DeliveryRow:
    """Return a delivery.

    Raises:
        NotFound: There is none.
    """
    where = (_ROWS.node == delivery.node) & (_ROWS.id == delivery.number)
    row = tx.run(NOUN, select(schema.deliveries).where(where)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no delivery {delivery}", hint="its record may have been cleaned up")
    return of_columns(row)


def page(
    tx: Transaction, wanted: Wanted, *, limit: int = PAGE, cursor: str | None = None, oldest_first: bool = False
) -> Page[DeliveryRow]:
    """List deliveries by the start of their assets, newest first unless told otherwise."""
    columns = (_ROWS.start_us, _ROWS.node, _ROWS.id)
    query = select(schema.deliveries).order_by(*(one if oldest_first else one.desc() for one in columns))
    if cursor is not None:
        place = tuple_(*columns)
        given = tuple_(*read_cursor(cursor, 3))
        query = query.where(place > given if oldest_first else place < given)
    limit = max(1, min(limit, PAGE_MAX))
    rows = [
        of_columns(row)
        for part, lead in _parts(tx, wanted)
        for row in tx.run(NOUN, query.where(*chosen(part, lead)).limit(limit + 1)).mappings()
    ]
    rows.sort(key=lambda row: (row.asset.start_us, row.id), reverse=not oldest_first)
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(
        tuple(rows[:limit]), cursor_of(last.asset.start_us, last.id.node, last.id.number) if last else None
    )  # fmt: skip


def _parts(tx: Transaction, wanted: Wanted) -> list[tuple[Wanted, str]]:
    """Divide what is wanted so that each part is a stretch of an index, in order, with the column that leads to it.

    Asked for as a whole, the few that failed would be looked for among all deliveries, newest first.
    """
    if wanted.kind is None and (wanted.camera is not None or (wanted.target is None and wanted.state is None)):
        return [(wanted, "")]
    there = [wanted.node] if wanted.node is not None else nodes.numbers(tx)
    places = [
        replace(wanted, node=node, target=target)
        for node in there
        for target in ([wanted.target] if wanted.target is not None else targets(tx, node))
    ]
    if wanted.kind is None:
        states = [wanted.state] if wanted.state is not None else DeliveryState
        return [(replace(place, state=state), "state") for place in places for state in states]
    if wanted.camera is not None and not all(_few(tx, place, "kind") for place in places):
        return [(wanted, "")]
    return [(place, "state" if place.state is not None and _few(tx, place, "state") else "kind") for place in places]


def _few(tx: Transaction, place: Wanted, name: str) -> bool:
    """Say whether a target has so few deliveries of a kind, or in a state, that each may be looked at."""
    wanted = Wanted(node=place.node, target=place.target, **{name: getattr(place, name)})
    some = select(_ROWS.id).where(*chosen(wanted, name)).limit(_FEW + 1).subquery()
    return int(tx.run(NOUN, select(func.count()).select_from(some)).scalar_one()) <= _FEW


def targets(tx: Transaction, node: int) -> list[str]:
    """Return the targets that a node has deliveries for, configured or not."""
    found: list[str] = []
    query = select(func.min(_ROWS.target)).where(_ROWS.node == node)
    # One look into an index a target, however many rows it has.
    while (one := tx.run(NOUN, query.where(_ROWS.target > found[-1]) if found else query).scalar()) is not None:
        found.append(str(one))
    return found


def by_volume(files: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield files, given as (volume, path), some of one volume at a time, for one question each.

    Pairs of both in one question are looked up in no index on SQLite: it would read every row.
    """
    paths: dict[str, list[str]] = {}
    for volume, path in sorted(set(files)):
        paths.setdefault(volume, []).append(path)
    for volume, some in paths.items():
        for at in range(0, len(some), _BATCH):
            yield volume, some[at : at + _BATCH]


def addresses(tx: Transaction, node: int, files: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return where files of a node lie at targets: by (volume, path), the one that arrived first."""
    found: dict[tuple[str, str], str] = {}
    for volume, paths in by_volume(files):
        query = select(_ROWS.file, _ROWS.address).where(
            _ROWS.node == node, _ROWS.volume == volume, _ROWS.file.in_(paths), _ROWS.object_us.is_not(None)
        )
        for row in tx.run(NOUN, query.order_by(_ROWS.object_us, _ROWS.id)):
            found.setdefault((volume, row.file), row.address)
    return found


def arrived(
    tx: Transaction, node: int, files: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], frozenset[str]]:  # fmt: skip
    """Return which targets have a verified copy of files of a node, by (volume, path).

    A file that was found missing when its turn came counts as there: nothing of it is left to send.
    """
    found: dict[tuple[str, str], frozenset[str]] = {}
    there = _ROWS.object_us.is_not(None) | (_ROWS.state == DeliveryState.MISSING.value)
    for volume, paths in by_volume(files):
        query = select(_ROWS.file, _ROWS.target).where(
            _ROWS.node == node, _ROWS.volume == volume, _ROWS.file.in_(paths), there
        )
        for row in tx.run(NOUN, query):
            found[volume, row.file] = found.get((volume, row.file), frozenset()) | {row.target}
    return found


def superseded(tx: Transaction, row: DeliveryRow) -> list[DeliveryRow]:
    """Return what lies at the same target and is only the beginning of what this delivery brought there."""
    asset = row.asset
    # Of a file there are a few: what else is asked of them is asked here, so that only the file leads to them.
    query = select(schema.deliveries).where(
        _ROWS.node == row.id.node, _ROWS.target == row.target, _ROWS.volume == asset.volume, _ROWS.file == asset.file
    )
    found = sorted((of_columns(one) for one in tx.run(NOUN, query).mappings()), key=lambda one: one.id)
    return [
        one
        for one in found
        if one.state is DeliveryState.DELIVERED and one.asset.bytes <= asset.bytes and PART in one.key
        and one.id != row.id
    ]  # fmt: skip


def drop(tx: Transaction, rows: Sequence[Id]) -> None:
    """Delete rows about what is not at its target any more, and need not be."""
    for one in rows:
        tx.run(NOUN, delete(schema.deliveries).where(_ROWS.node == one.node, _ROWS.id == one.number))


def forgettable(tx: Transaction, node: int, before_us: int, *, after: int = 0, most: int = 1000) -> list[int]:
    """Return which records may be forgotten: of what was delivered, or missing, before an instant, and is not here.

    A file that is here still needs its record: it says that the file may go. Journals are always here.

    Args:
        tx: The transaction.
        node: Whose records.
        before_us: The instant.
        after: Those with higher numbers than this, lowest first.
        most: How many at most.
    """
    kinds = _ROWS.kind.in_([kind.value for kind in files_here.KINDS])
    where = (_ROWS.node == node) & (_ROWS.id > after) & _over(before_us)
    query = select(_ROWS.id).where(where, kinds, ~files_here.here(_ROWS, node)).order_by(_ROWS.id).limit(most)
    return [int(number) for number in tx.run(NOUN, query).scalars()]


def forget(tx: Transaction, node: int, before_us: int, numbers: Sequence[int]) -> int:
    """Delete records that `forgettable` named, unless they are wanted again by now; return how many there were."""
    gone = 0
    for at in range(0, len(numbers), _BATCH):
        some = (_ROWS.node == node) & _ROWS.id.in_(numbers[at : at + _BATCH]) & _over(before_us)
        gone += int(tx.run(NOUN, delete(schema.deliveries).where(some)).rowcount)
    return gone


def _over(before_us: int) -> ColumnElement[bool]:
    done = _ROWS.state.in_((DeliveryState.DELIVERED.value, DeliveryState.MISSING.value))
    return done & (func.coalesce(_ROWS.done_us, _ROWS.last_us) < before_us)


def chosen(wanted: Wanted, lead: str = "") -> list[ColumnElement[bool]]:
    """Return the conditions that deliveries must meet.

    Args:
        wanted: Which are meant.
        lead: `kind` or `state`: only the index on that column is used, not that on the other; empty for any.
    """
    given = {
        "target": wanted.target, "rule": wanted.rule, "camera": wanted.camera, "kind": wanted.kind,
        "state": wanted.state,
    }  # fmt: skip
    found = []
    for name, value in given.items():
        if value is not None:
            aside = lead and name in _LEADS and name != lead
            found.append((_ROWS[name].concat("") if aside else _ROWS[name]) == str(value))
    if wanted.node is not None:
        found.append(_ROWS.node == wanted.node)
    if wanted.from_us is not None:
        found.append(_ROWS.start_us >= wanted.from_us)
    if wanted.to_us is not None:
        found.append(_ROWS.start_us < wanted.to_us)
    return found


def of_columns(row: Mapping[str, Any] | RowMapping) -> DeliveryRow:
    """Read a row, such as one that was claimed."""
    asset = Asset(kind=AssetKind(row["kind"]), **{name: row[name] for name in _ASSET})
    return DeliveryRow(
        id=Id(int(row["node"]), int(row["id"])), state=DeliveryState(row["state"]), asset=asset,
        **{name: row[name] for name in _PLAIN},
    )  # fmt: skip


def _instance(asset: Asset) -> Instance:
    return asset.volume, asset.file, asset.sha256


def _taken(tx: Transaction, node: int, planned: Sequence[Planned]) -> dict[tuple[str, str], Instance]:
    """Return which asset has each of the names that are wanted."""
    found: dict[tuple[str, str], Instance] = {}
    for target in {one.target for one in planned}:
        keys = sorted({one.key for one in planned if one.target == target})
        query = select(_ROWS.key, _ROWS.volume, _ROWS.file, _ROWS.sha256)
        query = query.where(_ROWS.node == node, _ROWS.target == target, _ROWS.key.in_(keys))
        for row in tx.run(NOUN, query):
            found[target, row.key] = (row.volume, row.file, row.sha256)
    return found


def _free(
    tx: Transaction, node: int, taken: dict[tuple[str, str], Instance], one: Planned
) -> str | None:  # fmt: skip
    """Return the name that an asset gets; None where it has one already."""
    key, number = one.key, 1
    while (holder := taken.get((one.target, key))) is not None:
        if holder == _instance(one.asset):
            return None
        number += 1
        key = numbered(one.key, number)
        if (one.target, key) not in taken:
            # Names with numbers are rare: each is looked up by itself.
            taken.update(_taken(tx, node, [Planned(rule="", target=one.target, asset=one.asset, key=key)]))
    return key


def _new(one: Planned, key: str, now_us: int) -> dict[str, Any]:
    asset = one.asset
    return {
        **{name: getattr(asset, name) for name in _ASSET}, "kind": asset.kind.value, "rule": one.rule,
        "target": one.target, "key": key, "created_us": now_us,
        # In the order in which they were recorded, whenever they are planned (F25).
        **claims.fresh(one.target, min(now_us, asset.start_us), priority=one.priority), "address": "",
        "verified": "", "object_us": None, "row_us": None, "differed": 0, "memory": "", "done_us": None,
    }  # fmt: skip
