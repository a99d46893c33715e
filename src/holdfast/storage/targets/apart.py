"""Work that may hang in the system, done on a thread of its own, so that whoever waits for it need not hang too.

A folder whose file server went away holds every thread that touches it, and no signal ends that. The thread is given
up then: it ends by itself once the server answers. So many may be given up at once, and no more.

Any thread. Not here: what is done.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Generic, TypeVar

from holdfast.core.errors import TargetAway
from holdfast.storage.targets.contract import Going

T = TypeVar("T")

_LOOK_S = 0.25  # chosen: how soon being told to stop is noticed while nothing moves
_GRACE_S = 2.0  # chosen: what a transfer that was told to stop may take to tidy up


@dataclass(slots=True)
class _Task(Generic[T]):
    """One piece of work and its outcome."""

    over: threading.Event = field(default_factory=threading.Event)
    beat_s: float = field(default_factory=time.monotonic)
    waiting: bool = False  # for leave to send: that is no silence of the target
    given_up: bool = False
    result: list[T] = field(default_factory=list)
    error: BaseException | None = None

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Keep what went wrong for whoever waits; it is raised again there."""
        self.error = error
        self.over.set()
        return True


class Apart:
    """Runs work for one target.

    Attributes:
        name: Of the target.
        quiet_s: Seconds without a beat after which work is given up.
    """

    def __init__(self, name: str, quiet_s: float, most_given_up: int = 4) -> None:
        self.name = name
        self.quiet_s = quiet_s
        self._most = most_given_up
        self._hanging: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def run(
        self, doing: str, body: Callable[[Going], T], going: Going | None = None, *, longest_s: float = 0.0,
        alive: Callable[[], object] = lambda: None,
    ) -> T:  # fmt: skip
        """Do it, and return what it returns or raise what it raises.

        Args:
            doing: What, for the error.
            body: Does it, with a `Going` whose `moved` and `told_to_stop` count as a sign of life.
            going: How the caller follows it.
            longest_s: Seconds without a beat after which it is given up although the target is there; never less than
                `quiet_s`.
            alive: Asks the target for a sign of life once nothing moved for `quiet_s`; raises TargetAway without one.

        Raises:
            TargetAway: Nothing moved for so long, or too much hangs already.
        """
        going = going or Going()
        with self._lock:
            self._hanging = {thread for thread in self._hanging if thread.is_alive()}
            if len(self._hanging) >= self._most:
                raise TargetAway(f"{self.name} does not answer: {len(self._hanging)} transfers hang in the system")
        task: _Task[T] = _Task()
        thread = threading.Thread(
            target=self._work, args=(task, body, self._followed(task, going)), name=f"target-{self.name}", daemon=True
        )
        thread.start()
        try:
            self._watch(doing, task, going, max(self.quiet_s, longest_s), alive)
        except BaseException:
            task.given_up = True
            with self._lock:
                self._hanging.add(thread)
            raise
        thread.join()
        if task.error is not None:
            raise task.error
        return task.result[0]

    def _watch(
        self, doing: str, task: _Task[T], going: Going, longest_s: float, alive: Callable[[], object]
    ) -> None:  # fmt: skip
        told_s = asked_s = 0.0
        while not task.over.wait(_LOOK_S):
            now_s = time.monotonic()
            told_s = told_s or (now_s if going.told_to_stop() else 0.0)
            if told_s and now_s - told_s > _GRACE_S:
                raise TargetAway(f"{self.name}: {doing}: told to stop, and it did not")
            if task.waiting:
                continue
            if now_s - task.beat_s > longest_s:
                raise TargetAway(f"{self.name}: {doing}: nothing moved for {longest_s:g} s")
            if now_s - max(task.beat_s, asked_s) > self.quiet_s:
                alive()
                asked_s = time.monotonic()

    @staticmethod
    def _work(task: _Task[T], body: Callable[[Going], T], going: Going) -> None:
        with task:
            task.result.append(body(going))

    def _followed(self, task: _Task[T], going: Going) -> Going:
        def moved(count: int) -> None:
            beat()
            going.moved(count)

        def told_to_stop() -> bool:
            beat()
            return going.told_to_stop()

        def pace(count: int) -> None:
            task.waiting = True
            try:
                going.pace(count)
            finally:
                task.waiting = False
                beat()

        def beat() -> None:
            if task.given_up:
                raise TargetAway(f"{self.name}: given up long ago")
            task.beat_s = time.monotonic()

        return replace(going, moved=moved, told_to_stop=told_to_stop, pace=pace)
