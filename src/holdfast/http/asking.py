"""Asking cameras what they send, and what came of it last, for API and pages alike; kept as long as the server lives.

A round asks many cameras while nobody waits for it: a few at once, so that neither the site's network nor a small
machine notices, on threads of its own that may be left behind, because a camera's answer cannot be cut short.

Not here: asking and judging (library.camera_check), addresses that are not saved yet (trying).
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from holdfast.core.camera import Track
from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError, NotFound
from holdfast.http.context import Context
from holdfast.http.kept import kept
from holdfast.library.camera_check import Verdict, check_streams
from holdfast.library.desired import build_plan
from holdfast.media.probe import compare, probe

AT_ONCE = (
    4  # chosen: 32 cameras that answer take 20 s, 32 dead ones 2 to 4 min; more at once is felt on a small machine
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking a camera: a verdict a stream, and when it was asked (wall time)."""

    verdicts: tuple[Verdict, ...]
    at_us: int


class Verdicts:
    """The newest answers. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Asked] = {}

    def keep(self, verdicts: Sequence[Verdict], at_us: int) -> None:
        """Remember what came of asking; a camera's older answer goes."""
        by_camera: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            by_camera.setdefault(verdict.camera, []).append(verdict)
        with self._lock:
            self._known |= {camera: Asked(tuple(found), at_us) for camera, found in by_camera.items()}

    def known(self) -> dict[str, Asked]:
        """Return the newest answer of each camera that was asked since the server began."""
        with self._lock:
            return dict(self._known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a round is: `done` of `total` cameras were asked, those of `waiting` and `asking` were not yet.

    `began_us` is when it began (wall time), None where there was no round since the server began.
    """

    began_us: int | None = None
    total: int = 0
    done: int = 0
    asking: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether some are still to be asked."""
        return self.done < self.total


class Round:
    """Asks cameras one after the other, a few at once. Any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began_us: int | None = None
        self._total = 0
        self._done = 0
        self._asking: list[str] = []
        self._waiting: deque[str] = deque()
        self._threads = 0

    def begin(self, cameras: Iterable[str], ask_one: Callable[[str], object]) -> Progress:
        """Have these cameras asked; those that are about to be anyway are not asked twice. Returns at once.

        Args:
            cameras: Their ids.
            ask_one: Asks one of them; what it raises of ours is that camera's alone.
        """
        with self._lock:
            if self._done == self._total:
                self._began_us, self._total, self._done = self._clock.wall_us(), 0, 0
            more = [one for one in cameras if one not in self._asking and one not in self._waiting]
            self._waiting.extend(more)
            self._total += len(more)
            for _ in range(min(AT_ONCE, len(self._asking) + len(self._waiting)) - self._threads):
                self._threads += 1
                threading.Thread(target=self._ask, args=(ask_one,), name="check-round", daemon=True).start()
        return self.progress()

    def progress(self) -> Progress:
        """Say how far it is."""
        with self._lock:
            return Progress(
                began_us=self._began_us, total=self._total, done=self._done, asking=tuple(self._asking),
                waiting=tuple(self._waiting),
            )  # fmt: skip

    def _ask(self, ask_one: Callable[[str], object]) -> None:
        """Ask one after the other until none waits. Whatever happens to one, the round is not left open by it."""
        while (camera := self._next()) is not None:
            try:
                with suppress(HoldfastError):  # it was removed meanwhile, or makes no sense any more
                    ask_one(camera)
            except BaseException:
                with self._lock:
                    self._threads -= 1  # this one ends: a new round gets another in its place
                raise
            finally:
                with self._lock:
                    self._asking.remove(camera)
                    self._done += 1

    def _next(self) -> str | None:
        with self._lock:
            if not self._waiting:
                self._threads -= 1
                return None
            self._asking.append(self._waiting.popleft())
            return self._asking[-1]


def round_of(connection: HTTPConnection, context: Context) -> Round:
    """Return the server's round."""
    return kept(connection, "round", lambda: Round(context.clock))


def ask_many(connection: HTTPConnection, context: Context, cameras: Sequence[str] = ()) -> Progress:
    """Have cameras asked, all that are to be recorded where none is named, and return at once.

    Raises:
        NotFound: One that is named does not exist; then none is asked.
    """
    known = {one.lower(): one for one in askable(context)}
    for camera in cameras:
        if camera.lower() not in known:
            raise NotFound(f"there is no camera {camera[:50]!r}")
    wanted = [known[camera.lower()] for camera in cameras] or list(known.values())
    return round_of(connection, context).begin(dict.fromkeys(wanted), lambda camera: ask(connection, context, camera))


def askable(context: Context) -> list[str]:
    """Return the cameras that can be asked, in the order of the settings."""
    return list(dict.fromkeys(stream.camera for stream in build_plan(context.loaded).streams))


def verdicts_of(connection: HTTPConnection) -> Verdicts:
    """Return the server's verdicts."""
    return kept(connection, "verdicts", Verdicts)


def ask(connection: HTTPConnection, context: Context, camera: str) -> list[Verdict]:
    """Ask each stream of a camera what it sends, hold it against what is expected, and remember what came of it.

    Takes as long as the slowest stream, a few seconds past its open timeout at most.

    Raises:
        NotFound: There is no such camera.
    """
    asked = [stream for stream in build_plan(context.loaded).streams if stream.camera.lower() == camera.lower()]
    if not asked:
        raise NotFound(f"there is no camera {camera[:50]!r}")
    found = check_streams(asked, probe=probe, compare=_compare, clock=context.clock)
    verdicts_of(connection).keep(found, context.clock.wall_us())
    return found


def _compare(expected: dict[str, dict[str, str | int | float]], tracks: Sequence[Track], audio: str) -> list[str]:
    return compare(expected, tuple(tracks), audio)
