"""One claimed row in the hands of a body: what it may ask and say while it works. Any thread of that body.

Not here: who claims, renews and supervises (runner).
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.catalog import claims
from holdfast.catalog.claims import Claim
from holdfast.catalog.db import Transaction
from holdfast.core.clock import Clock
from holdfast.work.ledger import Ledger

PATIENCE_S = 90.0  # chosen: as long as a lease; a catalog that is away for longer costs the attempt, never the row


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is, in what it counts (bytes, mostly); `total` is 0 where that is not known."""

    done: int = 0
    total: int = 0


class Job:
    """A row that is ours for now.

    Args:
        claim: The claim.
        ledger: Writes.
        clock: Time.
        until_us: Boot time at which the lease ends, as far as this host knows.
        stopping: Set when the worker ends.
    """

    def __init__(
        self, claim: Claim, ledger: Ledger, clock: Clock, *, until_us: int, stopping: threading.Event
    ) -> None:  # fmt: skip
        self.claim = claim
        self._ledger = ledger
        self._clock = clock
        self._until_us = until_us
        self._stopping = stopping
        self._told = False
        self._lost = False
        self.since_us = clock.wall_us()
        self.progress_now = Progress()
        self.rides = False
        """Whether it is worked on together with another row, which stands for all of them where people look."""
        self.ending = False
        """True once its result is being written: from then on the row may be out of our hands at any moment."""
        self.ended = False
        """True once the row has a result, or was refused one."""

    @property
    def row(self) -> Mapping[str, Any]:
        """The row as it was claimed, with all its columns."""
        return self.claim.row

    def alive(self) -> bool:
        """Say whether the row is still ours and somebody wants it; once False the body must return soon.

        False when the lease is over or lost, the worker stops, or a person stopped or cancelled it.
        """
        return not (self.told or self.lost)

    @property
    def told(self) -> bool:
        """Whether the worker or a person wants it to end; the row is then given back unharmed."""
        return self._stopping.is_set() or self._told

    @property
    def lost(self) -> bool:
        """Whether the lease is over, or somebody else has the row."""
        # Boot time goes on while the host sleeps or the process is frozen: whoever wakes up knows at once.
        if self._clock.boot_us() >= self._until_us:
            self._lost = True
        return self._lost

    def progress(self, done: int, total: int = 0) -> None:
        """Say how far it is: kept in memory for who looks, never written to the catalog. Cheap."""
        self.progress_now = Progress(done, total)

    def finish(
        self, state: str, values: Mapping[str, Any] | None = None, *, error: str = "", hint: str = "",
        along: Callable[[Transaction], None] | None = None,
    ) -> bool:  # fmt: skip
        """Write the result. After it the body returns.

        Waits up to 90 s for a catalog that is away or full: the work is done, and would have to be done again.

        Args:
            state: What the row comes to.
            values: Further columns of the row.
            error: What went wrong, where something did.
            hint: What a person can do about it.
            along: Writes what belongs together with the result; may be called twice.

        Returns:
            False where somebody else has the row now: nothing was written, and what this body did outside must not
            matter (idempotent keys).

        Raises:
            CatalogError: The values were refused.
            CatalogUnavailable: The catalog did not answer for that long; the row will be done again.
        """

        def deed(tx: Transaction, now_us: int) -> bool:
            done = claims.finish(tx, self.claim, state, values, now_us=now_us, error=error, hint=hint)
            if done and along is not None:
                along(tx)
            return done

        return self._end(deed)

    def later(self, due_us: int, why: str = "") -> bool:
        """Give the row back unharmed until a time of this host (microseconds since the epoch, UTC); it was no attempt.

        Returns and raises as `finish`.
        """
        # As a wait: the clock that due times are compared with may be another one.
        wait_us = due_us - self._clock.wall_us()
        return self._end(lambda tx, now_us: claims.later(tx, self.claim, now_us + wait_us, now_us=now_us, why=why))

    def keep(self, values: Mapping[str, Any]) -> bool:
        """Write columns of the row in the midst of the work, such as where to go on from; False where it is lost.

        Raises:
            CatalogError: The values were refused.
            CatalogUnavailable: The catalog did not answer.
        """
        return self._ledger.write(lambda tx, _now_us: claims.keep(tx, self.claim, values))

    # --- for the runner ----------------------------------------------------------------------------------------------

    def again(self, wait_us: int, error: str, hint: str) -> bool:
        """Give the row back after a failure, due after a wait."""
        return self._end(
            lambda tx, now_us: claims.again(
                tx, self.claim, now_us + wait_us, now_us=now_us, error=error, hint=hint
            )
        )  # fmt: skip

    def give_back(self) -> bool:
        """Give the row back unharmed, due at once."""
        return self._end(lambda tx, now_us: claims.give_back(tx, self.claim, now_us=now_us))

    def renewed(self, until_us: int) -> None:
        """Take note that the lease holds for longer, until a boot time."""
        if not self.lost:
            self._until_us = until_us

    def lose(self) -> None:
        """Take note that somebody else has the row."""
        self._lost = True

    def tell(self) -> None:
        """Ask the body to end."""
        self._told = True

    def _end(self, deed: Callable[[Transaction, int], bool]) -> bool:
        self.ending = True
        done = self._ledger.insist(deed, patience_s=PATIENCE_S, give_up=self._stopping.is_set)
        self.ended = True
        return done
