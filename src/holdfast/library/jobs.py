"""Kinds of durable work, as people see and steer them: what waits, what is at work, what failed, and who paused it.

A *job* is a kind of work here, as on the command line: `deliver`, `export`. Its rows are named like `1-42`.

Not here: working (work), what each kind's rows mean (library.deliveries, library.exports).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from holdfast.catalog import nodes, work_controls, work_rows
from holdfast.catalog.claims import time_us
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.rows import Id, Page
from holdfast.catalog.schema_work import FAILED, PENDING, work_columns
from holdfast.catalog.work_controls import Control, KindRow, Running
from holdfast.catalog.work_rows import Line
from holdfast.core.clock import Clock
from holdfast.core.errors import Conflict, NotFound
from holdfast.core.timing import SECOND_US

STATUS_FILE = "worker.json"
FRESH_US = 10 * SECOND_US  # chosen: the worker writes each second; what is older was written by one that is gone
_BATCH = 500


class Deed(StrEnum):
    """What can be said to a kind of work, or to one lane of it."""

    START = "start"  # what was stopped or paused goes on
    RESUME = "resume"  # the same
    STOP = "stop"  # nothing new, and what was begun is given back
    PAUSE = "pause"  # nothing new
    RESTART = "restart"  # what was begun is given back and begins anew


_STATE = {
    Deed.START: Running.RUNNING, Deed.RESUME: Running.RUNNING, Deed.STOP: Running.STOPPED, Deed.PAUSE: Running.PAUSED,
    Deed.RESTART: Running.RUNNING,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneNow:
    """A lane as it stands: numbers of rows, and since when the oldest of those that wait is due (None: none waits)."""

    lane: str
    control: Control
    waiting: int = 0
    at_work: int = 0
    failed: int = 0
    due_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNow:
    """A kind of work as it stands, its lanes, and what is at work on this host with how far it is."""

    kind: KindRow
    control: Control
    lanes: tuple[LaneNow, ...]
    running: tuple[Mapping[str, Any], ...] = ()

    @property
    def waiting(self) -> int:
        """Rows that wait."""
        return sum(lane.waiting for lane in self.lanes)

    @property
    def at_work(self) -> int:
        """Rows that somebody has claimed."""
        return sum(lane.at_work for lane in self.lanes)

    @property
    def failed(self) -> int:
        """Rows that only a person can help."""
        return sum(lane.failed for lane in self.lanes)

    @property
    def due_us(self) -> int | None:
        """Since when the oldest row that waits is due; None where none waits."""
        return min((lane.due_us for lane in self.lanes if lane.due_us is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowNow:
    """A row of a kind: what all kinds have in `work`, its own columns in `about`, and how its last claims ended."""

    id: Id
    kind: str
    work: Mapping[str, Any]
    about: Mapping[str, Any]
    history: tuple[Line, ...] = ()


_WORK = tuple(column.name for column in work_columns())


def every(catalog: Catalog, node: str, runtime_dir: Path | None = None, now_us: int = 0) -> list[JobNow]:
    """Return all kinds of work that workers of a node know, by name.

    Args:
        catalog: The catalog.
        node: Name of the node.
        runtime_dir: Where this host's worker tells what is at work; None to leave that out.
        now_us: The time, to tell whether it is still there to tell.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    told = _told(runtime_dir, now_us) if runtime_dir is not None else []
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is None:
            return []
        controls = work_controls.controls(tx, number)
        return [
            JobNow(
                kind=kind, control=work_controls.of(controls, kind.name, ""),
                lanes=_lanes(tx, number, kind, controls),
                running=tuple(one for one in told if one.get("job") == kind.name),
            )
            for kind in work_controls.kinds(tx, number)
        ]  # fmt: skip


def one(catalog: Catalog, node: str, name: str, runtime_dir: Path | None = None, now_us: int = 0) -> JobNow:
    """Return one kind of work; arguments as of `every`.

    Raises:
        NotFound: There is no such kind.
    """
    jobs = every(catalog, node, runtime_dir, now_us)
    found = next((job for job in jobs if job.kind.name == name), None)
    if found is None:
        raise _unknown(name, [job.kind.name for job in jobs])
    return found


def rows(
    catalog: Catalog, node: str, name: str, *, state: str = "", lane: str | None = None, limit: int = 50,
    cursor: str | None = None,
) -> Page[RowNow]:  # fmt: skip
    """List rows of a kind, newest first, without their history.

    Raises:
        NotFound: There is no such kind.
    """
    with catalog.read() as tx:
        number, kind = _kind(tx, node, name)
        found = work_rows.page(tx, kind.known, number, state=state, lane=lane, limit=limit, cursor=cursor)
    return Page(tuple(_row(name, row) for row in found.rows), found.cursor)


def show(catalog: Catalog, node: str, name: str, row: str) -> RowNow:
    """Return a row with its history.

    Args:
        catalog: The catalog.
        node: Name of the node.
        name: The kind.
        row: Its id, `1-42`, or the second half of that.

    Raises:
        NotFound: There is no such kind or row.
    """
    with catalog.read() as tx:
        number, kind = _kind(tx, node, name)
        which = _id(number, row, name)
        found = _row(name, work_rows.get(tx, kind.known, which))
        history = tuple(work_rows.history(tx, kind.known, which))
    return RowNow(id=found.id, kind=name, work=found.work, about=found.about, history=history)


