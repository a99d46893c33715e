import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.footage import journal_path, lock_path, stream_folder
from holdfast.core.journal import Closed, Opened
from holdfast.core.plan import StreamPlan
from holdfast.core.status import StreamState, StreamStatus, status_name
from holdfast.core.timing import day_of
from holdfast.library.doctor.patient import Patient
from holdfast.library.doctor.running import (
    check_journals,
    check_parts,
    check_recorders,
    check_server,
    check_supervisor,
    check_worker,
)
from holdfast.storage.journal import JournalWriter
from holdfast.storage.lock import FileLock
from support.clock import PushedClock
from support.patients import healthy, off, plan_for


def _plan(tmp_path: Path) -> StreamPlan:
    return plan_for(tmp_path / "footage-disk")


def _folder(patient: Patient) -> Path:
    folder = patient.volumes[0].path / stream_folder(patient.streams[0].key)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _say(patient: Patient, **facts: object) -> None:
    now_us = patient.clock.wall_us()
    status = StreamStatus(camera="gate", stream="main", state=StreamState.RECORDING, at_us=now_us, since_us=now_us)
    status = replace(status, **facts)  # type: ignore[arg-type]  # any field, as the test names it
    (patient.runtime_dir / status_name("gate", "main")).write_text(status.to_json(), encoding="utf-8")


def _role(patient: Patient, name: str, **facts: object) -> None:
    body = {"at_us": patient.clock.wall_us(), **facts}
    (patient.runtime_dir / name).write_text(json.dumps(body), encoding="utf-8")


def test_recording_stream_is_no_finding(tmp_path: Path) -> None:
    """A stream that says that it records is not mentioned."""
    patient = healthy(tmp_path, _plan(tmp_path))
    _say(patient)
    assert not list(check_recorders(patient))


def test_missing_recorder_is_explained(tmp_path: Path) -> None:
    """A stream that nobody records is named; one that is switched off is not."""
    patient = healthy(tmp_path, _plan(tmp_path))
    assert [found.fault for found in check_recorders(patient)] == ["recorder-not-running"]
    assert not list(check_recorders(replace(patient, streams=(off(patient.streams[0]),))))


def test_stuck_recorder_is_explained(tmp_path: Path) -> None:
    """A recorder that holds the lock and says nothing is named with its process id (F02)."""
    patient = healthy(tmp_path, _plan(tmp_path))
    _say(patient, at_us=patient.clock.wall_us() - 60_000_000)
    with FileLock(_folder(patient) / lock_path(patient.streams[0].key).name):
        (found,) = check_recorders(patient)
    assert found.fault == "recorder-stuck"
    assert f"by process {os.getpid()}" in found.evidence


def test_stream_that_is_down_is_explained(tmp_path: Path) -> None:
    """A stream with an open gap is named with reason, since when, and the recorder's own hint."""
    patient = healthy(tmp_path, _plan(tmp_path))
    _say(patient, state=StreamState.WAITING, reason="auth", since_us=1_700_000_000_000_000, hint="mend the password")
    (found,) = check_recorders(patient)
    assert found.fault == "stream-down"
    assert found.evidence.startswith("auth since 2023-11-14T22:13:20.000Z: the camera rejected")
    assert found.fix == "mend the password"


@pytest.mark.parametrize("state", [StreamState.OFF_SCHEDULE, StreamState.DISABLED, StreamState.STARTING])
def test_planned_absence_is_no_finding(tmp_path: Path, state: StreamState) -> None:
    """A stream outside its hours, switched off, or connecting for a moment is no fault."""
    patient = healthy(tmp_path, _plan(tmp_path))
    _say(patient, state=state)
    assert not list(check_recorders(patient))


def test_dropped_footage_is_explained(tmp_path: Path) -> None:
    """Footage that was dropped for a slow disk is a warning with the count."""
    patient = healthy(tmp_path, _plan(tmp_path))
    _say(patient, dropped_samples=75, queue_bytes=2048)
    (found,) = check_recorders(patient)
    assert found.fault == "frames-dropped"
    assert found.evidence == "75 samples dropped, 2 KiB wait for the disk now"


def test_mismatch_seen_by_the_recorder_is_explained(tmp_path: Path) -> None:
    """A stream contract that the recorder found broken shows without another connection (C009)."""
    patient = healthy(tmp_path, _plan(tmp_path))
    _say(patient, mismatch=["video.width: 1280, expected 1920"])
    assert [found.evidence for found in check_recorders(patient)] == ["video.width: 1280, expected 1920"]


