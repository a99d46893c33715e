"""Claimed rows of one lane in the hands of a body that works on them together. Any thread of that body.

Each row keeps its own claim: it is renewed, lost, cancelled and ended by itself; what is common is only that what came
of them is written in one transaction.

Not here: one row (job), who claims, renews and supervises (runner).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from holdfast.catalog import claims_together
from holdfast.catalog.claims import Claim
from holdfast.catalog.claims_together import Outcome
from holdfast.catalog.db import Transaction
from holdfast.work.job import PATIENCE_S, Job
from holdfast.work.ledger import Ledger


class Batch:
    """Rows that are ours for now.

    Args:
        jobs: Each row, in the order in which they are wanted.
        ledger: Writes.
    """

    def __init__(self, jobs: Sequence[Job], ledger: Ledger) -> None:
        self.jobs = tuple(jobs)
        self._ledger = ledger

    @property
    def left(self) -> list[Job]:
        """Those that have no result yet."""
        return [job for job in self.jobs if not job.ended]

    @property
    def told(self) -> bool:
        """Whether the worker or a person wants them to end."""
        return any(job.told for job in self.left[:1])

    def alive(self) -> bool:
        """Say whether any row is still ours and wanted; once False the body must return soon. Cheap."""
        return any(not job.ended and job.alive() for job in self.jobs)

    def keep(self, values: Mapping[Job, Mapping[str, Any]]) -> set[Job]:
        """Write columns of rows in the midst of the work; return those that are still ours.

        Raises:
            CatalogError: The values were refused.
            CatalogUnavailable: The catalog did not answer.
        """
        of = {job.claim: one for job, one in values.items()}
        held = self._ledger.write(lambda tx, _now_us: claims_together.keep(tx, of)) if of else set()
        return {job for job in values if job.claim in held}

    def finish(
        self, results: Mapping[Job, tuple[str, Mapping[str, Any]]], along: Callable[[Transaction], None] | None = None
    ) -> set[Job]:
        """Write results, each a state and further columns; return the rows that were still ours.

        Waits up to 90 s for a catalog that is away or full, as for one row alone.

        Args:
            results: By row.
            along: Writes what belongs together with them; may be called twice.

        Raises:
            CatalogError: The values were refused.
            CatalogUnavailable: The catalog did not answer for that long; the rows will be done again.
        """
        return self._end({job: claims_together.result(state, more) for job, (state, more) in results.items()}, along)

    def give_back(self, jobs: Sequence[Job]) -> None:
        """Give rows back unharmed, due at once.

        Raises:
            CatalogUnavailable: The catalog did not answer; they are taken over when their lease is over.
        """
        self._end({job: claims_together.given_back(job.claim) for job in jobs})

    def _end(self, outcomes: Mapping[Job, Outcome], along: Callable[[Transaction], None] | None = None) -> set[Job]:
        if not outcomes:
            return set()
        of = {job.claim: one for job, one in outcomes.items()}

        def deed(tx: Transaction, now_us: int) -> set[Claim]:
            ended = claims_together.end(tx, of, now_us=now_us)
            if ended and along is not None:
                along(tx)
            return ended

        for job in outcomes:
            job.ending = True
        ended = self._ledger.insist(deed, patience_s=PATIENCE_S, give_up=lambda: self.jobs[0].told)
        for job in outcomes:
            job.ended = True
        return {job for job in outcomes if job.claim in ended}
