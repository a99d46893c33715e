"""Writing claims and results: many threads, one transaction at a time, and patience where a result would be lost.

On SQLite, whoever comes while another writes waits, and what gathered meanwhile is committed together: ten thousand
small rows cost hundreds of commits. Any thread.

Not here: the statements (catalog.claims).
"""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog

from holdfast.catalog import claims
from holdfast.catalog.db import Catalog, Transaction
from holdfast.core.clock import Clock
from holdfast.core.errors import CatalogUnavailable, HoldfastError

AGAIN_S = 0.5  # chosen: a disk that has room again, or a server that is back, is used at once
Result = TypeVar("Result")

_log = structlog.stdlib.get_logger("holdfast.work")


class _Entry(Generic[Result]):
    """A deed that waits to be written, and what came of it."""

    def __init__(self, deed: Callable[[Transaction, int], Result]) -> None:
        self.deed = deed
        self.done = False
        self.result: Result
        # Until it is committed: whoever shares a transaction with a deed that breaks down has another try.
        self.error: HoldfastError | None = CatalogUnavailable("a write was undone with another one")

    def run(self, tx: Transaction, now_us: int) -> None:
        self.result = self.deed(tx, now_us)


class Ledger:
    """Writes to a catalog for all threads of a worker.

    Args:
        catalog: The catalog.
        clock: Time, where the catalog has no clock of its own.
    """

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        # A server takes many writers at once, and waits for each on the way; a file has one.
        self._many_writers = catalog.dialect == "postgresql"
        self._gathering = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: list[_Entry[Any]] = []

    def write(self, deed: Callable[[Transaction, int], Result]) -> Result:
        """Do something in a transaction, and return its result when it is committed.

        Args:
            deed: Gets the transaction and the time of `claims.time_us`. It may be done twice: the first time is then
                undone.

        Raises:
            CatalogError: It was refused.
            CatalogUnavailable: The catalog did not answer.
        """
        entry = _Entry(deed)
        if self._many_writers:
            self._commit([entry])
            return entry.result
        with self._gathering:
            self._waiting.append(entry)
        with self._writing:
            if not entry.done:
                self._write_all()
        if entry.error is not None:
            raise entry.error
        return entry.result

    def _write_all(self) -> None:
        with self._gathering:
            batch, self._waiting = self._waiting, []
        try:
            self._commit(batch)
        except HoldfastError as error:
            if len(batch) == 1:
                batch[0].error = error
            else:
                self._one_by_one(batch)
        finally:
            for entry in batch:
                entry.done = True

    def _one_by_one(self, batch: list[_Entry[Any]]) -> None:
        # One deed that is refused must not take the others with it.
        for entry in batch:
            try:
                self._commit([entry])
            except HoldfastError as error:
                entry.error = error

    def _commit(self, batch: list[_Entry[Any]]) -> None:
        with self._catalog.write() as tx:
            now_us = claims.time_us(tx, self._clock.wall_us())
            for entry in batch:
                entry.run(tx, now_us)
        for entry in batch:
            entry.error = None

    def insist(
        self, deed: Callable[[Transaction, int], Result], *, patience_s: float, give_up: Callable[[], bool]
    ) -> Result:  # fmt: skip
        """Do the same, again and again while the catalog does not answer.

        Args:
            deed: As with `write`.
            patience_s: For how long.
            give_up: Asked after each failure; once True it is not tried again.

        Raises:
            CatalogError: It was refused.
            CatalogUnavailable: The catalog did not answer for so long.
        """
        until_us = self._clock.boot_us() + round(patience_s * 1e6)
        said = False
        while True:
            try:
                return self.write(deed)
            except HoldfastError as error:
                if not error.transient or give_up() or self._clock.boot_us() >= until_us:
                    raise
                if not said:
                    _log.warning("work.result_waits", reason=str(error), for_s=patience_s)
                said = True
            self._clock.sleep(AGAIN_S)
