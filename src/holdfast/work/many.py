"""The engine of many hosts: Procrastinate carries rows, over PostgreSQL, to whichever host is free.

Each host has one of its workers for every queue, and defers what its own sweep finds; a queueing lock keeps a row from
being carried twice at once, and where it is nevertheless, the claim decides. Nothing of ours is kept in its tables: a
lost job is deferred again by the next sweep, one that is stuck with a dead worker is removed.

A job ends for Procrastinate when its worker does; the body goes on under its lease. So a connection that broke holds up
no queue behind a long transfer.

`offer` is called on the sweep's thread; Procrastinate runs in an event loop on a thread of its own. Not here: claims.
"""

import asyncio
import concurrent.futures
import functools
import queue as queues
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector, exceptions, jobs

from holdfast.catalog import carrier, claims
from holdfast.catalog.db import Catalog
from holdfast.core.errors import CatalogError, CatalogUnavailable
from holdfast.work.kind import LIMITS, Kind, Queue
from holdfast.work.threads import NICE, be_nice

POLL_S = 1.0  # chosen: news may be lost with a connection
AGAIN_S = 1.0  # chosen: workers that ended with their connection are back this soon after it
STALLED_S = 30.0  # three heartbeats: whoever has not been heard for so long is dead, or will be refused
CLEAN_S = 60.0
OFFERED_S = 2.0  # chosen: what was deferred and not begun since is deferred again; its queueing lock says if it waits
REMEMBERED = 1000  # chosen: offers that are remembered at most until the old ones are forgotten
TASK = "holdfast-work"
GO_ON_S = 0.5  # chosen: far above what carrying a row costs, far below what other lanes would notice
TOGETHER = 8
_EXPRESS = 1

_log = structlog.stdlib.get_logger("holdfast.work")


