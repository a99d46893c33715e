"""What recordings must look like, computed from the fault script alone. Nothing here imports holdfast.

Three independent truths are held against each other: the simulator's ledger (when each fault really began and ended),
the marks inside the recorded pictures (which picture of which camera is on disk, and when it was sent), and what the
recorder says of itself (`holdfast coverage --json`). ffprobe judges the files.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

SECOND = 1_000_000
MARK = re.compile(rb"HOLDFAST-SIM-MK1(\S+) +([0-9a-f]{16}) ([0-9a-f]{16})")

STALL_S = 5.0
"""Configured in the drill: how long a silent track is waited for."""

SLACK_S = 0.35
"""How far a gap's edge may be from the truth: a fragment's length and a frame."""


@dataclass(frozen=True)
class Picture:
    """One picture on disk."""

    counter: int
    sent_us: int


@dataclass(frozen=True)
class Said:
    """A gap as the recorder reports it."""

    start_us: int
    end_us: int
    reason: str


@dataclass(frozen=True)
class Allowed:
    """Where a gap may lie, why, and which part of it must be one."""

    start_us: int
    end_us: int
    reasons: frozenset[str]
    cause: str
    core: tuple[int, int] | None = None


@dataclass
class Verdict:
    """What was found wrong, and what was counted."""

    problems: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def pictures_in(files: Iterable[Path]) -> list[Picture]:
    """Find every marked picture in the bytes of these files, in file order."""
    marks = (mark for path in files for mark in MARK.finditer(path.read_bytes()))
    return [Picture(int(mark[2], 16), int(mark[3], 16)) for mark in marks]


def plays(path: Path) -> str:
    """Decode a file to its end; return what ffprobe complains about, or nothing."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv", str(path)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.stderr.strip() or ("" if done.returncode == 0 else f"exit {done.returncode}")


def read_faults(ledger: Path) -> list[dict[str, Any]]:
    """Return each fault with its real begin and end, in wall time."""
    begun: dict[tuple[str, str], dict[str, Any]] = {}
    faults = []
    for raw in ledger.read_text().splitlines():
        line = json.loads(raw)
        key = (line.get("camera", ""), line.get("fault", ""))
        if line["what"] == "fault_begin":
            begun[key] = line
        elif line["what"] == "fault_end" and key in begun:
            first = begun.pop(key)
            faults.append({**first, "begin_us": first["wall_us"], "end_us": line["wall_us"]})
    return faults


@dataclass(frozen=True)
class _Times:
    """When a fault was, and the lengths that its consequences are made of, all in microseconds."""

    begin: int
    end: int
    slack: int
    group: int
    stall: int

    @property
    def back(self) -> int:
        """When pictures flow again at the latest: a reconnect takes well under a second, a keyframe up to a group."""
        return self.end + self.group + 2 * SECOND

    @property
    def core(self) -> tuple[int, int]:
        """What must be dark."""
        return self.begin + self.slack, self.end - self.slack


Window = tuple[int, int, set[str], bool]
"""Begin and end of where a gap may lie, its reasons, and whether the whole fault must be one."""


def _nothing(_: _Times) -> list[Window]:
    return []


def _silent(t: _Times) -> list[Window]:
    return [(t.begin, t.back, {"stalled", "unreachable", "ended"}, True)]


def _half_open(t: _Times) -> list[Window]:
    # Connections that were made meanwhile are answered only when the fault is over, or run into their deadline of 10 s.
    return [(t.begin, t.end + 12 * SECOND + t.group, {"stalled", "unreachable", "refused"}, True)]


def _silent_audio(t: _Times) -> list[Window]:
    return [(t.begin + t.stall - SECOND, t.begin + t.stall + t.group + 3 * SECOND, {"stalled"}, False)]


def _dropped(t: _Times) -> list[Window]:
    return [(t.begin, t.begin + t.group + 2 * SECOND, {"ended"}, False)]


def _refuse(t: _Times) -> list[Window]:
    return [(t.begin, t.back + 2 * SECOND, {"ended", "unreachable"}, True)]