def test_missing_worker_is_explained(tmp_path: Path) -> None:
    """A worker that says nothing while cameras record is a warning; a fresh word of it ends that."""
    patient = healthy(tmp_path, _plan(tmp_path))
    assert not list(check_worker(patient))
    _say(patient)
    assert [found.fault for found in check_worker(patient)] == ["worker-not-running"]
    _role(patient, "worker.json")
    assert not list(check_worker(patient))


def test_missing_server_is_explained(tmp_path: Path) -> None:
    """A server that the supervisor began and that says nothing is a warning; one that was never wanted is not."""
    patient = healthy(tmp_path)
    assert not list(check_server(patient))
    since_us = patient.clock.wall_us() - 60_000_000
    _role(patient, "supervisor.json", children=[{"name": "server", "state": "running", "since_us": since_us}])
    assert [found.fault for found in check_server(patient)] == ["server-not-running"]
    _role(patient, "server.json", problem="")
    assert not list(check_server(patient))


def test_taken_port_is_explained(tmp_path: Path) -> None:
    """A server without its port says who has it, and what to do."""
    patient = healthy(tmp_path)
    _role(patient, "server.json", problem="port 8080 of 127.0.0.1 is taken by another program", hint="set another")
    (found,) = check_server(patient)
    assert (found.fault, found.fix) == ("server-not-listening", "set another")
    assert "8080" in found.evidence


def test_child_that_keeps_dying_is_explained(tmp_path: Path) -> None:
    """A process that the supervisor restarts again and again is named with how it ended last."""
    patient = healthy(tmp_path)
    child = {"name": "recorder-0", "crash_loop": True, "restarts": 7, "last_end": "killed by SIGSEGV"}
    _role(patient, "supervisor.json", children=[child, {"name": "worker", "crash_loop": False}])
    (found,) = check_supervisor(patient)
    assert found.fault == "crash-loop"
    assert (found.subject, found.evidence) == ("recorder-0", "7 restarts; the last one killed by SIGSEGV")


def _journal(patient: Patient, *events: Opened | Closed) -> Path:
    assert isinstance(patient.clock, PushedClock)
    _folder(patient)
    root, key = patient.volumes[0].path, patient.streams[0].key
    writer = JournalWriter(root, key, patient.clock)
    try:
        for event in events:
            patient.clock.advance(10)
            writer.write(event, sync=False)
    finally:
        writer.close()
    return root / journal_path(key, day_of(patient.clock.wall_us()))


def _opened(session: str) -> Opened:
    return Opened(camera="gate", stream="main", pid=1, program="test", session=session)


def test_crash_loop_is_read_from_the_journal(tmp_path: Path) -> None:
    """Three deaths without a word within ten minutes are a crash loop; orderly ends and reopened disks are none."""
    patient = healthy(tmp_path, _plan(tmp_path))
    _journal(patient, *(_opened("a"), Closed(reason="restarted")) * 4, *(_opened("b"),) * 5)
    assert not list(check_journals(patient))
    _journal(patient, *(_opened(name) for name in "cde"))
    (found,) = check_journals(patient)
    assert found.fault == "crash-loop"
    assert "died 3 times" in found.evidence
    assert isinstance(patient.clock, PushedClock)
    patient.clock.advance(3600)
    assert not list(check_journals(patient))


def test_damaged_journal_is_explained(tmp_path: Path) -> None:
    """A line that is none is damage; a torn last line is what a power cut leaves, and none."""
    patient = healthy(tmp_path, _plan(tmp_path))
    path = _journal(patient, _opened("a"), _opened("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"v":1,"t":"ope')
    assert not list(check_journals(patient))
    path.write_bytes(b"\x00\x00\x00\n" + whole)
    assert [found.fault for found in check_journals(patient)] == ["journal-damaged"]


def test_interrupted_files_are_explained(tmp_path: Path) -> None:
    """A file that was never finished is a warning, unless a recorder is at work on its stream."""
    patient = healthy(tmp_path, _plan(tmp_path))
    folder = _folder(patient)
    (folder / "2026-01-01").mkdir()
    (folder / "2026-01-01" / "gate_20260101T000000Z.mp4.part").touch()
    (patient.volumes[0].path / "footage" / "lost+found" / "x").mkdir(parents=True)
    (found,) = check_parts(patient)
    assert found.fault == "parts-left"
    assert "gate_20260101T000000Z.mp4.part" in found.evidence
    with FileLock(folder / ".lock"):
        assert not list(check_parts(patient))
