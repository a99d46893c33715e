"""What a database does for a question: steps of SQLite's machine, entries that PostgreSQL reads. Counted, not timed."""

from collections.abc import Callable

from holdfast.catalog.db import Catalog, Transaction

_STEPS = 10  # SQLite tells every tenth step
_READ = (
    "SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid)), 0)"
    " FROM pg_class WHERE relnamespace = 'public'::regnamespace"
)


def effort(catalog: Catalog, ask: Callable[[Transaction], object]) -> int:
    """Return how much a question costs; what it changes is undone."""
    count = 0

    def step() -> int:
        nonlocal count
        count += _STEPS
        return 0

    with catalog.write() as tx:
        if catalog.dialect == "sqlite":
            tx.driver.set_progress_handler(step, _STEPS)
            try:
                ask(tx)
            finally:
                tx.driver.set_progress_handler(None, 0)
        else:
            before = tx.driver.execute(_READ).fetchone()[0]
            ask(tx)
            count = int(tx.driver.execute(_READ).fetchone()[0] - before)
        tx._connection.get_transaction().rollback()  # type: ignore[union-attr] # it is open
    return count
