"""The worker's thread for capture to memory: what is held goes to disks, what is not makes room, every five seconds.

Where no camera uses memory, and nothing is left there, it looks and does nothing. It has a connection of its own to the
catalog. What is wrong is said once and tried again; while recorders write to volumes because memory is full, or cannot
be used, there is an incident.

Not here: what leaves memory (library.ram) and how (work.unload).
"""

import threading
from collections.abc import Callable
from typing import Any

import structlog

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Config, Loaded
from holdfast.core.errors import HoldfastError
from holdfast.library import cameras, disk_incidents, ram
from holdfast.library.desired import read_plan
from holdfast.library.status import spilling
from holdfast.work.unload import Unloaded, Unloader

TICK_S = 5.0  # chosen: 100 Mb/s fill 60 MB in it, a quarter of what is kept free of the smallest useful cap
FIRST_S = 5.0  # chosen: by then the indexer has read what was recorded while nobody looked
LAST_S = 5.0  # what the pass at hand gets to end after its file
NAME = "(memory)"

_log = structlog.stdlib.get_logger("holdfast.memory")


class MemoryLoop:
    """Runs on a thread of its own from `start` to the end of `join`.

    Args:
        clock: Time.
        node: Name of this node.
        open_catalog: Opens the catalog of a URL.
    """

    def __init__(self, clock: Clock, *, node: str, open_catalog: Callable[[str], Catalog]) -> None:
        self._clock = clock
        self._node = node
        self._open_catalog = open_catalog
        self._loaded: Loaded | None = None
        self._catalog: Catalog | None = None
        self._url = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._problem = ""
        self._told: str | None = None
        self._state: dict[str, Any] = {}
        self._dropped = [0, 0]
        self._moved = 0

    def start(self, loaded: Loaded) -> None:
        """Begin."""
        self._loaded = loaded
        self._thread.start()

    def follow(self, loaded: Loaded) -> None:
        """Use another configuration from the next look on."""
        self._loaded = loaded

    def ask_stop(self) -> None:
        """Ask for the end after the file at hand."""
        self._stop.set()

    def join(self, timeout_s: float = LAST_S) -> bool:
        """Wait for the end; returns whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def status(self) -> dict[str, Any]:
        """Return what lies in memory, for `worker.json`; empty where no camera uses it; from any thread."""
        return self._state

    def _run(self) -> None:
        self._stop.wait(FIRST_S)
        while not self._stop.is_set():
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - this loop supervises passes: whatever one raises, the next is tried
                self._say(str(error) if isinstance(error, HoldfastError) else f"{type(error).__name__}: {error}")
                self._close()
            self._stop.wait(TICK_S)
        self._close()

    def tick(self) -> None:
        """Look once.

        Raises:
            HoldfastError: The catalog is away; the next tick tries again.
        """
        loaded = self._loaded
        if loaded is None:
            return
        catalog = self._ready(loaded.config.catalog_url)
        config = cameras.merged(loaded, cameras.runtime_settings(catalog, self._node)).config
        users = ram.users(config)
        if not users and not ram.home(config).exists():
            self._state = {}
            self._tell(catalog, "")
            return
        done = Unloader(catalog, self._clock, node=self._node, told_to_stop=self._stop.is_set).run(config)
        self._count(done)
        why = self._spills(config, users)
        self._state = {
            "folder": str(ram.home(config)), "cameras": users, "cap_bytes": config.memory.cap,
            "used_bytes": done.outlook.used_bytes, "files": done.outlook.files, "moved": self._moved,
            "dropped": self._dropped[0], "dropped_bytes": self._dropped[1], "problem": why,
        }  # fmt: skip
        self._tell(catalog, why)
        self._say(" · ".join(done.problems))

    def _spills(self, config: Config, users: list[str]) -> str:
        """Say why footage that should lie in memory goes to volumes; empty where it does not."""
        why = ram.trouble(config) if users else ""
        return why or spilling(read_plan(config.state_dir), config.runtime_dir, self._clock.wall_us())

    def _count(self, done: Unloaded) -> None:
        self._moved += len(done.moved)
        sums: dict[tuple[str, str], list[int]] = {}
        for one in done.dropped:
            sums.setdefault((one.piece.camera, one.why), []).append(one.piece.bytes)
        for (camera, why), sizes in sums.items():
            self._dropped = [self._dropped[0] + len(sizes), self._dropped[1] + sum(sizes)]
            _log.info("memory.dropped", camera=camera, files=len(sizes), bytes=sum(sizes), reason=why)

    def _tell(self, catalog: Catalog, why: str) -> None:
        """Have an incident while memory does not take what it should; known again after a restart."""
        if why == self._told or (why and self._told):
            return
        with catalog.write() as tx:
            number = nodes.ensure(tx, self._node, self._clock.wall_us())
            disk_incidents.put(tx, number, NAME, why, self._clock.wall_us())
        self._told = why
        if why:
            _log.warning("memory.spills", reason=why, hint="holdfast doctor says what to do; nothing is lost")

    def _ready(self, url: str) -> Catalog:
        if self._catalog is not None and (self._url != url or self._catalog.replaced()):
            self._close()
        if self._catalog is None:
            self._catalog, self._url = self._open_catalog(url), url
        return self._catalog

    def _say(self, problem: str) -> None:
        if problem and problem != self._problem:
            _log.error("memory.problem", reason=problem)
        elif self._problem and not problem:
            _log.info("memory.goes_on")
        self._problem = problem

    def _close(self) -> None:
        catalog, self._catalog = self._catalog, None
        if catalog is not None:
            catalog.close()
