"""A program of the system that moves files: run in a group of its own, drained, watched, and ended by its handle.

Runs on the thread that calls. Not here: which program, and what its words mean.
"""

import functools
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from holdfast.core.errors import MissingDependency, TargetAway
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.sources import stop_if_told

_LOOK_S = 0.25  # chosen: how soon being told to stop is noticed
_END_S = 3.0  # chosen: what a program may take to keep what it has, before it is ended for good
_PIECE_BYTES = 65_536
_MOST_ERRORS = 100_000  # chosen: bytes of complaints that are kept; the first ones say why


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended: its exit code, its lines and its complaints."""

    code: int
    lines: tuple[str, ...]
    errors: str


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a program may say nothing.

    Attributes:
        quiet_s: Seconds after which it is ended, or, where more is allowed, its host is asked for a sign of life.
        longest_s: Seconds after which it is ended although its host is there; never less than `quiet_s`.
        alive: Asks the host; raises TargetAway where it is not there. Nothing to ask where the program does so itself.
    """

    quiet_s: float
    longest_s: float = 0.0
    alive: Callable[[], object] = lambda: None


def run(
    argv: Sequence[str], going: Going, *, target: str, silence: Silence, environ: Mapping[str, str] | None = None,
    line: Callable[[str], None] = lambda _line: None, given: bytes = b"",
) -> Done:  # fmt: skip
    """Run a program to its end.

    Args:
        argv: Its arguments; never a secret.
        going: Asked whether to stop.
        target: For the errors.
        silence: How long it may say nothing.
        environ: Variables besides those of this process.
        line: Told each line, also those that end in a carriage return.
        given: What it reads from its input.

    Raises:
        TargetAway: Told to stop, or silent for too long.
        MissingDependency: There is no such program.
    """
    talk = _Talk(given, line)
    with _started(argv, subprocess.PIPE if given else subprocess.DEVNULL, subprocess.PIPE, environ) as child:
        _drain(child, going, target, silence, talk)
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired as error:
            raise TargetAway(f"{target}: {argv[0]} closed its output and does not end") from error
    return Done(child.returncode, tuple(talk.lines), talk.errors.decode(errors="replace"))


def begun(argv: Sequence[str], going: Going, *, target: str, quiet_s: float) -> int:
    """Run a program that leaves something running in the background; its code once it has begun that.

    Nothing that it says is heard. What it leaves is in no group with it: to end it is the caller's job.

    Raises:
        TargetAway: Told to stop, or it takes too long.
        MissingDependency: There is no such program.
    """
    until_s = time.monotonic() + quiet_s
    with _started(argv, subprocess.DEVNULL, subprocess.DEVNULL) as child:
        while True:
            stop_if_told(going, target)
            with suppress(subprocess.TimeoutExpired):
                return child.wait(_LOOK_S)
            if time.monotonic() > until_s:
                raise _silent(target, quiet_s)


@contextmanager
def _started(
    argv: Sequence[str], given: int, heard: int, environ: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program in a group of its own; at the end it is ended, if it has not, and its pipes are closed.

    Args:
        argv: Its arguments.
        given: Where its input comes from, as for `subprocess`.
        heard: Where its output and its complaints go.
        environ: As for `run`.
    """
    if shutil.which(argv[0]) is None:
        raise MissingDependency(f"{argv[0]} is not installed", hint=f"apt install {argv[0]}")
    child = subprocess.Popen(
        [*_dying_with_us(), *argv], stdin=given, stdout=heard, stderr=heard, bufsize=0, start_new_session=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environ or {})},
    )  # fmt: skip
    # Not `with child`: that waits without end for a program which the system cannot end, as one on a dead share.
    try:
        yield child
    finally:
        _end(child)
        for pipe in filter(None, (child.stdin, child.stdout, child.stderr)):
            pipe.close()


@functools.cache
def _dying_with_us() -> tuple[str, ...]:
    """Return what lets the system end a program when we are killed: else it would send on for whoever is gone."""
    return ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()


def _silent(target: str, silent_s: float) -> TargetAway:
    return TargetAway(f"{target}: nothing moved for {silent_s:g} s")


def _drain(child: "subprocess.Popen[bytes]", going: Going, target: str, silence: Silence, talk: "_Talk") -> None:
    heard_s = known_s = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for pipe, event, move in (
            (child.stdin, selectors.EVENT_WRITE, talk.give),
            (child.stdout, selectors.EVENT_READ, talk.hear),
            (child.stderr, selectors.EVENT_READ, talk.complain),
        ):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, event, move)
        while selector.get_map():
            stop_if_told(going, target)
            known_s = _there(silence, target, heard_s, known_s)
            for key, event in selector.select(_LOOK_S):
                if event == selectors.EVENT_READ:
                    heard_s = known_s = time.monotonic()
                if not key.data(key.fd):
                    for pipe in (child.stdin, child.stdout, child.stderr):
                        if pipe is key.fileobj:
                            selector.unregister(pipe)
                            pipe.close()


def _there(silence: Silence, target: str, heard_s: float, known_s: float) -> float:
    """Return when a program's host was last known to be there; ask it where that is too long ago."""
    now_s, longest_s = time.monotonic(), max(silence.quiet_s, silence.longest_s)
    if now_s - heard_s > longest_s:
        raise _silent(target, longest_s)
    if now_s - known_s <= silence.quiet_s:
        return known_s
    silence.alive()
    return time.monotonic()


@dataclass(slots=True)
class _Talk:
    """What a program is given and what it says; each method moves some of it, and returns False at the end."""

    given: bytes
    line: Callable[[str], None]
    lines: list[str] = field(default_factory=list)
    errors: bytes = b""
    rest: bytes = b""

    def give(self, fd: int) -> bool:
        try:
            self.given = self.given[os.write(fd, self.given[:_PIECE_BYTES]) :]
        except BrokenPipeError:
            return False  # it reads no more of it
        return bool(self.given)

    def hear(self, fd: int) -> bool:
        data = os.read(fd, _PIECE_BYTES)
        *whole, self.rest = (self.rest + data).replace(b"\r", b"\n").split(b"\n")
        for raw in filter(None, whole):
            self.lines.append(text := os.fsdecode(raw))
            self.line(text)
        return bool(data)

    def complain(self, fd: int) -> bool:
        data = os.read(fd, _PIECE_BYTES)
        self.errors = (self.errors + data)[:_MOST_ERRORS]
        return bool(data)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End the program and whatever it started; nothing happens where it has ended."""
    if child.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_END_S)
            return
