"""The watcher: every camera's footage is looked at, in turn, and what was found is kept in the catalog.

One thread reads, looks and judges; it has no say in recording and low priority, and while it or the catalog is away
footage waits for it on the disk. Each second every camera has its turn; what all of them found is one transaction. Who
falls behind takes fewer looks until it has caught up, and counts those that it left out (C057).

Runs in the main thread of `holdfast watch`. Not here: one camera (library.watching), rules (core.incident).
"""

import os
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Any

import structlog

from holdfast.catalog import measures, nodes
from holdfast.catalog.db import Catalog
from holdfast.core import config as configuration
from holdfast.core.clock import Clock
from holdfast.core.config import Config, ConfigInvalid, Loaded
from holdfast.core.errors import AlreadyRunning, HoldfastError, StorageError
from holdfast.core.timing import DAY_US, SECOND_US
from holdfast.library import cameras, sparing
from holdfast.library.contracts import Contracts
from holdfast.library.moving import motion_of
from holdfast.library.recognising import Searcher
from holdfast.library.recognising_trial import Trial
from holdfast.library.settings import load_in_force
from holdfast.library.watching import CameraWatch, cheapest, keep_all, settings_of
from holdfast.media.index_of import Indexes
from holdfast.roles.objects import ObjectsRound
from holdfast.roles.signals import Signals
from holdfast.roles.stills import StillsRound
from holdfast.roles.supervisor import write_status
from holdfast.storage.errors import storage_errors
from holdfast.storage.lock import FileLock
from holdfast.watching.judge import Judge
from holdfast.watching.stirs import Stirs

TICK_S = 1.0
TURN_US = 20 * SECOND_US  # chosen: media that a camera may read before the others have their turn; some 0.1 s of work
CAUGHT_UP_US = 10 * SECOND_US
FILES = 4  # of a camera, whose keyframes are remembered: of both streams what grows, and what was just finished
JUDGED_S = 30.0  # chosen: in so long, whoever has enough time has come nearer
FEWER = 3  # times; C057 asks for a look every 3 s where the machine can
LOOKS_US, MINUTES_US = 2 * DAY_US, 90 * DAY_US  # how long single looks and their minutes are kept
MOST_FORGOTTEN = 5000  # rows a turn
AGAIN_S = 10.0  # settings are looked at anew this often, and old measures forgotten
BACKOFF_CAP_S = 30.0
NICE = 5  # behind recording and serving, before nothing
LOCK_FILE = "watcher.lock"
STATUS_FILE = "watcher.json"

_log = structlog.stdlib.get_logger("holdfast.watcher")


