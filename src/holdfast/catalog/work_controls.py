"""Kinds of work that workers know, and what people said about them: paused, stopped, begun again.

Not here: rows (claims, work_rows).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select

from holdfast.catalog import schema
from holdfast.catalog.claims import Known
from holdfast.catalog.db import Transaction

_KINDS = schema.work_kinds.c
_CONTROLS = schema.work_controls.c


class Running(StrEnum):
    """Whether a kind or lane is worked on."""

    RUNNING = "running"
    PAUSED = "paused"  # nothing new is begun
    STOPPED = "stopped"  # and what was begun is given back


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """A kind of work that a worker of this node knows. `seen_us` is when one last began with it."""

    name: str
    noun: str
    queue: str
    working: str
    about: str
    lane_limit: int
    seen_us: int = 0

    @property
    def known(self) -> Known:
        """The kind as claims know it."""
        return Known(self.name, self.noun, self.working)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What was said about a kind, or one lane of it. `turn` is raised where what was begun is to be given back."""

    state: Running = Running.RUNNING
    turn: int = 0
    since_us: int = 0
    by: str = ""


Controls = Mapping[tuple[str, str], Control]
"""By kind and lane; the lane is empty for what is said about the whole kind."""


def put_kinds(tx: Transaction, node: int, kinds: Sequence[KindRow], now_us: int) -> None:
    """Write what kinds a worker works on."""
    for one in kinds:
        values = {
            "noun": one.noun, "queue": one.queue, "working": one.working, "about": one.about,
            "lane_limit": one.lane_limit, "seen_us": now_us,
        }  # fmt: skip
        row = tx.insert(schema.work_kinds).values(node=node, kind=one.name, **values)
        tx.run("work_kinds", row.on_conflict_do_update(index_elements=[_KINDS.node, _KINDS.kind], set_=values))


def kinds(tx: Transaction, node: int) -> list[KindRow]:
    """Return the kinds of work of a node by name; those whose table this program does not know are left out."""
    rows = tx.run("work_kinds", select(schema.work_kinds).where(_KINDS.node == node).order_by(_KINDS.kind)).mappings()
    return [
        KindRow(
            name=row["kind"], noun=row["noun"], queue=row["queue"], working=row["working"], about=row["about"],
            lane_limit=int(row["lane_limit"]), seen_us=int(row["seen_us"]),
        )
        for row in rows
        if row["noun"] in schema.metadata.tables
    ]  # fmt: skip


def controls(tx: Transaction, node: int) -> dict[tuple[str, str], Control]:
    """Return what was said about kinds and lanes."""
    rows = tx.run("work_controls", select(schema.work_controls).where(_CONTROLS.node == node)).mappings()
    return {
        (row["kind"], row["lane"]): Control(
            state=Running(row["state"]), turn=int(row["turn"]), since_us=int(row["since_us"]), by=row["by"]
        )
        for row in rows
    }


def of(found: Controls, kind: str, lane: str) -> Control:
    """Return what holds for a lane: the stricter of what was said about it and about its kind."""
    whole, part = found.get((kind, ""), Control()), found.get((kind, lane), Control())
    if not lane:
        return whole
    strict = max(whole, part, key=lambda one: list(Running).index(one.state))
    return Control(state=strict.state, turn=whole.turn + part.turn, since_us=strict.since_us, by=strict.by)


def set_state(
    tx: Transaction, node: int, kind: str, lane: str, state: Running, *, again: bool, by: str, now_us: int
) -> None:  # fmt: skip
    """Say something about a kind, or a lane of it.

    Args:
        tx: The transaction.
        node: Whose work.
        kind: Which kind.
        lane: Which lane; empty for all of it.
        state: What it is from now on.
        again: Whether what was begun is to be given back.
        by: Who says so.
        now_us: When.
    """
    before = controls(tx, node).get((kind, lane), Control())
    since_us = before.since_us if before.state is state and before.since_us else now_us
    values = {"state": state.value, "turn": before.turn + (1 if again else 0), "since_us": since_us, "by": by}
    row = tx.insert(schema.work_controls).values(node=node, kind=kind, lane=lane, **values)
    row = row.on_conflict_do_update(index_elements=[_CONTROLS.node, _CONTROLS.kind, _CONTROLS.lane], set_=values)
    tx.run("work_controls", row)
