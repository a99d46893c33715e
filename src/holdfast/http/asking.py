"""Asking cameras what they send, and what came of it last, for API and pages alike; kept as long as the server lives.

Not here: asking and judging (library.camera_check), addresses that are not saved yet (trying).
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from holdfast.core.camera import Track
from holdfast.core.errors import NotFound
from holdfast.http.context import Context
from holdfast.library.camera_check import Verdict, check_streams
from holdfast.library.desired import build_plan
from holdfast.media.probe import compare, probe

_making = threading.Lock()


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


def verdicts_of(connection: HTTPConnection) -> Verdicts:
    """Return the server's verdicts."""
    with _making:
        known: Verdicts | None = getattr(connection.app.state, "verdicts", None)
        if known is None:
            known = connection.app.state.verdicts = Verdicts()
        return known


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
