"""One child process: started, judged by its progress, replaced with back-off, stopped through its own handle.

A child leads a process group of its own, so that Ctrl-C reaches the supervisor alone and stopping keeps its order. It
is asked to stop (SIGTERM) when the supervisor dies, however that happens. It never writes into a pipe of ours: roles
log to their own files, and what else comes out (tracebacks, complaints of libraries) goes to a capped file (F02).

All methods are called by the supervisor's one thread, and none of them waits.
Not here: which children there are and in which order they stop (supervisor).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from holdfast.core.clock import Clock
from holdfast.core.config import mask_url

FIRST_BACKOFF_S = 1.0  # C007: the first restart is immediate, the second waits this long
BACKOFF_CAP_S = 30.0  # chosen: unlike a camera's, a role's wait costs the footage of sixteen streams
HEALTHY_S = 10.0  # chosen: a recorder that ran this long was recording; its next death is another one
LOOP_AFTER = 5  # chosen: restarts without such a while between them before it is called a crash loop
STOP_GRACE_S = 10.0  # chosen: what a stuck child gets between TERM and KILL; a sound one needs under two seconds
ERRORS_CAP_BYTES = 1024 * 1024  # chosen: hundreds of tracebacks; small enough for an SD card
LAST_WORDS_BYTES = 8192  # of the error file: enough for the longest last line that anybody would read
LAST_WORDS_SHOWN = 200  # characters of it, in a status and in the log

# Runs between fork and the role: asks the kernel for SIGTERM when the parent dies, passes over SIGHUP until the role
# has a handler for it (told to read again while it starts, it reads anyway), then becomes the role: exec keeps both. A
# program of its own, because `preexec_fn` may deadlock as soon as the parent has a second thread.
_SHIM = """
import ctypes, os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def _without_hangups() -> Iterator[None]:
    """Hold SIGHUP back in this thread; a child that it starts meanwhile begins so, and cannot die of one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class ChildState(StrEnum):
    """What a child is doing."""

    RUNNING = "running"
    WAITING = "waiting"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStatus:
    """A child as people see it, in `supervisor.json` and `holdfast status`.

    Attributes:
        name: Which one, `worker` or `recorder-0`.
        state: What it is doing.
        pid: Its process id, or 0.
        since_us: Wall time at which this state began.
        restarts: How often it was started again since the supervisor began.
        last_end: How it ended the last time, in words; empty if it never did.
        retry_in_s: Seconds until it is started again, or None.
        crash_loop: It keeps ending before it was ever healthy.
    """

    name: str
    state: ChildState
    pid: int = 0
    since_us: int = 0
    restarts: int = 0
    last_end: str = ""
    retry_in_s: float | None = None
    crash_loop: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return it as plain values."""
        return {**asdict(self), "state": self.state.value}


class Backoff:
    """How long to wait before a child is started again: not at all, 1 s, 2 s, … 30 s; forgotten once it was healthy."""

    def __init__(
        self, *, first_s: float = FIRST_BACKOFF_S, cap_s: float = BACKOFF_CAP_S, healthy_s: float = HEALTHY_S
    ) -> None:
        self._first_s, self._cap_s, self._healthy_s = first_s, cap_s, healthy_s
        self.in_a_row = 0

    def ended(self, ran_s: float) -> float:
        """Return the seconds to wait after a life of `ran_s` seconds."""
        if ran_s >= self._healthy_s:
            self.in_a_row = 0
        self.in_a_row += 1
        # The exponent is bounded because a float overflows after a thousand restarts, which is a day of them.
        return 0.0 if self.in_a_row == 1 else min(self._cap_s, self._first_s * 2.0 ** min(self.in_a_row - 2, 30))

    def crash_loop(self, running_s: float) -> bool:
        """Say whether it keeps ending, given that it now runs for `running_s` seconds (0 if it does not)."""
        return self.in_a_row >= LOOP_AFTER and running_s < self._healthy_s


def died_how(code: int) -> str:
    """Say how a process ended: `exited with 1`, `killed by SIGKILL`."""
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


