"""A worker's place: sweep, engine and leases of one catalog, begun and ended together.

The loop runs on a thread of its own. While the catalog is away it asks again, ever more rarely, and says so once; rows
are not lost by it, because nothing about them is kept here.

Not here: opening catalogs, and who makes which kinds (roles.work_loop).
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog

from holdfast.catalog import work_controls, work_rows
from holdfast.catalog.db import Catalog
from holdfast.catalog.news import News
from holdfast.catalog.work_controls import KindRow
from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US
from holdfast.work.kind import LIMITS, Kind, Queue
from holdfast.work.runner import LEASE_S, SHARED_LEASE_S, Runner
from holdfast.work.sweep import Sweep
from holdfast.work.threads import Engine, Threads

SWEEP_S = 1.0
NEWS_S = 0.1  # chosen: ten looks a second at a number cost nothing one could measure, and new work begins at once
BACKOFF_CAP_S = 10.0  # chosen: work goes on this soon after a catalog that was away is back
HISTORY_US = 90 * DAY_US
AGAIN_US = 5 * MINUTE_US  # chosen: whoever keeps a catalog locked, or full, rarely does so for a second time
STOP_S = 5.0  # chosen: bodies end between two pieces of what they send

_log = structlog.stdlib.get_logger("holdfast.work")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a station works.

    Attributes:
        worker: Name that rows are claimed under.
        shared: Whether other hosts work on rows of this node, too: then Procrastinate carries them.
        lease_s: How long a claim holds; None for what the engine needs.
        limits: Bodies of each queue that run at once.
    """

    worker: str
    shared: bool = False
    lease_s: float | None = None
    limits: Mapping[Queue, int] | None = None


class Station:
    """A context manager: it works from `__enter__` to `__exit__`, which gives back what is begun.

    Args:
        catalog: The catalog; closed by whoever opened it, after this.
        node: Number of the node whose rows these are.
        kinds: What is worked on.
        clock: Time.
        options: How.
    """

    def __init__(self, catalog: Catalog, node: int, kinds: Sequence[Kind], clock: Clock, options: Options) -> None:
        self._catalog = catalog
        self._node = node
        self._clock = clock
        self._options = options
        lease_s = options.lease_s or (SHARED_LEASE_S if options.shared else LEASE_S)
        self._runner = Runner(catalog, node, options.worker, clock, lease_s=lease_s, shared=options.shared)
        self._wake = threading.Event()
        limits = {**LIMITS, **(options.limits or {})}
        self._engine: Engine
        if options.shared:
            from holdfast.work.many import Many  # noqa: PLC0415 - a library that one host alone never loads

            self._engine = Many(catalog, self._runner.run, kinds, node=node, limits=limits, hungry=self._wake.set)
        else:
            self._engine = Threads(self._runner.run, hungry=self._wake.set, limits=limits)
        self._sweep = Sweep(catalog, node, kinds, self._runner, self._engine, clock)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="work-sweep", daemon=True)
        self._upkeep_us = 0
        self._begun: Sequence[Kind] = ()
        self.problem = ""
        """Why nothing is done now; empty while the catalog answers."""

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ask_stop()
        self._thread.join()
        if not self._engine.join(STOP_S):
            _log.warning("work.abandoned", hint="their rows are taken over when their lease is over")
        self._runner.__exit__(kind, error, trace)

    def ask_stop(self) -> None:
        """Begin nothing more, and tell what is begun to end."""
        self._stopping.set()
        self._wake.set()
        self._engine.ask_stop()
        self._runner.ask_stop()

    def take(self, kinds: Sequence[Kind]) -> None:
        """Work with other kinds from the next row on; what is begun goes on as it was."""
        self._sweep.kinds = tuple(kinds)
        self._wake.set()

    def uses(self, kinds: Sequence[Kind]) -> bool:
        """Say whether a row may be worked on by the body of one of these very kinds, now or soon."""
        return self._sweep.uses(kinds) or self._runner.uses(kinds)

    def running(self) -> list[dict[str, Any]]:
        """Return what is worked on now, for the status file: kind, row, lane, since when, and how far."""
        return [
            {
                "job": job.claim.kind, "row": f"{job.claim.node}-{job.claim.number}", "lane": job.claim.lane,
                "since_us": job.since_us, "attempt": job.claim.attempt, "done": job.progress_now.done,
                "total": job.progress_now.total,
            }
            for job in self._runner.jobs() if not job.rides
        ]  # fmt: skip

    def _run(self) -> None:
        wait_s = SWEEP_S
        with News(self._catalog) as news:
            while not self._stopping.is_set():
                try:
                    self._once()
                    self._said("")
                    wait_s = SWEEP_S
                except HoldfastError as error:
                    self._said(str(error))
                    wait_s = min(BACKOFF_CAP_S, wait_s * 2)
                except Exception as error:  # noqa: BLE001 - sweeps are supervised here: whatever one raises, the next is tried
                    self._said(f"looking for work failed: {type(error).__name__}: {error}", error)
                    wait_s = min(BACKOFF_CAP_S, wait_s * 2)
                self._wait(news, wait_s)

    def _once(self) -> None:
        if self._begun != self._sweep.kinds:
            kinds = self._sweep.kinds
            self._announce(kinds)
            if not self._begun:
                self._sweep.void(self._options.worker)
            self._begun = kinds
        self._sweep.once()
        if self._clock.boot_us() >= self._upkeep_us:
            self._upkeep()

    def _upkeep(self) -> None:
        """Do what keeps the catalog quick, and rows from waiting for ever: at the beginning and each hour."""
        self._upkeep_us = self._clock.boot_us() + HOUR_US
        try:
            self._sweep.set_right()
            self._catalog.optimize()
            pruned = 1
            while pruned and not self._stopping.is_set():
                with self._catalog.write() as tx:
                    pruned = work_rows.prune_history(tx, self._clock.wall_us() - HISTORY_US)
        except HoldfastError as error:
            hint = f"tried again in {AGAIN_US // MINUTE_US} minutes"
            _log.warning("work.upkeep_failed", reason=str(error), hint=hint)
            self._upkeep_us = self._clock.boot_us() + AGAIN_US

    def _announce(self, kinds: Sequence[Kind]) -> None:
        rows = [
            KindRow(
                name=kind.name, noun=kind.noun, queue=str(kind.queue), working=kind.working, about=kind.about,
                lane_limit=kind.lane_limit,
            )
            for kind in kinds
        ]  # fmt: skip
        with self._catalog.write() as tx:
            work_controls.put_kinds(tx, self._node, rows, self._clock.wall_us())

    def _said(self, problem: str, bug: Exception | None = None) -> None:
        problem = problem or self._engine.problem()
        if problem and not self.problem:
            _log.warning("work.waits", reason=problem, exc_info=bug)
        if self.problem and not problem:
            _log.info("work.goes_on")
        self.problem = problem

    def _wait(self, news: News, wait_s: float) -> None:
        """Wait until it is time, somebody wakes us, or the catalog has news."""
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0 and not self._stopping.is_set():
            if self._wake.wait(min(left_s, NEWS_S)):
                break
            try:
                if not self.problem and news.any():
                    break
            except HoldfastError:
                continue  # the next sweep says what is wrong; news are only a hint
        self._wake.clear()
