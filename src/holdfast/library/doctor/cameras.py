"""Checks of the cameras: does each one answer, and does it send what can be recorded well?

A camera is asked from the outside in: name, port, RTSP, password, path, session; then its media is watched for a few
seconds. Streams that are being recorded right now are not connected to again, because a session is what cameras run out
of; `Patient.deep` does it all the same. All streams are asked at once, each on a thread of its own.
"""

import errno
import queue
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from holdfast.core.errors import BadInput
from holdfast.core.plan import StreamPlan
from holdfast.core.status import StreamState
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.library.doctor.rtsp import PORTS, Heard, NoAnswer, converse
from holdfast.library.doctor.running import read_status
from holdfast.library.doctor.watch import watch

AT_ONCE = 32  # chosen: a thread each; a gigabit port carries 32 streams of 8 Mb/s at a quarter of its load
TALK_S = 4.0  # chosen: what is left of the deadline belongs to the media
_ANSWERS = {401: "password-wrong", 403: "camera-refuses", 404: "path-wrong", 453: "session-limit", 454: "path-wrong"}
_AWAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENETDOWN}


@dataclass(slots=True)
class Seen:
    """What came of looking at one stream: findings, and the facts of its tracks where there are any."""

    plan: StreamPlan
    findings: list[Finding] = field(default_factory=list)
    tracks: list[dict[str, Any]] = field(default_factory=list)


def check_cameras(patient: Patient) -> Iterator[Finding]:
    """Does every camera answer, and send what can be recorded well?"""
    wanted = [plan for plan in patient.streams if plan.capture.mode != "off"]
    seen = _look_at_all(patient, wanted)
    for plan in wanted:
        if plan.key in seen:
            yield from seen[plan.key].findings
        else:
            evidence = f"no result within {patient.camera_deadline_s:.0f} s (a name server that does not answer?)"
            yield FAULTS["check-failed"].found(str(plan.key), evidence)
    by_camera: dict[str, list[Seen]] = defaultdict(list)
    for one in seen.values():
        by_camera[one.plan.camera].append(one)
    for camera, streams in by_camera.items():
        yield from _same(camera, streams)


def _look_at_all(patient: Patient, plans: list[StreamPlan]) -> dict[Any, Seen]:
    done: queue.SimpleQueue[Seen] = queue.SimpleQueue()
    turns = threading.BoundedSemaphore(AT_ONCE)

    def look(plan: StreamPlan) -> None:
        with turns:
            done.put(look_at(patient, plan))

    # Daemons: a name server that never answers must not keep the command from ending.
    for plan in plans:
        threading.Thread(target=look, args=(plan,), name=f"doctor {plan.key}", daemon=True).start()
    rounds = -(-len(plans) // AT_ONCE)
    end_us = patient.clock.boot_us() + round((patient.camera_deadline_s * rounds + 2) * 1e6)
    seen: dict[Any, Seen] = {}
    while len(seen) < len(plans):
        try:
            one = done.get(timeout=max(0.0, (end_us - patient.clock.boot_us()) / 1e6))
        except queue.Empty:
            break
        seen[one.plan.key] = one
    return seen


def look_at(patient: Patient, plan: StreamPlan) -> Seen:
    """Ask one stream from the outside in. Blocking, within the patient's deadline but for the name server."""
    seen = Seen(plan)
    status = read_status(patient, plan)
    if status is not None and status.state is StreamState.RECORDING and not patient.deep:
        seen.tracks = status.tracks
        return seen
    begun_us = patient.clock.boot_us()
    if plan.source == "rtsp":
        seen.findings += _outside(plan, min(TALK_S, patient.camera_deadline_s))
    if not seen.findings:
        left_s = patient.camera_deadline_s - (patient.clock.boot_us() - begun_us) / 1e6
        hasty = replace(plan, open_timeout_s=min(plan.open_timeout_s, left_s), stall_s=min(plan.stall_s, left_s / 2))
        findings, seen.tracks = watch(patient, hasty, left_s)
        seen.findings += findings
    return seen


def _outside(plan: StreamPlan, deadline_s: float) -> Iterator[Finding]:
    """Name, port, RTSP, password, path, session."""
    parts = urlsplit(plan.url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 554)
    subject = str(plan.key)
    try:
        heard = converse(plan.url, plan.username, plan.password, deadline_s=deadline_s)
    except socket.gaierror as error:
        yield FAULTS["host-unknown"].found(subject, f"{host}: {error.strerror}")
    except NoAnswer as error:
        yield FAULTS["camera-mute"].found(subject, f"{host}:{port}: {error}")
    except ConnectionRefusedError:
        yield FAULTS["port-closed"].found(subject, f"{host}:{port} refuses the connection")
    except BadInput as error:
        yield FAULTS["not-rtsp"].found(subject, f"{host}:{port}: {error}")
    except TimeoutError:
        yield FAULTS["camera-silent"].found(
            subject, f"{host}:{port} did not answer within {deadline_s:.0f} s", host=host
        )
    except OSError as error:
        code = "camera-silent" if error.errno in _AWAY else "not-rtsp"
        yield FAULTS[code].found(subject, f"{host}:{port}: {error.strerror or error}", host=host)
    else:
        yield from _answered(plan, heard)


def _answered(plan: StreamPlan, heard: Heard) -> Iterator[Finding]:
    if heard.answer.status == 200:  # noqa: PLR2004 - RFC 2326: OK
        return
    who = f" ({heard.server})" if heard.server else ""
    evidence = f"{heard.request} was answered with {heard.answer}{who}"
    code = _ANSWERS.get(heard.answer.status, "camera-refuses")
    if code == "password-wrong" and not plan.username:
        code = "password-missing"
    yield FAULTS[code].found(str(plan.key), evidence, camera=plan.camera)


def _same(camera: str, streams: list[Seen]) -> Iterator[Finding]:
    """Is the sub stream the main stream once more?"""
    pictures = [next((t for t in one.tracks if t.get("kind") == "video"), None) for one in streams]
    shapes = {(p.get("codec"), p.get("width"), p.get("height")) for p in pictures if p}
    if len([p for p in pictures if p]) > 1 and len(shapes) == 1:
        codec, width, height = shapes.pop()
        yield FAULTS["sub-is-main"].found(f"{camera}/sub", f"both streams are {codec} {width}x{height}")