class Watcher:
    """One node's watcher.

    Args:
        loaded: The configuration at the start.
        environ: Environment of overrides and secrets.
        clock: Time.
        node: Name of this node in the catalog.
        open_catalog: Opens the catalog of a URL.
        skip: Begin with now, whatever was not watched yet.
    """

    def __init__(
        self, loaded: Loaded, environ: Mapping[str, str], clock: Clock, *, node: str,
        open_catalog: Callable[[str], Catalog], skip: bool = False,
    ) -> None:  # fmt: skip
        self._loaded = loaded
        self._environ = environ
        self._clock = clock
        self._node = node
        self._open_catalog = open_catalog
        self._skip = skip
        self._catalog: Catalog | None = None
        self._number = 0
        self._watches: dict[str, CameraWatch] = {}
        self._indexes = Indexes()
        self._looked_us = -round(AGAIN_S * 1e6)
        self._config = loaded.config
        self._spared = False
        self._problem = ""
        self._said_us = 0  # when the status was written, boot time
        self._since_us = clock.wall_us()
        self._wait_s = TICK_S
        self._stills = StillsRound(clock, node, self._indexes, skip=skip)
        trial = Trial(loaded.config.runtime_dir, clock)
        self._objects = ObjectsRound(clock, Searcher(clock, trial=trial))
        self._contracts = Contracts(clock, loaded.config.runtime_dir)
        self._signals: Signals | None = None
        self._late: dict[str, tuple[int, int]] = {}  # since when (boot time), and by how much then

    def run(self) -> None:
        """Watch until SIGTERM or SIGINT.

        Raises:
            AlreadyRunning: This node has a watcher already.
        """
        state_dir = self._loaded.config.state_dir
        with storage_errors("making folder", state_dir):
            state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        with suppress(OSError):
            os.nice(NICE)
        lock = FileLock(state_dir / LOCK_FILE, what="holdfast watch for this state folder")
        with lock, Signals(SIGTERM, SIGINT, SIGHUP) as signals:
            _log.info("watcher.started", state_dir=str(state_dir))
            self._signals = signals
            while True:
                self.tick()
                caught = signals.wait(self._wait_s)
                if SIGTERM in caught or SIGINT in caught:
                    break
                if SIGHUP in caught:
                    self._looked_us = -round(AGAIN_S * 1e6)
            self._close()
            self._write_status("stopped")
            _log.info("watcher.stopped")

    def tick(self) -> None:
        """Give every camera its turn once, and keep what was found."""
        try:
            behind = self._turn()
        except HoldfastError as error:
            if str(error) != self._problem:
                _log.error("watch.failed", reason=str(error), hint=error.hint)
            self._problem = str(error)
            self._close()
            self._wait_s = min(BACKOFF_CAP_S, self._wait_s * 2)
        else:
            if self._problem:
                _log.info("watch.goes_on")
            self._problem = ""
            self._wait_s = 0.0 if behind else TICK_S
        self._write_status("running")

    def _turn(self) -> bool:
        catalog = self._ready()
        now_us = self._clock.boot_us()
        if now_us - self._looked_us >= AGAIN_S * 1e6:
            self._looked_us = now_us
            self._config = self._look_at_settings(catalog)
            if not self._spared:
                # Whoever was killed with its rows written, and the list as it was, is made good.
                self._spare(catalog, self._config.cameras, 0)
                self._spared = True
            with catalog.write() as tx:
                wall_us = self._clock.wall_us()
                measures.forget(
                    tx, self._number, looks_before_us=wall_us - LOOKS_US, minutes_before_us=wall_us - MINUTES_US,
                    most=MOST_FORGOTTEN,
                )  # fmt: skip
        behind = False
        for camera, watch in self._watches.items():
            if self._signals is not None and self._signals.waiting:
                behind = True  # what was found is kept; the rest waits in the footage
                break
            try:
                behind = watch.work(TURN_US) or behind
            except StorageError as error:
                _log.warning("watch.unreadable", camera=camera, reason=str(error))
            self._pace(camera, watch)
            if self._clock.boot_us() - self._said_us >= TICK_S * 1e6:
                self._write_status("running")  # a busy machine takes long for all of them, and is not gone
        self._keep(catalog)
        self._objects.turn(catalog, self._number)
        return self._stills.turn(catalog) or behind

    def _ready(self) -> Catalog:
        if self._catalog is not None and self._catalog.replaced():
            self._close()
        if self._catalog is None:
            self._catalog = self._open_catalog(self._loaded.config.catalog_url)
            with self._catalog.write() as tx:
                self._number = nodes.ensure(tx, self._node, self._clock.wall_us())
        return self._catalog

    def _keep(self, catalog: Catalog) -> None:
        self._write(catalog, [watch for watch in self._watches.values() if not (watch.empty or watch.waits)])

    def _write(self, catalog: Catalog, watches: Collection[CameraWatch]) -> None:
        if not watches:
            return
        told = [watch.key.camera for watch in watches if watch.tells]
        now_us = self._clock.wall_us()
        with catalog.write() as tx:
            keep_all(tx, self._number, watches, now_us)
        for watch in watches:
            watch.kept()
        if told:
            self._spare(catalog, told, now_us)

    def _spare(self, catalog: Catalog, cameras: Collection[str], changed_us: int) -> None:
        """Have recorders leave what events and incidents hold; none may be held up by a list that cannot be changed."""
        try:
            sparing.spare(
                catalog, self._number, self._config, self._clock.wall_us(), cameras=cameras, changed_us=changed_us
            )  # fmt: skip
        except (AlreadyRunning, StorageError) as error:
            _log.warning("watch.not_spared", cameras=sorted(cameras), reason=str(error), hint=error.hint)

    def _look_at_settings(self, catalog: Catalog) -> Config:
        """Follow the configuration and the cameras that were added while running; return what is in force."""
        try:
            loaded = load_in_force(self._loaded.path, self._environ)
        except ConfigInvalid:
            loaded = self._loaded  # the worker says what is wrong; what was good goes on
        self._loaded = loaded
        whole, _ = configuration.with_cameras(loaded, cameras.runtime_settings(catalog, self._node))
        config = whole.config
        self._indexes.most = FILES * max(1, len(config.cameras))
        self._stills.follow(catalog, self._number, config, loaded.base)
        self._objects.follow(whole)
        roots = {name: volume.path for name, volume in config.volumes.items()}
        wanted = {name: one for name, one in config.cameras.items() if one.watch.enabled and one.enabled and roots}
        self._abandon(catalog, self._watches.keys() - wanted.keys())
        self._contracts.look(catalog, self._number, {name: one.watch for name, one in wanted.items()})
        for camera_id, camera in wanted.items():
            streams = [feed.stream for feed in configuration.feeds(camera_id, camera, loaded.base)]
            key, settings = cheapest(roots, camera_id, streams), settings_of(camera.watch)
            known, motion = self._watches.get(camera_id), motion_of(camera.motion, seek=bool(camera.objects.model))
            if known is not None and known.looks_for(key, settings, motion):
                continue
            # What is known goes on with the other settings, once what was found is written.
            self._write(catalog, [] if known is None or known.empty else [known])
            state = self._state(catalog, camera_id) if known is None else known.state()
            judge = Judge(settings, state)
            if known is None and self._skip:
                judge.skip_to(self._clock.wall_us())
            volume = camera.volume or next(iter(roots))
            watch = CameraWatch(key, roots, volume, self._clock, judge, catalog=catalog, indexes=self._indexes)
            watch.look_for_motion(Stirs(motion, (state or {}).get("motion")))
            self._watches[camera_id] = watch
        return config

    def _abandon(self, catalog: Catalog, gone: AbstractSet[str]) -> None:
        for camera in gone:
            watch = self._watches[camera]
            watch.abandon()
            with catalog.write() as tx:
                keep_all(tx, self._number, [watch], self._clock.wall_us())
            watch.kept()
            del self._watches[camera]

    def _state(self, catalog: Catalog, camera: str) -> dict[str, Any] | None:
        with catalog.read() as tx:
            found = measures.position(tx, self._number, camera)
        return None if found is None else found.state

    def _pace(self, camera: str, watch: CameraWatch) -> None:
        """Who falls behind and does not come nearer takes fewer looks, until it is there."""
        late_us = self._clock.wall_us() - (watch.seen_us or self._clock.wall_us())
        now_us, gaze = self._clock.boot_us(), watch.judge.gaze
        if late_us < CAUGHT_UP_US or not watch.more:
            self._late.pop(camera, None)
            gaze.fewer = 1
            return
        since_us, before_us = self._late.setdefault(camera, (now_us, late_us))
        if now_us - since_us >= JUDGED_S * 1e6:
            if late_us >= before_us and gaze.fewer == 1:
                gaze.fewer = FEWER
                _log.warning("watch.overloaded", camera=camera, late_s=late_us // SECOND_US, looks=f"1 of {FEWER}")
            self._late[camera] = (now_us, late_us)

    def _close(self) -> None:
        self._watches.clear()
        self._stills.close()
        self._objects.close()
        self._looked_us = -round(AGAIN_S * 1e6)
        self._spared = False
        if self._catalog is not None:
            self._catalog.close()
            self._catalog = None

    def _write_status(self, state: str) -> None:
        self._said_us = self._clock.boot_us()
        body: dict[str, object] = {
            "v": 1,
            "state": state,
            "pid": os.getpid(),
            "at_us": self._clock.wall_us(),
            "since_us": self._since_us,
            "problem": self._problem,
            "stills": self._stills.status(),
            "objects": self._objects.status(),
            "cameras": {
                camera: {
                    "stream": watch.key.stream,
                    "seen_us": watch.seen_us,
                    "taken_us": watch.judge.taken_us,
                    "left_out": watch.judge.gaze.left_out,
                    "damaged": watch.damaged,
                }
                for camera, watch in self._watches.items()
            },
        }
        write_status(self._loaded.config.runtime_dir / STATUS_FILE, body)
