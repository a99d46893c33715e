"""Sending all that waits, now, from a command: beside a running worker, or without one.

It takes the same claims as a worker does, so nothing is sent twice, and each row once: what fails waits for the worker,
or for the next command. Hours and pauses of a target hold here too.

Runs on the caller's thread and one for each file that is on its way. Not here: figures and progress bars (cli.queue).
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from holdfast.catalog import delivery_stats, work_controls
from holdfast.catalog.claims import time_us
from holdfast.catalog.db import Catalog
from holdfast.catalog.work_controls import Running
from holdfast.core.clock import Clock
from holdfast.core.config.model import Config
from holdfast.work.by_hand import all_of, end_leases, worker_name
from holdfast.work.deliver import NAME, Deliver
from holdfast.work.runner import Runner

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One file that was tried: its size; `left` says that the rest of its target was not tried at all."""

    target: str
    bytes: int


def drain(
    catalog: Catalog, node: int, config: Config, clock: Clock, targets: list[str], *,
    tried: Callable[[Step], None] = lambda _step: None, stop: threading.Event | None = None,
) -> None:  # fmt: skip
    """Try every row that waits for these targets once, oldest first; a target that is away is left alone.

    Args:
        catalog: The catalog.
        node: The node's number.
        config: The configuration.
        clock: Time.
        targets: Names of targets.
        tried: Told of each file that was tried, from any thread.
        stop: Set to end it: what is on its way is given back.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    stop = stop or threading.Event()
    work = Deliver(catalog, config, clock)
    kind = work.kind()
    try:
        # What another one of these had in hand when it was killed; where no worker runs, nobody else ends its claims.
        end_leases(catalog, node, kind, clock)
        with Runner(catalog, node, worker_name(), clock) as runner:
            for target in targets:
                rows = _Rows(catalog, node, target, clock)

                def send(target: str = target, rows: _Rows = rows) -> None:
                    for number, size in rows:
                        if stop.is_set() or kind.limit(target) <= 0:
                            return
                        runner.run(kind, target, number)
                        tried(Step(target, size))

                # All of them at once would ask a target that is away as often as there are files.
                places = max(1, config.targets[target].parallel)
                all_of([send] * places, places, runner, stop)
    finally:
        work.close()


class _Rows:
    """What waits for a target, handed out one by one to whoever asks: each row once."""

    def __init__(self, catalog: Catalog, node: int, target: str, clock: Clock) -> None:
        self._catalog, self._node, self._target, self._clock = catalog, node, target, clock
        self._lock = threading.Lock()
        self._after = (-(2**62), 0)
        self._found: list[tuple[int, int, int]] = []
        with catalog.read() as tx:
            held = work_controls.of(work_controls.controls(tx, node), NAME, target)
            self._over = held.state is not Running.RUNNING
        while not self._over:
            # In pieces: a transaction over a hundred thousand rows would hold everybody else up.
            with catalog.write() as tx:
                now_us = time_us(tx, clock.wall_us())
                if delivery_stats.hurry(tx, node, target, now_us, most=_PAGE) < _PAGE:
                    break

    def __iter__(self) -> Iterator[tuple[int, int]]:
        while (one := self._next()) is not None:
            yield one[1], one[2]

    def _next(self) -> tuple[int, int, int] | None:
        with self._lock:
            if not self._found and not self._over:
                with self._catalog.read() as tx:
                    rows = delivery_stats.pending(tx, self._node, self._target, self._after, _PAGE)
                self._over = not rows
                self._found = rows[::-1]
                if rows:
                    self._after = rows[-1][:2]
            return self._found.pop() if self._found else None
