from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.plan import Plan
from holdfast.core.status import StreamState
from holdfast.library.doctor.folders import check_logs, check_memory, check_runtime, check_state, check_streams_file
from support.patients import healthy, ordinary_user, plan_for
from support.supervised import write_status


@pytest.mark.parametrize(
    ("folder", "check", "fault"),
    [
        ("state", check_state, "state-dir-unwritable"),
        ("run", check_runtime, "runtime-dir-unwritable"),
        ("log", check_logs, "log-dir-unwritable"),
    ],
)
def test_unwritable_folder_is_explained(tmp_path: Path, folder: str, check: object, fault: str) -> None:
    """A folder that another user owns is named with its owner and with the exact chown (F63)."""
    assert callable(check)
    patient = healthy(tmp_path)
    with ordinary_user(tmp_path):
        (tmp_path / folder).chmod(0o500)
        found = next(f for f in check(patient) if f.fault == fault)
        (tmp_path / folder).chmod(0o700)
    assert "dr-x------" in found.evidence
    assert str(tmp_path / folder) in found.fix
    assert "Permission denied" in found.evidence


def test_chown_names_user_and_group(tmp_path: Path) -> None:
    """The fix names user and group as chown takes them, so that it can be pasted (F63)."""
    patient = healthy(tmp_path)
    with ordinary_user(tmp_path):
        (tmp_path / "log").chmod(0o500)
        (found,) = check_logs(patient)
        (tmp_path / "log").chmod(0o700)
    assert found.fix.startswith("sudo chown -R ")
    assert ":" in found.fix.split()[3]


def test_state_open_to_everybody_is_explained(tmp_path: Path) -> None:
    """A state folder that everybody may read is a warning, because passwords lie in it (F61)."""
    patient = healthy(tmp_path)
    assert not list(check_state(patient))
    patient.state_dir.chmod(0o755)
    (found,) = check_state(patient)
    assert found.fault == "state-dir-exposed"
    assert found.fix == f"chmod 700 {patient.state_dir}"


@pytest.mark.needs("mount")
def test_runtime_folder_on_disk_is_a_note(tmp_path: Path) -> None:
    """A runtime folder outside tmpfs is advice, not a fault; on tmpfs it is nothing (F68)."""
    on_disk = healthy(tmp_path)
    in_memory = healthy(tmp_path, runtime_dir=Path("/dev/shm"))  # noqa: S108 - the tmpfs that every Linux has
    assert [found.fault for found in check_runtime(on_disk)] == ["runtime-dir-on-disk"]
    assert not list(check_runtime(in_memory))


def test_damaged_streams_file_is_explained(tmp_path: Path) -> None:
    """A streams.json that is no JSON any more is an error that says who writes it anew."""
    patient = healthy(tmp_path)
    path = patient.state_dir / "streams.json"
    path.write_text(Plan().to_json(), encoding="utf-8")
    assert not list(check_streams_file(patient))
    path.write_text(Plan().to_json()[:-3], encoding="utf-8")
    (found,) = check_streams_file(patient)
    assert found.fault == "streams-damaged"
    assert "holdfast work" in found.fix


def test_folder_that_can_be_made_is_fine(tmp_path: Path) -> None:
    """A folder that is not there yet is no fault while its parent can be written."""
    assert not list(check_logs(healthy(tmp_path, log_dir=tmp_path / "not" / "yet")))


def test_memory_that_does_not_take_footage_is_explained(tmp_path: Path) -> None:
    """Why memory cannot be used, or is full, is said with its reason; where none is wanted, nothing is (C081)."""
    plan = plan_for(tmp_path / "footage-disk", memory="/dev/shm/x")  # noqa: S108 - only named
    patient = healthy(tmp_path, plan)
    assert list(check_memory(patient)) == []
    (unusable,) = check_memory(replace(patient, memory="/home is on a disk, not on a tmpfs"))
    assert (unusable.fault, unusable.evidence) == ("memory-unusable", "/home is on a disk, not on a tmpfs")
    now_us = patient.clock.wall_us()
    why = "200 of the 256 MiB in memory are used"
    write_status(patient.runtime_dir, "gate", StreamState.RECORDING, now_us, memory=why, spilled=3)
    (full,) = check_memory(patient)
    assert (full.fault, full.evidence) == ("memory-full", f"gate/main: {why}")
