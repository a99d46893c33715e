"""The tables of Procrastinate, which carries work between hosts that share a PostgreSQL: made once, by the first.

They hold nothing that is not found again in our own rows. Not here: what is carried (work.many).
"""

from holdfast.catalog.db import Catalog
from holdfast.catalog.failures import translated
from holdfast.core.errors import CatalogUnavailable

_LOCK = 4_015_370_167  # any number but that of the migrations
_FIRST = "procrastinate_jobs"


def ensure(catalog: Catalog, statements: str) -> bool:
    """Make the tables where they are missing; return whether they were.

    Args:
        catalog: The catalog, on PostgreSQL.
        statements: What makes them, as that library ships it.

    Raises:
        CatalogError: It was refused: most likely the right to create functions is missing.
        CatalogUnavailable: The catalog did not answer.
    """
    with translated("making the tables that carry work"), catalog.write() as tx:
        # The driver's own connection: many statements at once, with characters that others take for parameters.
        driver = tx.driver
        try:
            driver.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            if driver.execute("SELECT to_regclass(%s)", (_FIRST,)).fetchone()[0] is not None:
                return False
            driver.execute(statements)
        except catalog.driver_error as error:
            raise CatalogUnavailable(f"the tables that carry work cannot be made: {error}") from error
        return True
