"""The worker's thread for capture to memory: what is held goes to disks, what is not makes room, every five seconds.

Where no camera uses memory, and nothing is left there, it looks and does nothing. It has a connection of its own to the
catalog. What is wrong is said once and tried again; while recorders write to volumes because memory is full, or cannot
be used, there is an incident.

Not here: what leaves memory (library.ram) and how (work.unload).
"""

from collections.abc import Callable
from typing import Any

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Config, Loaded
from holdfast.library import cameras, disk_incidents, ram
from holdfast.library.desired import read_plan
from holdfast.library.status import spilling
from holdfast.roles.pass_loop import PassLoop
from holdfast.work.unload import Unloaded, Unloader

NAME = "(memory)"


class MemoryLoop(PassLoop):
    """Looks from `start` to the end of `join`.

    Args:
        clock: Time.
        node: Name of this node.
        open_catalog: Opens the catalog of a URL.
        indexed: Whether the index has read what was recorded while nobody looked; the first look waits for it, though
            not for long.
    """

    first_s = 5.0  # chosen: recorders have room in memory for longer

    def __init__(
        self, clock: Clock, *, node: str, open_catalog: Callable[[str], Catalog],
        indexed: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        super().__init__("memory", clock, node=node, open_catalog=open_catalog, ready=indexed)
        self._told: str | None = None
        self._state: dict[str, Any] = {}
        self._dropped = [0, 0]
        self._moved = 0

    def status(self) -> dict[str, Any]:
        """Return what lies in memory, for `worker.json`; empty where no camera uses it; from any thread."""
        return self._state

    def look(self, loaded: Loaded) -> None:
        """Look once; as `tick`."""
        catalog = self.catalog(loaded.config.catalog_url)
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
        self.say(" · ".join(done.problems))

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
            self._log.info("memory.dropped", camera=camera, files=len(sizes), bytes=sum(sizes), reason=why)

    def _tell(self, catalog: Catalog, why: str) -> None:
        """Have an incident while memory does not take what it should; known again after a restart."""
        if why == self._told or (why and self._told):
            return
        with catalog.write() as tx:
            number = nodes.ensure(tx, self._node, self._clock.wall_us())
            disk_incidents.put(tx, number, NAME, why, self._clock.wall_us())
        self._told = why
        if why:
            self._log.warning("memory.spills", reason=why, hint="holdfast doctor says what to do; nothing is lost")
