"""Claims that were made together, and what came of each: a few statements for all of them, in one transaction.

Each is written only where it still holds, as with one alone: whoever lost some of them loses only those (F26).

Not here: making claims, and what one alone comes to (claims).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select

from holdfast.catalog import claims, schema
from holdfast.catalog.claims import Claim
from holdfast.catalog.db import Transaction
from holdfast.catalog.schema_work import PENDING

GIVEN_BACK = "given-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a claim came to: a word for its history, and the columns of its row, the state among them."""

    what: str
    values: Mapping[str, Any]
    error: str = ""
    hint: str = ""


@dataclass(slots=True)
class _Alike:
    """Rows of which the same columns are written."""

    claims: list[Claim] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)


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
    ended = [claim for claim in outcomes if claim in ours]
    first = [claim for claim in ended if claim.fence <= claims.HISTORY]
    if first:
        lines = [_line(claim, outcomes[claim], now_us) for claim in first]
        tx.run("work_history", insert(schema.work_history), lines)
    for claim in ended:
        if claim.fence > claims.HISTORY:
            claims.write_history(tx, claim, outcomes[claim].what, now_us=now_us, error=outcomes[claim].error)
    return ours


def _write(tx: Transaction, values: Mapping[Claim, Mapping[str, Any]]) -> set[Claim]:
    ours = _held(tx, list(values))
    alike: dict[tuple[str, ...], _Alike] = {}
    for claim in values:
        if claim in ours:
            some = alike.setdefault(tuple(values[claim]), _Alike())
            some.claims.append(claim)
            bound = {f"v_{name}": value for name, value in values[claim].items()}
            some.values.append({"b_node": claim.node, "b_id": claim.number, "b_fence": claim.fence, **bound})
    for changed, some in alike.items():
        claim = some.claims[0]
        tx.run(claim.noun, claims.ending(claim.noun, claim.working, changed), some.values)
    return ours


def _held(tx: Transaction, some: Sequence[Claim]) -> set[Claim]:
    """Return the claims that hold, locked until the transaction ends."""
    if not some:
        return set()
    table = schema.metadata.tables[some[0].noun]
    query = select(table.c.id, table.c.fence).where(
        table.c.node == some[0].node, table.c.id.in_([claim.number for claim in some]),
        table.c.state == some[0].working,
    )  # fmt: skip
    # In one order, so that no two of these wait for each other.
    rows = tx.run(some[0].noun, query.order_by(table.c.id).with_for_update())
    held = {(int(row.id), int(row.fence)) for row in rows}
    return {claim for claim in some if (claim.number, claim.fence) in held}


def _line(claim: Claim, one: Outcome, now_us: int) -> dict[str, Any]:
    return {
        "node": claim.node, "noun": claim.noun, "row_id": claim.number, "fence": claim.fence, "at_us": now_us,
        "what": one.what, "worker": claim.worker, "attempt": claim.attempt, "error": one.error,
    }  # fmt: skip
