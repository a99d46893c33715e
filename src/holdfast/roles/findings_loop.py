"""The worker's thread that writes down what was found beside its pictures, once a minute, and puts it back where lost.

A catalog that is not the one of last time has lost what journals speak of: then all of it is put back first. It has a
connection of its own to the catalog; what is away is said once, and tried again with the next look.

Not here: what is written (library.findings), footage (catalog_loop), deliveries.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded
from holdfast.core.timing import DAY_US, MINUTE_US
from holdfast.library import findings
from holdfast.library.findings import Written
from holdfast.roles.pass_loop import PassLoop

PASS_US = MINUTE_US  # chosen: an SD card is written to once a minute, where there is anything at all


class FindingsLoop(PassLoop):
    """Looks from `start` to the end of `join`.

    Args:
        clock: Time.
        node: Name of this node.
        open_catalog: Opens the catalog of a URL.
        indexed: Whether the index has read what was recorded while nobody looked: a catalog that is new has it first.
    """

    def __init__(
        self, clock: Clock, *, node: str, open_catalog: Callable[[str], Catalog],
        indexed: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        super().__init__("findings", clock, node=node, open_catalog=open_catalog, ready=indexed)
        self._written: Written | None = None
        self._remembered: Written | None = None
        self._due_us = self._tidy_us = 0
        self._lines = 0
        self._written_us: int | None = None

    def status(self) -> dict[str, Any]:
        """Return what was written down, for `worker.json`; from any thread."""
        return {"lines": self._lines, "written_us": self._written_us, "problem": self.problem}

    def look(self, loaded: Loaded) -> None:
        """Look once; as `tick`."""
        catalog, state_dir = self.catalog(loaded.config.catalog_url), loaded.config.state_dir
        volumes = {name: volume.path for name, volume in loaded.config.volumes.items()}
        with catalog.read() as tx:
            number = nodes.find(tx, self._node)
            born_us = None if number is None else nodes.created_us(tx, number)
        if born_us is None:
            return  # nobody has written anything yet
        if self._remembered is None:
            self._remembered = findings.recall(state_dir)
        written = self._written or self._remembered
        if written.catalog_us != born_us:
            self._restore(catalog, volumes)
            written, self._due_us = Written(born_us), 0
        self._written = written
        if self._clock.boot_us() < self._due_us:
            return
        count = 1
        while count and not self._stop.is_set():
            self._written, count = findings.write_down(catalog, volumes, self._clock, self._written, node=self._node)
            self._lines += count
        if self._written != self._remembered:
            findings.remember(state_dir, self._written)
            self._remembered = self._written
        self._written_us, self._due_us = self._clock.wall_us(), self._clock.boot_us() + PASS_US
        if self._clock.boot_us() >= self._tidy_us:
            findings.tidy(catalog, volumes, self._clock, node=self._node)
            self._tidy_us = self._clock.boot_us() + DAY_US
        self.say("")

    def _restore(self, catalog: Catalog, volumes: Mapping[str, Path]) -> None:
        back = findings.restore(catalog, volumes, self._clock, node=self._node)
        for problem in back.problems:
            self._log.warning("findings.unreadable", reason=problem)
        if back.stills or back.events or back.incidents:
            self._log.warning(
                "findings.restored", stills=back.stills, events=back.events, incidents=back.incidents,
                why="the catalog had forgotten them",
            )  # fmt: skip
