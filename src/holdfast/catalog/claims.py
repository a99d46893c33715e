"""Claims on rows of durable work: which are due, who works on one, and what came of it.

A claim is a row that one worker may work on until its lease ends. It has a number, the fence, and every statement that
writes for it asks for that number: whoever was frozen, cut off or taken for dead changes nothing any more (F26). How
each claim ended is one line of `work_history`, and the primary key there says that it is one.

Times are compared on one clock: the server's where there is one (`time_us`), else this host's.

Not here: what many came to (`claims_together`), claims whose holder died (`lost_work`), what people
do to rows (`work_rows`), kinds and what holds them back (`work_controls`), when and by whom rows are claimed (work).
"""

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.catalog.given import ROWS, among, given, text_of, value_of
from holdfast.catalog.schema_work import PENDING

HISTORY = 20  # lines that each row keeps: more says nothing new about a row that fails again and again
CHANNEL = "holdfast_work"
"""What PostgreSQL's listeners listen on."""

# Written out, not bound: a database uses a partial index only where the statement itself says what the index is about.
_PENDING: ColumnElement[str] = literal_column(f"'{PENDING}'")
_NOBODY: ColumnElement[str] = literal_column("''")
_HISTORY = schema.work_history.c
_HISTORY_LINE = insert(schema.work_history)


class Work(Protocol):
    """What is asked of a kind of work here; `work.kind.Kind` is one."""

    @property
    def name(self) -> str:
        """Name of the kind."""

    @property
    def noun(self) -> str:
        """Table that its rows are in."""

    @property
    def working(self) -> str:
        """State of a row that somebody works on."""


@dataclass(frozen=True, slots=True)
class Known:
    """A kind of work as the catalog knows it, for those who do not work themselves."""

    name: str
    noun: str
    working: str


@dataclass(frozen=True, slots=True)
class Due:
    """A row that may be worked on now."""

    number: int
    due_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row that is ours until `lease_us`, on the clock of `time_us`. `row` is the whole row as it was claimed."""

    kind: str
    noun: str
    working: str
    node: int
    number: int
    lane: str
    worker: str
    fence: int
    attempt: int
    lost: int
    lease_us: int
    row: Mapping[str, Any] = field(compare=False)

    def __hash__(self) -> int:
        """Quickly: a claim of hundreds is looked up again and again, and what tells it from others is its number."""
        return hash((self.number, self.fence))


def fresh(lane: str, due_us: int, *, priority: int = 0) -> dict[str, Any]:
    """Return what the work's columns of a new row hold; whoever adds it says `announce` in the same transaction."""
    return {
        "state": PENDING, "lane": lane, "priority": priority, "due_us": due_us, "attempts": 0, "lost": 0, "worker": "",
        "fence": 0, "lease_us": None, "last_us": None, "error": "", "hint": "",
    }  # fmt: skip


def announce(tx: Transaction) -> None:
    """Say that there is work, to whoever waits for it when this transaction is committed.

    SQLite's `data_version` says it by itself.
    """
    if tx.dialect == "postgresql":
        tx.run("announcing work", select(func.pg_notify(CHANNEL, "")))


