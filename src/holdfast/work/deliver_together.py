"""Sending many small files of one target together: body of deliveries that cost more alone than they weigh.

Each is what it would be alone, in the same order of steps (deliver): verified there, said in the kept journal, then in
its row. What is common is that the target gets them in one go, that a journal gets its lines in one write, and that
rows are written in one transaction. Words are written while the rest still goes, so a kill undoes little; what arrived
without a word is found there by the next one, not sent again.

A file that something is wrong with fails alone (F19). A target that is away, full or refuses is asked by one of them,
and the others are given back untouched.

Runs on the threads of an engine. Not here: which go together (catalog.delivery_batches), one alone (deliver).
"""

import random
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from holdfast.catalog import deliveries, delivery_batches
from holdfast.catalog.db import Transaction
from holdfast.catalog.deliveries import DeliveryRow
from holdfast.catalog.delivery_batches import Most
from holdfast.core.clock import Clock
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import HoldfastError, TargetError
from holdfast.library.kept import Acknowledgement
from holdfast.storage.targets.contract import Going, Receipt
from holdfast.storage.targets.many import Batches, Item, Outcome, put_many
from holdfast.work.acknowledge import Acknowledging
from holdfast.work.batch import Batch
from holdfast.work.job import Job
from holdfast.work.prepare import Memory, Prepared
from holdfast.work.retry import Retry
from holdfast.work.way import Way

