"""The worker: publishes what is to be recorded, and keeps the catalog up to date.

Two loops that do not wait for each other: the main thread turns configuration and catalog into `streams.json`, and a
second one (`catalog_loop`) does whatever needs the catalog. A configuration that makes no sense is reported once per
change and changes nothing (C132, F48). Whoever comes after a killed worker needs nothing from it: plans are replaced
whole, and indexing goes on where the catalog says.

Not here: recording. Nothing in this process can stop it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Any, Protocol, Self

import structlog

from holdfast.catalog.db import Catalog
from holdfast.core import config as configuration
from holdfast.core.clock import Clock
from holdfast.core.config import ConfigInvalid, Loaded
from holdfast.core.errors import BadInput, HoldfastError, StorageError
from holdfast.core.plan import Plan
from holdfast.library import settings, volumes
from holdfast.library.desired import build_plan, load_or_last_good, publish_plan, read_plan, remember_config
from holdfast.roles.catalog_loop import CatalogLoop, Indexing
from holdfast.roles.signals import Signals
from holdfast.roles.supervisor import write_status
from holdfast.storage.errors import storage_errors
from holdfast.storage.lock import FileLock

TICK_S = 1.0  # a changed file is noticed within this; status files are rewritten in the same rhythm
LOOK_AGAIN_S = 10.0  # disks come back, and somebody may have removed streams.json: looked at anew this often
JOIN_S = 3.0  # what the catalog's thread gets for its last pass
LOCK_FILE = "worker.lock"
STATUS_FILE = "worker.json"

_log = structlog.stdlib.get_logger("holdfast.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a plan is made of; the same inputs make the same plan."""

    loaded: Loaded
    runtime: list[dict[str, Any]]
    volume_ids: dict[str, str]


