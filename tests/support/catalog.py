"""Catalogs for tests: every test on SQLite and on a real PostgreSQL that the test session starts and ends itself.

Tables are made once a session and copied: all migrations one after the other take most tests longer than the test.
"""

import atexit
import functools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Self

import psycopg
import pytest
from psycopg import sql

from holdfast.catalog.db import Catalog, open_catalog
from support.needs import postgres_bin
from support.rtsp_peer import free_port

BOTH = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.needs("postgres"))]


class Postgres:
    """A PostgreSQL server of this test session alone: in a temporary folder, on a free port of the loopback."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-pg-"))
        self._template = ""
        self._server: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        data = self.folder / "data"
        if os.geteuid() == 0:
            # The server refuses to run as root; whoever installed it made a user for it.
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", str(data), "-A", "trust", "-U", "holdfast", "-N", "--no-locale", "-E", "UTF8")
        self.start()
        return self

    def start(self) -> None:
        """Begin to answer, until `stop` or the end of the thread that starts it: also where its session is killed."""
        command = [
            str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-k",
            str(self.folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=80",
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            # In a session of its own: Ctrl-C is for who runs the tests, who then stops it in order.
            self._server = subprocess.Popen(
                _as_server(*command, ends="--pdeathsig=QUIT"), cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 150
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > end:
                pytest.fail(f"postgres did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Be away, without a goodbye."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(150)

    def __exit__(self, *error: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = _as_server(str(self._programs / program), *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=150)
        if done.returncode:
            pytest.fail(f"{program} failed: {done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self._connect().close()
            return True
        return False

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """Make a database for one test, with the tables of a new catalog or with none; its URL."""
        if not (empty or self._template):
            template = self._create()
            open_catalog(self._url(template)).close()
            self._template = template
        name = self._create("" if empty else self._template)
        yield self._url(name)
        with closing(self._connect()) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _create(self, template: str = "") -> str:
        name = f"t{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
        with closing(self._connect()) as connection:
            connection.execute(statement)
        return name

    def _url(self, name: str) -> str:
        return f"postgresql://holdfast@127.0.0.1:{self.port}/{name}"

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(host="127.0.0.1", port=self.port, user="holdfast", dbname="postgres", autocommit=True)


def _as_server(*command: str, ends: str = "") -> list[str]:
    """Return a command as the server's user runs it: it refuses to run as root; `ends` is an option of setpriv."""
    user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    options = [*user, *([ends] if ends else [])]
    return ["setpriv", *options, *command] if options else list(command)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Serve PostgreSQL for the session."""
    programs = postgres_bin()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed")
    with Postgres(programs) as server:
        yield server


@functools.cache
def _new_catalog() -> Path:
    """Make an SQLite file as a new catalog has it, for copies."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-catalog-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_catalog(f"sqlite:///{folder}/catalog.sqlite").close()
    return folder / "catalog.sqlite"


@pytest.fixture(params=BOTH)
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a catalog in which nothing is yet, once of each kind."""
    if request.param == "sqlite":
        shutil.copy(_new_catalog(), tmp_path / "catalog.sqlite")
        yield f"sqlite:///{tmp_path}/catalog.sqlite"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without tables, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/catalog.sqlite"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database(empty=True) as url:
        yield url


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    """An empty catalog, once of each kind."""
    with open_catalog(catalog_url) as opened:
        yield opened
