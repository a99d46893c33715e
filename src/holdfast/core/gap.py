"""Why there is no footage: the closed list of gap reasons, and what each one means to a person."""

from enum import StrEnum


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
