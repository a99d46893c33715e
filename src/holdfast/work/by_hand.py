"""Working on all that is due of one kind, now and in the foreground: beside a running worker, or without one.

It takes the same claims as a worker, so nothing is done twice, small rows together as there, and tries each row once:
what fails waits for its next attempt. Whoever asks for it means it: a pause does not hold it back.

Runs on threads that it starts and ends. Not here: what is printed (cli.jobs).
"""

import functools
import os
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

from holdfast.catalog import claims, lost_work
from holdfast.catalog.db import Catalog, Transaction
from holdfast.core.clock import Clock
from holdfast.work.batch import Batch
from holdfast.work.kind import LIMITS, Kind, Queue, Together
from holdfast.work.runner import Runner
from holdfast.work.sweep import set_right

MOST = 10_000  # chosen: rows of a lane that are held in memory at once
_LOOK_S = 0.2  # chosen: whoever presses Ctrl-C waits no longer than this until bodies are told

Result = TypeVar("Result")


def run_due(
    catalog: Catalog, node: int, kind: Kind, clock: Clock, *, tried: Callable[[int], None] = lambda _number: None,
    stop: threading.Event | None = None,
) -> int:  # fmt: skip
    """Work on every row that is due when this begins; return how many were ours to try.

    Args:
        catalog: The catalog.
        node: Number of the node whose rows these are.
        kind: The kind of work.
        clock: Time.
        tried: Told of each row when it is done with, from any thread.
        stop: Set to end it: what is begun is given back.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    stop = stop or threading.Event()
    until_us = end_leases(catalog, node, kind, clock)
    with catalog.read() as tx:
        lanes = claims.lanes(tx, kind, node)
    tally = _Tally(tried)
    kind = tally.over(kind)
    with Runner(catalog, node, worker_name(), clock) as runner:

        def work(lane: str, number: int) -> None:
            # What went together with another one is done: asking for it would cost what it saved.
            if not stop.is_set() and not tally.has(number) and kind.limit(lane) > 0 and runner.run(kind, lane, number):
                tally.note([number])

        for lane in lanes:
            before = -1
            # As long as any is tried: what a batch gave back untried was refused to whoever asked for it meanwhile.
            while tally.count > before and not stop.is_set():
                before, places = tally.count, min(kind.limit(lane), LIMITS[Queue(kind.queue)])
                # Some at a time: what was tried is not due any more, but for what others hold.
                some = [one for one in _due(catalog, node, kind, lane, until_us) if not tally.has(one)]
                if places > 0:
                    all_of([functools.partial(work, lane, number) for number in some], places, runner, stop)
    return tally.count


class _Tally:
    """Which rows were tried, each told of once. Any thread."""

    def __init__(self, tried: Callable[[int], None]) -> None:
        self._tried = tried
        self._lock = threading.Lock()
        self._numbers: set[int] = set()

    @property
    def count(self) -> int:
        return len(self._numbers)

    def has(self, number: int) -> bool:
        return number in self._numbers

    def note(self, numbers: Sequence[int]) -> None:
        with self._lock:
            new = [number for number in numbers if number not in self._numbers]
            self._numbers.update(new)
        for number in new:
            self._tried(number)

    def over(self, kind: Kind) -> Kind:
        """Return a kind whose rows, where they go together, go once and are told of."""
        together = kind.together
        if together is None:
            return kind

        def find(tx: Transaction, node: int, lane: str, number: int, now_us: int) -> list[int]:
            found = together.find(tx, node, lane, number, now_us)
            return [one for one in found if one == number or not self.has(one)]

        def body(batch: Batch) -> None:
            try:
                together.body(batch)
            finally:
                self.note([job.claim.number for job in batch.jobs if job.ended])

        return replace(kind, together=Together(find, body))


def all_of(deeds: Sequence[Callable[[], Result]], places: int, runner: Runner, stop: threading.Event) -> list[Result]:
    """Do things on threads, some at once; as soon as `stop` is set, what is being worked on is told to end."""
    with ThreadPoolExecutor(places, thread_name_prefix="work-by-hand") as pool:
        doing = [pool.submit(deed) for deed in deeds]
        while wait(doing, timeout=_LOOK_S).not_done:
            if stop.is_set():
                runner.ask_stop()
        return [one.result() for one in doing]


def worker_name() -> str:
    """Return the name that a command claims rows under."""
    return f"{socket.gethostname()[:40]}-by-hand-{os.getpid()}"


def end_leases(catalog: Catalog, node: int, kind: Kind, clock: Clock) -> int:
    """End the claims whose lease is over, or would be by a clock that is right; return the time that counts.

    Where no worker runs nobody else does it, and what a killed command had in hand would be in its hands for ever.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    set_right(catalog, node, kind, clock)
    with catalog.read() as tx:
        now_us = claims.time_us(tx, clock.wall_us())
        if not lost_work.any_expired(tx, kind, node, now_us):
            return now_us
    with catalog.write() as tx:
        now_us = claims.time_us(tx, clock.wall_us())
        # Due at once, unless it may be what kills those who work on it: whoever asks for it means it.
        lost_work.expire(tx, kind, node, now_us=now_us, after=lambda lost: None if lost >= kind.retry.lost else 0)
    return now_us


def _due(catalog: Catalog, node: int, kind: Kind, lane: str, until_us: int) -> list[int]:
    with catalog.read() as tx:
        return [row.number for row in claims.due(tx, kind, node, until_us, lane=lane, limit=MOST)]
