"""The worker's second thread: whatever needs the catalog, so that a catalog that is away delays nothing else (R7).

Each second: people, settings and cameras that were changed at run time are read, and journals are indexed. A catalog
that does not answer is said once, tried again with back-off, and said once more when it is back.

Not here: publishing plans (worker), what indexing means (library.index).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded
from holdfast.core.errors import HoldfastError, StorageError
from holdfast.library import accounts_memory, cameras, settings
from holdfast.library.index import IndexReport

PASS_S = 1.0  # an indexer pass each second: well within the minute that C011 allows, one commit at most (P6)
LAST_S = 0.3  # chosen: longer than a picture at 4 fps, far shorter than what a worker has for its end
BACKOFF_CAP_S = 30.0  # chosen: a catalog that is back is used within this; until then one line in the log

_log = structlog.stdlib.get_logger("holdfast.worker")


class Indexing(Protocol):
    """What the loop needs of the indexer."""

    def pass_once(self) -> IndexReport:
        """Index what is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogState:
    """How it went, for `worker.json`. `problem` is empty while the catalog answers; `indexed_us` is wall time."""

    problem: str = ""
    problem_since_us: int | None = None
    indexed_us: int | None = None


class CatalogLoop:
    """Runs on a thread of its own from `start` to `stop`.

    Args:
        state_dir: Where the last known answers about settings and cameras are kept.
        node: Name of this node.
        clock: Time.
        open_catalog: Opens the catalog of a URL.
        make_indexer: Makes the indexer of an open catalog and a configuration.
        reconcile: Compares rows with files after the first pass of each indexer, and returns what it could not read.
        news: Called when the settings or cameras of the catalog changed; from this thread.
    """

    def __init__(
        self,
        state_dir: Path,
        node: str,
        clock: Clock,
        *,
        open_catalog: Callable[[str], Catalog],
        make_indexer: Callable[[Catalog, Loaded], Indexing],
        reconcile: Callable[[Catalog, Loaded], Sequence[str]],
        news: Callable[[], None],
    ) -> None:
        self._state_dir = state_dir
        self._node = node
        self._clock = clock
        self._open_catalog = open_catalog
        self._make_indexer = make_indexer
        self._reconcile = reconcile
        self._reconciled: Indexing | None = None
        self._news = news
        self._wake = threading.Event()
        self._stopping = False
        self._loaded: Loaded | None = None
        self._synced: Loaded | None = None
        self._catalog: Catalog | None = None
        self._url = ""
        self._indexer: Indexing | None = None
        self._thread = threading.Thread(target=self._run, name="catalog", daemon=True)
        self.state = CatalogState()
        self.runtime: list[dict[str, Any]] = cameras.recall(state_dir)
        """Cameras added or changed at run time: the catalog's last answer. Replaced, never changed in place."""
        self.saved: dict[str, Any] = settings.recall(state_dir)
        """Settings changed at run time, the same way."""
        self._people = accounts_memory.recall(state_dir)

    def start(self, loaded: Loaded) -> None:
        """Begin."""
        self._loaded = loaded
        self._thread.start()

    def follow(self, loaded: Loaded) -> None:
        """Use another configuration from the next pass on."""
        self._loaded = loaded
        self._wake.set()

    def ask_stop(self) -> None:
        """Ask for one last pass, and the end."""
        self._stopping = True
        self._wake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; returns whether it came. A pass that hangs in the database may be left behind."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        wait_s = PASS_S
        while True:
            last = self._stopping
            if last:
                # A recorder's last picture may last beyond its goodbye; only after it is there a gap to be seen.
                self._clock.sleep(LAST_S)
            try:
                self._once()
            except Exception as error:  # noqa: BLE001 - this loop supervises passes: whatever one raises, the next is tried
                self._failed(error)
                wait_s = min(BACKOFF_CAP_S, wait_s * 2)
            else:
                self._succeeded()
                wait_s = PASS_S
            if last:
                break
            self._wake.wait(wait_s)
            self._wake.clear()
        self._close()

    def _once(self) -> None:
        loaded = self._loaded
        if loaded is None:
            return
        if self._catalog is not None and self._catalog.replaced():
            _log.warning(
                "catalog.replaced", hint="the file was deleted or replaced while it was open; it is opened anew"
            )
            self._close()
        if self._catalog is None or self._url != loaded.config.catalog_url:
            self._close()
            self._url = loaded.config.catalog_url
            self._catalog = self._open_catalog(self._url)
        catalog = self._catalog
        self._look_after_people(catalog)
        self._restore(catalog)
        if self._synced is not loaded:
            cameras.sync_file_cameras(catalog, self._node, loaded, self._clock)
            self._indexer = self._make_indexer(catalog, loaded)
            self._synced = loaded
        self._learn(settings.saved(catalog, self._node), cameras.runtime_settings(catalog, self._node))
        if self._indexer is not None:
            problems = list(self._indexer.pass_once().problems)
            if self._reconciled is not self._indexer:
                # After the first pass, so that only files which no journal speaks of are adopted (C067).
                problems += self._reconcile(catalog, loaded)
                self._reconciled = self._indexer
            for problem in problems:
                _log.warning("index.problem", reason=problem)

    def _restore(self, catalog: Catalog) -> None:
        for key in settings.restore_lost(catalog, self._node, self.saved, self._clock):
            _log.warning("setting.restored", key=key, why="the catalog had forgotten it")
        for camera_id in cameras.restore_lost(catalog, self._node, self.runtime, self._clock):
            _log.warning("camera.restored", camera=camera_id, why="the catalog had forgotten it")

    def _learn(self, saved: dict[str, Any], runtime: list[dict[str, Any]]) -> None:
        if (saved, runtime) == (self.saved, self.runtime):
            return
        self.saved, self.runtime = saved, runtime
        self._news()
        try:
            settings.remember(self._state_dir, saved)
            cameras.remember(self._state_dir, runtime)
        except StorageError as error:
            # The plan that follows from it is published all the same; only a restart without catalog would miss it.
            _log.warning("changes.not_remembered", reason=str(error))

    def _look_after_people(self, catalog: Catalog) -> None:
        people = accounts_memory.known(catalog)
        if not people["users"]:
            # A catalog without anybody is a new one, and not what should be remembered of the one that was lost.
            for name in accounts_memory.restore_lost(catalog, self._node, self._people, self._clock):
                _log.warning("user.restored", user=name, why="the catalog had forgotten everybody")
            return
        if people == self._people:
            return
        self._people = people
        try:
            accounts_memory.remember(self._state_dir, people)
        except StorageError as error:
            _log.warning("changes.not_remembered", reason=str(error))

    def _failed(self, error: Exception) -> None:
        ours = isinstance(error, HoldfastError)
        problem = str(error) if ours else f"indexing failed: {type(error).__name__}: {error}"
        if problem != self.state.problem:
            hint = error.hint if isinstance(error, HoldfastError) else ""
            _log.error("catalog.lost", reason=problem, hint=hint, exc_info=None if ours else error)
        since_us = self.state.problem_since_us or self._clock.wall_us()
        self.state = CatalogState(problem=problem, problem_since_us=since_us, indexed_us=self.state.indexed_us)
        # Opened anew next time: a file that was replaced, or a server that came back, is not seen by old connections.
        self._close()

    def _succeeded(self) -> None:
        now_us = self._clock.wall_us()
        if self.state.problem_since_us is not None:
            _log.info("catalog.back", after_s=round((now_us - self.state.problem_since_us) / 1e6, 1))
        self.state = CatalogState(indexed_us=now_us)

    def _close(self) -> None:
        catalog, self._catalog, self._indexer, self._synced = self._catalog, None, None, None
        if catalog is not None:
            catalog.close()
