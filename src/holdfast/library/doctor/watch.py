"""A few seconds of a camera's media, judged: tracks, keyframes, clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from holdfast.core.camera import Kind, Track
from holdfast.core.errors import HoldfastError
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.media.probe import compare
from holdfast.media.source.contract import TracksChanged

KEYFRAMES_FAR_US = 4 * SECOND_US + SECOND_US // 2  # chosen: 4 s is the most that we recommend; a bit over is jitter
CLOCK_OFF_US = 5 * SECOND_US  # chosen: far above what network and buffers add, far below what people notice
CLOCK_WAIT_US = 3 * SECOND_US  # RFC 3550 asks for a sender report every 5 s or sooner; waiting for it is not worth more

_CODES = {
    "unsupported": "codec-unsupported", "stalled": "no-media", "no-keyframe": "no-keyframe", "ended": "no-media",
    "auth": "password-wrong", "unreachable": "camera-silent", "refused": "camera-refuses",
}  # fmt: skip


_OWN = {
    "file": "file-missing",
    "x11": "device-missing",
    "v4l2": "device-missing",
    "csi": "device-missing",
    "folder": "folder-silent",
}
"""What is wrong with something of this machine, by kind of source."""


@dataclass(slots=True)
class _Watched:
    """What came past. Times are media time in microseconds, but for the last field."""

    first_us: int | None = None
    last_us: int = 0
    keyframe_us: int | None = None
    spacing_us: int | None = None
    clock_off_us: int | None = None


def watch(patient: Patient, plan: StreamPlan, seconds: float) -> tuple[list[Finding], list[dict[str, Any]]]:
    """Connect to a stream, look at it and leave in order.

    Args:
        patient: For its clock, and its way to connect.
        plan: The stream, with deadlines short enough for a person who waits.
        seconds: How long it may take, connecting included.

    Returns:
        Findings, and the facts of its tracks.
    """
    end_us = patient.clock.boot_us() + round(seconds * SECOND_US)
    source = patient.connect(plan)
    findings: list[Finding] = []
    facts: list[dict[str, Any]] = []
    try:
        tracks = source.open()
        facts = [track.facts() for track in tracks]
        findings += _judge_tracks(plan, tracks)
        findings += _judge_media(plan, _collect(patient, source.samples(), tracks, end_us))
    except HoldfastError as error:
        host = urlsplit(plan.url).hostname or plan.url
        code = _OWN.get(plan.source) or _CODES.get(error.code, "camera-refuses")
        findings.append(FAULTS[code].found(str(plan.key), str(error), camera=plan.camera, host=host))
    finally:
        source.close()
    return findings, facts


def _collect(patient: Patient, samples: Iterator[Any], tracks: tuple[Track, ...], end_us: int) -> _Watched:
    watched = _Watched()
    clock = patient.clock
    enough_us = clock.boot_us() + CLOCK_WAIT_US
    for sample in samples:
        if isinstance(sample, TracksChanged):
            tracks = sample.tracks
            watched.keyframe_us = None
            continue
        if sample.camera_us is not None:
            age_us = clock.boot_us() - sample.arrived_us
            watched.clock_off_us = sample.camera_us + age_us - clock.wall_us()
        track = tracks[sample.track]
        if track.kind is Kind.VIDEO:
            _picture(watched, ticks_to_us(sample.dts_ticks, track.timescale), keyframe=sample.keyframe)
        now_us = clock.boot_us()
        known = watched.clock_off_us is not None or now_us >= enough_us
        if now_us >= end_us or (watched.spacing_us is not None and known):
            break
    return watched


def _picture(watched: _Watched, at_us: int, *, keyframe: bool) -> None:
    if watched.first_us is None:
        watched.first_us = at_us
    watched.last_us = at_us
    if keyframe:
        if watched.keyframe_us is not None:
            watched.spacing_us = max(watched.spacing_us or 0, at_us - watched.keyframe_us)
        watched.keyframe_us = at_us


def _judge_tracks(plan: StreamPlan, tracks: tuple[Track, ...]) -> Iterator[Finding]:
    kinds = [track.kind for track in tracks]
    if Kind.AUDIO not in kinds and plan.audio == "required":
        found = ", ".join(f"{track.kind.value} {track.sent_codec}" for track in tracks)
        yield FAULTS["audio-missing"].found(str(plan.key), f"it sends {found or 'nothing'}")
    # Required sound that is not there has a fault of its own, above.
    wrong = compare(plan.expected, tracks, "optional" if plan.audio == "required" else plan.audio)
    if wrong:
        yield FAULTS["stream-mismatch"].found(str(plan.key), "; ".join(wrong))


def _judge_media(plan: StreamPlan, watched: _Watched) -> Iterator[Finding]:
    subject = str(plan.key)
    if watched.first_us is None:
        yield FAULTS["no-media"].found(subject, "not one picture arrived")
        return
    length_us = watched.last_us - watched.first_us
    if watched.keyframe_us is None:
        yield FAULTS["no-keyframe"].found(subject, f"no keyframe in {length_us / SECOND_US:.1f} s of media")
    elif (watched.spacing_us or length_us) > KEYFRAMES_FAR_US:
        spacing_us = watched.spacing_us or length_us
        least = "" if watched.spacing_us else "at least "
        yield FAULTS["keyframes-rare"].found(subject, f"{least}{spacing_us / SECOND_US:.1f} s from one to the next")
    off_us = watched.clock_off_us
    if off_us is not None and abs(off_us) > CLOCK_OFF_US:
        ahead = "ahead of" if off_us > 0 else "behind"
        yield FAULTS["camera-clock-off"].found(subject, f"it is {abs(off_us) / SECOND_US:.0f} s {ahead} this host")
