"""Working on all that is due of one kind, now and in the foreground: beside a running worker, or without one.

It takes the same claims as a worker, so nothing is done twice, and tries each row once: what fails waits for its next
attempt. Whoever asks for it means it: a pause does not hold it back.

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
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.work.kind import LIMITS, Kind, Queue
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
    kind = replace(kind, together=None)  # each row is told of by itself
    until_us = end_leases(catalog, node, kind, clock)
    with catalog.read() as tx:
        lanes = claims.lanes(tx, kind, node)
    done = 0
    with Runner(catalog, node, worker_name(), clock) as runner:

        def work(lane: str, number: int) -> bool:
            ours = not stop.is_set() and runner.run(kind, lane, number)
            if ours:
                tried(number)
            return ours

        for lane in lanes:
            places, seen = min(kind.limit(lane), LIMITS[Queue(kind.queue)]), set[int]()
            while places > 0 and not stop.is_set():
                # Some at a time: what was tried is not due any more, but for what others hold.
                some = [number for number in _due(catalog, node, kind, lane, until_us) if number not in seen]
                if not some:
                    break
                seen |= set(some)
                done += sum(all_of([functools.partial(work, lane, number) for number in some], places, runner, stop))
    return done


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
