"""The worker's thread for retention: a pass every ten minutes, at once when room is needed, and words about full disks.

Each level of a disk is told once: as a line, and as an incident that the catalog keeps together with the level.

It delays neither plans nor index, and has a connection of its own to the catalog. A catalog or disk that is away is
said once, and tried again with the next pass.

Not here: what goes (library.retention) and how (work.retain).
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from holdfast.catalog.db import Catalog
from holdfast.core.clock import Clock
from holdfast.core.config import Config, Loaded
from holdfast.core.errors import HoldfastError, StorageError
from holdfast.core.timing import SECOND_US
from holdfast.library import cameras, disk_incidents, retention, watermarks
from holdfast.library.watermarks import Fill, Mark
from holdfast.storage.volume import Volume
from holdfast.work.retain import Passed, Retainer

TICK_S = 5.0  # chosen: a disk at 100 MB/s takes 500 MB in it, less than any reserve and headroom of such a disk
FIRST_S = 10.0  # chosen: by then the indexer has read what was recorded while nobody looked
PASS_US = 600 * SECOND_US  # C082: at least every ten minutes
SOON_US = 20 * SECOND_US  # chosen: where room was needed, or more is over than goes at once
LAST_S = 5.0  # what the pass at hand gets to end after its file

_log = structlog.stdlib.get_logger("holdfast.retention")
_SEVERITY = {
    Mark.NORMAL: logging.INFO, Mark.WARNING: logging.WARNING, Mark.ALERT: logging.ERROR, Mark.CRITICAL: logging.ERROR,
}  # fmt: skip


class RetentionLoop:
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
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
        self._due_us = 0
        self._wanted: dict[str, int] = {}
        self._marks: dict[str, Mark] = {}
        self._fills: dict[str, Fill] = {}
        self._kept: dict[str, Mark] = {}
        self._problem = ""
        self._recalled = False
        self._doubt = ""
        self._doubt_us: int | None = None

    def start(self, loaded: Loaded) -> None:
        """Begin."""
        self._loaded = loaded
        self._thread.start()

    def follow(self, loaded: Loaded) -> None:
        """Use another configuration from the next pass on, and take that soon."""
        self._loaded = loaded
        self._due_us = 0

    def status(self) -> dict[str, Any]:
        """Return how full disks are and whether anything may be deleted, for `worker.json`; from any thread."""
        fills, loaded = self._fills, self._loaded
        # Where nothing is to be deleted anyway, a doubt is nobody's concern.
        wanted = loaded is not None and loaded.config.retention.enabled
        return {
            "off": self._doubt if wanted else "", "off_us": self._doubt_us, "problem": self._problem,
            "disks": [
                {"name": one.name, "level": one.mark.value, "percent": round(one.percent, 1), "words": one.words}
                for one in fills.values()
            ],
        }  # fmt: skip

    def ask_stop(self) -> None:
        """Ask for the end after the file at hand."""
        self._stop.set()

    def join(self, timeout_s: float = LAST_S) -> bool:
        """Wait for the end; returns whether it came. A pass that hangs in a disk may be left behind."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._stop.wait(FIRST_S)
        while not self._stop.is_set():
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - this loop supervises passes: whatever one raises, the next is tried
                self._failed(error)
            self._stop.wait(TICK_S)
        self._close()

    def tick(self) -> None:
        """Look at the disks, and take a pass if one is due.

        Raises:
            HoldfastError: Catalog or disk are away; the next tick tries again.
        """
        loaded = self._loaded
        if loaded is None:
            return
        if not self._recalled:
            self._recall(self._ready(loaded.config.catalog_url))
        crossed = self._look(loaded.config)
        now_us = self._clock.boot_us()
        if now_us < self._due_us and not crossed and not self._pressed(loaded.config):
            if self._marks != self._kept:
                self._remember(self._ready(loaded.config.catalog_url))
            return
        self._due_us = now_us + SOON_US  # where it fails
        catalog = self._ready(loaded.config.catalog_url)
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
        self._tell_pass(passed)
        self._say(" · ".join(passed.problems), "")

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

    def _look(self, config: Config) -> bool:
        """Tell of disks whose level changed; say whether one became worse."""
        before = {name: str(mark) for name, mark in self._marks.items()}
        worse = False
        found, places = watermarks.fills(config, before), watermarks.places(config)
        self._fills = {fill.name: fill for fill in found}
        for name in self._marks.keys() - self._fills.keys():
            # Away keeps its level; what is not configured any more, or is another one's disk by now, has none.
            if name not in places or places[name].exists():
                del self._marks[name]
        for fill in found:
            last = self._marks.get(fill.name)
            if last is fill.mark or (last is None and fill.mark is Mark.NORMAL):
                self._marks[fill.name] = fill.mark
                continue
            worse = worse or list(Mark).index(fill.mark) > list(Mark).index(last or Mark.NORMAL)
            self._marks[fill.name] = fill.mark
            self._tell(fill, last)
        return worse

    def _tell(self, fill: Fill, last: Mark | None) -> None:
        _log.log(
            _SEVERITY[fill.mark], "disk.level", disk=fill.name, path=str(fill.path), mark=str(fill.mark),
            before=str(last or ""),
            used_percent=round(fill.percent, 1), free_bytes=fill.free_bytes,
            hint="" if fill.mark is Mark.NORMAL else "holdfast forecast says what goes when, and what stays",
        )  # fmt: skip

    def _tell_pass(self, passed: Passed) -> None:
        """Log what went, a line for each camera and reason, and whether anything may go: once when that changes."""
        if passed.trust.off_why and passed.trust.off_why != self._doubt:
            _log.warning(
                "retention.off", reason=passed.trust.off_why,
                hint="nothing is deleted until the clock is synchronised, or: holdfast clean --confirm",
            )  # fmt: skip
        elif self._doubt and not passed.trust.off_why:
            _log.info("retention.on")
        self._doubt, self._doubt_us = passed.trust.off_why, passed.trust.off_us
        sums: dict[tuple[str, str, str], list[int]] = {}
        for one in passed.deleted:
            sums.setdefault((one.piece.camera, one.rule.value, one.why), []).append(one.piece.bytes)
        for (camera, rule, why), sizes in sums.items():
            _log.info(
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

    def _ready(self, url: str) -> Catalog:
        if self._catalog is not None and (self._url != url or self._catalog.replaced()):
            self._close()
        if self._catalog is None:
            self._catalog, self._url = self._open_catalog(url), url
        return self._catalog

    def _failed(self, error: Exception) -> None:
        ours = isinstance(error, HoldfastError)
        text = str(error) if ours else f"{type(error).__name__}: {error}"
        self._say(text, error.hint if isinstance(error, HoldfastError) else "", None if ours else error)
        self._close()

    def _say(self, problem: str, hint: str, trace: Exception | None = None) -> None:
        if problem and problem != self._problem:
            _log.error("retention.problem", reason=problem, hint=hint, exc_info=trace)
        elif self._problem and not problem:
            _log.info("retention.goes_on")
        self._problem = problem

    def _close(self) -> None:
        catalog, self._catalog = self._catalog, None
        if catalog is not None:
            catalog.close()
