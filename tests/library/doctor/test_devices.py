"""Rights to devices that cameras name."""

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.library.doctor.devices import check_devices
from holdfast.library.doctor.patient import Patient
from support.patients import healthy, ordinary_user, plan_for


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """A machine with a grabber and two sound cards."""
    root = tmp_path / "root"
    (root / "dev/snd").mkdir(parents=True)
    (root / "proc/asound/card1").mkdir(parents=True)
    (root / "proc/asound/Grabber").symlink_to("card1")
    for name in ("video0", "snd/pcmC0D0c", "snd/pcmC1D0c"):
        (root / "dev" / name).touch(mode=0o660)
    return root


def patient(tmp_path: Path, **options: str) -> Patient:
    """A node with a camera that is this grabber."""
    plan = replace(plan_for(tmp_path, "bench"), source="v4l2", url="v4l2:///dev/video0", options=options)
    return healthy(tmp_path, plan)


@pytest.mark.parametrize("sound", ["hw:1", "hw:CARD=Grabber,DEV=0", "plughw:Grabber"])
def test_missing_rights_are_named(tmp_path: Path, root: Path, sound: str) -> None:
    """A camera's device and its sound that this user may not open are found, with the command that helps (C150)."""
    for name in ("video0", "snd/pcmC1D0c"):
        (root / "dev" / name).chmod(0)
    examined = patient(tmp_path, sound=sound)
    with ordinary_user(root):
        found = list(check_devices(examined, root))
    assert [one.fault for one in found] == ["device-rights"] * 2
    assert "dev/video0" in found[0].evidence
    assert "pcmC1D0c" in found[1].evidence
    assert all("sudo chmod g+rw" in one.fix for one in found)
    assert found[0].subject == "bench/main"


def test_what_may_be_opened_is_no_fault(tmp_path: Path, root: Path) -> None:
    """Devices that may be opened, are not there, or have a name that only ALSA knows are none of this check's."""
    examined = [patient(tmp_path, sound=sound) for sound in ("hw:0", "default", "hw:CARD=Gone")]
    with ordinary_user(root):
        assert [list(check_devices(one, root)) for one in examined] == [[], [], []]
    assert not list(check_devices(healthy(tmp_path, plan_for(tmp_path, "gate")), root))
