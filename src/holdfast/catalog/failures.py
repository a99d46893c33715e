"""Where database errors become ours, most specific first.

Not here: deciding whether to try again; `CatalogUnavailable` is transient and its caller knows how long it can wait.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from holdfast.core.errors import CatalogError, CatalogUnavailable


class CatalogDamaged(CatalogUnavailable):
    """The database file is not a database, or its pages contradict each other."""

    transient = False
    default_hint = "recording goes on without it; holdfast reindex puts it aside and builds a new one from the journals"


_DAMAGED = ("not a database", "malformed", "disk image")
_REFUSED = ("no such table", "no such column", "syntax error", "has no column")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn database errors inside the block into ours. `what` is the noun or deed that the message names.

    Raises:
        CatalogDamaged: The file is damaged.
        CatalogUnavailable: Locked, away, or the connection broke.
        CatalogError: It refused: a constraint, or a statement that it does not understand.
    """
    try:
        yield
    except exc.IntegrityError as error:
        raise CatalogError(f"the catalog refused {what}: {_reason(error)}") from error
    except (exc.DBAPIError, sqlite3.Error) as error:
        reason = _reason(error)
        if any(mark in reason for mark in _DAMAGED):
            raise CatalogDamaged(f"the catalog is damaged, found at {what}: {reason}") from error
        if any(mark in reason for mark in _REFUSED) or isinstance(error, exc.ProgrammingError | exc.DataError):
            raise CatalogError(f"the catalog does not understand {what}: {reason}") from error
        raise CatalogUnavailable(f"the catalog did not answer at {what}: {reason}") from error
    except exc.TimeoutError as error:
        raise CatalogUnavailable(f"no connection to the catalog was free for {what}") from error
    except exc.SQLAlchemyError as error:
        raise CatalogError(f"the catalog refused {what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    # The driver's own sentence: SQLAlchemy's adds the statement with its values, which help nobody who reads a log.
    origin = getattr(error, "orig", None) or error
    return str(origin).strip().splitlines()[0] if str(origin).strip() else type(origin).__name__
