"""Hand-overs: files of which somebody is told, and what came of it.

A row is made once for a rule and an instance of a file. It stays as long as the file is here, or at a target that the
rule waited for: it says that nobody needs to be told again.

Not here: claiming rows and trying them again (claims), looking for finished files (handing_on).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, insert, literal_column, select
from sqlalchemy.engine import RowMapping

from holdfast.catalog import claims, handing_on, schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.files_here import here
from holdfast.catalog.rows import Id, new_ids
from holdfast.catalog.schema_work import FAILED, PENDING
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.handover import Copy, HandoverState

NOUN = "handovers"

_ROWS = schema.handovers.c
_SENT = schema.deliveries.c
_ASSET = tuple(name for name in Asset.__dataclass_fields__ if name != "kind")
_BATCH = 300  # chosen: a row has 30 values, and SQLite takes 32,766 a statement
_OVER = (HandoverState.DONE.value, HandoverState.MISSING.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverRow:
    """A hand-over as it stands; columns as in the schema, times in `_us`."""

    id: Id
    state: HandoverState
    asset: Asset
    rule: str
    made: str
    attempts: int
    last_us: int | None
    error: str
    hint: str
    created_us: int
    done_us: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the hand-overs of one rule stand.

    Attributes:
        counts: Numbers by state.
        oldest_us: When the oldest file began that waits; None where none waits.
        last_us: When anybody was told last; None where nobody was.
        error: What went wrong last; empty where nothing did.
        hint: What a person can do about it.
    """

    counts: Mapping[HandoverState, int]
    oldest_us: int | None
    last_us: int | None
    error: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """Which files a rule waits for until targets have verified them; none of `cameras` or `streams` is all.

    `streams` is about segments, `cameras` about all that a file shows.
    """

    rule: str
    targets: Sequence[str]
    kinds: Collection[AssetKind]
    cameras: Sequence[str] = ()
    streams: Sequence[str] = ()
    since_us: int = 0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that a target holds, when that was verified, microseconds since the epoch, UTC, and all that it shows.

    `cameras` is empty where nobody knows any more what an export shows: it was deleted.
    """

    asset: Asset
    at_us: int
    cameras: tuple[str, ...]


def add(tx: Transaction, node: int, rule: str, assets: Sequence[Asset], now_us: int) -> int:
    """Make rows for files that have none yet under a rule; return how many were made. Doing it again makes none."""
    made = 0
    for at in range(0, len(assets), _BATCH):
        some = {_instance(asset): asset for asset in assets[at : at + _BATCH]}
        known = _known(tx, node, rule, some)
        fresh = [asset for instance, asset in some.items() if instance not in known]
        if fresh:
            numbers = new_ids(tx, node, NOUN, len(fresh))
            rows = [
                {"node": node, "id": number, **_new(rule, asset, now_us)}
                for number, asset in zip(numbers, fresh, strict=True)
            ]
            tx.run(NOUN, insert(schema.handovers), rows)
        made += len(fresh)
    if made:
        claims.announce(tx)
    return made


def arrived(
    tx: Transaction, node: int, waited: Waited, from_us: int, to_us: int | None, limit: int
) -> list[Arrived]:  # fmt: skip
    """Return files that the first of a rule's targets verified in a span and all of them hold, and that have no row.

    Args:
        tx: A transaction.
        node: The node's number.
        waited: Which files; when the first of its targets verified a file is what the span is about.
        from_us: Begin of the span.
        to_us: Its end; None for none.
        limit: How many at most, those that were verified first.
    """
    planned = exists().where(
        _ROWS.node == _SENT.node, _ROWS.rule == waited.rule, _ROWS.volume == _SENT.volume, _ROWS.file == _SENT.file,
        _ROWS.sha256 == _SENT.sha256,
    )  # fmt: skip
    where = [
        _SENT.node == node, _SENT.target == waited.targets[0], _SENT.object_us >= from_us, ~planned,
        _SENT.kind.in_([kind.value for kind in waited.kinds]),
        # An export is new when it is made, however old what it shows.
        (_SENT.start_us >= waited.since_us)
        | ((_SENT.kind == AssetKind.EXPORT.value) & (_SENT.created_us >= waited.since_us)),
    ]  # fmt: skip
    if waited.cameras:
        # Of an export this is the first of its cameras: whoever asks looks at the others.
        where.append(_SENT.camera.in_(waited.cameras))
    if waited.streams:
        where.append((_SENT.kind != AssetKind.SEGMENT.value) | _SENT.stream.in_(waited.streams))
    if to_us is not None:
        where.append(_SENT.object_us < to_us)
    for target in waited.targets[1:]:
        other = schema.deliveries.alias()
        where.append(
            exists().where(
                other.c.node == _SENT.node, other.c.target == target, other.c.volume == _SENT.volume,
                other.c.file == _SENT.file, other.c.sha256 == _SENT.sha256, other.c.object_us.is_not(None),
            )
        )  # fmt: skip
    query = select(schema.deliveries).where(*where).order_by(_SENT.object_us, _SENT.id).limit(limit)
    found = [(_asset(row), int(row["object_us"])) for row in tx.run("deliveries", query).mappings()]
    exported = handing_on.shown(tx, node, (asset for asset, _ in found))
    return [
        Arrived(asset, at_us, exported.get(asset.label, ()) if asset.kind is AssetKind.EXPORT else (asset.camera,))
        for asset, at_us in found
    ]


def first_arrival_us(tx: Transaction, node: int, target: str) -> int | None:
    """Return when a target verified the first file that it has a row about; None where there is none."""
    where = (_SENT.node == node) & (_SENT.target == target) & _SENT.object_us.is_not(None)
    found = tx.run("deliveries", select(func.min(_SENT.object_us)).where(where)).scalar()
    return None if found is None else int(found)


def copies(tx: Transaction, node: int, asset: Asset) -> list[Copy]:
    """Return where verified copies of this very instance lie, by target."""
    where = (_SENT.node == node) & (_SENT.volume == asset.volume) & (_SENT.file == asset.file)
    query = select(_SENT.target, _SENT.address, _SENT.key).where(where, _SENT.sha256 == asset.sha256)
    rows = tx.run("deliveries", query.where(_SENT.object_us.is_not(None)).order_by(_SENT.target, _SENT.id))
    found = {row.target: Copy(target=row.target, address=row.address, key=row.key) for row in rows}
    return list(found.values())


def standing(tx: Transaction, node: int, rule: str) -> Standing:
    """Say how the hand-overs of a rule stand."""
    of = (_ROWS.node == node) & (_ROWS.rule == rule)
    query = select(_ROWS.state, func.count().label("number")).where(of).group_by(_ROWS.state)
    counts = {HandoverState(row.state): int(row.number) for row in tx.run(NOUN, query)}
    pending = (_ROWS.lane == rule) & (_ROWS.state == literal_column(f"'{PENDING}'"))
    oldest = tx.run(NOUN, select(func.min(_ROWS.start_us)).where(of, pending)).scalar()
    last = tx.run(NOUN, select(func.max(_ROWS.last_us)).where(of, _ROWS.state == HandoverState.DONE.value)).scalar()
    error, hint = "", ""
    for state in (FAILED, PENDING):
        wrong = select(_ROWS.error, _ROWS.hint).where(of, _ROWS.state == state, _ROWS.last_us.is_not(None))
        said = tx.run(NOUN, wrong.order_by(_ROWS.last_us.desc()).limit(1)).first()
        if said is not None and not error:
            error, hint = said.error, said.hint
    return Standing(counts, oldest, last, error, hint)


def rules(tx: Transaction, node: int) -> list[str]:
    """Return the rules that have rows, those that are not configured any more too."""
    query = select(_ROWS.rule).where(_ROWS.node == node).distinct().order_by(_ROWS.rule)
    return [str(rule) for rule in tx.run(NOUN, query).scalars()]


def gone(tx: Transaction, node: int, before_us: int, after: int, limit: int) -> tuple[list[HandoverRow], int]:
    """Return what is over since before an instant, and whose file is neither here nor at a target.

    Args:
        tx: A transaction.
        node: The node's number.
        before_us: What was told later is left out.
        after: Number of the last row that was looked at before; 0 to begin.
        limit: How many rows to look at.

    Returns:
        The rows, and the number of the last one that was looked at; 0 where there are no more.
    """
    where = [_ROWS.node == node, _ROWS.id > after]
    span = list(tx.run(NOUN, select(_ROWS.id).where(*where).order_by(_ROWS.id).limit(limit)).scalars())
    if not span:
        return [], 0
    query = select(schema.handovers).where(
        *where, _ROWS.id <= span[-1], _ROWS.state.in_(_OVER), _ROWS.last_us < before_us, ~here(_ROWS, node),
        ~_elsewhere(),
    )  # fmt: skip
    rows = [of_columns(row) for row in tx.run(NOUN, query).mappings()]
    return rows, int(span[-1]) if len(span) == limit else 0


def drop(tx: Transaction, rows: Iterable[Id]) -> None:
    """Forget hand-overs whose file is gone."""
    for one in rows:
        tx.run(NOUN, delete(schema.handovers).where(_ROWS.node == one.node, _ROWS.id == one.number))


def of_columns(row: Mapping[str, Any] | RowMapping) -> HandoverRow:
    """Read a row, such as one that was claimed."""
    return HandoverRow(
        id=Id(int(row["node"]), int(row["id"])), state=HandoverState(row["state"]), asset=_asset(row),
        rule=row["rule"], made=row["made"], attempts=row["attempts"], last_us=row["last_us"], error=row["error"],
        hint=row["hint"], created_us=row["created_us"], done_us=row["done_us"],
    )  # fmt: skip


def _asset(row: Mapping[str, Any] | RowMapping) -> Asset:
    return Asset(kind=AssetKind(row["kind"]), **{name: row[name] for name in _ASSET})


def _new(rule: str, asset: Asset, now_us: int) -> dict[str, Any]:
    return {
        **{name: getattr(asset, name) for name in _ASSET}, "kind": asset.kind.value, "rule": rule,
        # In the order in which they were recorded, whenever they are planned (F25).
        **claims.fresh(rule, min(now_us, asset.start_us)), "made": "", "created_us": now_us, "done_us": None,
    }  # fmt: skip


def _instance(asset: Asset) -> tuple[str, str, str]:
    return (asset.volume, asset.file, asset.sha256)


def _known(tx: Transaction, node: int, rule: str, some: Iterable[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    paths: dict[str, list[str]] = {}
    for volume, file, _ in some:
        paths.setdefault(volume, []).append(file)
    # One volume a question: pairs of columns in one are looked up in no index on SQLite.
    for volume, files in paths.items():
        where = (_ROWS.node == node) & (_ROWS.rule == rule) & (_ROWS.volume == volume) & _ROWS.file.in_(files)
        rows = tx.run(NOUN, select(_ROWS.file, _ROWS.sha256).where(where))
        found |= {(volume, row.file, row.sha256) for row in rows}
    return found


def _elsewhere() -> ColumnElement[bool]:
    """Whether a target was sent the file of a row, so that a rule that waited for it would find it again."""
    return exists().where(
        _SENT.node == _ROWS.node, _SENT.volume == _ROWS.volume, _SENT.file == _ROWS.file, _SENT.sha256 == _ROWS.sha256
    )
