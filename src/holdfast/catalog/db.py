"""Opening the catalog, and transactions on it: SQLite on one host, PostgreSQL where several share it.

A `Transaction` is opaque to everybody outside this folder: it is passed down to the functions of the nouns, so that
what belongs together is committed together.

Not here: tables (`schema`), statements (`cameras`, `segments`, …), migrations (`upgrade`).
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy
from sqlalchemy import Connection, CursorResult, Engine, Executable, Table, event, text
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect

from holdfast.catalog import upgrade
from holdfast.catalog.failures import translated
from holdfast.core.errors import CatalogUnavailable, ConfigError

BUSY_TIMEOUT_S = 30.0  # chosen: longer than any transaction of ours, shorter than a person's patience
CONNECT_TIMEOUT_S = 5  # chosen: a host that is away must be known before the next pass is due
SILENT_MS = 20_000  # chosen: a host that vanished without a word; the system itself would wait for a quarter of an hour
_SERVER = {
    "connect_timeout": str(CONNECT_TIMEOUT_S), "application_name": "holdfast", "tcp_user_timeout": str(SILENT_MS),
    "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "2",
}  # fmt: skip
_SESSION = {
    # The server's half of the same: what a host had locked when it lost power, or a worker when it was frozen, would
    # stay locked for two hours, and for ever.
    "idle_in_transaction_session_timeout": "60s", "tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
}  # fmt: skip
SAMPLE_ROWS = 10_000
"""Entries of each index that are looked at. Measured: 20 ms for 300,000 deliveries. With a few hundred, "this node" is
taken for a rare thing, and all its rows are gone through."""
FRESH_S = 3600  # chosen: a connection is made anew after this, and knows by what statistics say since
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
_AGAIN_S = 0.02  # chosen: making a catalog takes a tenth of a second
_WRITES = "holdfast_writes"


class Transaction:
    """An open transaction. Ends with the block that `Catalog.read` or `Catalog.write` opened."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> str:
        """Either `sqlite` or `postgresql`."""
        return self._connection.dialect.name

    @property
    def driver(self) -> Any:
        """The driver's own connection, within this transaction; for statements that another library brings."""
        return self._connection.connection.driver_connection

    def run(self, what: str, statement: Executable, values: Sequence[Mapping[str, Any]] = ()) -> CursorResult[Any]:
        """Execute a statement. Only for the modules of this folder.

        Args:
            what: What is being done, for an error's message.
            statement: The statement.
            values: Rows for a statement that is executed many times.

        Raises:
            CatalogError: It refused.
            CatalogUnavailable: It did not answer.
        """
        with translated(what):
            return self._connection.execute(statement, list(values) if values else None)

    def insert(self, table: Table) -> sqlite_dialect.Insert | postgresql_dialect.Insert:
        """Return an insert that can say what happens where a row is there already. Both kinds are called alike."""
        if self._connection.dialect.name == "sqlite":
            return sqlite_dialect.insert(table)
        return postgresql_dialect.insert(table)


