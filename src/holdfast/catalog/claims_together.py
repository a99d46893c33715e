"""Claims that were made together, and what came of each: a few statements for all of them, in one transaction.

Each is written only where it still holds, as with one alone: whoever lost some of them loses only those (F26).

Not here: making claims, and what one alone comes to (claims).
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Insert, Select, Update, bindparam, insert, select, update

from holdfast.catalog import claims, schema
from holdfast.catalog.claims import Claim
from holdfast.catalog.db import Transaction
from holdfast.catalog.given import ROWS, among, given, text_of, value_of
from holdfast.catalog.schema_work import PENDING

GIVEN_BACK = "given-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a claim came to: a word for its history, and the columns of its row, the state among them."""

    what: str
    values: Mapping[str, Any]
    error: str = ""
    hint: str = ""


def result(state: str, values: Mapping[str, Any]) -> Outcome:
    """Return a result that a row comes to, with further columns; nothing went wrong."""
    return Outcome(what=state, values={**values, "state": state, "lost": 0})


def given_back(claim: Claim) -> Outcome:
    """Return what gives a row back unharmed, due at once; it counts as no attempt."""
    values = {"state": PENDING, "attempts": max(0, claim.attempt - 1)}
    return Outcome(what=GIVEN_BACK, values=values, error=str(claim.row["error"]), hint=str(claim.row["hint"]))


def keep(tx: Transaction, values: Mapping[Claim, Mapping[str, Any]]) -> set[Claim]:
    """Write columns of rows in the midst of the work; return the claims that still held, the others are left alone."""
    return _write(tx, values)


def end(tx: Transaction, outcomes: Mapping[Claim, Outcome], *, now_us: int) -> set[Claim]:
    """Write what claims came to, and end them.

    Args:
        tx: The transaction.
        outcomes: By claim; all of one kind of work.
        now_us: The time, from `claims.time_us`.

    Returns:
        Those that still held; nothing was written of the others, which are somebody else's.
    """
    over = {"worker": "", "lease_us": None, "last_us": now_us}
    ours = _write(
        tx, {claim: {**over, "error": one.error, "hint": one.hint, **one.values} for claim, one in outcomes.items()}
    )
    first = [_line(claim, outcomes[claim]) for claim in ours if claim.fence <= claims.HISTORY]
    if first:
        claim = next(iter(ours))
        values = {"b_node": claim.node, "b_noun": claim.noun, "b_at_us": now_us, ROWS: text_of(first)}
        tx.run("work_history", _history(tx.dialect), [values])
    for claim in ours:
        if claim.fence > claims.HISTORY:
            claims.write_history(tx, claim, outcomes[claim].what, now_us=now_us, error=outcomes[claim].error)
    return ours


def _write(tx: Transaction, values: Mapping[Claim, Mapping[str, Any]]) -> set[Claim]:
    ours = _held(tx, list(values))
    alike: dict[tuple[str, ...], list[Claim]] = {}
    for claim in values:
        if claim in ours:
            alike.setdefault(tuple(values[claim]), []).append(claim)
    for changed, some in alike.items():
        _write_alike(tx, changed, {claim: values[claim] for claim in some})
    return ours


def _write_alike(tx: Transaction, changed: tuple[str, ...], values: Mapping[Claim, Mapping[str, Any]]) -> None:
    """Write the same columns of rows: once what is the same for all of them, and row by row what is not."""
    claim, first = next(iter(values.items()))
    own = tuple(name for name in changed if any(one[name] != first[name] for one in values.values()))
    common = tuple(name for name in changed if name not in own)
    rows = [(one.node, one.number, one.fence, *[columns[name] for name in own]) for one, columns in values.items()]
    bound = {f"v_{name}": first[name] for name in common} | {ROWS: text_of(rows)}
    if tx.dialect == "postgresql":
        bound["b_node"] = claim.node
    tx.run(claim.noun, _writing(tx.dialect, claim.noun, claim.working, common, own), [bound])


@functools.lru_cache(maxsize=200)
def _writing(dialect: str, noun: str, working: str, common: tuple[str, ...], own: tuple[str, ...]) -> Update:
    table = schema.metadata.tables[noun]
    rows = given(dialect, {name: table.c[name].type for name in ("node", "id", "fence", *own)}).c
    values: dict[str, Any] = {name: bindparam(f"v_{name}") for name in common}
    values |= {name: rows[name] for name in own}
    # Given once, the node would lead SQLite without statistics through all of its rows; PostgreSQL needs it so.
    where = [table.c.node == rows.node, table.c.id == rows.id, table.c.fence == rows.fence]
    if dialect == "postgresql":
        where += [table.c.node == bindparam("b_node"), among(dialect, table.c.id, rows.id)]
    return update(table).where(*where, value_of(table.c.state) == working).values(values)


def _held(tx: Transaction, some: Sequence[Claim]) -> set[Claim]:
    """Return the claims that hold, locked until the transaction ends."""
    if not some:
        return set()
    first = some[0]
    values = {"b_node": first.node, ROWS: text_of((claim.number,) for claim in some)}
    rows = tx.run(first.noun, _holding(tx.dialect, first.noun, first.working), [values])
    held = {tuple(row) for row in rows.all()}
    return {claim for claim in some if (claim.number, claim.fence) in held}


@functools.cache
def _holding(dialect: str, noun: str, working: str) -> Select[int, int]:
    table = schema.metadata.tables[noun]
    wanted = given(dialect, {"id": table.c.id.type}).c.id
    where = [
        table.c.node == bindparam("b_node"), among(dialect, table.c.id, wanted), value_of(table.c.state) == working
    ]  # fmt: skip
    # In one order, so that no two of these wait for each other.
    return select(table.c.id, table.c.fence).where(*where).order_by(table.c.id).with_for_update()


@functools.cache
def _history(dialect: str) -> Insert:
    lines = schema.work_history
    own = ("row_id", "fence", "what", "worker", "attempt", "error")
    common = ("node", "noun", "at_us")
    rows = given(dialect, {name: lines.c[name].type for name in own}).c
    bound = [bindparam(f"b_{name}", type_=lines.c[name].type) for name in common]
    return insert(lines).from_select([*common, *own], select(*bound, *[rows[name] for name in own]))


def _line(claim: Claim, one: Outcome) -> tuple[object, ...]:
    return claim.number, claim.fence, one.what, claim.worker, claim.attempt, one.error