def _denied(reason: str) -> Callable[[_Times], list[Window]]:
    def windows(t: _Times) -> list[Window]:
        waited = t.end - t.begin  # a wait that doubles is never longer than all waits before it, and its jitter
        return [(t.begin, t.back + waited + waited // 4, {"ended", reason}, True)]

    return windows


def _no_keyframe(t: _Times) -> list[Window]:
    noticed = t.begin - t.group + t.stall - SECOND
    return [(noticed, t.back + SECOND, {"no-keyframe"}, False)] if t.end > noticed else []


def _timestamp_jump(t: _Times) -> list[Window]:
    return [(t.begin - SECOND, t.begin + t.group + 2 * SECOND, {"clock", "stalled", "ended"}, False)]


def _at_both_ends(t: _Times) -> list[Window]:
    ends = [(t.begin, t.begin + t.group + 2 * SECOND), (t.end, t.back)]
    return [(start, finish, {"ended", "unsupported"}, False) for start, finish in ends]


EXPECTED: dict[str, Callable[[_Times], list[Window]]] = {
    "silent": _silent,
    "silent_video": _silent,
    "silent_audio": _silent_audio,
    "half_open": _half_open,
    "reset": _dropped,
    "close": _dropped,
    "refuse": _refuse,
    "unauthorized": _denied("auth"),
    "session_limit": _denied("refused"),
    "no_keyframe": _no_keyframe,
    "timestamp_jump": _timestamp_jump,
    "drift": _nothing,
    "codec_change": _at_both_ends,
    "size_change": _at_both_ends,
    "black": _nothing,
    "freeze": _nothing,
    "silence": _nothing,
    "motion": _nothing,
}
"""Which gaps each fault may and must leave, from what the fault is."""


def expected(fault: dict[str, Any], group_s: float) -> list[Allowed]:
    """Return where one of `read_faults` may leave gaps, for a camera with groups of pictures of `group_s`."""
    times = _Times(
        fault["begin_us"], fault["end_us"], round(SLACK_S * SECOND), round(group_s * SECOND),
        round(max(STALL_S, 3 * group_s) * SECOND),
    )  # fmt: skip
    cause = f"{fault['fault']}@{fault['camera']}"
    return [
        Allowed(start - times.slack, finish + times.slack, frozenset(reasons), cause, times.core if dark else None)
        for start, finish, reasons, dark in EXPECTED[fault["fault"]](times)
    ]


def judge(
    camera: str, pictures: Sequence[Picture], gaps: Sequence[Said], allowed: Sequence[Allowed], fps: float
) -> Verdict:
    """Hold the pictures on disk, the reported gaps and the expectation against each other."""
    verdict = Verdict()
    problems = verdict.problems
    counters = [p.counter for p in pictures]
    if len(set(counters)) != len(counters):
        problems.append(f"{camera}: {len(counters) - len(set(counters))} pictures are on disk twice")
    wrong_us = 0
    for gap in gaps:
        homes = homes_of(gap, allowed)
        if not homes:
            problems.append(f"{camera}: gap {gap.reason} of {(gap.end_us - gap.start_us) / SECOND:.2f} s has no cause")
        elif not any(gap.reason in home.reasons for home in homes):
            wrong_us += gap.end_us - gap.start_us
            problems.append(f"{camera}: {homes[0].cause} is reported as {gap.reason}")
    for must in allowed:
        if must.core is not None and must.core[1] > must.core[0]:
            dark_us = _overlap(must.core, gaps)
            if dark_us < must.core[1] - must.core[0]:
                problems.append(f"{camera}: {must.cause} left {dark_us / SECOND:.2f} s of gap, not all of it")
    missing, outside = _missing(pictures, gaps, fps)
    if outside:
        problems.append(f"{camera}: {outside} pictures are neither on disk nor in a gap")
    slack = SLACK_S * SECOND
    inside = sum(1 for p in pictures for g in gaps if g.start_us + slack < p.sent_us < g.end_us - slack)
    if inside:
        problems.append(f"{camera}: {inside} pictures are on disk although a gap says otherwise")
    gap_us = sum(g.end_us - g.start_us for g in gaps)
    verdict.facts = {
        "pictures": len(pictures), "missing_in_gaps": missing, "gaps": len(gaps), "gap_s": round(gap_us / SECOND, 3),
        "wrong_cause_s": round(wrong_us / SECOND, 3),
    }  # fmt: skip
    return verdict


def homes_of(gap: Said, allowed: Sequence[Allowed]) -> list[Allowed]:
    """Return what explains a gap: one window that holds it, or several that together do (a kill during a fault)."""
    whole = [a for a in allowed if a.start_us <= gap.start_us and gap.end_us <= a.end_us]
    if whole:
        touching = [a for a in allowed if a.start_us < gap.end_us and gap.start_us < a.end_us]
        return whole + [a for a in touching if a not in whole]
    at, found = gap.start_us, []
    for window in sorted(allowed, key=lambda a: a.start_us):
        if window.start_us <= at < window.end_us:
            at = max(at, window.end_us)
            found.append(window)
    return found if at >= gap.end_us else []


def _overlap(span: tuple[int, int], gaps: Sequence[Said]) -> int:
    return sum(max(0, min(span[1], g.end_us) - max(span[0], g.start_us)) for g in gaps)


def _missing(pictures: Sequence[Picture], gaps: Sequence[Said], fps: float) -> tuple[int, int]:
    """Count the pictures between the first and the last that are not on disk: those in gaps, and those that are not."""
    slack = round(SLACK_S * SECOND)
    in_gaps = outside = 0
    ordered = sorted(pictures, key=lambda p: p.counter)
    for before, after in pairwise(ordered):
        lost = after.counter - before.counter - 1
        for index in range(lost):
            # The simulator's clock goes on while it sends nothing, so each missing picture has its own instant.
            due_us = before.sent_us + round((index + 1) * SECOND / fps)
            due_us = min(due_us, after.sent_us)
            if any(g.start_us - slack <= due_us <= g.end_us + slack for g in gaps):
                in_gaps += 1
            else:
                outside += 1
    return in_gaps, outside
