"""Catalogs for tests: every test on SQLite and on a real PostgreSQL that the test session starts and ends itself."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import psycopg
import pytest
from psycopg import sql

from holdfast.catalog.db import Catalog, open_catalog
from support.needs import postgres_bin

BOTH = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.needs("postgres"))]


class Postgres:
    """A PostgreSQL server of this test session alone: in a temporary folder, on a free port of the loopback."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="holdfast-pg-"))
        self.port = _free_port()

    def __enter__(self) -> Self:
        data = self._folder / "data"
        if os.geteuid() == 0:
            # The server refuses to run as root; whoever installed it made a user for it.
            shutil.chown(self._folder, "postgres", "postgres")
        self._run("initdb", "-D", str(data), "-A", "trust", "-U", "holdfast", "-N", "--no-locale", "-E", "UTF8")
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40"
        self._run("pg_ctl", "-D", str(data), "-w", "-l", str(self._folder / "log"), "-o", options, "start")
        return self

    def __exit__(self, *error: object) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=60)
        if done.returncode:
            pytest.fail(f"{program} failed: {done.stdout}{done.stderr}")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database for one test; its URL."""
        name = f"t{secrets.token_hex(6)}"
        with closing(self._connect()) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"postgresql://holdfast@127.0.0.1:{self.port}/{name}"
        with closing(self._connect()) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(host="127.0.0.1", port=self.port, user="holdfast", dbname="postgres", autocommit=True)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Serve PostgreSQL for the session."""
    programs = postgres_bin()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed")
    with Postgres(programs) as server:
        yield server


@pytest.fixture(params=BOTH)
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/catalog.sqlite"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    """An empty catalog, once of each kind."""
    with open_catalog(catalog_url) as opened:
        yield opened