SMALL_BYTES = 1 << 20  # chosen: above it what a row costs is lost in what the file does
ALL_BYTES = 16 << 20  # chosen: a disk or network that is slow still ends a batch within seconds
ROWS = 500  # measured: 100 cost a tenth more a file, 1,000 no less
ROWS_SINGLY = 50  # chosen: to targets that take one after the other, so that a pause is heard within seconds
PACED_S = 5  # chosen: a batch lasts so long at most under a limit of bandwidth
WORD_S = 0.5  # chosen: how much of its work a kill undoes at most, where a target says each by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """How a single delivery is prepared, ended and failed: the same as where it goes by itself.

    Attributes:
        unchanged: Says what is sent where that is the row's file itself; None where something is made of it.
        prepared: Makes what is sent of a row's file.
        failed: Writes what a permanent error comes to; raises what may be tried again.
        finish: Writes the row at the target, where one is wanted, and the result.
        has_row: Whether a row at the target is wanted.
        heal: What is written together with a result, where a target was complained of.
    """

    unchanged: Callable[[DeliveryRow, Way], Prepared | None]
    prepared: Callable[[DeliveryRow, Way], AbstractContextManager[Prepared]]
    failed: Callable[[Job, DeliveryRow, Way, HoldfastError], None]
    finish: Callable[[Job, DeliveryRow, Way], None]
    has_row: Callable[[DeliveryRow], bool]
    heal: Callable[[int, Way], Callable[[Transaction], None] | None]


class Arrived(NamedTuple):
    """What is known of an object at its target: columns of its row."""

    address: str
    verified: str
    object_us: int
    memory: str

    def columns(self) -> dict[str, object]:
        """Return what is written of it."""
        return {**self._asdict(), "differed": 0}

    def written(self, row: DeliveryRow) -> DeliveryRow:
        """Return its row with that."""
        return replace(
            row, address=self.address, verified=self.verified, object_us=self.object_us, memory=self.memory
        )  # fmt: skip


@dataclass(slots=True)
class _Going:
    """A batch on its way: rows by their names at the target, and what arrived and has no word yet."""

    batch: Batch
    way: Way
    rows: dict[str, tuple[Job, DeliveryRow]] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    arrived: list[tuple[Job, DeliveryRow, Arrived]] = field(default_factory=list)


class DeliverTogether:
    """The body.

    Args:
        ways: The ways to targets, by name.
        acknowledging: Says that there are copies.
        alone: What is done for one row.
        clock: Time.
        retry: How what failed is tried again.
    """

    def __init__(
        self, ways: dict[str, Way], acknowledging: Acknowledging, alone: Alone, clock: Clock, retry: Retry
    ) -> None:  # fmt: skip
        self._ways = ways
        self._acknowledging = acknowledging
        self._alone = alone
        self._clock = clock
        self._retry = retry

    def find(self, tx: Transaction, node: int, lane: str, number: int, now_us: int) -> list[int]:
        """Return the rows that go together with one; it alone while its target has not taken anything."""
        way = self._ways.get(lane)
        if way is None or not way.takes:
            return [number]
        rows = ROWS if isinstance(way.target, Batches) else ROWS_SINGLY
        limit = way.config.bandwidth * PACED_S or ALL_BYTES
        most = Most(rows=rows, each_bytes=SMALL_BYTES, all_bytes=min(ALL_BYTES, limit))
        return delivery_batches.beside(tx, node, lane, number, now_us, most)

    def __call__(self, batch: Batch) -> None:
        """Work on rows of one target."""
        rows = [(job, deliveries.of_columns(job.row)) for job in batch.jobs]
        way = self._ways[rows[0][1].target]
        going = _Going(batch, way)
        with ExitStack() as stack:
            items = self._items(stack, going, rows)
            self._send(going, items)

    def _items(self, stack: ExitStack, going: _Going, rows: list[tuple[Job, DeliveryRow]]) -> list[Item]:
        items = []
        for job, row in rows:
            if not going.batch.alive():
                return []
            try:
                own = self._alone.unchanged(row, going.way)
                made = own or stack.enter_context(self._alone.prepared(row, going.way))
            except HoldfastError as error:
                self._wrong(going, job, row, error)
                continue
            items.append(Item(made.path, row.key, made.content))
            going.rows[row.key] = (job, row)
            if own is None and not made.is_own(row):
                going.made[row.key] = Memory(content=made.content).text()
        if going.made:
            # What is sealed is another file each time: the next one must know what may lie there already.
            ours = going.batch.keep({going.rows[key][0]: {"memory": memory} for key, memory in going.made.items()})
            items = [item for item in items if item.key not in going.made or going.rows[item.key][0] in ours]
        return items

    def _send(self, going: _Going, items: list[Item]) -> None:
        batch, way = going.batch, going.way
        total = sum(item.content.bytes for item in items)
        done = 0

        def moved(count: int) -> None:
            nonlocal done
            done += count
            batch.jobs[0].progress(done, total)

        def told() -> bool:
            return not batch.alive() or not way.open()

        since_s = 0.0  # of what has no word yet
        following = Going(moved=moved, told_to_stop=told, pace=lambda count: way.pace(count, told))
        with closing(_each(way, items, following)) as outcomes:
            for item, outcome in outcomes:
                job, row = going.rows[item.key]
                if isinstance(outcome, Receipt):
                    self._arrived(going, item.key, outcome)
                elif told() or not self._wrong(going, job, row, outcome):
                    break
                now_s = time.monotonic()
                if len(going.arrived) <= 1:
                    since_s = now_s
                elif now_s - since_s >= WORD_S:
                    self._say(going)
        self._say(going)

    def _arrived(self, going: _Going, key: str, receipt: Receipt) -> None:
        job, row = going.rows[key]
        going.way.arrived(row.asset.bytes)
        going.arrived.append(
            (job, row, Arrived(receipt.address, receipt.verified, self._clock.wall_us(), going.made.get(key, "")))
        )

    def _wrong(self, going: _Going, job: Job, row: DeliveryRow, error: HoldfastError) -> bool:
        """Write what an error comes to for one row; False where the others go back untried."""
        way = going.way
        # One that takes many has said all that it will; one that takes them singly is not asked for the rest.
        many = isinstance(way.target, Batches)
        if way.holds and isinstance(error, TargetError):
            return many  # said already: the row waits untouched
        try:
            self._alone.failed(job, row, way, error)
        except HoldfastError as again:
            job.again(self._retry.after_us(job.claim.attempt, random.random), str(again), again.hint)
        return many or not way.holds

    def _say(self, going: _Going) -> None:
        """Say what arrived: in the kept journals, then in the rows."""
        arrived, going.arrived = going.arrived, []
        if not arrived:
            return
        self._acknowledging.say(
            [
                Acknowledgement(asset=row.asset, target=row.target, address=there.address, at_us=there.object_us)
                for _, row, there in arrived
            ]
        )
        now_us = self._clock.wall_us()
        results, rest = dict[Job, tuple[str, dict[str, object]]](), list[tuple[Job, DeliveryRow, Arrived]]()
        for job, row, there in arrived:
            if self._alone.has_row(row):
                rest.append((job, there.written(row), there))
            else:
                results[job] = (DeliveryState.DELIVERED.value, {**there.columns(), "done_us": now_us})
        along = self._alone.heal(going.batch.jobs[0].claim.node, going.way)
        if going.batch.finish(results, along) and along is not None:
            going.way.complained = False
        ours = going.batch.keep({job: there.columns() for job, _, there in rest})
        for job, row, _ in rest:
            if job in ours and job.alive():
                self._finish(going, job, row)

    def _finish(self, going: _Going, job: Job, row: DeliveryRow) -> None:
        try:
            self._alone.finish(job, row, going.way)
        except HoldfastError as again:
            job.again(self._retry.after_us(job.claim.attempt, random.random), str(again), again.hint)


def _each(way: Way, items: list[Item], going: Going) -> Generator[Outcome, None, None]:
    if items:
        yield from put_many(way.target, items, going)
