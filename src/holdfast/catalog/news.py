"""Learning that somebody committed something that may be work: from SQLite's file, or PostgreSQL's LISTEN.

One thread asks. Not here: what is to be done then (work.sweep).
"""

from types import TracebackType
from typing import Any, Self

from holdfast.catalog.claims import CHANNEL
from holdfast.catalog.db import Catalog
from holdfast.core.errors import CatalogUnavailable


class News:
    """A context manager: leaving it closes what it listens on.

    Args:
        catalog: The catalog.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._version: int | None = None
        self._listener: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def any(self) -> bool:
        """Say whether there was something since the last call; True at the first. Never waits.

        Raises:
            CatalogUnavailable: It cannot be known; the next call listens anew.
        """
        if self._catalog.dialect == "sqlite":
            before, self._version = self._version, self._catalog.data_version()
            return before != self._version
        if self._listener is None:
            self._listener = self._catalog.listen(CHANNEL)
            return True
        try:
            return bool(list(self._listener.notifies(timeout=0)))
        except self._catalog.driver_error as error:
            self.close()
            raise CatalogUnavailable("the catalog did not answer at listening for news") from error

    def close(self) -> None:
        """Stop to listen. Safe to call twice."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
