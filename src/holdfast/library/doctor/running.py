"""Checks of what runs: recorders, the worker, and what they left behind.

Status files and journals say what happens; a lock that can be taken says that nobody is there. A lock is only ever
tried, and let go at once.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from holdfast.core.camera import StreamKey
from holdfast.core.errors import BadInput, NotFound, StorageError
from holdfast.core.footage import PART, lock_path, stream_folder
from holdfast.core.gap import MEANING, PLANNED, GapReason
from holdfast.core.journal import Closed, Line, Opened
from holdfast.core.plan import StreamPlan
from holdfast.core.status import FRESH_S, StreamState, StreamStatus, status_name
from holdfast.core.timing import MINUTE_US, SECOND_US, iso
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.storage.journal import journal_files, list_streams, read_journal
from holdfast.storage.lock import holder

CRASH_WINDOW_US = 10 * MINUTE_US  # chosen: long enough for a back-off that has reached its cap, short enough to be news
CRASHES = 3  # chosen: one may be a power cut, two bad luck
_SETTLE_US = 30 * SECOND_US  # a stream that only connects, for this long, is not yet a fault


def read_status(patient: Patient, plan: StreamPlan) -> StreamStatus | None:
    """Return a stream's status while it is fresh, else None."""
    try:
        status = StreamStatus.from_json((patient.runtime_dir / status_name(plan.camera, plan.stream)).read_bytes())
    except (OSError, BadInput):
        return None
    # Either side: a wall clock that was set back makes the last word of a living recorder come from the future.
    return status if abs(patient.clock.wall_us() - status.at_us) <= FRESH_S * SECOND_US else None


def check_recorders(patient: Patient) -> Iterator[Finding]:
    """Is every stream that should be recorded being recorded?"""
    for plan in patient.streams:
        if plan.capture.mode == "off":
            continue
        status = read_status(patient, plan)
        if status is not None:
            yield from _judge(patient, plan, status)
        elif (pid := _holder(Path(plan.volume) / lock_path(plan.key))) is not None:
            evidence = (
                f"its lock is held{f' by process {pid}' if pid else ''}, but there is no status since {FRESH_S:.0f} s"
            )
            yield FAULTS["recorder-stuck"].found(str(plan.key), evidence, pid=pid or "(unknown)")
        else:
            folder = patient.runtime_dir
            yield FAULTS["recorder-not-running"].found(str(plan.key), f"no fresh status in {folder}, its lock is free")


def _judge(patient: Patient, plan: StreamPlan, status: StreamStatus) -> Iterator[Finding]:
    quiet = {StreamState.RECORDING, StreamState.DISABLED, StreamState.OFF_SCHEDULE}
    starting = status.state is StreamState.STARTING and patient.clock.wall_us() - status.since_us < _SETTLE_US
    if status.state not in quiet and not starting and status.reason not in {reason.value for reason in PLANNED}:
        hint = status.hint or "holdfast cameras test shows what answers"
        why = status.detail or _meaning(status.reason)
        yield FAULTS["stream-down"].found(
            str(plan.key), f"{status.reason} since {iso(status.since_us)}: {why}", hint=hint
        )
    if status.dropped_samples:
        evidence = f"{status.dropped_samples} samples dropped, {status.queue_bytes >> 10} KiB wait for the disk now"
        yield FAULTS["frames-dropped"].found(str(plan.key), evidence)
    if status.mismatch:
        yield FAULTS["stream-mismatch"].found(str(plan.key), "; ".join(status.mismatch))


def _meaning(reason: str) -> str:
    return MEANING[GapReason(reason)] if reason in set(GapReason) else "no reason was given"


def check_worker(patient: Patient) -> Iterator[Finding]:
    """Does the worker run, where recorders do?"""
    body = read_role(patient, "worker.json")
    if body is None and any(read_status(patient, plan) for plan in patient.streams):
        yield FAULTS["worker-not-running"].found("worker", f"no fresh {patient.runtime_dir / 'worker.json'}")


