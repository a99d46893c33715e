"""Finishing what interruptions left behind: one thread a process, after recording has begun again.

It also moves finished files from memory to their volume (docs/design/0017).

Recovery reads whole files, hashes and syncs them; none of that may stand before a camera's first picture, nor run for
sixteen streams at once. The files handed in are those that no writer touches any more, under locks that this process
holds, so nobody else works on them either.

What fails (a full disk has no room for an end box) is tried again for as long as the stream is ours: a file that waits
for the next start may wait for months. A file on which our own program stumbles holds up no other.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from holdfast.core.clock import Clock, SystemClock
from holdfast.core.errors import HoldfastError
from holdfast.core.footage import lock_path
from holdfast.core.journal import Event
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.recover import recover
from holdfast.storage import memory
from holdfast.storage.lock import held_here

AGAIN_US = 60 * SECOND_US  # chosen: a disk that was full or away is asked rarely, and a file is whole a minute later
MOST_JOBS = 10_000  # chosen: weeks of files; what is beyond is found again at the next start

log = structlog.get_logger()


@dataclass(slots=True)
class _Job:
    """One file. `due_us` is boot time; `failed` how often it did."""

    plan: StreamPlan
    file: str
    say: Callable[[Event], None]
    due_us: int = 0
    failed: int = 0


class Upkeep:
    """Takes files, gives back journal events. Lives as long as its process; `stop` finishes the file at hand.

    Args:
        boot: Id of this boot.
        clock: Says when to try again.
    """

    def __init__(self, boot: str, clock: Clock | None = None) -> None:
        self._boot = boot
        self._clock = clock or SystemClock()
        self._jobs: dict[tuple[str, str], _Job] = {}
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="upkeep", daemon=True)
        self._thread.start()

    def take(self, plan: StreamPlan, files: list[str], say: Callable[[Event], None]) -> None:
        """Recover these files soon; `say` is called with what to journal about each, from this thread."""
        with self._wake:
            for file in files:
                self._put(_Job(plan, file, say))
            self._wake.notify()

    @property
    def waiting(self) -> int:
        """How many files have not been begun, or are to be tried again."""
        return len(self._jobs)

    def stop(self, timeout_s: float) -> None:
        """Finish the file at hand, move what lies in memory as far as there is time, and end.

        What is left is found again at the next start; what was in memory is so only where the host stays on.
        """
        deadline_us = self._clock.boot_us() + round(timeout_s * SECOND_US)
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout_s)
        for job in list(self._jobs.values()):
            if self._thread.is_alive() or self._clock.boot_us() >= deadline_us:
                return
            try:
                self._settle(job)
            except (HoldfastError, OSError) as error:
                self._again(job, error)

    def _put(self, job: _Job) -> None:
        if len(self._jobs) < MOST_JOBS:
            # A file that is handed in again has a newer writer to say it to, and a reason to be looked at now.
            self._jobs[job.plan.volume, job.file] = job

    def _next(self) -> _Job | None:
        """Wait for a file whose time has come; None at the end."""
        with self._wake:
            while not self._stopping:
                now_us = self._clock.boot_us()
                for name, job in self._jobs.items():
                    if job.due_us <= now_us:
                        return self._jobs.pop(name)
                first_us = min((job.due_us for job in self._jobs.values()), default=None)
                self._wake.wait(None if first_us is None else (first_us - now_us) / SECOND_US)
        return None

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                if held_here(Path(job.plan.volume) / lock_path(job.plan.key)):
                    self._recover(job)
                else:
                    # The stream was let go: whoever takes it, this process too, finds the file again. Moving one that
                    # is finished needs no lock of a recorder's, and a host that stops does not keep its memory.
                    self._settle(job)
            except (HoldfastError, OSError) as error:
                self._again(job, error)
            except Exception as error:  # noqa: BLE001 - upkeep's supervisor: one file must not keep all others waiting
                self._again(job, error, trace=error)

    def _recover(self, job: _Job) -> None:
        plan = job.plan
        for event in recover(Path(plan.volume), job.file, boot=self._boot):
            job.say(event)
            log.info("recovery.done", camera=plan.camera, stream=plan.stream, file=job.file, result=event.kind)
        self._settle(job)

    def _settle(self, job: _Job) -> None:
        """Move a file from memory to its volume, unless policy decides later what of it is worth that."""
        if job.plan.settles and memory.move(Path(job.plan.volume) / job.file):
            log.debug("memory.settled", camera=job.plan.camera, stream=job.plan.stream, file=job.file)

    def _again(self, job: _Job, error: Exception, *, trace: Exception | None = None) -> None:
        """Try this file again later; the first failure is news, the others are not."""
        plan, tell = job.plan, log.debug if job.failed else log.warning
        tell("recovery.failed", camera=plan.camera, stream=plan.stream, file=job.file, why=str(error), exc_info=trace)
        job.failed += 1
        job.due_us = self._clock.boot_us() + AGAIN_US
        with self._wake:
            if (plan.volume, job.file) not in self._jobs:
                self._put(job)
