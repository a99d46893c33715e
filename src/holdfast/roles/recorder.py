"""The recorder: one process that records up to sixteen streams, and depends on nothing else.

It reads `streams.json`, and again whenever that file changes or SIGHUP arrives; streams whose plan is the same are not
touched. It never opens the catalog, never decodes for anyone, and talks to nobody but its cameras. It stops in this
order: all streams say goodbye at once (sources close with TEARDOWN, segments are sealed), then upkeep, then the last
status; a second signal ends it at once, which costs no more than a kill does.
"""

import gc
import os
import secrets
import signal
import threading
from pathlib import Path
from types import FrameType

import structlog

from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, StorageError
from holdfast.core.gap import GapReason
from holdfast.core.journal import Closed
from holdfast.core.plan import Plan, StreamPlan
from holdfast.core.status import status_name
from holdfast.media.source.make import make_source
from holdfast.recording.store import StreamStore
from holdfast.recording.stream import StreamRecorder
from holdfast.recording.unsaid import Unsaid
from holdfast.recording.upkeep import Upkeep
from holdfast.roles.own_memory import LARGE_BYTES, keep_together
from holdfast.storage.files import replace_atomically

STATUS_S = 1.0  # specified: status files are replaced each second
UPKEEP_S = 3.0  # chosen: with STOP_S, before the supervisor's 26 s: memory is moved to the disk in what is left of both
STOP_S = 20.0  # specified: all roles in order within 30 s, so recorders within the first two thirds of it

_ARENAS = 1  # measured: an arena a thread grew by 40 KB with every reconnect; threads here rarely allocate at once

log = structlog.get_logger()


class Recorder:
    """Records the streams of one shard.

    Args:
        state_dir: Where `streams.json` and `expendable.jsonl` are.
        shard: Number of this process; records the streams that are assigned to it.
        clock: Time.
    """

    def __init__(self, state_dir: Path, shard: int, clock: Clock) -> None:
        self._plan_file = state_dir / "streams.json"
        self._expendable = state_dir / "expendable.jsonl"
        self._shard = shard
        self._clock = clock
        self._session = secrets.token_hex(8)
        self._streams: dict[str, StreamRecorder] = {}
        self._leaving: list[StreamRecorder] = []
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._attempts = 0
        self._seen: tuple[int, int, int] | None = None
        self._runtime: Path | None = None
        self._upkeep = Upkeep(clock.boot_id)
        self._unsaid = Unsaid()

    def run(self) -> None:
        """Record until told to stop."""
        log.info("recorder.started", shard=self._shard, pid=os.getpid())
        # What connections and seals allocate is returned, instead of scattered.
        keep_together(_ARENAS, large_bytes=LARGE_BYTES)
        # What is loaded by now stays: left out of collections, these take a millisecond instead of thirty.
        gc.freeze()
        while not self._stop.is_set():
            self._look()
            self._report()
            self._tidy()
            self._stop.wait(STATUS_S)
        self._finish()

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._stop.set()

    def reload(self) -> None:
        """Read the plan again, even if it looks unchanged."""
        self._reload.set()

    def install_signals(self) -> None:
        """SIGTERM and SIGINT stop, a second one ends at once; SIGHUP reloads. Only from the main thread."""

        def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
            if self._stop.is_set():
                os._exit(128 + number)
            self.stop()

        signal.signal(signal.SIGTERM, leave)
        signal.signal(signal.SIGINT, leave)
        signal.signal(signal.SIGHUP, lambda _number, _frame: self.reload())

    # --- plan --------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Follow the plan. A missing or damaged one changes nothing: what is recorded now goes on."""
        try:
            stat = self._plan_file.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen and not self._reload.is_set():
                return
            self._reload.clear()
            plan = Plan.from_json(self._plan_file.read_bytes())
        except (OSError, BadInput) as error:
            log.warning("plan.unreadable", shard=self._shard, why=str(error))
            return
        self._seen = seen
        self._follow(plan)

    def _follow(self, plan: Plan) -> None:
        self._runtime = Path(plan.runtime_dir) if plan.runtime_dir else None
        wanted = {str(stream.key): stream for stream in plan.streams if stream.process == self._shard}
        for key, recorder in list(self._streams.items()):
            new = wanted.get(key)
            if new is None and key in {str(stream.key) for stream in plan.streams}:
                self._dismiss(key, Closed(reason=GapReason.RESTARTED.value, detail="another process takes it over"))
            elif new is None:
                self._dismiss(key, Closed(reason=GapReason.DISABLED.value, detail="no longer configured"))
            elif new != recorder.plan and not recorder.follow(new):
                self._dismiss(key, Closed(reason=GapReason.RESTARTED.value, detail="settings changed"))
        for key, stream in wanted.items():
            if key not in self._streams:
                self._streams[key] = self._recorder(stream)
                self._streams[key].start()

    def _recorder(self, stream: StreamPlan) -> StreamRecorder:
        return StreamRecorder(
            stream,
            self._clock,
            make_source=lambda plan: make_source(plan, self._clock),
            open_store=lambda: StreamStore(stream, self._clock, self._expendable, self._session),
            recover=self._upkeep.take,
            unsaid=self._unsaid,
        )

    def _dismiss(self, key: str, goodbye: Closed) -> None:
        recorder = self._streams.pop(key)
        recorder.stop(goodbye)
        self._leaving.append(recorder)

    # --- status ------------------------------------------------------------------------------------------------------

    def _report(self) -> None:
        self._leaving = [recorder for recorder in self._leaving if recorder.alive]
        if self._runtime is None:
            return
        for recorder in list(self._streams.values()):
            status = recorder.snapshot()
            path = self._runtime / status_name(status.camera, status.stream)
            try:
                replace_atomically(path, status.to_json().encode(), durable=False, mode=0o644)
            except StorageError as error:
                # Status is for people; recording does not care whether anybody can read it.
                log.warning("status.unwritable", why=str(error))
                return

    def _tidy(self) -> None:
        """Give back what ended connections held, at most once a second (P8).

        A connection is a circle of objects around its buffer. Python looks for such circles by the number of objects,
        not by their size: left alone it looks once in hundreds of reconnects, at tens of kilobytes each.
        """
        attempts = sum(recorder.attempts for recorder in self._streams.values())
        if attempts != self._attempts:
            self._attempts = attempts
            gc.collect()

    # --- end ---------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        goodbye = Closed(reason=GapReason.RECORDER_DOWN.value, detail="stopped")
        for recorder in self._streams.values():
            recorder.stop(goodbye)
        deadline_us = self._clock.boot_us() + round(STOP_S * 1e6)
        for recorder in [*self._streams.values(), *self._leaving]:
            left_s = max(0.1, (deadline_us - self._clock.boot_us()) / 1e6)
            if not recorder.join(left_s):
                log.warning("stream.stuck", camera=recorder.plan.camera, stream=recorder.plan.stream)
        left_s = UPKEEP_S + (deadline_us - self._clock.boot_us()) / 1e6
        self._upkeep.stop(timeout_s=max(2.0, left_s))
        self._report()
        log.info("recorder.stopped", shard=self._shard)
