"""Claims rows, hands them to bodies, keeps their leases, and writes what came of them.

`run` is called on the threads of an engine, for a row that may be due: it may be called late, twice, or for a row that
is done long since; the claim decides. A thread of its own renews what is being worked on, at a third of the lease.

This is the supervisor of bodies: whatever one raises ends its attempt, and nothing else.

Not here: which rows are due (sweep), threads (threads, many), what a row may become (catalog.claims).
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import structlog

from holdfast.catalog import claims, work_controls
from holdfast.catalog.claims import Claim
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.schema_work import FAILED
from holdfast.catalog.work_controls import Controls, Running
from holdfast.core.clock import Clock
from holdfast.core.errors import CatalogError, HoldfastError
from holdfast.core.timing import SECOND_US
from holdfast.work.batch import Batch
from holdfast.work.job import Job
from holdfast.work.kind import Kind
from holdfast.work.ledger import Ledger
from holdfast.work.retry import Retry

LEASE_S = 90.0  # C089: on one host a lock tells who lives; this is for what a lock cannot tell
SHARED_LEASE_S = 15.0  # where hosts share a catalog a dead one's rows are taken over after this
RENEW_AGAIN_S = 1.0  # chosen: a catalog that was away is asked as soon as it may be back

_log = structlog.stdlib.get_logger("holdfast.work")


class Runner:
    """Works on rows. A context manager: leaving it tells every body to end; who runs them waits for that before.

    What does not heed it is abandoned: its lease is renewed no more, and whoever lives takes its row over.

    Args:
        catalog: The catalog.
        node: Number of the node whose rows these are.
        worker: Name that claims are made under, unique among those who live.
        clock: Time.
        lease_s: How long a claim holds unless it is renewed.
        shared: Whether others claim rows of this node, too: a lane's limit is then counted in the catalog.
    """

    def __init__(
        self, catalog: Catalog, node: int, worker: str, clock: Clock, *, lease_s: float = LEASE_S, shared: bool = False
    ) -> None:  # fmt: skip
        self.worker = worker
        self._catalog = catalog
        self._node = node
        self._clock = clock
        self._lease_us = round(lease_s * SECOND_US)
        self._shared = shared
        self.controls: Controls = {}
        """What people said about kinds and lanes; replaced by each sweep."""
        self._ledger = Ledger(catalog, clock)
        self._random = random.Random()  # noqa: S311 - jitter, no secret
        self._lock = threading.Lock()
        self._jobs: dict[tuple[str, int], Job | None] = {}
        self._kinds: Counter[int] = Counter()
        self._stopping = threading.Event()
        self._abandoned = threading.Event()
        self._renewer = threading.Thread(target=self._renew_all, name="work-leases", daemon=True)

    def __enter__(self) -> Self:
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ask_stop()
        # A body that hangs would have its lease renewed for ever, by a thread that we would wait for as long.
        self._abandoned.set()
        self._renewer.join()

    def ask_stop(self) -> None:
        """Tell every body to end, and begin nothing more."""
        self._stopping.set()

    def jobs(self) -> list[Job]:
        """Return what is being worked on now."""
        with self._lock:
            return [job for job in self._jobs.values() if job is not None]

    def uses(self, kinds: Sequence[Kind]) -> bool:
        """Say whether a row is at hand that is, or may be, worked on by the body of one of these very kinds."""
        with self._lock:
            return any(self._kinds[id(kind)] for kind in kinds)

    def run(self, kind: Kind, lane: str, number: int) -> bool:
        """Work on a row if it is due and nobody else's; return whether it was ours.

        Never raises but for what a thread cannot go on from.
        """
        if work_controls.of(self.controls, kind.name, lane).state is not Running.RUNNING:
            return False
        key = (kind.noun, number)
        with self._lock:
            # A body whose lease was lost may still be at it: two at once in one process help nobody.
            if self._stopping.is_set() or key in self._jobs:
                return False
            self._jobs[key] = None
            self._kinds[id(kind)] += 1
        mine: dict[tuple[str, int], Job | None] = {key: None}
        try:
            jobs = self._claim(kind, lane, number)
            if not jobs:
                return False
            with self._lock:
                got = {(kind.noun, job.claim.number): job for job in jobs}
                self._jobs |= got
                mine |= got
            with structlog.contextvars.bound_contextvars(job=kind.name, row=number, lane=lane):
                if len(jobs) == 1:
                    self._work(kind, jobs[0])
                elif kind.together is not None:
                    self._work_together(kind, Batch(jobs, self._ledger), kind.together.body)
            return True
        finally:
            with self._lock:
                self._kinds[id(kind)] -= 1
                for key, job in mine.items():
                    # Whoever asked for a row in vain meanwhile must not take its owner's entry away.
                    if key in self._jobs and self._jobs[key] is job:
                        del self._jobs[key]

    def _claim(self, kind: Kind, lane: str, number: int) -> list[Job]:
        began_us = self._clock.boot_us()

        def deed(tx: Transaction, now_us: int) -> list[Claim]:
            if self._shared:
                claims.lane_lock(tx, kind, self._node, lane)
                if claims.at_work(tx, kind, self._node).get(lane, 0) >= kind.limit(lane):
                    return []
            numbers = [number]
            if kind.together is not None:
                found = kind.together.find(tx, self._node, lane, number, now_us)
                numbers += [one for one in found if one != number and (kind.noun, one) not in self._jobs]
            return claims.claim(
                tx, kind, self._node, numbers, worker=self.worker, now_us=now_us, lease_us=self._lease_us
            )

        try:
            got = self._ledger.write(deed)
        except CatalogError as error:
            _log.warning("work.claim_failed", job=kind.name, reason=str(error))
            return []
        # From before it was asked for: however long the answer took, the lease ends no earlier than this.
        until_us = began_us + self._lease_us
        return [Job(one, self._ledger, self._clock, until_us=until_us, stopping=self._stopping) for one in got]

    def _work_together(self, kind: Kind, batch: Batch, body: Callable[[Batch], None]) -> None:
        """Work on several rows; what is wrong with all of them is tried again with the first alone."""
        for job in batch.jobs[1:]:
            job.rides = True
        try:
            try:
                body(batch)
            except HoldfastError as error:
                for job in batch.left[:1]:
                    self._failed(kind, job, error)
            except Exception as error:  # noqa: BLE001 - bodies are supervised here: a bug in one ends its attempt alone
                for job in batch.left:  # each is alone the next time: only one of them may be what it fails at
                    self._unexpected(kind, job, error)
            batch.give_back(batch.left)
        except CatalogError as error:
            _log.error(
                "work.result_lost", reason=str(error), hint="the rows are worked on again when their lease is over"
            )

    def _work(self, kind: Kind, job: Job) -> None:
        try:
            try:
                kind.body(job)
            except HoldfastError as error:
                self._failed(kind, job, error)
            except Exception as error:  # noqa: BLE001 - bodies are supervised here: a bug in one ends its attempt alone
                self._unexpected(kind, job, error)
            else:
                self._returned(job)
        except CatalogError as error:
            self._not_written(error)

    def _not_written(self, error: CatalogError) -> None:
        hint = "it is worked on again when its lease is over"
        if self._abandoned.is_set():
            _log.info("work.late", reason=str(error), hint=hint)  # nobody waits for it: it had been told to end
        else:
            _log.error("work.result_lost", reason=str(error), hint=hint)

    def _returned(self, job: Job) -> None:
        if job.ended:
            return
        if not job.alive():
            job.give_back()
            return
        self._fail(job, "it ended without a result", "this is a bug: look at the log")

    def _failed(self, kind: Kind, job: Job, error: HoldfastError) -> None:
        if job.ended:
            _log.warning("work.failed_late", reason=str(error))
        elif job.told:
            # Told to end, it ended: that is no failure of what it worked on.
            job.give_back()
        elif not error.transient:
            self._fail(job, str(error), error.hint)
        else:
            self._again(kind.retry, job, (str(error), error.hint), kind.retry.most)

    def _unexpected(self, kind: Kind, job: Job, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        _log.error("work.crashed", reason=reason, exc_info=error)
        if not job.ended:
            hint = f"this is a bug: holdfast jobs logs {kind.name}"
            self._again(kind.retry, job, (reason, hint), kind.retry.unexpected)

    def _again(self, retry: Retry, job: Job, said: tuple[str, str], most: int | None) -> None:
        attempt, (error, hint) = job.claim.attempt, said
        if most is not None and attempt >= most:
            self._fail(job, error, hint)
            return
        wait_us = retry.after_us(attempt, self._random.random)
        if job.again(wait_us, error, hint):
            _log.info("work.again", attempt=attempt, retry_in_s=round(wait_us / SECOND_US, 1), reason=error)

    def _fail(self, job: Job, error: str, hint: str) -> None:
        if job.finish(FAILED, error=error, hint=hint):
            _log.error("work.failed", attempt=job.claim.attempt, reason=error, hint=hint)

    # --- what others decided ---------------------------------------------------------------------------------------

    def follow(self, controls: Controls) -> None:
        """Do as people said: what they stopped, or want begun anew, is told to end and given back."""
        before, self.controls = self.controls, controls
        ends: dict[tuple[str, str], bool] = {}  # hundreds of rows are of one lane
        for job in self.jobs():
            name, lane = of = job.claim.kind, job.claim.lane
            if of not in ends:
                now = work_controls.of(controls, name, lane)
                ends[of] = now.state is Running.STOPPED or now.turn != work_controls.of(before, name, lane).turn
            if ends[of]:
                job.tell()

    def look(self, kind: Kind) -> None:
        """Notice claims that somebody else ended: a row was cancelled, or given to another.

        Raises:
            CatalogUnavailable: The catalog did not answer.
        """
        jobs = [job for job in self.jobs() if job.claim.noun == kind.noun and not job.ended]
        if not jobs:
            return
        numbers = [job.claim.number for job in jobs]
        with self._catalog.read() as tx:
            held = claims.held(tx, kind, self._node, self.worker, numbers)
        for job in jobs:
            if (job.claim.number, job.claim.fence) not in held and not job.ending:
                self._lose(job)

    @staticmethod
    def _lose(job: Job) -> None:
        if not job.lost:
            _log.warning(
                "work.lost", job=job.claim.kind, row=job.claim.number, lane=job.claim.lane,
                hint="somebody else has it now, or it was cancelled; what comes of it here is not written",
            )  # fmt: skip
        job.lose()

    # --- leases ------------------------------------------------------------------------------------------------------

    def _renew_all(self) -> None:
        wait_s = self._lease_us / SECOND_US / 3
        while not self._stopping.wait(wait_s) or (self.jobs() and not self._abandoned.is_set()):
            try:
                self.renew_once()
                wait_s = self._lease_us / SECOND_US / 3
            except CatalogError as error:
                _log.warning("work.not_renewed", reason=str(error))
                wait_s = min(RENEW_AGAIN_S, self._lease_us / SECOND_US / 3)
            if self._stopping.is_set():
                # Bodies are ending; their leases are kept: nobody may begin with a row that is still in their hands.
                self._abandoned.wait(min(wait_s, RENEW_AGAIN_S))

    def renew_once(self) -> None:
        """Renew the leases of what is being worked on.

        Raises:
            CatalogUnavailable: The catalog did not answer; bodies go on until their lease is over.
        """
        jobs = [job for job in self.jobs() if not job.ended and not job.lost]
        if not jobs:
            return
        began_us = self._clock.boot_us()
        mine = {job.claim: job for job in jobs}
        held = self._ledger.write(
            lambda tx, now_us: claims.renew(tx, mine.keys(), now_us=now_us, lease_us=self._lease_us)
        )
        for claim, job in mine.items():
            if claim in held:
                job.renewed(began_us + self._lease_us)
            elif not job.ending:
                self._lose(job)
