"""A source in a process of its own, seen from the recorder: one bad driver must not take 16 streams.

The process is `python -m holdfast.roles.source`; it gets the plan through its socket (a plan holds a password, and
what stands on a command line is seen by everybody), and what it says comes back the same way. Whatever it does or
fails to do, each wait here ends: it is killed when it says nothing for longer than it may. It ends with the recorder,
however that ends. libav is not loaded here.

Used on the stream's thread, which starts the process and must live as long; `interrupt` may be called from any.

Not here: what it does (http, screen, device), its main (roles.source), the messages (pipe).
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import structlog

from holdfast.core.camera import Sample, StreamKey, Track
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, SourceEnded, SourceError, Stalled
from holdfast.core.plan import Plan, StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.source import pipe
from holdfast.media.source.contract import TracksChanged

_LOAD_S = 30.0  # chosen: Python and libav from the SD card of the slowest board, while 16 others start as well
_GRACE_S = 1.0  # chosen: what the process gets beyond its own deadline, to say in its own words what went wrong
_LEAVE_S = 0.6  # chosen: for closing a device or a connection in order; then it is killed, and loses nothing
_READ_BYTES = 256 * 1024
_BROKEN = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})

_log = structlog.get_logger()
_chosen: dict[StreamKey, str] = {}
"""What encodes each stream, as the log has it."""

_crashed: set[StreamKey] = set()
"""Streams whose process died of its own code while hardware encoded: the processor does it for them from then on."""


class ChildSource:
    """A source of any kind, in a process of its own.

    Args:
        plan: What to connect to.
        clock: How long waits last. Samples carry the process's own boot time, which is the same clock.

    Attributes:
        notes: What a person should know about the stream.
    """

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._reader = pipe.Reader()
        self._said: list[pipe.Said] = []
        self._told = False
        self._quiet_s = plan.stall_s
        self._encoder = ""
        self.notes: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        """The process's id; 0 while there is none."""
        return 0 if self._process is None else self._process.pid

    def open(self) -> tuple[Track, ...]:
        """Start the process and wait for what it opens; see `contract.Source.open`."""
        plan = self._plan
        try:
            self._start()
            said = self._hear(_LOAD_S, during="the source's process did not start")
            if isinstance(said, pipe.Loaded):
                said = self._hear(plan.open_timeout_s, during="it did not open")
        except BaseException:
            self.close()
            raise
        if not isinstance(said, pipe.Opening):
            self.close()
            wrong = SourceError(f"{plan.key}: the source's process spoke out of turn")
            raise said if isinstance(said, SourceError) else wrong
        self.notes = said.notes
        self._quiet_s = max(plan.stall_s, said.quiet_s)
        self._learn(said.tracks, said.passed_over)
        return said.tracks

    def samples(self) -> Iterator[Sample | TracksChanged]:
        """Yield what the process says; see `contract.Source.samples`."""
        if self._line is None:
            raise SourceEnded(f"{self._plan.key}: not open")
        while True:
            said = self._hear(self._quiet_s, during="nothing arrived")
            if isinstance(said, Sample):
                yield said
            elif isinstance(said, SourceError):
                raise said
            elif isinstance(said, tuple):
                self._learn(said, ())
                yield TracksChanged(said)

    def close(self) -> None:
        """End the process: it is asked to leave, and killed where it does not."""
        line, self._line = self._line, None
        process, self._process = self._process, None
        self._said.clear()
        if line is not None:
            # Both ways: it notices the end of its input, and can no longer be stuck in telling us something.
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        if process is None:
            return
        try:
            process.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def interrupt(self) -> None:
        """End the present wait at once, and every later one."""
        self._told = True
        line = self._line
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RD)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._line = ours
        plan = self._plan
        argv = [sys.executable, "-m", "holdfast.roles.source", str(os.getpid())]
        if plan.key in _crashed:
            argv.append("software")
        try:
            with theirs:
                self._process = subprocess.Popen(
                    argv,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            ours.settimeout(_GRACE_S)
            ours.sendall(Plan(streams=(plan,)).to_json().encode() + b"\0")
        except OSError as error:
            raise SourceError(f"{plan.key}: the source's process could not be started: {error.strerror}") from None

    def _hear(self, within_s: float, *, during: str) -> pipe.Said:
        """Return the next message, which may come a little later than the process itself would wait.

        Raises:
            SourceError: None came: it took too long, the process died, or somebody said to stop.
        """
        plan, line = self._plan, self._line
        until_us = self._clock.boot_us() + int((within_s + _GRACE_S) * SECOND_US)
        while not self._said:
            left_us = until_us - self._clock.boot_us()
            if self._told or line is None:
                raise SourceEnded(f"{plan.key}: told to stop", hint="")
            if left_us <= 0:
                raise Stalled(f"{plan.key}: {during} for {round(within_s, 1):g} s")
            line.settimeout(left_us / SECOND_US)
            try:
                data = line.recv(_READ_BYTES)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                raise self._gone()
            try:
                self._said.extend(self._reader.feed(data))
            except BadInput as error:
                raise SourceError(f"{plan.key}: {error}") from None
            self._said.reverse()
        return self._said.pop()

    def _gone(self) -> SourceError:
        """Say why the process says nothing more."""
        key, process = self._plan.key, self._process
        if self._told or process is None:
            return SourceEnded(f"{key}: told to stop", hint="")
        try:
            code = process.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            return SourceEnded(f"{key}: the source's process hung up")
        if code >= 0:
            return SourceEnded(f"{key}: the source's process exited with {code}")
        number = -code
        if number in _BROKEN and self._encoder not in {"", "libx264"} and key not in _crashed:
            _crashed.add(key)
            _log.warning("encoder.crashed", camera=key.camera, stream=key.stream, encoder=self._encoder, signal=number)
        return SourceEnded(f"{key}: the source's process was killed by signal {number}")

    def _learn(self, tracks: tuple[Track, ...], passed_over: tuple[str, ...]) -> None:
        encoder = next((track.encoder for track in tracks if track.encoder), "")
        self._encoder = encoder
        key = self._plan.key
        # Once a stream, not once a connection; and to a log: who tests a camera at a terminal asked something else.
        if encoder and _chosen.get(key) != encoder and structlog.is_configured():
            _chosen[key] = encoder
            facts = {"without": list(passed_over)} if passed_over else {}
            _log.info("source.encoder", camera=key.camera, stream=key.stream, encoder=encoder, **facts)
