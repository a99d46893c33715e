import threading
from collections.abc import Callable
from pathlib import Path

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.config import Loaded, load
from holdfast.core.errors import CatalogUnavailable
from holdfast.library.index import IndexReport
from holdfast.roles import catalog_loop
from holdfast.roles.catalog_loop import CatalogLoop
from support.clock import PushedClock


class FakeIndexing:
    """Does nothing, and counts."""

    passes = 0

    def pass_once(self) -> IndexReport:
        self.passes += 1
        return IndexReport()


def loaded_in(root: Path) -> Loaded:
    """Load a configuration without cameras."""
    text = 'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\n'
    return load(root / "holdfast.toml", {}, text=text)


def until(done: Callable[[], bool]) -> None:
    """Wait for another thread."""
    wait = threading.Event()
    for _ in range(12_000):
        if done():
            return
        wait.wait(0.005)
    raise AssertionError("it did not happen within a minute")


def test_catalog_away_for_a_while(tmp_path: Path) -> None:
    """While the catalog cannot be opened it is tried again, and indexing goes on when it is back (R7)."""
    away, tries = threading.Event(), []
    away.set()

    def opening(url: str) -> Catalog:
        tries.append(url)
        if away.is_set():
            raise CatalogUnavailable("the database is away")
        return open_catalog(url)

    indexing, clock = FakeIndexing(), PushedClock()
    loop = CatalogLoop(
        tmp_path / "state",
        "pier",
        clock,
        open_catalog=opening,
        make_indexer=lambda *_: indexing,
        reconcile=lambda *_: (),
        news=lambda: None,
    )
    loaded = loaded_in(tmp_path)
    loop.start(loaded)
    until(lambda: loop.state.problem == "the database is away")
    assert loop.state.problem_since_us == clock.wall_us()
    assert indexing.passes == 0
    away.clear()
    loop.follow(loaded)
    until(lambda: indexing.passes > 0 and loop.state.problem == "")
    loop.ask_stop()
    assert loop.join(60)
    assert len(tries) >= 2


def test_stop_does_not_wait_for_a_hanging_database(tmp_path: Path) -> None:
    """A pass that hangs is left behind: joining gives up in time."""
    release = threading.Event()

    def opening(url: str) -> Catalog:
        release.wait(60)
        raise CatalogUnavailable(f"{url} never answers")

    loop = CatalogLoop(
        tmp_path / "state", "pier", PushedClock(),
        open_catalog=opening, make_indexer=lambda *_: FakeIndexing(), reconcile=lambda *_: (), news=lambda: None,
    )  # fmt: skip
    loop.start(loaded_in(tmp_path))
    loop.ask_stop()
    assert not loop.join(0.05)
    release.set()
    assert loop.join(60)


def test_backoff_is_bounded() -> None:
    """A catalog that is back is used within half a minute, well before C011's minute is over."""
    assert catalog_loop.PASS_S <= catalog_loop.BACKOFF_CAP_S <= 30