def steer(
    catalog: Catalog, node: str, names: Sequence[str], deed: Deed, *, lane: str = "", by: str, clock: Clock
) -> list[str]:  # fmt: skip
    """Say something to kinds of work, or to a lane of each; workers follow within a second.

    Args:
        catalog: The catalog.
        node: Name of the node.
        names: The kinds; `all` means every one.
        deed: What.
        lane: Which lane; empty for all of a kind.
        by: Who says so.
        clock: Time.

    Returns:
        The kinds that were meant.

    Raises:
        NotFound: There is no such kind.
    """
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
        known = [kind.name for kind in work_controls.kinds(tx, number)]
        chosen = known if "all" in names else list(dict.fromkeys(names))
        for name in chosen:
            if name not in known:
                raise _unknown(name, known)
            work_controls.set_state(
                tx, number, name, lane, _STATE[deed], again=deed in {Deed.STOP, Deed.RESTART}, by=by,
                now_us=clock.wall_us(),
            )  # fmt: skip
    return chosen


def retry(
    catalog: Catalog, node: str, name: str, row: str | None = None, *, lane: str | None = None, by: str, clock: Clock
) -> int:  # fmt: skip
    """Have one row, or all that failed, tried at once and as if for the first time.

    Args:
        catalog: The catalog.
        node: Name of the node.
        name: The kind.
        row: Which row; None for all that failed.
        lane: Only those of this lane; None for all.
        by: Who says so.
        clock: Time.

    Returns:
        How many rows there were.

    Raises:
        NotFound: There is no such kind or row.
        Conflict: The row is done, or being worked on.
    """
    if row is not None:
        return _one_row(catalog, node, name, row, work_rows.retry, by, clock)
    with catalog.read() as tx:
        number, kind = _kind(tx, node, name)
        numbers = work_rows.ended(tx, kind.known, number, FAILED, lane=lane)
    done = 0
    for at in range(0, len(numbers), _BATCH):
        # In pieces: a transaction over a hundred thousand rows would hold everybody else up.
        with catalog.write() as tx:
            now_us = time_us(tx, clock.wall_us())
            done += work_rows.retry(tx, kind.known, number, numbers[at : at + _BATCH], by=by, now_us=now_us)
    return done


def cancel(catalog: Catalog, node: str, name: str, row: str, *, by: str, clock: Clock) -> int:
    """Let a row come to nothing: it is failed, and whoever works on it is refused its result.

    Raises:
        NotFound: There is no such kind or row.
        Conflict: The row is done, or has failed already.
    """
    return _one_row(catalog, node, name, row, work_rows.cancel, by, clock)


def _one_row(catalog: Catalog, node: str, name: str, row: str, deed: Any, by: str, clock: Clock) -> int:
    with catalog.write() as tx:
        number, kind = _kind(tx, node, name)
        which = _id(number, row, name)
        state = str(work_rows.get(tx, kind.known, which)["state"])
        now_us = time_us(tx, clock.wall_us())
        if not deed(tx, kind.known, which.node, [which.number], by=by, now_us=now_us):
            raise Conflict(
                f"{name} {which} is {state}: there is nothing to {deed.__name__}",
                hint=f"holdfast jobs show {name} {which} tells its history",
            )
    return 1


def _lanes(tx: Transaction, node: int, kind: KindRow, controls: work_controls.Controls) -> tuple[LaneNow, ...]:
    found: dict[str, dict[str, Any]] = {}
    for count in work_rows.counts(tx, kind.known, node):
        lane = found.setdefault(count.lane, {})
        if count.state == PENDING:
            lane |= {"waiting": count.rows, "due_us": count.due_us}
        else:
            lane["failed" if count.state == FAILED else "at_work"] = count.rows
    for name, lane_name in controls:
        if name == kind.name and lane_name:
            found.setdefault(lane_name, {})
    return tuple(
        LaneNow(lane=lane, control=work_controls.of(controls, kind.name, lane), **found[lane]) for lane in sorted(found)
    )


def _kind(tx: Transaction, node: str, name: str) -> tuple[int, KindRow]:
    number = nodes.find(tx, node)
    known = work_controls.kinds(tx, number) if number is not None else []
    for kind in known:
        if kind.name == name and number is not None:
            return number, kind
    raise _unknown(name, [kind.name for kind in known])


def _unknown(name: str, known: Sequence[str]) -> NotFound:
    hint = f"there are {', '.join(known)}" if known else "holdfast run starts the worker, which tells its jobs here"
    return NotFound(f"there is no job {name!r}", hint=hint)


def _id(node: int, text: str, noun: str) -> Id:
    return Id.read(text if "-" in text else f"{node}-{text}", f"row of {noun}")


def _row(name: str, row: Mapping[str, Any]) -> RowNow:
    return RowNow(
        id=Id(int(row["node"]), int(row["id"])), kind=name, work={column: row[column] for column in _WORK},
        about={column: value for column, value in row.items() if column not in {*_WORK, "node", "id"}},
    )  # fmt: skip


def _told(runtime_dir: Path, now_us: int) -> list[Mapping[str, Any]]:
    """Return what this host's worker says about what is at work; nothing where it does not run."""
    try:
        body = json.loads((runtime_dir / STATUS_FILE).read_bytes())
        if now_us - int(body["at_us"]) > FRESH_US or body.get("state") != "running":
            return []
        return [one for one in body["work"]["running"] if isinstance(one, dict)]
    except (OSError, ValueError, KeyError, TypeError):
        return []
