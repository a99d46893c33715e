"""Bringing a catalog to the schema that this program knows: Alembic migrations, run from code at every start.

A copy of an SQLite file is kept beside it before anything is changed. Two programs that start at once do it one after
the other. Alembic is loaded only where there is something to do.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from holdfast.catalog.failures import translated
from holdfast.core.errors import CatalogError

HEAD = "0017"
"""The newest migration; a test holds it against the folder of migrations."""

_LOCK = 4_015_370_166  # any number, the same in every Holdfast: what PostgreSQL's advisory lock is taken on


def upgrade(engine: Engine) -> str | None:
    """Migrate to `HEAD`.

    Returns:
        The revision that the catalog was at before, None where it was empty.

    Raises:
        CatalogError: It was written by a newer program, or a migration failed; nothing was changed.
        CatalogUnavailable: It did not answer.
    """
    with translated("looking up the schema's version"), engine.connect() as connection:
        before = _revision(connection)
    if before == HEAD:
        return before
    if before is not None:
        _copy(engine, before)
    with translated(f"migrating from {before}"), engine.connect() as raw:
        connection = raw.execution_options(holdfast_writes=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
            # Somebody else may have been quicker while we waited for the lock.
            if _revision(connection) != HEAD:
                _migrate(connection)
    return before


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a tenth of a second that only a migration is worth
    from alembic.config import Config  # noqa: PLC0415 - the same
    from alembic.util import CommandError  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise CatalogError(
            f"the catalog has a schema that this program does not know: {error}",
            hint="it was written by a newer Holdfast; install that, or reindex into a new catalog",
        ) from error


def _copy(engine: Engine, revision: str) -> None:
    """Keep a copy of an SQLite file as it was, named for its revision; the first copy of a revision stays."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database:
        return
    target = Path(f"{database}.before-{revision}")
    if target.exists():
        return
    # Worker and server may start at once: each copies for itself, and the last whole copy stays.
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with translated("copying the catalog"):
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
        part.replace(target)
