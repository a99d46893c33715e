"""Trying an address before it is saved: what it sends, whether that can be recorded, and a picture.

Takes the open timeout and a few seconds at most, whatever is at the other end; what hangs is left behind by
`camera_check`. Nothing is saved. Runs on the thread of whoever asks.

Not here: who may ask (api, web), what an address may name (camera_reach).
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from holdfast.core.camera import CAMERA_ID, STREAMS, Track
from holdfast.core.clock import Clock
from holdfast.core.config import Loaded
from holdfast.core.errors import TooMany, UsageError
from holdfast.core.plan import StreamPlan
from holdfast.library import camera_rows
from holdfast.library.camera_change import changed, own_table
from holdfast.library.camera_check import Outcome, Verdict, check_streams
from holdfast.library.cameras import new_camera
from holdfast.library.desired import build_plan
from holdfast.media.preview import MOST_S, WIDTH, look
from holdfast.media.probe import compare

ASK_S = 8.0  # chosen: slower than this a person takes a camera for dead; it may still be recorded
GRACE_S = MOST_S + 1.0  # on top of that for a picture, and for leaving in order
_UNNAMED = "new-camera"

__all__ = ["WIDTH", "Trials", "Tried", "try_camera"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of a try.

    Attributes:
        verdicts: One a stream, main first.
        picture: A JPEG of the main stream, at most `WIDTH` pixels wide; empty where there is none.
        warnings: What a person should know before they save it.
    """

    verdicts: tuple[Verdict, ...]
    picture: bytes
    warnings: tuple[str, ...]

    @property
    def works(self) -> bool:
        """Whether the main stream can be recorded."""
        return self.verdicts[0].outcome is not Outcome.ERROR


class Trials:
    """Who is trying something now: one at a time each, so that nobody scans a network through us. Any thread.

    Args:
        what: What is tried, as it is said to whoever tries two.
    """

    def __init__(self, what: str = "a camera") -> None:
        self._what = what
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    @contextmanager
    def turn(self, who: str) -> Iterator[None]:
        """Take somebody's turn.

        Raises:
            TooMany: They are trying one already.
        """
        with self._lock:
            if who in self._busy:
                raise TooMany(f"you are trying {self._what} already", hint="wait for what comes of it")
            self._busy.add(who)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(who)


def try_camera(
    loaded: Loaded,
    runtime: Sequence[Mapping[str, Any]],
    camera_id: str,
    settings: Mapping[str, Any],
    clock: Clock,
    *,
    ask_s: float = ASK_S,
) -> Tried:
    """Ask an address that is not saved, as it was given over the network.

    Args:
        loaded: The file's settings.
        runtime: What was said of cameras at run time.
        camera_id: Id of a camera that is there, whose settings these are laid over; or what the new one will be
            called, or empty.
        settings: Keys of a camera table, with the password.
        clock: Time.
        ask_s: Seconds to connect; a camera that says less for itself is given that.

    Raises:
        UsageError: It makes no sense as a camera, or names what is not for whoever asks from elsewhere.
    """
    name = camera_id or _UNNAMED
    if not CAMERA_ID.fullmatch(name):
        raise UsageError(f"{name!r} is not a camera id", hint="use 1 to 50 of A-Z a-z 0-9 _ -; - not first")
    known = {str(row["id"]).lower(): str(row["id"]) for row in runtime}
    known |= {one.lower(): one for one in loaded.config.cameras}
    if camera_id.lower() in known:
        name = known[camera_id.lower()]
        others = [row for row in runtime if row["id"] != name]
        own, password, _ = changed(loaded, others, name, own_table(runtime, name), settings, remote=True)
    else:
        name = _free(name, known)
        others = list(runtime)
        own, password, _ = new_camera(loaded, runtime, name, settings, remote=True)
    table = {**own, "id": name, **({"password": password} if password else {})}
    camera_rows.must_make_sense(loaded, others, name, table)
    return _ask(loaded, table, clock, ask_s)


def _free(name: str, known: Mapping[str, str]) -> str:
    while name.lower() in known:
        name = f"{name[:48]}-2"
    return name


def _ask(loaded: Loaded, table: Mapping[str, Any], clock: Clock, ask_s: float) -> Tried:
    pictures: dict[str, bytes] = {}
    notes: dict[str, tuple[str, ...]] = {}

    def ask(plan: StreamPlan, clock: Clock) -> Sequence[Track]:
        found, jpeg = look(plan, clock)
        pictures[plan.stream], notes[plan.stream] = jpeg, found.notes
        return found.tracks

    asked = [
        replace(stream, open_timeout_s=min(stream.open_timeout_s, ask_s))
        for stream in build_plan(loaded, [table]).streams
        if stream.camera == table["id"]
    ]
    verdicts = check_streams(asked, probe=ask, compare=_compare, clock=clock, grace_s=GRACE_S)
    main = verdicts[0]
    picture = pictures.get(STREAMS[0], b"")
    warnings = list(notes.get(STREAMS[0], ()))
    if main.outcome is not Outcome.ERROR and not picture:
        warnings.append(
            f"no picture came within {MOST_S:.0f} s: the camera sends keyframes too seldom, or damaged ones"
        )
    if len(verdicts) > 1 and verdicts[1].outcome is Outcome.ERROR:
        warnings.append(f"the sub stream does not answer: {verdicts[1].cause}")
    return Tried(verdicts=tuple(verdicts), picture=picture, warnings=tuple(warnings))


def _compare(expected: dict[str, dict[str, str | int | float]], tracks: Sequence[Track], audio: str) -> list[str]:
    return compare(expected, tuple(tracks), audio)
