"""The worker's thread for retention: a pass every ten minutes, at once when room is needed, and words about full disks.

Each level of a disk is told once: as a line, and as an incident that the catalog keeps together with the level.

It delays neither plans nor index, and has a connection of its own to the catalog. A catalog or disk that is away is
said once, and tried again with the next pass.

Not here: what goes (library.retention) and how (work.retain).
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Config, Loaded
from holdfast.core.errors import StorageError
from holdfast.core.timing import SECOND_US
from holdfast.library import cameras, disk_incidents, retention, watermarks
from holdfast.library.watermarks import Fill, Mark
from holdfast.roles.pass_loop import PassLoop
from holdfast.storage.volume import Volume
from holdfast.work.retain import Passed, Retainer

PASS_US = 600 * SECOND_US  # C082: at least every ten minutes
SOON_US = 20 * SECOND_US  # chosen: where room was needed, or more is over than goes at once

_SEVERITY = {
    Mark.NORMAL: logging.INFO, Mark.WARNING: logging.WARNING, Mark.ALERT: logging.ERROR, Mark.CRITICAL: logging.ERROR,
}  # fmt: skip


class RetentionLoop(PassLoop):
    """Takes passes from `start` to the end of `join`.

    Args:
        clock: Time.
        node: Name of this node.
        open_catalog: Opens the catalog of a URL.
        indexed: Whether the index has read what was recorded while nobody looked; the first pass waits ten seconds for
            it at most. Until then recorders go by the list of an earlier worker, which may be used up.
    """

    def __init__(
        self, clock: Clock, *, node: str, open_catalog: Callable[[str], Catalog],
        indexed: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        super().__init__("retention", clock, node=node, open_catalog=open_catalog, ready=indexed)
        self._due_us = 0
        self._wanted: dict[str, int] = {}
        self._marks: dict[str, Mark] = {}
        self._fills: dict[str, Fill] = {}
        self._kept: dict[str, Mark] = {}
        self._recalled = False
        self._deleted = {"files": 0, "bytes": 0}
        self._waiting = 0
        self._passed_us: int | None = None
        self._doubt = ""
        self._doubt_us: int | None = None

    def follow(self, loaded: Loaded) -> None:
        """Use another configuration from the next pass on, and take that soon."""
        super().follow(loaded)
        self._due_us = 0

    def status(self) -> dict[str, Any]:
        """Return how full disks are, what may be deleted and what was, for `worker.json`; from any thread."""
        fills, loaded = self._fills, self._loaded
        # Where nothing is to be deleted anyway, a doubt is nobody's concern.
        wanted = loaded is not None and loaded.config.retention.enabled
        return {
            "off": self._doubt if wanted else "", "off_us": self._doubt_us, "problem": self.problem,
            "disks": [
                {"name": one.name, "level": one.mark.value, "percent": round(one.percent, 1), "words": one.words}
                for one in fills.values()
            ],
            "deleted": dict(self._deleted), "waiting": self._waiting, "passed_us": self._passed_us,
        }  # fmt: skip

    def look(self, loaded: Loaded) -> None:
        """Look at the disks, and take a pass if one is due; as `tick`."""
        if not self._recalled:
            self._recall(self.catalog(loaded.config.catalog_url))
        crossed = self._levels(loaded.config)
        now_us = self._clock.boot_us()
        if now_us < self._due_us and not crossed and not self._pressed(loaded.config):
            if self._marks != self._kept:
                self._remember(self.catalog(loaded.config.catalog_url))
            return
        self._due_us = now_us + SOON_US  # where it fails
        catalog = self.catalog(loaded.config.catalog_url)
        config = cameras.merged(loaded, cameras.runtime_settings(catalog, self._node)).config
        passed = Retainer(catalog, self._clock, node=self._node, told_to_stop=self._stop.is_set).run(
            config, most=config.retention.files_per_pass
        )
        found = passed.outlook
        self._wanted = {} if found is None else {
            disk.name: disk.reserve_bytes + retention.headroom(config, found.intake, disk.name) // 2
            for disk in found.disks
        }  # fmt: skip
        self._due_us = now_us + (SOON_US if passed.waiting and passed.deleted else PASS_US)
        self._remember(catalog)
        self._count(passed)
        self._tell_pass(passed)
        self.say(" · ".join(passed.problems))

    def _pressed(self, config: Config) -> bool:
        """Say whether a disk has come halfway from what was wanted free to its reserve since the last pass."""
        if self._clock.boot_us() < self._due_us - PASS_US + SOON_US:
            return False  # the last pass was a moment ago and did what it could
        for name, wanted in self._wanted.items():
            volume = config.volumes.get(name)
            with suppress(StorageError):
                if volume is not None and Volume(volume.path).free_bytes() < wanted:
                    return True
        return False

    def _levels(self, config: Config) -> bool:
        """Tell of disks whose level changed; say whether one became worse."""
        before = {name: str(mark) for name, mark in self._marks.items()}
        worse = False
        found = watermarks.look(config, before)
        self._fills = {fill.name: fill for fill in found.fills}
        # Away keeps its level; what is not configured any more, or is another one's disk by now, has none.
        for name in self._marks.keys() - self._fills.keys() - found.away:
            del self._marks[name]
        for fill in found.fills:
            last = self._marks.get(fill.name)
            if last is fill.mark or (last is None and fill.mark is Mark.NORMAL):
                self._marks[fill.name] = fill.mark
                continue
            worse = worse or list(Mark).index(fill.mark) > list(Mark).index(last or Mark.NORMAL)
            self._marks[fill.name] = fill.mark
            self._tell(fill, last)
        return worse

    def _tell(self, fill: Fill, last: Mark | None) -> None:
        self._log.log(
            _SEVERITY[fill.mark], "disk.level", disk=fill.name, path=str(fill.path), mark=str(fill.mark),
            before=str(last or ""),
            used_percent=round(fill.percent, 1), free_bytes=fill.free_bytes,
            hint="" if fill.mark is Mark.NORMAL else "holdfast forecast says what goes when, and what stays",
        )  # fmt: skip

    def _count(self, passed: Passed) -> None:
        """Add what a pass did to what was done since this process began."""
        files = len(passed.deleted) + len(passed.cleared) + len(passed.pictures)
        self._deleted = {"files": self._deleted["files"] + files, "bytes": self._deleted["bytes"] + passed.bytes}
        self._waiting = passed.waiting
        if not passed.trust.off_why:
            self._passed_us = self._clock.wall_us()

    def _tell_pass(self, passed: Passed) -> None:
        """Log what went, a line for each camera and reason, and whether anything may go: once when that changes."""
        if passed.trust.off_why and passed.trust.off_why != self._doubt:
            self._log.warning(
                "retention.off", reason=passed.trust.off_why,
                hint="nothing is deleted until the clock is synchronised, or: holdfast clean --confirm",
            )  # fmt: skip
        elif self._doubt and not passed.trust.off_why:
            self._log.info("retention.on")
        self._doubt, self._doubt_us = passed.trust.off_why, passed.trust.off_us
        sums: dict[tuple[str, str, str], list[int]] = {}
        for one in passed.deleted:
            sums.setdefault((one.piece.camera, one.rule.value, one.why), []).append(one.piece.bytes)
        for (camera, rule, why), sizes in sums.items():
            self._log.info(
                "retention.deleted", camera=camera, files=len(sizes), bytes=sum(sizes), rule=rule, reason=why
            )  # fmt: skip

    def _recall(self, catalog: Catalog) -> None:
        """Learn what was told before a restart."""
        self._marks = disk_incidents.told(catalog, node=self._node)
        self._kept = dict(self._marks)
        self._recalled = True

    def _remember(self, catalog: Catalog) -> None:
        """Write the levels down with their incidents, so that a restart does not tell them again."""
        marks = dict(self._marks)
        if marks != self._kept and disk_incidents.tell(
            catalog, marks, self._fills, self._clock.wall_us(), node=self._node
        ):
            self._kept = marks