class _Hands:
    """Threads that a queue's bodies run on. Daemons: a body that never ends does not keep the program alive."""

    def __init__(self, queue: Queue, limit: int) -> None:
        self._queue = queue
        self._limit = limit
        self._work: queues.SimpleQueue[tuple[Callable[[], bool], concurrent.futures.Future[bool]] | None] = (
            queues.SimpleQueue()
        )
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[[], bool]) -> "concurrent.futures.Future[bool]":
        future: concurrent.futures.Future[bool] = concurrent.futures.Future()
        self._work.put((work, future))
        if len(self._threads) < self._limit:
            thread = threading.Thread(target=self._run, name=f"work-{self._queue}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def ask_stop(self) -> None:
        for _ in list(self._threads):
            self._work.put(None)

    def join(self, until_s: float) -> bool:
        threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _run(self) -> None:
        be_nice(NICE.get(self._queue, 0))
        try:
            while (got := self._work.get()) is not None:
                (work, future), ours = got, False
                try:
                    ours = work()
                finally:
                    with suppress(concurrent.futures.InvalidStateError):  # whoever waited for it may have gone
                        future.set_result(ours)
        finally:
            # Where something ended this thread, the next row begins another one.
            self._threads.remove(threading.current_thread())


class Many:
    """The engine.

    Args:
        catalog: The catalog, on PostgreSQL.
        run: Works on a row; called on threads of ours.
        kinds: What may be carried here.
        node: Number of the node whose rows these are.
        limits: Bodies of each queue that run at once on this host.
        hungry: Called when a row of a lane has been worked on, from any thread.
    """

    def __init__(
        self, catalog: Catalog, run: Callable[[Kind, str, int], bool], kinds: Sequence[Kind], *, node: int,
        limits: Mapping[Queue, int] = LIMITS, hungry: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._run = run
        self._hungry = hungry
        self._node = node
        self._limits = limits
        self._kinds = {kind.name: kind for kind in kinds}
        self._hands = {Queue(kind.queue): _Hands(Queue(kind.queue), limits[kind.queue]) for kind in kinds}
        self._deferring: App | None = None
        self._offered: dict[tuple[str, int], float] = {}
        self._busy: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()
        self._stopping = threading.Event()
        self._said = ""
        self._thread: threading.Thread | None = None
        self._end_loop: Callable[[], object] = lambda: None

    # --- on the sweep's thread ---------------------------------------------------------------------------------------

    def offer(self, kind: Kind, lane: str, oldest: Sequence[int], newest: Sequence[int]) -> None:
        """Defer what is due in a lane: a few rows for each that may be at work, and the newest before all others.

        Raises:
            CatalogUnavailable: The database did not answer.
        """
        if self._stopping.is_set():
            return
        self._kinds[kind.name] = kind
        app = self._open()
        # What is at work here goes on with other rows of its lane by itself: no more is handed on than has a place.
        room = max(0, kind.limit(lane) - self._busy[kind.name, lane])
        wanted = [(number, _EXPRESS) for number in newest[:1]]
        wanted += [(number, 0) for number in oldest if number not in newest[:1]]
        now_s = time.monotonic()
        for number, priority in wanted[:room]:
            if now_s - self._offered.get((kind.noun, number), -OFFERED_S) < OFFERED_S:
                continue
            self._offered[kind.noun, number] = now_s
            self._defer(app, kind, lane, number, priority)
        if len(self._offered) > REMEMBERED:
            # A copy first: threads of the event loop take from it meanwhile.
            self._offered = {key: at_s for key, at_s in self._offered.copy().items() if now_s - at_s < OFFERED_S}

    def _defer(self, app: App, kind: Kind, lane: str, number: int, priority: int) -> None:
        deferrer = app.configure_task(
            TASK, queue=self._queue_name(Queue(kind.queue)), priority=priority,
            queueing_lock=f"{kind.noun}/{self._node}/{number}", allow_unknown=True,
        )  # fmt: skip
        try:
            deferrer.defer(kind=kind.name, lane=lane, number=number)
        except exceptions.AlreadyEnqueued:
            return  # it waits already, from an earlier sweep or another host's
        except exceptions.ConnectorException as error:
            self._offered.pop((kind.noun, number), None)
            raise CatalogUnavailable(f"work could not be handed on: {_reason(error)}") from error

    def _open(self) -> App:
        """Make tables and connections at the first offer, and begin to work."""
        if self._deferring is None:
            app = App(connector=SyncPsycopgConnector(conninfo=self._catalog.url, min_size=1, max_size=2))
            carrier.ensure(self._catalog, app.schema_manager.get_schema())
            try:
                app.open()
            except exceptions.ConnectorException as error:
                raise CatalogUnavailable(f"work cannot be handed on: {_reason(error)}") from error
            self._deferring = app
            self._thread = threading.Thread(target=self._serve, name="work-carrier", daemon=True)
            self._thread.start()
        return self._deferring

    def problem(self) -> str:
        """Say why nothing is carried to this host now; empty while its workers run."""
        return self._said

    def ask_stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()
        for hands in self._hands.values():
            hands.ask_stop()
        with suppress(RuntimeError):  # the loop has ended already
            self._end_loop()

    def join(self, timeout_s: float) -> bool:
        """Wait for what was begun; return whether all of it ended."""
        until_s = time.monotonic() + timeout_s
        ended = [hands.join(until_s) for hands in self._hands.values()]
        if self._thread is not None:
            self._thread.join(max(1.0, until_s - time.monotonic()))
            ended.append(not self._thread.is_alive())
        if self._deferring is not None:
            self._deferring.close()
            self._deferring = None
        return all(ended)

    # --- on the thread of the event loop -----------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.run(self._supervise())

    async def _supervise(self) -> None:
        ending = asyncio.Event()
        self._end_loop = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, ending.set)
        while not self._stopping.is_set():
            session = asyncio.create_task(self._session(ending))
            # Its exception is asked for, never raised here: whatever ends a session, another one is begun.
            await asyncio.wait({session})
            error = None if session.cancelled() else session.exception()
            if not self._stopping.is_set():
                self._tell(_reason(error) if error is not None else "its workers ended")
                with suppress(TimeoutError):
                    await asyncio.wait_for(ending.wait(), AGAIN_S)

    async def _session(self, ending: asyncio.Event) -> None:
        """Run a worker a queue until one ends, or we are told to."""
        app = App(connector=PsycopgConnector(conninfo=self._catalog.url, min_size=1, max_size=2 + len(self._hands)))
        app.task(name=TASK, queue="none")(self._work)
        async with app.open_async():
            tasks: set[asyncio.Task[Any]] = {
                asyncio.create_task(
                    app.run_worker_async(
                        queues=[self._queue_name(queue)], name=f"holdfast-{queue}", concurrency=self._limits[queue],
                        install_signal_handlers=False, delete_jobs=jobs.DeleteJobCondition.ALWAYS,
                        fetch_job_polling_interval=POLL_S, shutdown_graceful_timeout=0.1,
                        stalled_worker_timeout=STALLED_S,
                    )
                )
                for queue in self._hands
            }  # fmt: skip
            tasks |= {asyncio.create_task(self._clean(app)), asyncio.create_task(ending.wait())}
            self._tell("")
            done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            for task in done:
                task.result()

    async def _work(self, kind: str, lane: str, number: int) -> None:
        """Procrastinate's task: hand a row to a thread and wait until it is done with it."""
        known = self._kinds.get(kind)
        if known is None or self._stopping.is_set():
            return  # another host's kind, or another day's: the row is still there for whoever knows it
        with self._counting:
            self._busy[kind, lane] += 1
        future = self._hands[Queue(known.queue)].submit(lambda: self._several(known, lane, number))
        ours = False
        try:
            ours = await asyncio.wrap_future(future)
        finally:
            with self._counting:
                self._busy[kind, lane] -= 1
            # What was somebody else's would be carried at once again, round and round until they are done.
            if ours:
                self._offered.pop((known.noun, number), None)
                self._hungry()

    def _several(self, kind: Kind, lane: str, number: int) -> bool:
        """Work on a row, and on others of its lane while they are small: carrying one costs more than many of them."""
        ours = self._run(kind, lane, number)
        until_s = time.monotonic() + GO_ON_S
        while time.monotonic() < until_s and not self._stopping.is_set():
            try:
                with self._catalog.read() as tx:
                    now_us = claims.time_us(tx, 0)
                    found = claims.due(tx, kind, self._node, now_us, lane=lane, limit=4 * TOGETHER)
            except CatalogError:
                break  # the sweep says it
            # Each of a lane's places takes others of the oldest: the claim decides, but asking in vain costs as much.
            some = random.sample(found, min(TOGETHER, len(found)))
            if not any([self._run(kind, lane, row.number) for row in some]):  # noqa: C419 - each, not only up to the first
                break
        return ours

    async def _clean(self, app: App) -> None:
        """Remove what is stuck with workers that are dead."""
        while True:
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
                await app.job_manager.finish_job(job, jobs.Status.FAILED, delete_job=True)
            await asyncio.sleep(CLEAN_S)

    def _tell(self, problem: str) -> None:
        if problem and not self._said:
            _log.warning("work.carrier_lost", reason=problem)
        if self._said and not problem:
            _log.info("work.carrier_back")
        self._said = problem

    def _queue_name(self, queue: Queue) -> str:
        return f"holdfast-{self._node}-{queue}"


def _reason(error: BaseException) -> str:
    origin = error.__cause__ or error
    text = str(origin).strip()
    return text.splitlines()[0] if text else type(origin).__name__
