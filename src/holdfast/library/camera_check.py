"""Asking cameras what they send, all at once, each with a deadline of its own, and comparing it with what is expected.

The asking itself is `media.probe`, handed in. A camera that hangs costs its own deadline and nobody else's; its thread
is left behind (a daemon), because a thread in a library's call cannot be ended, and this is a command's last act.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from holdfast.core.camera import Track
from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError, SourceError
from holdfast.core.plan import StreamPlan

GRACE_S = 5.0  # chosen: past the camera's own open timeout, which is what should end a try; this only catches a hang

Probe = Callable[[StreamPlan, Clock], Sequence[Track]]


class Outcome(StrEnum):
    """What came of asking (C009)."""

    OK = "OK"
    MISMATCH = "MISMATCH"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of asking one stream.

    Attributes:
        camera: Camera id.
        stream: `main` or `sub`.
        outcome: The word.
        fields: Differences, as `video.width: 1280, expected 1920`.
        cause: Why there was no answer to compare.
        fix: What to do.
        tracks: What it sends.
        took_s: Seconds it took.
    """

    camera: str
    stream: str
    outcome: Outcome
    fields: tuple[str, ...] = ()
    cause: str = ""
    fix: str = ""
    tracks: tuple[Track, ...] = ()
    took_s: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "camera": self.camera, "stream": self.stream, "outcome": self.outcome.value, "fields": list(self.fields),
            "cause": self.cause, "fix": self.fix, "tracks": [track.facts() for track in self.tracks],
            "took_s": round(self.took_s, 2),
        }  # fmt: skip


def check_streams(
    plans: Sequence[StreamPlan],
    *,
    probe: Probe,
    compare: Callable[[dict[str, dict[str, str | int | float]], Sequence[Track], str], list[str]],
    clock: Clock,
    done: Callable[[Verdict], None] = lambda verdict: None,  # noqa: ARG005 - nobody is told by default
    grace_s: float = GRACE_S,
) -> list[Verdict]:
    """Ask all streams at once.

    Args:
        plans: The streams.
        probe: Asks one.
        compare: Names the differences between what is expected and what there is, given the plan's `audio` word.
        clock: Time.
        done: Told of each verdict as it comes, on that stream's thread.
        grace_s: Seconds past the open timeout after which a try is given up.

    Returns:
        One verdict a stream, in the order of `plans`.
    """
    verdicts: dict[int, Verdict] = {}

    def ask(index: int, plan: StreamPlan) -> None:
        verdict = _ask(plan, probe, compare, clock)
        verdicts[index] = verdict
        done(verdict)

    began_us = clock.boot_us()
    threads = [
        threading.Thread(target=ask, args=(index, plan), name=f"check-{plan.key}", daemon=True)
        for index, plan in enumerate(plans)
    ]
    for thread in threads:
        thread.start()
    for thread, plan in zip(threads, plans, strict=True):
        thread.join(max(0.0, plan.open_timeout_s + grace_s - (clock.boot_us() - began_us) / 1e6))
    return [verdicts.get(index) or _hung(plan, grace_s) for index, plan in enumerate(plans)]


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """Return 0 where all are OK, 2 where one cannot be reached, else 1 (C009)."""
    outcomes = {verdict.outcome for verdict in verdicts}
    return 2 if Outcome.ERROR in outcomes else 1 if Outcome.MISMATCH in outcomes else 0


def _ask(
    plan: StreamPlan,
    probe: Probe,
    compare: Callable[[dict[str, dict[str, str | int | float]], Sequence[Track], str], list[str]],
    clock: Clock,
) -> Verdict:
    began_us = clock.boot_us()
    try:
        tracks = tuple(probe(plan, clock))
    except HoldfastError as error:
        # Errors name their stream first; a verdict says already which one it is about.
        text = str(error).removeprefix(f"{plan.key}: ")
        cause = f"{error.code}: {text}" if isinstance(error, SourceError) else text
        return Verdict(
            camera=plan.camera, stream=plan.stream, outcome=Outcome.ERROR, cause=cause,
            # Whoever reads this has just done it.
            fix=error.hint.partition("; holdfast cameras test")[0],
            took_s=(clock.boot_us() - began_us) / 1e6,
        )  # fmt: skip
    fields = tuple(compare(plan.expected, tracks, plan.audio))
    return Verdict(
        camera=plan.camera, stream=plan.stream, outcome=Outcome.MISMATCH if fields else Outcome.OK, fields=fields,
        fix="change it at the camera, or what is expected in the configuration" if fields else "",
        tracks=tracks, took_s=(clock.boot_us() - began_us) / 1e6,
    )  # fmt: skip


def _hung(plan: StreamPlan, grace_s: float) -> Verdict:
    limit_s = plan.open_timeout_s + grace_s
    return Verdict(
        camera=plan.camera, stream=plan.stream, outcome=Outcome.ERROR, took_s=limit_s,
        cause=f"no answer within {limit_s:.0f} s", fix="restart the camera; raise open_timeout_s if it is only slow",
    )  # fmt: skip
