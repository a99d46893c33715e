"""Why there is no footage: the closed list of gap reasons, what each means to a person, and how a hole is explained."""

from dataclasses import dataclass, replace
from enum import StrEnum

MIN_GAP_US = 30_000  # chosen: less than one picture at 25 fps, more than two runs' places in time differ by chance
EARLY_US = 100_000  # chosen: a cause is dated by the last picture, whose length is an estimate


class GapReason(StrEnum):
    """Why a span has no footage. Stored as text in journals and catalog; never renamed, only added to."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    AUTH = "auth"
    STALLED = "stalled"
    NO_KEYFRAME = "no-keyframe"
    UNSUPPORTED = "unsupported"
    ENDED = "ended"
    RESTARTED = "restarted"
    RECORDER_DOWN = "recorder-down"
    HOST_OFF = "host-off"
    DISK_FULL = "disk-full"
    DISK_ERROR = "disk-error"
    DISK_SLOW = "disk-slow"
    CLOCK = "clock"
    OFF_SCHEDULE = "off-schedule"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


MEANING: dict[GapReason, str] = {
    GapReason.UNREACHABLE: "no connection to the camera could be made",
    GapReason.REFUSED: "the camera answered, but would not give the stream (session limit, bad answer, closed port)",
    GapReason.AUTH: "the camera rejected the user name or password",
    GapReason.STALLED: "connected, but no media arrived on a track",
    GapReason.NO_KEYFRAME: "media arrived, but no picture that can be decoded alone",
    GapReason.UNSUPPORTED: "the camera sends something that cannot be recorded",
    GapReason.ENDED: "the camera or the network closed the stream",
    GapReason.RESTARTED: "the recorder restarted this stream in order, for example after a changed setting",
    GapReason.RECORDER_DOWN: "the recorder was not running",
    GapReason.HOST_OFF: "the host was off",
    GapReason.DISK_FULL: "there was no room left to write",
    GapReason.DISK_ERROR: "the volume could not be written: I/O error, read-only, or not mounted",
    GapReason.DISK_SLOW: "the disk could not keep up",
    GapReason.CLOCK: "the camera's or the host's clock jumped",
    GapReason.OFF_SCHEDULE: "recording was not wanted at this time",
    GapReason.DISABLED: "the camera is switched off in the configuration",
    GapReason.UNKNOWN: "no reason was left behind",
}

PLANNED: frozenset[GapReason] = frozenset({GapReason.OFF_SCHEDULE, GapReason.DISABLED})
"""Gaps that somebody asked for: they are not losses and do not lower the coverage percentage."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A span without footage. `open` while it lasts."""

    start_us: int
    end_us: int
    reason: GapReason
    detail: str = ""
    open: bool = False


def gap_of(start_us: int, end_us: int | None, reason: GapReason, detail: str, until_us: int) -> Gap:
    """Return a gap as rows have it: one without an end lasts, and reaches to `until_us`."""
    return Gap(start_us, until_us if end_us is None else end_us, reason, detail, end_us is None)


@dataclass(frozen=True, slots=True)
class Cause:
    """What somebody said about why there is no footage from an instant on."""

    from_us: int
    reason: GapReason
    detail: str


def explained(hole: tuple[int, int], causes: list[Cause], *, cut_short: bool = False) -> list[Gap]:
    """Split a hole where its reason changes.

    A cause holds from its instant until the next one. What precedes the first cause inside the hole belongs to that
    cause: a stall is noticed seconds after it began. Unless the footage before the hole was cut short (recovered): then
    the hole begins with whatever ended its recorder, however long ago that one had last spoken.
    """
    start_us, end_us = hole
    # A cause carries the time of the last sample, whose length is an estimate: look a little before the hole, too.
    inside = [c for c in causes if start_us - EARLY_US <= c.from_us < end_us]
    earlier = [c for c in causes if c.from_us < start_us - EARLY_US]
    if cut_short and earlier:
        inside.insert(0, replace(earlier[-1], from_us=start_us))
    if not inside:
        before = [c for c in causes if c.from_us < start_us]
        known = before[-1] if before else Cause(start_us, GapReason.UNKNOWN, "")
        return [Gap(start_us, end_us, known.reason, known.detail)]
    slices = _slices(hole, inside)
    gaps: list[Gap] = []
    for index, (cause, begin_us, finish_us) in enumerate(slices):
        # A moment between two reasons is no gap of its own: a camera that is switched off hangs up first.
        if finish_us - begin_us < MIN_GAP_US and index + 1 < len(slices):
            slices[index + 1] = (*slices[index + 1][:1], begin_us, slices[index + 1][2])
        elif gaps and gaps[-1].reason == cause.reason:
            gaps[-1] = replace(gaps[-1], end_us=finish_us)
        else:
            gaps.append(Gap(begin_us, finish_us, cause.reason, cause.detail))
    return gaps


def _slices(hole: tuple[int, int], causes: list[Cause]) -> list[tuple[Cause, int, int]]:
    """Say from when to when each cause holds inside a hole."""
    start_us, end_us = hole
    slices = []
    for index, cause in enumerate(causes):
        begin_us = start_us if index == 0 else max(start_us, cause.from_us)
        finish_us = max(begin_us, causes[index + 1].from_us) if index + 1 < len(causes) else end_us
        if finish_us > begin_us:
            slices.append((cause, begin_us, finish_us))
    return slices
