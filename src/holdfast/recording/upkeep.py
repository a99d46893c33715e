"""Finishing what interruptions left behind: one thread a process, after recording has begun again.

Recovery reads whole files, hashes and syncs them; none of that may stand before a camera's first picture, nor run for
sixteen streams at once. The files handed in are those that no writer touches any more, under locks that this process
holds, so nobody else works on them either.
"""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import structlog

from holdfast.core.errors import HoldfastError
from holdfast.core.journal import Event
from holdfast.core.plan import StreamPlan
from holdfast.media.recover import recover

log = structlog.get_logger()


class Upkeep:
    """Takes files, gives back journal events. Lives as long as its process; `stop` finishes the file at hand."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._jobs: deque[tuple[StreamPlan, str, Callable[[Event], None]]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="upkeep", daemon=True)
        self._thread.start()

    def take(self, plan: StreamPlan, files: list[str], say: Callable[[Event], None]) -> None:
        """Recover these files soon; `say` is called with what to journal about each, from this thread."""
        with self._wake:
            self._jobs.extend((plan, file, say) for file in files)
            self._wake.notify()

    @property
    def waiting(self) -> int:
        """How many files have not been begun."""
        return len(self._jobs)

    def stop(self, timeout_s: float) -> None:
        """Finish the file at hand and end; what is left is found again at the next start."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._jobs and not self._stopping:
                    self._wake.wait()
                if self._stopping:
                    return
                plan, file, say = self._jobs.popleft()
            try:
                for event in recover(Path(plan.volume), file, boot=self._boot):
                    say(event)
                    log.info("recovery.done", camera=plan.camera, stream=plan.stream, file=file, result=event.kind)
            except (HoldfastError, OSError, ValueError) as error:
                # Left where it is: the next start, or the next time the disk was away, finds it again.
                log.warning("recovery.failed", camera=plan.camera, stream=plan.stream, file=file, why=str(error))