def check_server(patient: Patient) -> Iterator[Finding]:
    """Are pages served, where a supervisor was asked to?"""
    body = read_role(patient, "server.json")
    children = (read_role(patient, "supervisor.json") or {}).get("children", [])
    begun = [c for c in children if isinstance(c, dict) and c.get("name") == "server" and c.get("state") != "stopped"]
    if body is not None and body.get("problem"):
        hint = body.get("hint") or "holdfast logs server says more"
        yield FAULTS["server-not-listening"].found("server", str(body["problem"]), hint=str(hint))
    elif body is None and begun and patient.clock.wall_us() - int(begun[0].get("since_us", 0)) > _SETTLE_US:
        yield FAULTS["server-not-running"].found("server", f"no fresh {patient.runtime_dir / 'server.json'}")


def check_supervisor(patient: Patient) -> Iterator[Finding]:
    """Does the supervisor see a process that dies again and again?"""
    for child in (read_role(patient, "supervisor.json") or {}).get("children", []):
        if isinstance(child, dict) and child.get("crash_loop"):
            evidence = f"{child.get('restarts')} restarts; the last one {child.get('last_end')}"
            yield FAULTS["crash-loop"].found(str(child.get("name")), evidence)


def read_role(patient: Patient, name: str) -> dict[str, Any] | None:
    """Return what a role wrote into its status file while it is fresh, else None."""
    try:
        body = json.loads((patient.runtime_dir / name).read_bytes())
    except (OSError, ValueError):
        return None
    at_us = body.get("at_us") if isinstance(body, dict) else None
    fresh = isinstance(at_us, int) and abs(patient.clock.wall_us() - at_us) <= FRESH_S * SECOND_US
    return body if fresh else None


def check_journals(patient: Patient) -> Iterator[Finding]:
    """Did recorders die again and again, and can their journals be read?"""
    now_us = patient.clock.wall_us()
    for plan in patient.streams:
        lines, damage = _newest(Path(plan.volume), plan.key)
        if damage:
            yield damage
        deaths = _deaths([line for line in lines if now_us - line.when.at_us <= CRASH_WINDOW_US])
        if deaths >= CRASHES:
            minutes = CRASH_WINDOW_US // MINUTE_US
            yield FAULTS["crash-loop"].found(str(plan.key), f"it died {deaths} times within {minutes} minutes")


def _deaths(lines: list[Line]) -> int:
    """Count recorders that were followed by another without having said goodbye."""
    deaths = 0
    session: str | None = None  # of the recorder that is at work; None while nobody is
    for line in lines:
        if isinstance(line.event, Opened):
            # The same recorder opens its journal again after its disk was away: nobody died in between.
            again = bool(line.event.session) and line.event.session == session
            deaths += session is not None and not again
            session = line.event.session
        elif isinstance(line.event, Closed):
            session = None
    return deaths


def _newest(root: Path, key: StreamKey) -> tuple[list[Line], Finding | None]:
    """Return the lines of a stream's newest journal, and what is wrong with it."""
    try:
        files = journal_files(root, key)
        entries = list(read_journal(files[-1])) if files else []
    except (StorageError, NotFound) as error:
        return [], FAULTS["journal-damaged"].found(str(key), str(error))
    bad = [entry for entry in entries if entry.line is None]
    damage = None
    if bad:
        evidence = f"{len(bad)} of {len(entries)} lines cannot be read, such as {bad[0].raw[:60]!r}"
        damage = FAULTS["journal-damaged"].found(str(files[-1]), evidence)
    return [entry.line for entry in entries if entry.line is not None], damage


def check_parts(patient: Patient) -> Iterator[Finding]:
    """Were interrupted files left behind?"""
    for root in {Path(volume.path) for volume in patient.volumes}:
        for key in list_streams(root):
            folder = root / stream_folder(key)
            parts = sorted(folder.glob(f"*/*{PART}"))
            # A recorder that holds the lock has one file growing, and recovers the others by itself.
            if parts and _holder(root / lock_path(key)) is None:
                names = ", ".join(part.name for part in parts[:3]) + (" …" if len(parts) > 3 else "")  # noqa: PLR2004 - enough to look at
                yield FAULTS["parts-left"].found(str(stream_folder(key)), f"{len(parts)} in {folder}: {names}")


def _holder(path: Path) -> int | None:
    try:
        return holder(path)
    except StorageError:  # its folder cannot be read; the checks of the volume say so
        return None