class Catalog:
    """An open catalog. A context manager: leaving it closes every connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._watcher: Connection | None = None
        self._closed = False
        self._identity = self._identify()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def dialect(self) -> str:
        """Either `sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @property
    def url(self) -> str:
        """Its address, password and how long to wait included; for a library that opens connections of its own."""
        url = self._engine.url.set(drivername=self.dialect)
        if self.dialect == "postgresql":
            # What somebody wrote into the address counts.
            url = url.set(query={**_SERVER, **url.query})
        return url.render_as_string(hide_password=False)

    @contextlib.contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that only reads: one consistent state for its whole length.

        Raises:
            CatalogUnavailable: It did not answer.
        """
        with translated("reading"), self._connect() as connection, connection.begin():
            yield Transaction(connection)

    @contextlib.contextmanager
    def write(self) -> Iterator[Transaction]:
        """Open a transaction that writes: committed when the block ends, rolled back when it raises.

        On SQLite it takes the one write lock at once (`BEGIN IMMEDIATE`) and waits up to 30 s for it: a transaction
        that began by reading could not be granted it later.

        Raises:
            CatalogUnavailable: It did not answer, or somebody else kept it locked.
            CatalogError: The commit was refused.
        """
        with translated("writing"), self._connect() as raw:
            connection = raw.execution_options(**{_WRITES: True})
            with connection.begin():
                yield Transaction(connection)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[Connection]:
        self._must_be_open()
        with self._engine.connect() as connection:
            try:
                yield connection
            finally:
                if self._closed:
                    # Nobody would close what goes back to the pool now.
                    connection.invalidate()

    def _must_be_open(self) -> None:
        # Whoever comes too late, such as a body that hung, must not open connections that nobody ever closes.
        if self._closed:
            raise CatalogUnavailable("the catalog is closed")

    def optimize(self) -> None:
        """Let the database look at what its tables hold, so that questions go by the right index.

        PostgreSQL does so by itself. SQLite samples each table in a transaction of its own: whoever writes waits for a
        few hundredths of a second at most. Connections that are open learn of it when they are made anew.

        Raises:
            CatalogUnavailable: Somebody else kept it locked.
        """
        if self.dialect != "sqlite":
            return
        with self.read() as tx:
            names = [name for name in tx.run("its tables", text(_TABLES)).scalars() if not name.startswith("sqlite_")]
        for name in names:
            with self.write() as tx:
                tx.run("its sample", text(f"PRAGMA analysis_limit = {SAMPLE_ROWS}"))
                tx.run(f"a look at {name}", text(f'ANALYZE "{name}"'))

    def data_version(self) -> int | None:
        """Return a number that changes when another connection commits, for loops that wait for news.

        Returns:
            SQLite's `data_version` as one connection kept for this purpose sees it; None on PostgreSQL, which says it
            by other means.
        """
        self._must_be_open()
        if self.dialect != "sqlite":
            return None
        with translated("data_version"):
            if self._watcher is None:
                self._watcher = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            return int(self._watcher.exec_driver_sql("PRAGMA data_version").scalar_one())

    def listen(self, channel: str) -> Any:
        """Open a connection of its own that is told of a channel's news; PostgreSQL alone has that.

        Returns:
            The driver's connection, for `catalog.news`; whoever asked closes it.

        Raises:
            CatalogUnavailable: It did not answer.
        """
        self._must_be_open()
        try:
            raw = self._engine.raw_connection()
            connection: Any = raw.driver_connection
            raw.detach()
            connection.rollback()
            connection.autocommit = True
            connection.execute(f"LISTEN {channel}")
        except (self.driver_error, sqlalchemy.exc.SQLAlchemyError) as error:
            raise CatalogUnavailable(f"the catalog did not answer at listening: {error}") from error
        return connection

    @property
    def driver_error(self) -> type[Exception]:
        """What the driver itself raises, for those who hold one of its connections."""
        found: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        return found

    def replaced(self) -> bool:
        """Say whether the file was deleted, moved or replaced since it was opened.

        SQLite would go on reading and writing the old file, which nobody else can see any more. Always False on
        PostgreSQL.
        """
        return self._identity is not None and self._identify() != self._identity

    def _identify(self) -> tuple[int, int] | None:
        database = self._engine.url.database
        if self.dialect != "sqlite" or not database:
            return None
        try:
            found = Path(database).stat()
        except OSError:
            return (0, 0)
        return (found.st_dev, found.st_ino)

    def close(self) -> None:
        """Close every connection; those in use when they are given back. Safe to call twice.

        Whoever asks for a transaction afterwards gets `CatalogUnavailable`.
        """
        self._closed = True
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        self._engine.dispose()


def open_catalog(url: str) -> Catalog:
    """Open a catalog, creating or migrating it first.

    Args:
        url: `sqlite:////path/to/catalog.sqlite`, or `postgresql://user@host/database`.

    Raises:
        ConfigError: The URL names no such database.
        CatalogDamaged: The file is not a database.
        CatalogUnavailable: It did not answer.
        CatalogError: It was written by a newer program, or a migration failed.
    """
    engine = _engine(url)
    try:
        upgrade.upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return Catalog(engine)


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite catalog, or None where the URL is for a server."""
    parsed = _parsed(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _parsed(url: str) -> sqlalchemy.URL:
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError as error:
        # The text itself may hold a password, so it is not repeated.
        raise ConfigError(
            "catalog.url is not a database URL", hint="write sqlite:////path or postgresql://…"
        ) from error
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(f"catalog.url: {parsed.get_backend_name()} is not known", hint="use sqlite or postgresql")
    if parsed.get_backend_name() == "sqlite" and not parsed.database:
        raise ConfigError("catalog.url names no file", hint="write sqlite:////path/to/catalog.sqlite, four slashes")
    return parsed


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        ours = {name: value for name, value in _SERVER.items() if name not in parsed.query}
        engine = sqlalchemy.create_engine(parsed, pool_pre_ping=True, connect_args=ours)
        event.listen(engine, "connect", _prepare_session)
        return engine
    with translated("opening"):
        if parsed.database:
            try:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(f"catalog.url: no folder for {parsed.database}: {error.strerror}") from error
    parsed = parsed.set(drivername="sqlite")
    engine = sqlalchemy.create_engine(parsed, pool_recycle=FRESH_S, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_session(connection: Any, _record: object) -> None:
    # Not among the parameters of the address: poolers that stand before a server refuse its `options`.
    for name, value in _SESSION.items():  # measured: 1 ms, once a connection
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    connection.commit()


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # None hands the beginning of transactions to us: the driver would begin late, and never IMMEDIATE.
    connection.isolation_level = None
    # Before anything writes the file's first page: after that only a VACUUM of the whole file could change it. And only
    # then: the statement takes the write lock, so every reader that opens a connection would wait for who writes.
    if connection.execute("PRAGMA page_count").fetchone() == (0,):
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _begin_wal(connection)
    # In WAL this risks the last commits at a power cut, never the file; the journals say them again.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_wal(connection: sqlite3.Connection) -> None:
    # The busy timeout does not cover this one statement: of programs that start at once, all but one are refused.
    deadline_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(_AGAIN_S)
        else:
            return


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES) else "BEGIN")