class Child:
    """A process that is kept alive.

    `marker` is asked for progress: any value that differs from the last one counts. It is compared, not read as a
    time, so that no step of the wall clock looks like a standstill.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        clock: Clock,
        errors: Path | None = None,
        marker: Callable[[], object] | None = None,
        stale_s: float = 30.0,
        backoff: Backoff | None = None,
    ) -> None:
        """Describe it; nothing is started yet.

        Args:
            name: What people call it.
            argv: Program (absolute path) and arguments.
            clock: Whose boot time judges waits and standstills.
            errors: Where its standard output and error go; None or an unwritable place drops them.
            marker: Its progress, or None where that cannot be judged now.
            stale_s: Seconds without progress after which it is replaced.
            backoff: Waits between restarts.
        """
        self.name = name
        self._argv = tuple(argv)
        self._clock = clock
        self._errors = errors
        self._marker = marker
        self._stale_s = stale_s
        self._backoff = backoff or Backoff()
        self._process: subprocess.Popen[bytes] | None = None
        self._state, self._since_us = ChildState.STOPPED, clock.wall_us()
        self._started_us = self._due_us = self._progress_us = self._term_us = 0
        self._seen: object = None
        self._starts = 0
        self._last_end = ""
        self._wanted = False
        self._errors_from = 0

    @property
    def alive(self) -> bool:
        """Whether the process exists, as of the last `tick`."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Its process id, or 0."""
        return 0 if self._process is None else self._process.pid

    @property
    def stale_for_s(self) -> float:
        """Seconds since it last showed progress; 0 where it is not running or cannot be judged."""
        if self._process is None or self._marker is None:
            return 0.0
        return (self._clock.boot_us() - self._progress_us) / 1e6

    def status(self) -> ChildStatus:
        """Describe it as it is now."""
        now_us = self._clock.boot_us()
        waiting = self._state is ChildState.WAITING
        running_s = (now_us - self._started_us) / 1e6 if self._state is ChildState.RUNNING else 0.0
        return ChildStatus(
            name=self.name,
            state=self._state,
            pid=self.pid,
            since_us=self._since_us,
            restarts=max(0, self._starts - 1),
            last_end=self._last_end,
            retry_in_s=round(max(0.0, (self._due_us - now_us) / 1e6), 1) if waiting else None,
            crash_loop=self._backoff.crash_loop(running_s),
        )

    def start(self) -> None:
        """Want it to run from now on; starts it at once."""
        self._wanted = True
        if self._process is None:
            self._spawn()

    def stop(self) -> None:
        """Want it gone: ask with SIGTERM, once more at each call. `tick` notices its end; `kill` does not ask."""
        self._wanted = False
        if self._process is None:
            self._enter(ChildState.STOPPED)
        else:
            self._term_us = self._clock.boot_us()
            self._enter(ChildState.STOPPING)
            self.send(signal.SIGTERM)

    def kill(self) -> None:
        """End it now."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal. Through its own handle, so that a recycled process id can never be hit (F06)."""
        if self._process is not None:
            self._process.send_signal(number)

    def forgive(self) -> None:
        """Forget how long it stood still: it was the judge who was away (host suspended, supervisor stopped)."""
        self._progress_us = self._clock.boot_us()

    def tick(self) -> str:
        """Look after it.

        Returns:
            What happened, in words for the log, or empty where nothing did.
        """
        if self._process is None:
            if self._wanted and self._clock.boot_us() >= self._due_us:
                self._spawn()
                return "started again"
            return ""
        code = self._process.poll()
        if code is not None:
            return self._ended(code)
        self._trim_errors()
        return self._judge()

    def _judge(self) -> str:
        now_us = self._clock.boot_us()
        if self._marker is not None:
            seen = self._marker()
            if seen is None or seen != self._seen:
                self._seen, self._progress_us = seen, now_us
        if self._state is ChildState.STOPPING:
            if self._wanted and now_us - self._term_us > STOP_GRACE_S * 1e6:
                self._term_us = now_us
                self.kill()
                return "killed: it stood still and did not react to being asked"
            return ""
        if self.stale_for_s > self._stale_s:
            self._enter(ChildState.STOPPING)
            self._term_us = now_us
            self.send(signal.SIGTERM)
            return f"asked to end: no progress for {self.stale_for_s:.0f} s"
        return ""

    def _spawn(self) -> None:
        self._starts += 1
        self._started_us = self._progress_us = self._clock.boot_us()
        self._seen = None
        try:
            with self._open_errors() as sink, _without_hangups():
                self._errors_from = os.fstat(sink.fileno()).st_size
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), *self._argv],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    start_new_session=True,
                )
        except OSError as error:
            # No memory or no process slot at this moment: the others go on, this one is tried again.
            self._wait(f"could not be started: {error.strerror}", ran_s=0.0)
            return
        self._enter(ChildState.RUNNING)

    def _ended(self, code: int) -> str:
        self._process = None
        last_words = self._last_words() if code > 0 else ""
        self._last_end = died_how(code) + (f" ({last_words})" if last_words else "")
        ran_s = (self._clock.boot_us() - self._started_us) / 1e6
        if not self._wanted:
            self._enter(ChildState.STOPPED)
            return f"ended: {self._last_end}"
        wait_s = self._wait(self._last_end, ran_s=ran_s)
        again = f"in {wait_s:.0f} s" if wait_s else "at once"
        return f"ended by itself after {ran_s:.1f} s: {self._last_end}; starts again {again}"

    def _wait(self, why: str, *, ran_s: float) -> float:
        self._last_end = why
        wait_s = self._backoff.ended(ran_s)
        self._due_us = self._clock.boot_us() + round(wait_s * 1e6)
        self._enter(ChildState.WAITING)
        return wait_s

    def _enter(self, state: ChildState) -> None:
        if state is not self._state:
            self._state, self._since_us = state, self._clock.wall_us()

    def _open_errors(self) -> IO[bytes]:
        if self._errors is not None:
            # A full or read-only disk must not keep a recorder from starting: it has footage to say that about.
            with suppress(OSError):
                self._errors.parent.mkdir(parents=True, exist_ok=True)
                return self._errors.open("ab", buffering=0)
        return Path(os.devnull).open("wb", buffering=0)

    def _last_words(self) -> str:
        """Return the last line that this life wrote to its error file: of a traceback, the error itself."""
        if self._errors is None:
            return ""
        try:
            with self._errors.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(min(self._errors_from, size), size - LAST_WORDS_BYTES))
                lines = file.read(LAST_WORDS_BYTES).decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return mask_url(lines[-1][:LAST_WORDS_SHOWN]) if lines else ""

    def _trim_errors(self) -> None:
        if self._errors is None:
            return
        with suppress(OSError):
            if self._errors.stat().st_size <= ERRORS_CAP_BYTES:
                return
            try:
                kept = self._errors.with_name(self._errors.name + ".1")
                kept.write_bytes(self._errors.read_bytes()[-ERRORS_CAP_BYTES:])
            finally:
                # The child writes in append mode, so after this it goes on at the new end.
                os.truncate(self._errors, 0)
