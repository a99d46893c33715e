"""The worker's thread for durable work: opens a catalog for it, and a station on that.

It delays neither plans nor index. A catalog that is away is said once, and tried again; one that was replaced is opened
anew. Another configuration means other kinds: what is begun goes on with the old ones.

Not here: claims, leases and engines (work), what a kind does (work.deliver and others).
"""

import secrets
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded
from holdfast.core.errors import CatalogUnavailable, ConfigError, HoldfastError
from holdfast.storage.files import replace_atomically
from holdfast.work.kind import Kind, Queue
from holdfast.work.station import Options, Station

ID_FILE = "worker.id"
TICK_S = 1.0
BACKOFF_CAP_S = 30.0  # chosen: as for the index

_log = structlog.stdlib.get_logger("holdfast.work")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What is worked on under one configuration.

    Attributes:
        kinds: The kinds of work.
        errand: Done each second beside them, such as looking for what is new to deliver.
        stale: Asked each second; once True it is made anew, because what it was made of has changed.
        close: Lets go of what the kinds hold; called when no row is in their hands any more.
        status: Asked each second for the status file: what it tells beside what is at work, as `Deliver.status`.
    """

    kinds: Sequence[Kind]
    errand: Callable[[], None] = lambda: None
    stale: Callable[[], bool] = lambda: False
    close: Callable[[], None] = lambda: None
    status: Callable[[], Mapping[str, Any]] = dict


def worker_name(state_dir: Path) -> str:
    """Return the name that this node's worker claims rows under: the same after every restart, and no other's.

    Raises:
        StorageError: It cannot be kept.
    """
    path = state_dir / ID_FILE
    try:
        found = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        found = ""
    if not found:
        found = secrets.token_hex(4)
        replace_atomically(path, f"{found}\n".encode(), durable=True)
    # The host's name for people; the rest because two hosts, or two nodes of one, may have the same.
    return f"{socket.gethostname()[:40]}-{found}"


class _Shops:
    """The workshop that is open, and those before it in which somebody is still at work."""

    def __init__(self, first: Workshop) -> None:
        self.open = first
        self._before: dict[int, tuple[Workshop, bool]] = {}
        self._made = 0

    def change(self, to: Workshop) -> None:
        self._made += 1
        self._before[self._made] = self.open, False
        self.open = to

    def clear(self, used: Callable[[Sequence[Kind]], bool]) -> None:
        """Close those that nobody is in, the second time that this is so: somebody may be just about to enter."""
        for number, (shop, left) in list(self._before.items()):
            empty = not used(shop.kinds)
            if empty and left:
                del self._before[number]
                shop.close()
            else:
                self._before[number] = shop, empty

    def close(self) -> None:
        for shop, _ in self._before.values():
            shop.close()
        self.open.close()


class WorkLoop:
    """Runs on a thread of its own from `start` to the end of `join`.

    Args:
        clock: Time.
        node: Name of this node.
        open_catalog: Opens the catalog of a URL.
        make: Makes what is worked on, from an open catalog and a configuration.
    """

    def __init__(
        self, clock: Clock, *, node: str, open_catalog: Callable[[str], Catalog],
        make: Callable[[Catalog, Loaded], Workshop],
    ) -> None:  # fmt: skip
        self._clock = clock
        self._node = node
        self._open_catalog = open_catalog
        self._make = make
        self._loaded: Loaded | None = None
        self._stop = threading.Event()
        self._news = threading.Event()
        self._station: Station | None = None
        self._shops: _Shops | None = None
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)

    def start(self, loaded: Loaded) -> None:
        """Begin."""
        self._loaded = loaded
        self._thread.start()

    def follow(self, loaded: Loaded) -> None:
        """Use another configuration from the next row on."""
        self._loaded = loaded
        self._news.set()

    def ask_stop(self) -> None:
        """Ask for the end: what is begun is given back."""
        self._stop.set()
        self._news.set()
        station = self._station
        if station is not None:
            station.ask_stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; returns whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def status(self) -> dict[str, Any]:
        """Return how it goes, for the worker's status file."""
        station = self._station
        problem = self._problem or (station.problem if station is not None else "")
        shops = self._shops
        return {
            "problem": problem, "running": station.running() if station is not None else [],
            **({} if shops is None else shops.open.status()),
        }  # fmt: skip

    def _run(self) -> None:
        wait_s = TICK_S
        while not self._stop.is_set():
            try:
                self._live()
                wait_s = TICK_S
            except Exception as error:  # noqa: BLE001 - this loop supervises stations: whatever ends one, the next is tried
                self._failed(error)
                wait_s = min(BACKOFF_CAP_S, wait_s * 2)
            self._stop.wait(wait_s)

    def _live(self) -> None:
        """Open the catalog and work on it until the end, or until it is another one."""
        loaded = self._loaded
        if loaded is None:
            return
        url = loaded.config.catalog_url
        with ExitStack() as open_here:
            catalog = open_here.enter_context(self._open_catalog(url))
            with catalog.write() as tx:
                node = nodes.ensure(tx, self._node, self._clock.wall_us())
            self._news.clear()
            shops = self._shops = _Shops(self._make(catalog, loaded))
            open_here.callback(shops.close)
            options = self._options(loaded, catalog)
            station = Station(catalog, node, shops.open.kinds, self._clock, options)
            self._station = open_here.enter_context(station)
            open_here.callback(self._left)
            self._said("")
            while not self._stop.is_set() and not catalog.replaced():
                self._news.wait(TICK_S)
                self._news.clear()
                latest = self._loaded
                if latest is not None and latest is not loaded:
                    loaded = latest
                    if loaded.config.catalog_url != url or self._options(loaded, catalog) != options:
                        return
                    shops.change(self._make(catalog, loaded))
                    station.take(shops.open.kinds)
                elif shops.open.stale():
                    shops.change(self._make(catalog, loaded))
                    station.take(shops.open.kinds)
                shops.clear(station.uses)
                self._errand(shops.open)

    def _errand(self, shop: Workshop) -> None:
        try:
            shop.errand()
        except HoldfastError as error:
            self._said(str(error))
        except Exception as error:  # noqa: BLE001 - errands are supervised here: what ends one must not end the station
            self._failed(error, "work.errand_failed")
        else:
            self._said("")

    def _options(self, loaded: Loaded, catalog: Catalog) -> Options:
        work = loaded.config.work
        shared = work.shared(loaded.config.catalog_url)
        if shared and catalog.dialect != "postgresql":
            raise ConfigError(
                "work.engine: procrastinate needs a catalog on PostgreSQL",
                hint='set engine = "auto", or catalog.url to a PostgreSQL',
            )
        return Options(
            worker=worker_name(loaded.config.state_dir), shared=shared, limits={Queue.MEDIA: work.conversions}
        )

    def _left(self) -> None:
        self._station = self._shops = None

    def _failed(self, error: Exception, event: str = "work.stopped") -> None:
        ours = isinstance(error, HoldfastError)
        problem = str(error) if ours else f"work failed: {type(error).__name__}: {error}"
        if not isinstance(error, CatalogUnavailable) and problem != self._problem:
            _log.error(event, reason=problem, exc_info=None if ours else error)
        self._said(problem)

    def _said(self, problem: str) -> None:
        if problem and not self._problem:
            _log.warning("work.waits", reason=problem)
        if self._problem and not problem:
            _log.info("work.goes_on")
        self._problem = problem