def time_us(tx: Transaction, host_us: int) -> int:
    """Return the time that due times and leases are compared with.

    Args:
        tx: The transaction.
        host_us: This host's wall clock, which counts where the catalog has no clock of its own.
    """
    if tx.dialect != "postgresql":
        return host_us
    # clock_timestamp, not now(): the latter is when the transaction began, which may have waited for a lock since.
    server: ColumnElement[int] = literal_column("(extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
    return int(tx.run("the time", select(server)).scalar_one())


def lanes(tx: Transaction, kind: Work, node: int) -> list[str]:
    """Return the lanes that have pending rows, due or not."""
    table = _table(kind)
    found: list[str] = []
    last: str | None = None
    while True:
        # One look into the index a lane, however many rows it has.
        query = select(func.min(table.c.lane)).where(table.c.node == node, table.c.state == _PENDING)
        lane = tx.run(kind.noun, query if last is None else query.where(table.c.lane > last)).scalar()
        if lane is None:
            return found
        found.append(str(lane))
        last = str(lane)


def due(
    tx: Transaction, kind: Work, node: int, now_us: int, *, lane: str, limit: int, newest: bool = False
) -> list[Due]:  # fmt: skip
    """Return rows of a lane that may be worked on now.

    Args:
        tx: The transaction.
        kind: The kind of work.
        node: Whose rows.
        now_us: The time, from `time_us`.
        lane: The lane.
        limit: How many at most.
        newest: Highest priority first, and within one the newest; else the oldest first, whatever its priority, so
            that none is passed over for ever while others keep arriving (F25).
    """
    table = _table(kind)
    found = [table.c.node == node, table.c.lane == lane, table.c.state == _PENDING, table.c.due_us <= now_us]
    query = select(table.c.id, table.c.due_us).where(*found).limit(limit)
    if not newest:
        return _dues(tx, kind, query.order_by(table.c.due_us, table.c.id))
    # In two questions, each a stretch of an index: together they would look at every row that is not due yet.
    first = query.where(table.c.priority > 0).order_by(
        table.c.priority.desc(), table.c.due_us.desc(), table.c.id.desc()
    )
    rows = _dues(tx, kind, first)
    if len(rows) < limit:
        rest = query.where(table.c.priority == 0).order_by(table.c.due_us.desc(), table.c.id.desc())
        rows += _dues(tx, kind, rest.limit(limit - len(rows)))
    return rows


def _dues(tx: Transaction, kind: Work, query: Any) -> list[Due]:
    return [Due(int(row.id), int(row.due_us)) for row in tx.run(kind.noun, query)]


def at_work(tx: Transaction, kind: Work, node: int) -> dict[str, int]:
    """Return how many claims there are of each lane; rows that were claimed together are one."""
    table = _table(kind)
    # Rows of one claim have one instant, the server's to the microsecond, which renewing leaves as it is.
    number = func.count(table.c.last_us.distinct()).label("number")
    query = select(table.c.lane, number).where(table.c.node == node, table.c.worker != _NOBODY)
    return {str(row.lane): int(row.number) for row in tx.run(kind.noun, query.group_by(table.c.lane))}


def held(tx: Transaction, kind: Work, node: int, worker: str, numbers: Collection[int]) -> set[tuple[int, int]]:
    """Return number and fence of those rows that a worker has claimed."""
    values = {"b_node": node, "b_worker": worker, ROWS: text_of((number,) for number in numbers)}
    return {tuple(row) for row in tx.run(kind.noun, _holding(tx.dialect, kind.noun), [values]).all()}


@functools.cache
def _holding(dialect: str, noun: str) -> Select[int, int]:
    table = schema.metadata.tables[noun]
    where = [table.c.node == bindparam("b_node"), _given(dialect, table), table.c.worker == bindparam("b_worker")]
    return select(table.c.id, table.c.fence).where(*where)


def claim(
    tx: Transaction, kind: Work, node: int, numbers: Sequence[int], *, worker: str, now_us: int, lease_us: int
) -> list[Claim]:  # fmt: skip
    """Claim rows, each if it is still pending and due.

    Args:
        tx: The transaction.
        kind: The kind of work.
        node: Whose rows.
        numbers: Which ones.
        worker: Who claims.
        now_us: The time, from `time_us`.
        lease_us: How long the claims hold, in microseconds.

    Returns:
        Those that are ours now, in the order of `numbers`.
    """
    values = {
        "b_node": node, "b_now_us": now_us, "b_lease_us": now_us + lease_us, "b_worker": worker,
        ROWS: text_of((number,) for number in numbers),
    }  # fmt: skip
    found = tx.run(kind.noun, _claiming(tx.dialect, kind.noun, kind.working), [values])
    names = tuple(found.keys())
    got = {}
    for one in found.all():
        row = dict(zip(names, one, strict=True))
        got[row["id"]] = read(kind, row)
    return [got[number] for number in numbers if number in got]


@functools.cache
def _claiming(dialect: str, noun: str, working: str) -> ReturningUpdate[Any]:
    # Made once: putting a statement together takes longer than carrying it out.
    table = schema.metadata.tables[noun]
    return (
        update(table)
        .where(
            table.c.node == bindparam("b_node"), _given(dialect, table),
            value_of(table.c.state) == _PENDING, table.c.due_us <= bindparam("b_now_us"),
        )
        .values(
            state=working, worker=bindparam("b_worker"), fence=table.c.fence + 1, attempts=table.c.attempts + 1,
            lease_us=bindparam("b_lease_us"), last_us=bindparam("b_now_us"),
        )
        .returning(*table.c)
    )  # fmt: skip


def _given(dialect: str, table: Table) -> ColumnElement[bool]:
    """Say that a row is one of those whose numbers are given."""
    return among(dialect, table.c.id, given(dialect, {"id": table.c.id.type}).c.id)


def lane_lock(tx: Transaction, kind: Work, node: int, lane: str) -> None:
    """Let whoever else claims of this lane wait until this transaction ends, so that its limit can be counted."""
    if tx.dialect == "postgresql":
        name = f"{kind.name}/{node}/{lane}"
        tx.run(kind.noun, select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def renew(tx: Transaction, claims: Collection[Claim], *, now_us: int, lease_us: int) -> set[Claim]:
    """Let claims hold for another lease; return those that still do. The others are somebody else's now."""
    held = set()
    for one in claims:
        table = schema.metadata.tables[one.noun]
        if tx.run(one.noun, update(table).where(*_ours(table, one)).values(lease_us=now_us + lease_us)).rowcount:
            held.add(one)
    return held


def keep(tx: Transaction, claim: Claim, values: Mapping[str, Any]) -> bool:
    """Write values of a row in the midst of the work; False where it is not ours any more."""
    table = schema.metadata.tables[claim.noun]
    return bool(tx.run(claim.noun, update(table).where(*_ours(table, claim)).values(**values)).rowcount)


def finish(
    tx: Transaction, claim: Claim, state: str, values: Mapping[str, Any] | None = None, *, now_us: int,
    error: str = "", hint: str = "",
) -> bool:  # fmt: skip
    """Write the result of a claim, and end it.

    Args:
        tx: The transaction.
        claim: The claim.
        state: What the row comes to: a word of its kind, or `failed`.
        values: Further columns of the row.
        now_us: The time, from `time_us`.
        error: What went wrong; empty where nothing did.
        hint: What a person can do about it.

    Returns:
        False where somebody else has the row now, and nothing was written.
    """
    return end(tx, claim, state, {**(values or {}), "state": state, "lost": 0}, now_us=now_us, error=error, hint=hint)


def again(tx: Transaction, claim: Claim, due_us: int, *, now_us: int, error: str = "", hint: str = "") -> bool:
    """Give a row back after a failure that time may mend, due later. False where somebody else has it now."""
    values = {"state": PENDING, "due_us": due_us, "lost": 0}
    return end(tx, claim, "again", values, now_us=now_us, error=error, hint=hint)


def later(tx: Transaction, claim: Claim, due_us: int, *, now_us: int, why: str = "") -> bool:
    """Give a row back unharmed, due later; this was no attempt. False where somebody else has it now."""
    values = {"state": PENDING, "due_us": due_us, "lost": 0, "attempts": max(0, claim.attempt - 1)}
    return end(tx, claim, "later", values, now_us=now_us, error=why, hint="")


def give_back(tx: Transaction, claim: Claim, *, now_us: int) -> bool:
    """Give a row back unharmed, due at once: the worker stops. False where somebody else has it now."""
    row = claim.row
    values = {"state": PENDING, "attempts": max(0, claim.attempt - 1)}
    kept = {"error": str(row["error"]), "hint": str(row["hint"])}
    return end(tx, claim, "given-back", values, now_us=now_us, **kept)


def end(
    tx: Transaction, claim: Claim, what: str, values: Mapping[str, Any], *, now_us: int, error: str, hint: str
) -> bool:  # fmt: skip
    """End a claim: write columns of its row, the state among them, and a line of history that says `what` it came to.

    False where somebody else has the row now, and nothing was written.
    """
    changed = {"worker": "", "lease_us": None, "last_us": now_us, "error": error, "hint": hint, **values}
    bound = {
        "b_node": claim.node, "b_id": claim.number, "b_fence": claim.fence,
        **{f"v_{name}": value for name, value in changed.items()},
    }  # fmt: skip
    if not tx.run(claim.noun, ending(claim.noun, claim.working, tuple(changed)), [bound]).rowcount:
        return False
    write_history(tx, claim, what, now_us=now_us, error=error)
    return True


@functools.lru_cache(maxsize=200)
def ending(noun: str, working: str, changed: tuple[str, ...]) -> Update:
    """Return what writes columns of a claimed row while the claim holds; its values are named `v_` and the column."""
    table = schema.metadata.tables[noun]
    where = [
        table.c.node == bindparam("b_node"), table.c.id == bindparam("b_id"), table.c.fence == bindparam("b_fence"),
        table.c.state == working,
    ]  # fmt: skip
    return update(table).where(*where).values({name: bindparam(f"v_{name}") for name in changed})


def write_history(tx: Transaction, claim: Claim, what: str, *, now_us: int, error: str = "") -> None:
    """Write how a claim ended, and forget what is older than the last few."""
    line = {
        "node": claim.node, "noun": claim.noun, "row_id": claim.number, "fence": claim.fence, "at_us": now_us,
        "what": what, "worker": claim.worker, "attempt": claim.attempt, "error": error,
    }  # fmt: skip
    tx.run("work_history", _HISTORY_LINE, [line])
    if claim.fence > HISTORY:
        old = [
            _HISTORY.node == claim.node, _HISTORY.noun == claim.noun, _HISTORY.row_id == claim.number,
            _HISTORY.fence <= claim.fence - HISTORY,
        ]  # fmt: skip
        tx.run("work_history", delete(schema.work_history).where(*old))


def read(kind: Work, row: Mapping[str, Any]) -> Claim:
    """Read a row that is claimed."""
    return Claim(
        kind=kind.name, noun=kind.noun, working=kind.working, node=int(row["node"]), number=int(row["id"]),
        lane=str(row["lane"]), worker=str(row["worker"]), fence=int(row["fence"]), attempt=int(row["attempts"]),
        lost=int(row["lost"]), lease_us=int(row["lease_us"]), row=row,
    )  # fmt: skip


def _ours(table: Table, claim: Claim) -> list[ColumnElement[bool]]:
    return [
        table.c.node == claim.node, table.c.id == claim.number, table.c.fence == claim.fence,
        table.c.state == claim.working,
    ]  # fmt: skip


def _table(kind: Work) -> Table:
    return schema.metadata.tables[kind.noun]
