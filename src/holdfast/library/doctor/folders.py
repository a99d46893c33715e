"""Checks of the folders besides footage: state, runtime, logs, and what lies in them."""

from collections.abc import Iterator
from pathlib import Path

from holdfast.core.errors import BadInput
from holdfast.core.plan import Plan
from holdfast.library.doctor import access
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.mounts import mount_of
from holdfast.library.doctor.patient import Patient
from holdfast.library.status import spilling

STREAMS_FILE = "streams.json"
_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})


def check_state(patient: Patient) -> Iterator[Finding]:
    """Can the state folder be written, by us alone?"""
    yield from _unwritable(patient.state_dir, "state-dir-unwritable")
    if patient.state_dir.is_dir() and (seen := access.open_to_others(patient.state_dir)):
        yield FAULTS["state-dir-exposed"].found(str(patient.state_dir), seen, path=patient.state_dir)


def check_runtime(patient: Patient) -> Iterator[Finding]:
    """Can the runtime folder be written, and does it live in memory?"""
    folder = patient.runtime_dir
    yield from _unwritable(folder, "runtime-dir-unwritable")
    kind = mount_of(access.nearest(folder))[1]
    if kind and kind not in _MEMORY:
        yield FAULTS["runtime-dir-on-disk"].found(str(folder), f"{folder} is on {kind}")


def check_memory(patient: Patient) -> Iterator[Finding]:
    """Can footage be captured to memory where it should be, and is it?"""
    if patient.memory:
        yield FAULTS["memory-unusable"].found("memory", patient.memory)
        return
    why = spilling(Plan(streams=patient.streams), patient.runtime_dir, patient.clock.wall_us())
    if why:
        yield FAULTS["memory-full"].found("memory", why)


def check_logs(patient: Patient) -> Iterator[Finding]:
    """Can the log folder be written?"""
    yield from _unwritable(patient.log_dir, "log-dir-unwritable")


def check_streams_file(patient: Patient) -> Iterator[Finding]:
    """Can recorders read what to record?"""
    path = patient.state_dir / STREAMS_FILE
    try:
        Plan.from_json(path.read_bytes())
    except BadInput as error:
        yield FAULTS["streams-damaged"].found(str(path), str(error))
    except FileNotFoundError:
        return  # nothing was published yet: `worker-not-running` tells that
    except OSError as error:
        yield FAULTS["streams-damaged"].found(str(path), f"{error.strerror}; {access.described(path)}")


def _unwritable(folder: Path, code: str) -> Iterator[Finding]:
    # A folder that is not there yet is made at the start; then its parent must let us.
    trial = access.try_writing(access.nearest(folder))
    if trial.error:
        names = {"owner": access.owner(), "user": access.user_name(), "group": access.group_name()}
        yield FAULTS[code].found(str(folder), trial.evidence, path=folder, **names)