class Beside(Protocol):
    """A loop that lives beside the worker's own two, on a thread of its own, and delays neither."""

    def start(self, loaded: Loaded) -> None:
        """Begin."""

    def follow(self, loaded: Loaded) -> None:
        """Use another configuration from now on; may be called before `start`."""

    def ask_stop(self) -> None:
        """Ask for the end."""

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; returns whether it came."""


class Worker:
    """One node's worker."""

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        clock: Clock,
        *,
        node: str,
        open_catalog: Callable[[str], Catalog],
        make_indexer: Callable[[Catalog, Loaded], Indexing],
        reconcile: Callable[[Catalog, Loaded], Sequence[str]],
        reconfigured: Callable[[Loaded], None] = lambda loaded: None,  # noqa: ARG005 - nobody is told by default
    ) -> None:
        """Read the configuration, or the last good one where it is broken.

        Args:
            path: The configuration file, which is watched.
            environ: Environment of overrides and secrets.
            clock: Time.
            node: Name of this node in the catalog.
            open_catalog: Opens the catalog of a URL.
            make_indexer: Makes the indexer of an open catalog and a configuration.
            reconcile: Compares rows with files once for each indexer.
            reconfigured: Told of each configuration that is taken, for logging.

        Raises:
            ConfigInvalid: It is broken, and no good copy of it is known.
        """
        self._path = path
        self._environ = environ
        self._clock = clock
        self._reconfigured = reconfigured
        self._beside: list[Beside] = []
        self._told: dict[str, Callable[[], Mapping[str, Any]]] = {}
        self._file_seen = self._fingerprint()
        self._file = self._loaded = load_or_last_good(path, environ)
        self._saved: dict[str, Any] = {}
        self._config_problem = ""
        if self._loaded.stale is not None:
            self._refuse(self._loaded.stale)
        self._config = self._loaded.config
        self._plan: Plan | None = None
        self._built: Inputs | None = None
        self._volume_ids: dict[str, str] = {}
        self._volume_problems: dict[str, str] = {}
        self._plan_problem = ""
        self._looked_us = -round(LOOK_AGAIN_S * 1e6)
        self._since_us = clock.wall_us()
        self._signals: Signals | None = None
        self._catalog = CatalogLoop(
            self._config.state_dir, node, clock,
            open_catalog=open_catalog, make_indexer=make_indexer, reconcile=reconcile, news=self._news,
        )  # fmt: skip

    def with_loop(self, loop: Beside) -> Self:
        """Have a loop live as long as this node's worker does; to be called before `run`."""
        self._beside.append(loop)
        return self

    def with_status(self, name: str, told: Callable[[], Mapping[str, Any]]) -> "Worker":
        """Say under a name in the status file what somebody tells; asked each second, from the main thread."""
        self._told[name] = told
        return self

    def indexed(self) -> bool:
        """Say whether the catalog knows what was recorded while there was no worker; from any thread."""
        return self._catalog.state.indexed_us is not None

    def run(self) -> None:
        """Work until SIGTERM or SIGINT.

        Raises:
            AlreadyRunning: This node has a worker already (C134); nothing was touched.
        """
        state_dir = self._config.state_dir
        with storage_errors("making folder", state_dir):
            state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        lock = FileLock(state_dir / LOCK_FILE, what="holdfast work for this state folder")
        with lock, Signals(SIGTERM, SIGINT, SIGHUP) as signals:
            self._signals = signals
            _log.info("worker.started", config=str(self._path), state_dir=str(state_dir))
            self._plan = self._last_plan()
            self.tick(forced=False)
            self._catalog.start(self._loaded)
            for loop in self._beside:
                loop.start(self._loaded)
            while True:
                caught = signals.wait(TICK_S)
                if SIGTERM in caught or SIGINT in caught:
                    break
                self.tick(forced=SIGHUP in caught)
            self._stop(signals)
            self._signals = None

    def tick(self, *, forced: bool) -> None:
        """Look at everything once: the file, the disks, what the catalog said; publish what follows from it."""
        self._reload(forced=forced)
        self._lay_over(self._catalog.saved)
        now_us = self._clock.boot_us()
        again = forced or now_us - self._looked_us >= LOOK_AGAIN_S * 1e6
        if again:
            self._looked_us = now_us
            self._look_at_volumes()
        inputs = Inputs(loaded=self._loaded, runtime=self._catalog.runtime, volume_ids=self._volume_ids)
        if again or inputs != self._built:
            self._publish(inputs)
        self._write_status("running")

    def _reload(self, *, forced: bool) -> None:
        found = self._fingerprint()
        if found == self._file_seen and not forced:
            return
        self._file_seen = found
        try:
            loaded = configuration.load(self._path, self._environ)
        except ConfigInvalid as error:
            self._refuse(error)
            return
        if self._config_problem:
            _log.info("config.good_again", path=str(self._path))
        self._config_problem = ""
        moved = [
            name
            for name in ("state_dir", "runtime_dir")
            if getattr(loaded.config, name) != getattr(self._loaded.config, name)
        ]
        if moved:
            # Locks, plan and recorders live there: moving them under running processes would record everything twice.
            self._config_problem = f"{' and '.join(moved)} changed: restart holdfast run to use it"
            _log.error("config.needs_restart", changed=moved)
            return
        _log.info("config.read", path=str(self._path), cameras=len(loaded.config.cameras))
        self._file = loaded
        self._take(loaded, {})

    def _lay_over(self, saved: dict[str, Any]) -> None:
        """Lay what people saved while running over the file."""
        if saved == self._saved:
            return
        loaded, problems = settings.laid_over(self._file, saved)
        for problem in problems:
            _log.warning("setting.refused", key=problem.key, reason=problem.message, hint=problem.hint)
        _log.info("settings.taken", keys=sorted(loaded.settings))
        self._take(loaded, saved)

    def _take(self, loaded: Loaded, saved: dict[str, Any]) -> None:
        self._loaded, self._config, self._saved = loaded, loaded.config, saved
        self._looked_us = -round(LOOK_AGAIN_S * 1e6)
        self._reconfigured(loaded)
        self._catalog.follow(loaded)
        for loop in self._beside:
            loop.follow(loaded)

    def _refuse(self, error: ConfigInvalid) -> None:
        problem = f"the configuration is refused, the last good one stays in force: {error.problems[0]}"
        more = len(error.problems) - 1
        problem += f" (and {more} more)" if more else ""
        if problem != self._config_problem:
            _log.error("config.refused", path=str(self._path), problems=[str(p) for p in error.problems])
        self._config_problem = problem

    def _look_at_volumes(self) -> None:
        ids, problems = self._prepare_volumes()
        said = {name: str(error) for name, error in problems.items()}
        for name in said.keys() - self._volume_problems.keys():
            _log.error("volume.missing", volume=name, reason=said[name], hint=problems[name].hint)
        for name in self._volume_problems.keys() - said.keys():
            _log.info("volume.back", volume=name)
        self._volume_ids, self._volume_problems = ids, said

    def _prepare_volumes(self) -> tuple[dict[str, str], Mapping[str, HoldfastError]]:
        try:
            return volumes.prepare(self._config, self._clock)
        except (BadInput, StorageError) as error:
            return self._volume_ids, {"": error}

    def _publish(self, inputs: Inputs) -> None:
        plan = build_plan(inputs.loaded, inputs.runtime, self._plan, inputs.volume_ids)
        try:
            changed = publish_plan(self._config.state_dir, plan)
            remember_config(inputs.loaded)
        except StorageError as error:
            if str(error) != self._plan_problem:
                _log.error("plan.unwritable", reason=str(error), hint=error.hint)
            self._plan_problem = str(error)
            self._built = None
            return
        self._plan, self._built, self._plan_problem = plan, inputs, ""
        if changed:
            processes = len({stream.process for stream in plan.streams})
            _log.info("plan.published", streams=len(plan.streams), processes=processes)

    def _last_plan(self) -> Plan | None:
        try:
            return read_plan(self._config.state_dir)
        except BadInput as error:
            _log.error("plan.damaged", reason=str(error))
            return None

    def _fingerprint(self) -> str:
        """Return what changes with the file's content; a file that was only touched is the same."""
        try:
            return sha256(self._path.read_bytes()).hexdigest()
        except OSError as error:
            return f"unreadable: {error.strerror}"

    def _news(self) -> None:
        if self._signals is not None:
            self._signals.wake()

    def _stop(self, signals: Signals) -> None:
        """The catalog's thread takes one last pass; a second signal, or three seconds, leave it to the next worker."""
        _log.info("worker.stopping")
        for loop in self._beside:
            loop.ask_stop()
        self._catalog.ask_stop()
        deadline_us = self._clock.boot_us() + round(JOIN_S * 1e6)
        while not self._catalog.join(0.05):
            if signals.wait(0) or self._clock.boot_us() >= deadline_us:
                _log.warning("worker.pass_abandoned", hint="the next worker goes on where the catalog says")
                break
        for loop in self._beside:
            if not loop.join(max(0.0, (deadline_us - self._clock.boot_us()) / 1e6)):
                _log.warning("worker.loop_abandoned", loop=type(loop).__name__)
        self._write_status("stopped")
        _log.info("worker.stopped")

    def _write_status(self, state: str) -> None:
        catalog = self._catalog.state
        streams = self._plan.streams if self._plan else ()
        body: dict[str, object] = {
            "v": 1,
            "state": state,
            "pid": os.getpid(),
            "at_us": self._clock.wall_us(),
            "since_us": self._since_us,
            "config": str(self._path),
            "config_problem": self._config_problem,
            "catalog_problem": catalog.problem,
            "catalog_problem_since_us": catalog.problem_since_us,
            "indexed_us": catalog.indexed_us,
            "plan_problem": self._plan_problem,
            "volume_problems": self._volume_problems,
            "streams": len(streams),
            "processes": len({stream.process for stream in streams}),
            **{name: told() for name, told in self._told.items()},
        }
        write_status(self._config.runtime_dir / STATUS_FILE, body)
