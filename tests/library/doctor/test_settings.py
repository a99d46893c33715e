import os
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.plan import Plan
from holdfast.library.desired import load_or_last_good, publish_plan, remember_config
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.settings import examine_settings, patient_of
from holdfast.library.volumes import prepare
from support.patients import no_source, ordinary_user, plan_for

_GOOD = """
state_dir = "state"
runtime_dir = "run"

[site]
time_zone = "Europe/Berlin"

[volumes.main]
path = "disk"

[cameras.gate]
url = "rtsp://127.0.0.1:9/main"
"""


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "holdfast.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def _found(path: Path, **environ: str) -> list[Finding]:
    return examine_settings(path, {"HOME": str(path.parent), **environ})[1]


def _only(path: Path, **environ: str) -> Finding:
    (found,) = _found(path, **environ)
    return found


def test_good_configuration_is_no_finding(tmp_path: Path) -> None:
    """A configuration without a mistake gives none."""
    assert not _found(_written(tmp_path, _GOOD))


def test_missing_configuration_is_explained(tmp_path: Path) -> None:
    """Where there is no file, the command that writes one is named."""
    found = _only(tmp_path / "none.toml")
    assert found.fault == "config-missing"
    assert "holdfast init" in found.fix


def test_unreadable_configuration_is_explained(tmp_path: Path) -> None:
    """A file that belongs to somebody else is named with the exact chown (F63)."""
    path = _written(tmp_path, _GOOD)
    with ordinary_user(tmp_path):
        path.chmod(0)
        found = _only(path)
    assert found.fault == "config-unreadable"
    assert str(path) in found.fix


@pytest.mark.parametrize(
    ("old", "new", "fault", "says"),
    [
        ('path = "disk"', 'path = "disk', "config-syntax", "holdfast.toml:9"),
        ("time_zone", "time_zome", "config-unknown-key", "did you mean time_zone?"),
        ("Europe/Berlin", "Europe/Berlinn", "time-zone-unknown", "did you mean Europe/Berlin?"),
        ('path = "disk"', 'path = "disk"\nreserve = "much"', "config-invalid", "volumes.main.reserve"),
        ("[cameras.gate]", '[cameras.gate]\npassword = { env = "GATE" }', "secret-unset", "GATE is not set"),
        ("[cameras.gate]", '[cameras.gate]\npassword = { file = "no.txt" }', "secret-missing", "no.txt"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, old: str, new: str, fault: str, says: str) -> None:
    """Each kind of mistake in the file is a fault of its own, with place and way out (C130, F48)."""
    found = _only(_written(tmp_path, _GOOD.replace(old, new)))
    assert found.fault == fault
    assert says in f"{found.subject} {found.evidence} {found.fix}"


def test_open_configuration_is_explained(tmp_path: Path) -> None:
    """A password in a file that others may read is a warning, and is not repeated (C131, F61)."""
    path = _written(tmp_path, _GOOD.replace("[cameras.gate]", '[cameras.gate]\npassword = "hush-hush"'))
    path.chmod(0o644)
    found = _only(path)
    assert found.fault == "config-exposed"
    assert f"chmod 600 {path}" in found.fix
    assert "hush-hush" not in repr(found)


def test_open_secret_file_is_explained(tmp_path: Path) -> None:
    """A secret file that others may read is a warning with the command that closes it (C131)."""
    secret = tmp_path / "gate.secret"
    secret.write_text("hush-hush\n", encoding="utf-8")
    secret.chmod(0o644)
    path = _written(tmp_path, _GOOD.replace("[cameras.gate]", '[cameras.gate]\npassword = { file = "gate.secret" }'))
    found = _only(path)
    assert found.fault == "secret-exposed"
    assert found.fix == f"chmod 600 {secret}"


def test_no_cameras_are_explained(tmp_path: Path) -> None:
    """A configuration without a camera is an error: nothing will be recorded."""
    found = _only(_written(tmp_path, _GOOD.partition("[cameras.gate]")[0]))
    assert found.fault == "no-cameras"


def test_last_good_configuration_is_examined(tmp_path: Path) -> None:
    """A file that broke shows its mistake and that recorders go on with the copy, which is what is examined (F48)."""
    path = _written(tmp_path, _GOOD)
    remember_config(load_or_last_good(path, {"HOME": str(tmp_path)}))
    path.write_text(_GOOD.replace("time_zone", "time_zome"), encoding="utf-8")
    loaded, findings = examine_settings(path, {"HOME": str(tmp_path)})
    assert [found.fault for found in findings] == ["config-unknown-key", "config-stale"]
    assert loaded is not None
    assert list(loaded.config.cameras) == ["gate"]


def test_patient_follows_configuration_and_plan(tmp_path: Path) -> None:
    """Ids come from the node's memory, cameras added at run time from its plan; --camera leaves out the rest."""
    text = _GOOD + '[cameras.yard]\nurl = "rtsp://127.0.0.1:9/yard"\n'
    loaded, _ = examine_settings(_written(tmp_path, text), {"HOME": str(tmp_path)})
    assert loaded is not None
    ids, _ = prepare(loaded.config, SystemClock())
    stream = plan_for(tmp_path / "disk", "added", volume_id=ids["main"])
    publish_plan(loaded.config.state_dir, Plan(streams=(stream,), runtime_dir=str(tmp_path / "elsewhere")))
    everything = patient_of(loaded, SystemClock(), no_source)
    assert [str(one.key) for one in everything.streams] == ["gate/main", "yard/main", "added/main"]
    patient = patient_of(loaded, SystemClock(), no_source, camera="yard")
    assert [str(one.key) for one in patient.streams] == ["yard/main"]
    assert patient.volumes[0].volume_id == ids["main"]
    assert patient.runtime_dir == tmp_path / "elsewhere"
    assert os.fspath(patient.state_dir) == os.fspath(tmp_path / "state")
