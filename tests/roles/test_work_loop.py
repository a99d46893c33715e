"""The worker's loop for durable work."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded, load
from holdfast.core.errors import CatalogUnavailable
from holdfast.roles.work_loop import WorkLoop, Workshop, worker_name
from holdfast.work.job import Job
from support import work
from support.work import until


class Shops:
    """Makes workshops, and counts what becomes of them."""

    def __init__(self) -> None:
        self.made = self.closed = self.errands = 0
        self.stale = False
        self.said = "one"
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def make(self, _catalog: Catalog, _loaded: Loaded) -> Workshop:
        self.made += 1
        self.stale = False
        word = self.said

        def body(job: Job) -> None:
            self.begun.set()
            self.go_on.wait(60)
            job.finish("done", {"said": word})

        return Workshop(
            kinds=[work.kind(body)], errand=self._errand, close=self._close, stale=lambda: self.stale
        )  # fmt: skip

    def _errand(self) -> None:
        self.errands += 1

    def _close(self) -> None:
        self.closed += 1


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "holdfast.toml"
    path.write_text('state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "disk"\n', encoding="utf-8")
    (tmp_path / "state").mkdir()
    with work.known():
        yield path


def _loop(shops: Shops) -> WorkLoop:
    return WorkLoop(SystemClock(), node="local", open_catalog=open_catalog, make=shops.make)


def _done(catalog: Catalog, count: int) -> bool:
    return work.states(catalog) == {"done": count}


def test_work_is_done_and_closed(no_leaks: None, path: Path) -> None:
    """The loop works on what is due, runs errands beside it, and lets everything go when it ends."""
    shops, loaded = Shops(), load(path, {})
    with open_catalog(loaded.config.catalog_url) as catalog:
        work.add(catalog, work.make_tables(catalog), 3)
        loop = _loop(shops)
        loop.start(loaded)
        until(lambda: _done(catalog, 3) and shops.errands > 0)
        until(lambda: loop.status() == {"problem": "", "running": []})  # its result is there before its thread is done
        loop.ask_stop()
        assert loop.join(60)
    assert (shops.made, shops.closed) == (1, 1)


def test_another_configuration_is_followed(path: Path) -> None:
    """Another configuration, or one of the catalog's that changed, makes the kinds anew; the old ones are let go."""
    shops, loaded = Shops(), load(path, {})
    with open_catalog(loaded.config.catalog_url) as catalog:
        node = work.make_tables(catalog)
        work.add(catalog, node, 1)
        loop = _loop(shops)
        loop.start(loaded)
        until(lambda: _done(catalog, 1))
        shops.said = "two"
        loop.follow(load(path, {}))
        until(lambda: shops.closed == 1)
        work.add(catalog, node, 1, first=2)
        until(lambda: _done(catalog, 2))
        shops.stale = True
        until(lambda: shops.made == 3)
        loop.ask_stop()
        assert loop.join(60)
        assert [work.row(catalog, number)["said"] for number in (1, 2)] == ["one", "two"]
    assert shops.closed == 3


def test_a_workshop_stays_open_while_somebody_is_in(path: Path) -> None:
    """What the kinds of before hold is let go when the last row that needs it has its result, and not before."""
    shops, loaded = Shops(), load(path, {})
    shops.go_on.clear()
    with open_catalog(loaded.config.catalog_url) as catalog:
        work.add(catalog, work.make_tables(catalog), 1)
        loop = _loop(shops)
        loop.start(loaded)
        assert shops.begun.wait(60)
        loop.follow(load(path, {}))
        until(lambda: shops.made == 2)
        errands = shops.errands
        until(lambda: shops.errands > errands + 2)
        assert shops.closed == 0
        shops.go_on.set()
        until(lambda: shops.closed == 1)
        assert _done(catalog, 1)
        loop.ask_stop()
        assert loop.join(60)


def test_a_catalog_that_is_away_is_waited_for(path: Path) -> None:
    """While the catalog cannot be opened the loop says so in its status, and works as soon as it can."""
    shops, loaded = Shops(), load(path, {})
    away = True

    def opening(url: str) -> Catalog:
        if away:
            raise CatalogUnavailable("it does not answer")
        return open_catalog(url)

    with open_catalog(loaded.config.catalog_url) as catalog:
        work.add(catalog, work.make_tables(catalog), 1)
        loop = WorkLoop(SystemClock(), node="local", open_catalog=opening, make=shops.make)
        loop.start(loaded)
        until(lambda: loop.status()["problem"] == "it does not answer")
        away = False
        until(lambda: _done(catalog, 1))
        until(lambda: loop.status()["problem"] == "")
        loop.ask_stop()
        assert loop.join(60)


def test_an_errand_that_breaks_does_not_end_the_station(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the errand fails in a way nobody thought of, that is said, and rows are worked on by one station (F19)."""
    shops, loaded = Shops(), load(path, {})

    def broken() -> None:
        raise OSError("too many links")

    monkeypatch.setattr(shops, "_errand", broken)
    with open_catalog(loaded.config.catalog_url) as catalog:
        node = work.make_tables(catalog)
        loop = _loop(shops)
        loop.start(loaded)
        until(lambda: "too many links" in loop.status()["problem"])
        work.add(catalog, node, 3)
        until(lambda: _done(catalog, 3))
        assert "too many links" in loop.status()["problem"]
        loop.ask_stop()
        assert loop.join(60)
    assert shops.made == 1


def test_a_worker_keeps_its_name(tmp_path: Path) -> None:
    """A worker claims under the same name after a restart, and under another in another state folder."""
    (tmp_path / "other").mkdir()
    assert worker_name(tmp_path) == worker_name(tmp_path) != worker_name(tmp_path / "other")


def test_procrastinate_needs_postgresql(path: Path) -> None:
    """Asking for Procrastinate on SQLite is said with what to change, and nothing is worked on."""
    path.write_text(path.read_text(encoding="utf-8") + '[work]\nengine = "procrastinate"\n', encoding="utf-8")
    shops = Shops()
    loop = _loop(shops)
    loop.start(load(path, {}))
    until(lambda: "needs a catalog on PostgreSQL" in loop.status()["problem"])
    loop.ask_stop()
    assert loop.join(60)
