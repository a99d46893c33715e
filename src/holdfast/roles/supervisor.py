"""The supervisor: recorders as the plan asks for, worker, server and watcher, kept running, stopped in order.

It knows nothing of media. What to run it reads from `streams.json`, the last good one first, so that recording begins
without waiting for the worker; whether a recorder works it reads from the status files of its streams, never from the
existence of a process (F02). One child's trouble is that child's alone (F06).

Runs in the main thread of `holdfast run`, because signals arrive there. Not here: a single child's life (children).
"""

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from signal import SIGCHLD, SIGHUP, SIGINT, SIGTERM

import structlog

from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, StorageError
from holdfast.core.plan import Plan, StreamPlan
from holdfast.core.status import status_name
from holdfast.library.desired import PLAN, read_plan
from holdfast.roles.children import STOP_GRACE_S, Child
from holdfast.roles.notify import Notifier
from holdfast.roles.signals import Signals
from holdfast.storage.files import replace_atomically
from holdfast.storage.lock import FileLock

TICK_S = (
    0.25  # chosen: a plan is followed and a dead child noticed (sooner: SIGCHLD) within this; costs 0.1 % of a core
)
STATUS_S = 1.0  # how often supervisor.json is rewritten, like the recorders' status files
WORKER_AFTER_S = 4.0  # chosen: recorders load in 1 s on an idle PC, 3 s on a busy one; the worker waits no longer
STALE_S = 30.0  # a process that shows no progress for this long is replaced; recorders rewrite their files each second
AWAY_S = 5.0  # a tick this late means that the judge was suspended, and the judged most likely too
RETIRE_S = 5.0  # what a recorder without streams gets to let them go in its own words before it is stopped
STOP_RECORDERS_S = 26.0  # C135: 30 s in all; a recorder's own deadline is shorter
STOP_WORKER_S = 3.0  # its last lines are in the journals, and its successor finds them there
HURRY_S = 2.0  # after a second signal: time for a last word, then KILL

STATUS_FILE = "supervisor.json"
LOCK_FILE = "run.lock"

_log = structlog.stdlib.get_logger("holdfast.supervisor")


