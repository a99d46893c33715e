"""Every way in which work is carried: threads on SQLite, threads on PostgreSQL, Procrastinate on PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from support import catalog as catalogs
from support import work

_SERVER = pytest.mark.needs("postgres")


@pytest.fixture(
    params=[
        "threads-sqlite",
        pytest.param("threads-postgresql", marks=_SERVER),
        pytest.param("procrastinate", marks=_SERVER),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[work.Place]:
    """An empty catalog with the tests' own table, and the engine that is meant."""
    if request.param == "threads-sqlite":
        with opened(f"sqlite:///{tmp_path}/catalog.sqlite", shared=False) as made:
            yield made
        return
    server: catalogs.Postgres = request.getfixturevalue("postgres")
    with server.database() as url, opened(url, shared=request.param == "procrastinate") as made:
        yield made


@contextmanager
def opened(url: str, *, shared: bool) -> Iterator[work.Place]:
    """Open an empty catalog, with the tests' own table."""
    with work.known(), open_catalog(url) as catalog:
        yield work.Place(catalog, url, work.make_tables(catalog), shared=shared)
