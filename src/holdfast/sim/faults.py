"""What can go wrong with a simulated camera, and scripts of it: what, where, when, for how long.

Pure data: reading, checking and making scripts. Doing it is `drill`; what a recorder must make of each fault is in
`docs/simulator.md`.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from holdfast.core.camera import STREAMS
from holdfast.core.errors import BadInput, UsageError

FAULTS: dict[str, str] = {
    "silent": "the socket stays open, no media at all",
    "silent_video": "no pictures, the sound goes on",
    "silent_audio": "no sound, the pictures go on",
    "half_open": "neither reads nor writes, not even an answer to TEARDOWN",
    "reset": "all connections reset, new ones welcome",
    "close": "all connections closed in order, new ones welcome",
    "refuse": "port closed, connections reset",
    "unauthorized": "sessions dropped, 401 to everybody",
    "session_limit": "sessions dropped, 453 to everybody",
    "no_keyframe": "only delta pictures",
    "timestamp_jump": "the camera's clock jumps once by params.seconds",
    "drift": "the camera's clock runs params.ppm too fast",
    "codec_change": "sessions closed, other codec in the new SDP",
    "size_change": "other size within the running session",
    "black": "black pictures",
    "freeze": "the same picture again and again",
    "silence": "digital silence",
    "motion": "something large moves across",
}
"""Every fault: its name in scripts, and what happens."""

INSTANT = frozenset({"reset", "close", "timestamp_jump"})
"""Faults that happen once; their `for_s` has no meaning."""

MAIN_ONLY = frozenset({"codec_change", "size_change"})
"""Faults that change the main stream only, unless params.stream says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of one camera.

    Attributes:
        camera: Camera id.
        fault: A key of `FAULTS`.
        at_s: Seconds after the simulator's start.
        at_us: Instead of `at_s`: wall time, microseconds since the epoch, UTC.
        for_s: How long it lasts.
        params: `stream` (`main` or `sub`; both where it is left out), `seconds` of a timestamp jump (negative:
            backwards), `rtp_only` (the jump leaves the wall clock in sender reports alone), `ppm` of a drift.
    """

    camera: str
    fault: str
    at_s: float = 0.0
    at_us: int | None = None
    for_s: float = 0.0
    params: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise BadInput(f"{self.fault!r} is no fault", hint=f"faults are {', '.join(FAULTS)}")
        if self.at_s < 0 or self.for_s < 0:
            raise BadInput(f"{self.fault} of {self.camera}: at_s and for_s cannot be negative")
        if self.params.get("stream", "main") not in STREAMS:
            raise BadInput(f"{self.fault} of {self.camera}: {self.params['stream']!r} is no stream", hint="main or sub")

    def concerns(self, stream: str) -> bool:
        """Say whether this stream is meant."""
        return bool(self.params.get("stream", "main" if self.fault in MAIN_ONLY else stream) == stream)

    def begin_us(self, started_us: int) -> int:
        """Return the wall time at which it sets in, for a simulator that started at `started_us`."""
        return started_us + round(self.at_s * 1e6) if self.at_us is None else self.at_us

    @property
    def length_s(self) -> float:
        """How long it lasts; instants last no time."""
        return 0.0 if self.fault in INSTANT else self.for_s


def combinations(faults: Sequence[Fault], started_us: int) -> list[list[Fault]]:
    """Return which of one camera's faults are on together at some time: a list for each moment of change."""
    spans = [(fault.begin_us(started_us), fault) for fault in faults]
    edges = sorted({edge for at_us, fault in spans for edge in (at_us, at_us + round(fault.length_s * 1e6))})
    return [[f for at_us, f in spans if at_us <= edge < at_us + round(f.length_s * 1e6)] for edge in edges]


def read_script(path: Path) -> list[Fault]:
    """Read a fault script: a JSON list of objects with the fields of `Fault`.

    Raises:
        UsageError: The file cannot be read.
        BadInput: It is no such list; the message names the entry.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the fault script {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"the fault script {path} is no JSON: {error}") from error
    if not isinstance(entries, list):
        raise BadInput(f"the fault script {path} is no list", hint='write [{"camera": "cam1", "fault": "silent", …}]')
    return [_entry(path, number, entry) for number, entry in enumerate(entries, 1)]


def _entry(path: Path, number: int, entry: object) -> Fault:
    place = f"{path}, entry {number}"
    known = {item.name for item in fields(Fault)}
    if not isinstance(entry, dict) or not isinstance(entry.get("params", {}), dict):
        raise BadInput(f"{place} is no object")
    if unknown := sorted(set(entry) - known):
        raise BadInput(f"{place}: unknown key {unknown[0]!r}", hint=f"keys are {', '.join(sorted(known))}")
    if missing := sorted({"camera", "fault"} - set(entry)):
        raise BadInput(f"{place}: {missing[0]} is missing")
    try:
        return Fault(**entry)
    except BadInput as error:
        raise BadInput(f"{place}: {error}", hint=error.hint) from error
    except TypeError as error:
        raise BadInput(f"{place}: at_s and for_s are numbers") from error


def write_script(faults: Sequence[Fault]) -> str:
    """Return the script as JSON text."""
    lines = [json.dumps({k: v for k, v in asdict(fault).items() if v is not None}) for fault in faults]
    return "[\n  " + ",\n  ".join(lines) + "\n]\n" if lines else "[]\n"


def make_script(
    cameras: Sequence[str],
    *,
    seconds: float,
    each: int = 1,
    seed: int = 1,
    only: Sequence[str] = (),
    settle_s: float = 15.0,
) -> list[Fault]:
    """Make a seeded script in which every fault happens at least `each` times, spread over all cameras.

    A camera has one fault at a time, with at least `settle_s` of peace before, between and after.

    Raises:
        UsageError: They do not fit; the message says how long it would have to be.
    """
    chooser = random.Random(seed)  # noqa: S311 - the same seed must give the same script
    names = [name for name in (only or FAULTS) for _ in range(each)]
    chooser.shuffle(names)
    shares: list[list[Fault]] = [[] for _ in cameras]
    for index, name in enumerate(names):
        shares[index % len(cameras)].append(_invent(name, cameras[index % len(cameras)], chooser))
    script = []
    for share in filter(None, shares):
        busy_s = sum(fault.length_s for fault in share) + settle_s * (len(share) + 1)
        if busy_s > seconds:
            raise UsageError(
                f"{len(share)} faults on {share[0].camera} need {busy_s:.0f} s, not {seconds:.0f}",
                hint="more minutes, more cameras, or a smaller --each",
            )
        cuts = sorted(chooser.uniform(0, seconds - busy_s) for _ in share)
        used_s = settle_s
        for fault, slack_s in zip(share, cuts, strict=True):
            at_s = round(used_s + slack_s, 1)
            script.append(
                Fault(camera=fault.camera, fault=fault.fault, at_s=at_s, for_s=fault.for_s, params=fault.params)
            )
            used_s += fault.length_s + settle_s
    return sorted(script, key=lambda fault: fault.at_s)


def _invent(name: str, camera: str, chooser: random.Random) -> Fault:
    params: dict[str, Any] = {}
    for_s = 0.0 if name in INSTANT else round(chooser.uniform(8.0, 14.0), 1)
    if name == "timestamp_jump":
        params["seconds"] = chooser.choice([-60, -10, 10, 3600])
    elif name == "drift":
        params["ppm"] = chooser.choice([-200, -100, 100, 200])
    return Fault(camera=camera, fault=name, for_s=for_s, params=params)