class Supervisor:
    """Starts, watches, restarts and stops the roles of this node."""

    def __init__(
        self,
        *,
        state_dir: Path,
        runtime_dir: Path,
        worker: Sequence[str],
        recorder: Callable[[int], Sequence[str]],
        clock: Clock,
        notifier: Notifier | None = None,
        observe: Callable[[], None] | None = None,
        stale_s: float = STALE_S,
    ) -> None:
        """Describe the node; nothing is started yet.

        Args:
            state_dir: Where `streams.json` and the lock live.
            runtime_dir: Where status files go; the plan's own word goes before this.
            worker: Command line of the worker, program first.
            recorder: Command line of the recorder process with a given number.
            clock: Time.
            notifier: The service manager, or None.
            observe: Called each second, for a terminal. What it raises is logged and does no harm.
            stale_s: Seconds without progress after which a process is replaced.
        """
        self._state_dir = state_dir
        self._runtime_dir = runtime_dir
        self._recorder_argv = recorder
        self._clock = clock
        self._notifier = notifier or Notifier()
        self._observe = observe
        self._stale_s = stale_s
        self._groups: dict[int, tuple[StreamPlan, ...]] = {}
        self._plan_stamp: tuple[int, int, int] | None = None
        self._plan_problem = ""
        self._recorders: dict[int, Child] = {}
        self._retire_us: dict[int, int] = {}
        self._worker = self._child("worker", worker, self._worker_marker)
        self._later: list[Child] = []  # what begins once the worker reports: nothing that is recorded waits for it
        self._looping: set[str] = set()
        self._state = "starting"
        self._since_us = clock.wall_us()
        self._baseline: dict[int, object] = {}
        self._worker_before: object = None
        self._worker_begun = self._later_begun = False
        self._worker_us = 0
        self._begun_us = self._ticked_us = self._status_us = self._ping_us = 0

    def with_server(self, argv: Sequence[str]) -> None:
        """Run a server, too. Before `run`.

        Args:
            argv: Its command line, program first.
        """
        self._later.append(self._child("server", argv, lambda: _stamp(self._runtime_dir / "server.json")))

    def with_watcher(self, argv: Sequence[str]) -> None:
        """Run a watcher, too. Before `run`.

        Args:
            argv: Its command line, program first.
        """
        self._later.append(self._child("watcher", argv, lambda: _stamp(self._runtime_dir / "watcher.json")))

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; returns when every child has ended, within 30 s of it.

        Raises:
            AlreadyRunning: Another supervisor holds this state folder (C134). Nothing was started.
        """
        with (
            FileLock(self._state_dir / LOCK_FILE, what="holdfast run for this state folder"),
            Signals(SIGTERM, SIGINT, SIGHUP, SIGCHLD) as signals,
        ):
            _log.info("supervisor.started", state_dir=str(self._state_dir))
            self._begin()
            while True:
                caught = signals.wait(TICK_S)
                if SIGTERM in caught or SIGINT in caught:
                    break
                if SIGHUP in caught:
                    self._reload()
                self._tick()
            self._stop(signals)
            _log.info("supervisor.stopped")

    def _begin(self) -> None:
        # Recorders first: with a last good plan footage does not wait for the worker's libraries to load (P7).
        self._ticked_us = self._begun_us = self._clock.boot_us()
        self._follow_plan()
        self._baseline = {number: self._recorder_marker(number) for number in self._recorders}
        self._worker_before = self._worker_marker()
        self._start_worker(self._ticked_us)
        self._state = "running"
        self._write_status()
        self._notifier.ready(self._sentence())

    def _start_worker(self, now_us: int) -> None:
        """Start the worker once the first recorders report; loading everything at once would delay them by seconds."""
        if self._worker_begun:
            return
        quiet = [n for n, marker in self._baseline.items() if marker is not None and marker == self._recorder_marker(n)]
        if not quiet or now_us - self._begun_us >= WORKER_AFTER_S * 1e6:
            self._worker_begun = True
            self._worker_us = now_us
            self._worker.start()

    def _start_later(self, now_us: int) -> None:
        """Start server and watcher once the worker reports: they are worth the least while everything loads."""
        if self._later_begun or not self._worker_begun:
            return
        if self._worker_marker() != self._worker_before or now_us - self._worker_us >= WORKER_AFTER_S * 1e6:
            self._later_begun = True
            for child in self._later:
                child.start()

    def _reload(self) -> None:
        _log.info("supervisor.reloading")
        self._notifier.reloading()
        for child in self._children():
            child.send(SIGHUP)
        self._notifier.ready(self._sentence())

    def _tick(self) -> None:
        now_us = self._clock.boot_us()
        if now_us - self._ticked_us > AWAY_S * 1e6:
            _log.warning("supervisor.away", for_s=round((now_us - self._ticked_us) / 1e6, 1))
            for child in self._children():
                child.forgive()
        self._ticked_us = now_us
        self._follow_plan()
        self._start_worker(now_us)
        self._start_later(now_us)
        self._retire(now_us)
        for child in self._children():
            self._look_after(child)
        if now_us - self._status_us >= STATUS_S * 1e6:
            self._status_us = now_us
            if not self._write_status():
                # Where we cannot write, neither can they: an old status file proves nothing then.
                for child in self._children():
                    child.forgive()
            self._show()
        self._ping(now_us)

    def _look_after(self, child: Child) -> None:
        happened = child.tick()
        status = child.status()
        if happened:
            _log.warning("child.changed", child=child.name, what=happened, pid=status.pid, restarts=status.restarts)
        if status.crash_loop and child.name not in self._looping:
            self._looping.add(child.name)
            _log.error("child.crash_loop", child=child.name, last_end=status.last_end, restarts=status.restarts)
        elif not status.crash_loop and child.name in self._looping:
            self._looping.discard(child.name)
            _log.info("child.healthy_again", child=child.name, restarts=status.restarts)

    def _follow_plan(self) -> None:
        """Have a recorder for every process number of the plan."""
        path = self._state_dir / PLAN
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._plan_stamp:
                return
            self._plan_stamp = stamp
            plan = read_plan(self._state_dir)
        except FileNotFoundError:
            return
        except (OSError, BadInput) as error:
            # Whoever reads must not fall because of what was written: the recorders keep their last good plan, too.
            if str(error) != self._plan_problem:
                self._plan_problem = str(error)
                _log.error("plan.unreadable", path=str(path), error=str(error))
            return
        self._plan_problem = ""
        if plan is not None:
            self._adopt(plan)

    def _adopt(self, plan: Plan) -> None:
        if plan.runtime_dir:
            self._runtime_dir = Path(plan.runtime_dir)
        numbers = sorted({stream.process for stream in plan.streams})
        self._groups = {n: tuple(s for s in plan.streams if s.process == n) for n in numbers}
        for number in numbers:
            self._retire_us.pop(number, None)
            if number not in self._recorders:
                _log.info("recorder.added", process=number, streams=len(self._groups[number]))
                self._recorders[number] = self._child(
                    f"recorder-{number}", self._recorder_argv(number), partial(self._recorder_marker, number)
                )
            self._recorders[number].start()
        for number in self._recorders.keys() - self._groups.keys():
            self._retire_us.setdefault(number, self._clock.boot_us() + round(RETIRE_S * 1e6))

    def _retire(self, now_us: int) -> None:
        """Stop recorders that no stream needs any more; a removed camera is no crash (F05)."""
        for number, due_us in list(self._retire_us.items()):
            child = self._recorders[number]
            if child.status().state != "stopped":
                if now_us >= due_us:
                    self._retire_us[number] = now_us + round(STOP_RECORDERS_S * 1e6)
                    child.stop()
                continue
            _log.info("recorder.retired", process=number)
            del self._recorders[number], self._retire_us[number]

    def _child(self, name: str, argv: Sequence[str], marker: Callable[[], object]) -> Child:
        errors = self._state_dir / "stderr" / f"{name}.txt"
        return Child(name, argv, clock=self._clock, errors=errors, marker=marker, stale_s=self._stale_s)

    def _children(self) -> list[Child]:
        return [*self._recorders.values(), self._worker, *self._later]

    def _recorder_marker(self, number: int) -> object:
        """Return what changes while the recorder writes status files, or None where it has nothing to write about."""
        wanted = [s for s in self._groups.get(number, ()) if s.capture.mode != "off"]
        if not wanted:
            return None
        return tuple(_stamp(self._runtime_dir / status_name(s.camera, s.stream)) for s in wanted)

    def _worker_marker(self) -> object:
        return _stamp(self._runtime_dir / "worker.json")

    def _ping(self, now_us: int) -> None:
        every_s = self._notifier.watchdog_s
        if every_s is None or now_us - self._ping_us < every_s * 1e6:
            return
        # A child that stands still is replaced here; only where even KILL did not help may systemd restart us all.
        hopeless_s = self._stale_s + 2 * STOP_GRACE_S
        stuck = [child.name for child in self._children() if child.stale_for_s > hopeless_s]
        if stuck:
            _log.error("supervisor.watchdog_withheld", stuck=stuck)
        else:
            self._notifier.watchdog()
        self._notifier.status(self._sentence())
        self._ping_us = now_us

    def _stop(self, signals: Signals) -> None:
        """Recorders first, so that the worker can index what they say last."""
        self._state = "stopping"
        _log.info("supervisor.stopping")
        self._notifier.stopping()
        self._write_status()
        self._show()
        # Server and watcher beside them: viewers have seen the end, and who watches goes on where it was.
        hurried = self._drain([*self._recorders.values(), *self._later], STOP_RECORDERS_S, signals, hurried=False)
        self._drain([self._worker], STOP_WORKER_S, signals, hurried=hurried)
        self._state = "stopped"
        self._write_status()
        self._show()

    def _drain(self, children: list[Child], patience_s: float, signals: Signals, *, hurried: bool) -> bool:
        """End these children; returns whether a second signal asked for haste."""
        limit_us = self._clock.boot_us() + round((HURRY_S if hurried else patience_s) * 1e6)
        for child in children:
            child.stop()
        while any(child.alive for child in children):
            self._write_status()
            again = {SIGTERM, SIGINT} & set(signals.wait(TICK_S))
            if again and not hurried:
                hurried = True
                _log.warning("supervisor.hurrying")
                limit_us = min(limit_us, self._clock.boot_us() + round(HURRY_S * 1e6))
                for child in children:
                    child.stop()
            if self._clock.boot_us() >= limit_us:
                for child in children:
                    child.kill()
            for child in children:
                child.tick()
        return hurried

    def _sentence(self) -> str:
        streams = sum(len(group) for group in self._groups.values())
        text = f"{streams} streams in {len(self._groups)} recorder processes"
        return f"{text}; restarting again and again: {', '.join(sorted(self._looping))}" if self._looping else text

    def _show(self) -> None:
        if self._observe is None:
            return
        try:
            self._observe()
        except Exception:  # noqa: BLE001 - a terminal that went away, or a fault in a view, must not end recording
            _log.warning("supervisor.view_failed", exc_info=True)
            self._observe = None

    def _write_status(self) -> bool:
        body = {
            "v": 1,
            "state": self._state,
            "pid": os.getpid(),
            "at_us": self._clock.wall_us(),
            "since_us": self._since_us,
            "plan_problem": self._plan_problem,
            "children": [child.status().to_dict() for child in self._children()],
        }
        return write_status(self._runtime_dir / STATUS_FILE, body)


def write_status(path: Path, body: dict[str, object]) -> bool:
    """Replace a status file; not synced, since it speaks of this second only.

    Returns:
        Whether it worked. A full or missing runtime folder is no reason to stop, so it raises nothing.
    """
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        replace_atomically(path, json.dumps(body, ensure_ascii=False).encode(), durable=False, mode=0o640)
    except (OSError, StorageError):
        return False
    return True


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)
