"""What Procrastinate may lose, double, delay and leave behind."""

import threading
from collections.abc import Iterator

import pytest
from procrastinate import App, SyncPsycopgConnector

from holdfast.catalog import carrier
from support.catalog import Postgres
from support.work import Place, kind, results, states, until
from support.work_places import opened

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture(name="shared")
def _shared(postgres: Postgres) -> Iterator[Place]:
    """An empty catalog whose rows Procrastinate carries."""
    with postgres.database() as url, opened(url, shared=True) as place:
        yield place


def _jobs(place: Place, statement: str) -> list[tuple[object, ...]]:
    with place.catalog.write() as tx:
        done = tx.driver.execute(statement)
        return list(done.fetchall()) if done.description else []


def _tables(place: Place) -> App:
    app = App(connector=SyncPsycopgConnector(conninfo=place.url))
    carrier.ensure(place.catalog, app.schema_manager.get_schema())
    return app


def test_tables_are_made_once(shared: Place) -> None:
    """Whoever is first makes the tables that carry work; all others find them."""
    statements = App(connector=SyncPsycopgConnector(conninfo=shared.url)).schema_manager.get_schema()
    made: list[bool] = []
    threads = [
        threading.Thread(target=lambda: made.append(carrier.ensure(shared.catalog, statements))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False, False, False, True]


def test_lost_jobs_are_found_again(shared: Place) -> None:
    """Jobs that vanish from Procrastinate's table cost nothing: the next sweep hands their rows on again."""
    _tables(shared)
    _jobs(shared, "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
    _jobs(shared, "CREATE TRIGGER lose BEFORE INSERT ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION lose()")
    shared.add(5)
    with shared.station(kind()) as station:
        until(lambda: station.problem != "")
        assert states(shared.catalog) == {"pending": 5}
        _jobs(shared, "DROP TRIGGER lose ON procrastinate_jobs")
        until(lambda: states(shared.catalog) == {"done": 5})
    assert len(results(shared.catalog)) == 5


def test_doubled_and_late_jobs_are_harmless(shared: Place) -> None:
    """Jobs that are there several times, or name rows that are done or unknown, change nothing (F26)."""
    shared.add(3)
    with _tables(shared).open() as app:
        for number, kind_name in [(1, "double"), (1, "double"), (2, "double"), (99, "double"), (1, "unknown")] * 3:
            queue = f"holdfast-{shared.node}-deliver"
            app.configure_task("holdfast-work", queue=queue).defer(kind=kind_name, lane="a", number=number)
    with shared.station(kind()):
        until(lambda: states(shared.catalog) == {"done": 3})
        until(lambda: _jobs(shared, "SELECT count(*) FROM procrastinate_jobs") == [(0,)])
    assert [number for number, _ in results(shared.catalog)] == [1, 2, 3]


def test_nothing_is_left_behind(shared: Place) -> None:
    """Jobs are removed when they end, so the table of an installation that runs for years stays small."""
    shared.add(30)
    with shared.station(kind()):
        until(lambda: states(shared.catalog) == {"done": 30})
        until(lambda: _jobs(shared, "SELECT count(*) FROM procrastinate_jobs") == [(0,)])
    assert _jobs(shared, "SELECT count(*) FROM procrastinate_workers") == [(0,)]


def test_a_broken_connection_is_mended(shared: Place) -> None:
    """When all connections break, workers are begun anew and what waits is done; nobody restarts anything."""
    shared.add(1)
    with shared.station(kind()):
        until(lambda: states(shared.catalog) == {"done": 1})
        _jobs(
            shared,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()",
        )
        shared.add(10, first=2)
        until(lambda: states(shared.catalog) == {"done": 11})
    assert len(results(shared.catalog)) == 11
