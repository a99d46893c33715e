import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql

from holdfast.catalog.db import open_catalog
from holdfast.core.clock import SystemClock
from holdfast.core.timing import DAY_US, to_datetime
from holdfast.library.coverage import Coverage, from_catalog, from_journals
from holdfast.sim.thread import SimThread
from support.catalog import Postgres, postgres
from support.node import simulate
from support.survival import Ground, holes

UTC = ZoneInfo("UTC")

__all__ = ["postgres"]  # the fixture is found by its name in this module


@contextmanager
def _locked(catalog: Path) -> Iterator[None]:
    """Another program holds the catalog and does not let go."""
    with closing(sqlite3.connect(catalog, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def _garbage(catalog: Path) -> Iterator[None]:
    """The disk, or somebody, put something else where the catalog was."""
    catalog.write_bytes(b"this was a catalog once\n" * 4096)
    yield


@contextmanager
def _deleted(catalog: Path) -> Iterator[None]:
    """Somebody tidied up."""
    for path in catalog.parent.glob(catalog.name + "*"):
        path.unlink()
    yield


@contextmanager
def _refusing(port: int, name: str) -> Iterator[None]:
    """A database server ends all connections to a database and lets nobody in."""
    with psycopg.connect(host="127.0.0.1", port=port, user="holdfast", dbname="postgres", autocommit=True) as link:
        link.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
        link.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))


def timelines(node: Ground, url: str) -> tuple[list[Coverage], list[Coverage]]:
    """Return what catalog and journals say, as of one instant."""
    now_us = SystemClock().wall_us()
    days = [to_datetime(at_us, UTC).date() for at_us in (now_us - DAY_US, now_us)]
    with open_catalog(url) as catalog:
        rows = from_catalog(catalog, days, UTC, now_us)
    return rows, from_journals({"main": node.volume}, days, UTC, now_us)


def sqlite_url(node: Ground) -> str:
    """Return the address of a node's own catalog."""
    return f"sqlite:///{node.root / 'state' / 'catalog.sqlite'}"


def _passes(node: Ground, camera: str, pictures: int) -> None:
    """Wait until so many more pictures of a camera are on disk."""
    wanted = len(node.marks(camera)) + pictures
    node.until(lambda: len(node.marks(camera)) >= wanted)


def _whole(node: Ground, sim: SimThread, *cameras: str) -> None:
    """Not a picture is missing, and no camera was ever left."""
    for camera in cameras:
        marks = node.marks(camera)
        assert marks
        assert holes(marks) == [], camera
        assert sim.counts(camera).opened == 1


@pytest.mark.parametrize("trouble", [_locked, _garbage, _deleted])
def test_recording_does_not_care_for_the_catalog(
    tmp_path: Path, trouble: Callable[[Path], AbstractContextManager[None]]
) -> None:
    """Catalog locked, corrupt or gone: no picture is lost, a changed plan is followed, reindex heals (R7, C067)."""
    with simulate("gate", "late") as sim, Ground(tmp_path, {"gate": sim.url("gate")}) as node:
        node.begin().until(lambda: node.role("worker").get("indexed_us"))
        with trouble(tmp_path / "state" / "catalog.sqlite"):
            node.cameras["late"] = {"url": sim.url("late")}
            node.write()
            node.until(lambda: node.recording("gate", "late"))
            _passes(node, "late", 20)
        assert {c["restarts"] for c in node.role("supervisor")["children"]} == {0}
        done = node.command("reindex")
        assert done.returncode == 0, done.stdout + done.stderr
        node.until(lambda: node.recording("gate", "late"))
        node.until(lambda: not node.role("worker")["catalog_problem"])
        assert node.stop() == 0
        _whole(node, sim, "gate", "late")
    rows, journals = timelines(node, sqlite_url(node))
    assert rows == journals
    assert {item.key.camera for item in rows} == {"gate", "late"}
    assert node.command("check").returncode == 0


def test_nothing_is_lost_without_catalog_and_worker(tmp_path: Path) -> None:
    """Catalog deleted and worker stopped for the whole run: all is recorded, and reindex brings it back (R7, R8)."""
    with simulate("gate", "yard") as sim, Ground(tmp_path, {n: sim.url(n) for n in ("gate", "yard")}) as node:
        node.begin()
        node.send("worker", signal.SIGSTOP)
        with _deleted(tmp_path / "state" / "catalog.sqlite"):
            _passes(node, "gate", 40)
        node.until(lambda: node.recording("gate", "yard"))
        assert node.stop() == 0
        _whole(node, sim, "gate", "yard")
    assert not (tmp_path / "state" / "catalog.sqlite").exists()
    shown = node.command("coverage")
    assert "gate" in shown.stdout, "journals answer where there is no catalog"
    assert node.command("reindex").returncode == 0
    rows, journals = timelines(node, sqlite_url(node))
    assert rows == journals
    assert {item.key.camera for item in rows} == {"gate", "yard"}
    assert node.command("check").returncode == 0


def test_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    """Killed again and again, it comes back, goes on where it was, and recording never hears of it (R8, F06)."""
    with simulate("gate") as sim, Ground(tmp_path, {"gate": sim.url("gate")}) as node:
        node.begin()
        for life in range(1, 3):
            node.send("worker", signal.SIGKILL)
            node.until(lambda life=life: node.child("worker")["restarts"] == life and node.child("worker")["pid"])  # type: ignore[misc]
        seen = node.role("worker")["at_us"]
        node.until(lambda: node.role("worker")["at_us"] != seen and node.role("worker").get("indexed_us"))
        assert node.child("recorder-0")["restarts"] == 0
        assert node.stop() == 0
        _whole(node, sim, "gate")
    rows, journals = timelines(node, sqlite_url(node))
    assert rows == journals


@pytest.mark.needs("postgres")
def test_a_database_server_that_goes_away(tmp_path: Path, postgres: Postgres) -> None:
    """A PostgreSQL catalog that refuses everybody for a while: nothing is lost, and it is used again once back (R7)."""
    with postgres.database() as url:
        toml = f'[catalog]\nurl = "{url.replace("postgresql://", "postgresql+psycopg://")}"'
        with simulate("gate") as sim, Ground(tmp_path, {"gate": sim.url("gate")}, more=toml) as node:
            node.begin().until(lambda: node.role("worker").get("indexed_us"))
            with _refusing(postgres.port, url.rpartition("/")[2]):
                node.until(lambda: node.role("worker")["catalog_problem"])
                _passes(node, "gate", 20)
            node.until(lambda: not node.role("worker")["catalog_problem"])
            assert node.stop() == 0
            _whole(node, sim, "gate")
        rows, journals = timelines(node, url)
        assert rows == journals
