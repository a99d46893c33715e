"""The embedded engine: threads of this process, a pool a queue.

It holds what the last sweep found for each lane, and gives it to threads as they come free: lanes with the fewest rows
at work first, in turn where they are equal, never more of a lane than its limit. In each lane one slot goes to the
newest and most urgent, all others to the oldest; a lane with a single slot takes them in turn (F25). Nothing here is
remembered: what is lost is found again by the next sweep.

Not here: claims (runner). Any thread.
"""

import ctypes
import os
import platform
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.work.kind import LIMITS, Kind, Queue

IDLE_S = 10.0  # chosen: a pool that has nothing to do gives its threads back
NICE = {Queue.MEDIA: 10, Queue.DESCRIBE: 10}
"""Bodies that take processors: recording and pages come first (C091). Their children inherit it."""


class Engine(Protocol):
    """What carries rows to threads."""

    def offer(self, kind: Kind, lane: str, oldest: Sequence[int], newest: Sequence[int]) -> None:
        """Take what is due in a lane now, in place of what was offered of it before."""

    def problem(self) -> str:
        """Say why nothing is carried now; empty where all is well."""

    def ask_stop(self) -> None:
        """Begin nothing more."""

    def join(self, timeout_s: float) -> bool:
        """Wait for what was begun; return whether all of it ended."""


@dataclass(slots=True)
class _Lane:
    kind: Kind
    name: str
    oldest: deque[int] = field(default_factory=deque)
    newest: deque[int] = field(default_factory=deque)
    at_work: dict[int, bool] = field(default_factory=dict)  # row: whether it has the slot for the newest
    newest_next: bool = False
    turn: int = 0  # when it was last served, by a count of its pool

    @property
    def ready(self) -> bool:
        return bool(self.oldest or self.newest) and len(self.at_work) < self.kind.limit(self.name)

    def take(self) -> int:
        newest = self._newest_wanted()
        source = self.newest if newest else self.oldest
        number = source.popleft()
        with suppress(ValueError):
            (self.oldest if newest else self.newest).remove(number)
        self.at_work[number] = newest
        self.newest_next = not newest
        return number

    def _newest_wanted(self) -> bool:
        if not self.newest or not self.oldest:
            return bool(self.newest)
        if self.kind.limit(self.name) <= 1:
            return self.newest_next
        return not any(self.at_work.values())


class _Pool:
    """The threads of one queue."""

    def __init__(
        self, queue: Queue, limit: int, run: Callable[[Kind, str, int], bool], hungry: Callable[[], None]
    ) -> None:  # fmt: skip
        self._queue = queue
        self._limit = limit
        self._run = run
        self._hungry = hungry
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._changed = threading.Condition()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._turns = 0
        self._stopping = False

    def offer(self, kind: Kind, lane: str, oldest: Iterable[int], newest: Iterable[int]) -> None:
        with self._changed:
            if self._stopping:
                return
            found = self._lanes.setdefault((kind.name, lane), _Lane(kind, lane))
            found.kind = kind
            found.oldest = deque(number for number in oldest if number not in found.at_work)
            found.newest = deque(number for number in newest if number not in found.at_work)
            wanted = sum(
                min(len(one.oldest) + len(one.newest), one.kind.limit(one.name)) for one in self._lanes.values()
            )
            for _ in range(min(wanted - self._idle, self._limit - len(self._threads))):
                thread = threading.Thread(target=self._work, name=f"work-{self._queue}", daemon=True)
                self._threads.add(thread)
                thread.start()
            self._changed.notify_all()

    def ask_stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, until_s: float) -> bool:
        with self._changed:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _work(self) -> None:
        be_nice(NICE.get(self._queue, 0))
        try:
            while (got := self._next()) is not None:
                (lane, number), ours = got, False
                try:
                    ours = self._run(lane.kind, lane.name, number)
                finally:
                    with self._changed:
                        lane.at_work.pop(number, None)
                        empty = not lane.oldest
                        self._changed.notify()
                # What was somebody else's would be offered at once again, round and round until they are done.
                if empty and ours:
                    self._hungry()
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())

    def _next(self) -> tuple[_Lane, int] | None:
        until_s = time.monotonic() + IDLE_S
        with self._changed:
            while not self._stopping:
                ready = [lane for lane in self._lanes.values() if lane.ready]
                if ready:
                    # Among equals whoever waits longest: in a pool with one place all have nothing at work.
                    lane = min(ready, key=lambda one: (len(one.at_work), one.turn))
                    self._turns += 1
                    lane.turn = self._turns
                    return lane, lane.take()
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return None
                self._idle += 1
                try:
                    self._changed.wait(left_s)
                finally:
                    self._idle -= 1
            return None


class Threads:
    """The engine.

    Args:
        run: Works on a row; called on threads of the pools.
        hungry: Called when a lane has nothing left to begin, from any thread.
        limits: Bodies of each queue that run at once.
    """

    def __init__(
        self, run: Callable[[Kind, str, int], bool], *, hungry: Callable[[], None] = lambda: None,
        limits: Mapping[Queue, int] = LIMITS,
    ) -> None:  # fmt: skip
        self._pools = {queue: _Pool(queue, limits[queue], run, hungry) for queue in Queue}

    def offer(self, kind: Kind, lane: str, oldest: Sequence[int], newest: Sequence[int]) -> None:
        """Take what is due in a lane now, in place of what was offered of it before."""
        self._pools[Queue(kind.queue)].offer(kind, lane, oldest, newest)

    def problem(self) -> str:
        """Nothing can be wrong with threads of our own."""
        return ""

    def ask_stop(self) -> None:
        """Begin nothing more."""
        for pool in self._pools.values():
            pool.ask_stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for what was begun; return whether all of it ended."""
        until_s = time.monotonic() + timeout_s
        ended = [pool.join(until_s) for pool in self._pools.values()]  # each, even where one does not end
        return all(ended)


def be_nice(by: int) -> None:
    """Put this thread last in line, for disks too; where the platform knows no such thing it stays as it is."""
    if not by:
        return
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), by)
    number = _IOPRIO_SET.get(platform.machine()) if sys.platform == "linux" else None
    if number is not None:
        ctypes.CDLL(None).syscall(number, _THIS_THREAD, 0, _LAST_IN_LINE)


_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}  # ioprio_set(2), which libc has no function for
_THIS_THREAD = 1  # IOPRIO_WHO_PROCESS, with 0 for whoever calls
_LAST_IN_LINE = (2 << 13) | 7  # best effort, the lowest of its levels: idle could wait for ever beside a recorder
