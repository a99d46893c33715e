"""One child process that makes a tier, and the spool that it writes: started, started again, ended.

Used in the server's event loop, as `tiers` is; nothing here waits for the child but `stop`.

Not here: who watches and how many there may be (tiers), the work itself (tiering).
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import structlog

from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError
from holdfast.core.timing import SECOND_US
from holdfast.library.tiering import POSITION_FILE, STATUS_FILE
from holdfast.storage.files import replace_atomically

FIRST_BACKOFF_S, BACKOFF_CAP_S = 0.5, 30.0  # chosen: the first death costs viewers a moment, a row of them no core
HEALTHY_S = 10.0  # chosen: as with roles: the next death is another one
STOP_S = 2.0  # a child ends within one picture; then it is killed, and loses nothing
LAST_WORDS_BYTES = 400
_SHIM = """
import ctypes, os, signal, sys
os.nice(10)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs between fork and the work: last in line for the processor, and gone with the server. It has nothing to lose."""


_log = structlog.get_logger("holdfast.tiers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """What a viewer reads: `library.footage` takes `volumes` and `key` as it takes those of recorded footage.

    Attributes:
        volumes: One root, by name.
        key: The stream; named like the one that was asked for.
        tier: Which tier.
        source: The stream that is converted: the sub stream where it is recorded and large enough.
        root: The folder.
    """

    volumes: Mapping[str, Path]
    key: StreamKey
    tier: str
    source: StreamKey
    root: Path

    def reached(self, wall_us: int) -> None:
        """Say where a viewer of the past is: nothing is converted further than 30 s ahead of it.

        A viewer who never says so is taken to watch at the speed of time. Any thread; a file of 16 bytes in memory.
        """
        with suppress(HoldfastError):  # the spool is gone: so is its viewer
            replace_atomically(self.root / POSITION_FILE, str(wall_us).encode(), durable=False, mode=0o640)

    def place_us(self) -> int | None:
        """Return what `reached` said last, or None."""
        try:
            return int((self.root / POSITION_FILE).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def status(self) -> dict[str, Any]:
        """Return what the child says of itself: size, pictures, those left out, whether it keeps up; else empty."""
        try:
            body: dict[str, Any] = json.loads((self.root / STATUS_FILE).read_bytes())
        except (OSError, ValueError):
            return {}
        return body


def child_of_low_priority(module: str, order: str) -> list[str]:
    """Return the command line of a child that is last in line for the processor and gone with this process.

    It must be started from the thread of the event loop: the kernel's word on a parent's death is about a thread.
    """
    shim = [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid())]
    return [*shim, sys.executable, "-m", module, order]


class Maker:
    """One child and its spool, kept alive while somebody watches."""

    def __init__(self, spool: Spool, order: dict[str, Any], clock: Clock) -> None:
        self.spool = spool
        self.viewers = 0
        self.idle_us: int | None = None
        self.ready = False
        self._order = order
        self._clock = clock
        self._stopping: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._began_us = self._due_us = 0
        self.deaths = 0
        self.last_end = ""

    @property
    def pid(self) -> int:
        """The child's process id; 0 while there is none."""
        return 0 if self._process is None else self._process.pid

    def tick(self) -> None:
        """Start the child, or start it again."""
        if self._stopping is not None:
            return
        now_us = self._clock.boot_us()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._died(code, now_us)
        if self._process is None and now_us >= self._due_us:
            self._start(now_us)

    def _start(self, now_us: int) -> None:
        argv = child_of_low_priority("holdfast.roles.tier", json.dumps(self._order_now()))
        self._began_us = now_us
        try:
            with self._errors("wb") as sink:
                # From the loop's own thread: the kernel's word on a parent's death is about the thread that started it.
                self._process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=sink, start_new_session=True
                )
        except OSError as error:
            self._wait(f"could not be started: {error.strerror}", now_us)

    def _order_now(self) -> dict[str, Any]:
        """Return the order; a child that takes over begins where the viewer of the past is by now."""
        place_us = self.spool.place_us()
        if self._order["from_us"] is None or place_us is None:
            return self._order
        return {**self._order, "from_us": place_us}

    def _died(self, code: int, now_us: int) -> None:
        self._process = None
        words = self._last_words()
        how = f"killed by signal {-code}" if code < 0 else f"exited with {code}"
        self._wait(words or how, now_us)
        _log.warning("tier.ended", camera=self.spool.key.camera, tier=self.spool.tier, how=how, detail=words)

    def _wait(self, why: str, now_us: int) -> None:
        self.deaths = 1 if now_us - self._began_us > HEALTHY_S * SECOND_US else self.deaths + 1
        wait_s = 0.0 if self.deaths == 1 else min(BACKOFF_CAP_S, FIRST_BACKOFF_S * 2.0 ** min(self.deaths, 10))
        self._due_us = now_us + round(wait_s * SECOND_US)
        self.last_end = why

    def _errors(self, mode: Literal["wb", "rb"]) -> IO[bytes]:
        return (self.spool.root / "errors").open(mode)

    def _last_words(self) -> str:
        try:
            with self._errors("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    async def stop(self) -> None:
        """End the child and remove the spool; whoever asks waits for the same end, and it comes whoever gives up."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            deadline_us = self._clock.boot_us() + round(STOP_S * SECOND_US)
            while process.poll() is None:
                if self._clock.boot_us() > deadline_us:
                    process.kill()
                await asyncio.sleep(0.02)
        await asyncio.to_thread(shutil.rmtree, self.spool.root, ignore_errors=True)
