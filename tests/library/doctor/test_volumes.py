import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.library.doctor.patient import Patient, VolumeToCheck
from holdfast.library.doctor.volumes import check_disks, check_volumes, size
from holdfast.storage.volume import create_marker
from support.clock import PushedClock
from support.patients import healthy, ordinary_user


def _faults(patient: Patient) -> list[str]:
    return [found.fault for found in check_volumes(patient)]


def _root(patient: Patient) -> Path:
    return patient.volumes[0].path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 8 MB, mounted and unmounted."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=200", "none", place], check=True)
    create_marker(place, 1, "vol-1")
    yield place
    subprocess.run(["umount", place], check=True)


def _on(patient: Patient, place: Path, **changes: int) -> Patient:
    volume = VolumeToCheck(name="main", path=place, volume_id="vol-1", reserve_bytes=changes.get("reserve", 1024))
    return replace(patient, volumes=(volume,))


def test_sound_volume_is_no_finding(tmp_path: Path) -> None:
    """A volume that is there, ours, writable and has room is not mentioned, and nothing is left in it."""
    patient = healthy(tmp_path)
    assert not _faults(patient)
    assert [path.name for path in _root(patient).iterdir()] == [".holdfast-volume"]


def test_missing_folder_is_explained(tmp_path: Path) -> None:
    """A volume whose folder is not there is told from one that is not mounted."""
    patient = healthy(tmp_path)
    gone = replace(patient.volumes[0], path=tmp_path / "nowhere")
    (found,) = check_volumes(replace(patient, volumes=(gone,)))
    assert found.fault == "volume-folder-missing"
    assert "mkdir -p" in found.fix


def test_missing_marker_is_explained(tmp_path: Path) -> None:
    """A folder without the marker is most likely an empty mount point, and nothing is written into it."""
    patient = healthy(tmp_path)
    (_root(patient) / ".holdfast-volume").unlink()
    (found,) = check_volumes(patient)
    assert found.fault == "volume-marker-missing"
    assert f"findmnt {_root(patient)}" in found.fix
    assert not list(_root(patient).iterdir())


def test_new_volume_is_no_finding(tmp_path: Path) -> None:
    """A volume that was never seen gets folder and marker at the first start, so their absence is no fault."""
    patient = healthy(tmp_path)
    new = replace(patient.volumes[0], volume_id="")
    (_root(patient) / ".holdfast-volume").unlink()
    assert not _faults(replace(patient, volumes=(new,)))
    assert not _faults(replace(patient, volumes=(replace(new, path=tmp_path / "not" / "yet"),)))


def test_damaged_marker_is_explained(tmp_path: Path) -> None:
    """A marker that is no JSON is named as damaged, not taken for an unmounted disk."""
    patient = healthy(tmp_path)
    (_root(patient) / ".holdfast-volume").write_text("garbage", encoding="utf-8")
    assert _faults(patient) == ["volume-marker-damaged"]


def test_other_volume_is_explained(tmp_path: Path) -> None:
    """Another disk at this place shows with both ids."""
    patient = healthy(tmp_path)
    expected = replace(patient.volumes[0], volume_id="vol-2")
    (found,) = check_volumes(replace(patient, volumes=(expected,)))
    assert found.fault == "volume-other"
    assert "says vol-1, expected vol-2" in found.evidence


def test_unwritable_volume_is_explained(tmp_path: Path) -> None:
    """A volume that belongs to somebody else is named with mode, owner and the exact chown (F63)."""
    patient = healthy(tmp_path)
    with ordinary_user(tmp_path):
        _root(patient).chmod(0o500)
        found = next(iter(check_volumes(patient)))
        _root(patient).chmod(0o700)
    assert found.fault == "volume-unwritable"
    assert "dr-x------" in found.evidence
    assert found.fix.startswith("sudo chown -R ")


@pytest.mark.needs("mount")
def test_read_only_volume_is_explained(tmp_path: Path, small_disk: Path) -> None:
    """A volume that was remounted read-only is told from missing rights."""
    patient = _on(healthy(tmp_path), small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    (found,) = check_volumes(patient)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert found.fault == "volume-read-only"
    assert f"remount,rw {small_disk}" in found.fix


@pytest.mark.needs("mount")
def test_full_volumes_are_explained(tmp_path: Path, small_disk: Path) -> None:
    """Above nine tenths it is a warning, below the reserve an error that says how much is missing."""
    patient = _on(healthy(tmp_path), small_disk, reserve=100_000)
    (small_disk / "filler").write_bytes(bytes(7_600_000))
    assert _faults(patient) == ["volume-nearly-full"]
    os.truncate(small_disk / "filler", 0)
    (small_disk / "filler").write_bytes(bytes(8_350_000))
    found = next(iter(check_volumes(patient)))
    assert found.fault == "volume-full"
    assert "the reserve is 100.0 KB" in found.evidence


@pytest.mark.needs("mount")
def test_used_up_inodes_are_explained(tmp_path: Path, small_disk: Path) -> None:
    """A file system without inodes is an error although bytes are free."""
    patient = _on(healthy(tmp_path), small_disk)
    for number in range(200):
        try:
            (small_disk / f"{number}").touch()
        except OSError:
            break
    assert "volume-no-inodes" in _faults(patient)


class _CrawlingClock(PushedClock):
    """A clock on which a second passes each time that somebody looks."""

    def boot_us(self) -> int:
        self.advance(1.0)
        return super().boot_us()


def test_slow_volume_is_explained(tmp_path: Path) -> None:
    """A volume that needs a second to make a megabyte durable is a warning with that figure."""
    (found,) = check_volumes(healthy(tmp_path, clock=_CrawlingClock()))
    assert found.fault == "volume-slow"
    assert "1.0 s to make 1.0 MB durable" in found.evidence


def test_volumes_on_one_disk_are_explained(tmp_path: Path) -> None:
    """Two volumes on one file system are a warning that names both."""
    patient = healthy(tmp_path)
    second = replace(patient.volumes[0], name="second")
    found = [f for f in check_disks(replace(patient, volumes=(*patient.volumes, second))) if f.subject]
    assert found[0].fault == "volumes-share-disk"
    assert found[0].subject == "main and second"


@pytest.mark.needs("mount")
def test_system_disk_is_a_note(tmp_path: Path, small_disk: Path) -> None:
    """Footage on the system disk is advice; a disk of its own is nothing."""
    on_system = replace(healthy(tmp_path).volumes[0], path=Path("/usr"))
    patient = replace(healthy(tmp_path), volumes=(on_system,))
    if Path("/usr").stat().st_dev == Path("/").stat().st_dev:
        assert [f.fault for f in check_disks(patient)] == ["volume-on-system-disk"]
    assert not list(check_disks(_on(patient, small_disk)))


def test_sizes_read_as_people_write_them() -> None:
    """Bytes are written with SI prefixes, as disks are sold."""
    assert [size(n) for n in (999, 1000, 2_500_000, 4_000_000_000_000)] == ["999 bytes", "1.0 KB", "2.5 MB", "4.0 TB"]
