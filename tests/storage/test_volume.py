from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, DiskError, VolumeMissing
from holdfast.storage.volume import MARKER, Volume, create_marker, read_marker


def test_marker_comes_back(tmp_path: Path) -> None:
    """A folder is adopted once, and says so ever after."""
    made = create_marker(tmp_path / "disk", 5)
    assert read_marker(tmp_path / "disk") == made
    assert made.volume_id
    with pytest.raises(DiskError):
        create_marker(tmp_path / "disk", 6)
    assert read_marker(tmp_path / "disk") == made


def test_check_refuses_what_is_not_the_disk(tmp_path: Path) -> None:
    """An unmounted disk, an absent folder and another disk are not written to."""
    create_marker(tmp_path / "disk", 5, "vol-a")
    Volume(tmp_path / "disk", "vol-a").check()
    with pytest.raises(VolumeMissing, match="expected vol-b"):
        Volume(tmp_path / "disk", "vol-b").check()
    (tmp_path / "mountpoint").mkdir()
    with pytest.raises(VolumeMissing, match="not mounted"):
        Volume(tmp_path / "mountpoint", "vol-a").check()
    with pytest.raises(VolumeMissing):
        Volume(tmp_path / "absent", "vol-a").check()
    assert not (tmp_path / "absent").exists()


def test_damaged_marker_is_not_a_volume(tmp_path: Path) -> None:
    """A marker that cannot be read vouches for nothing."""
    (tmp_path / MARKER).write_bytes(bytes(20))
    with pytest.raises(BadInput):
        read_marker(tmp_path)
    with pytest.raises(VolumeMissing, match="damaged"):
        Volume(tmp_path, "vol-a").check()


def test_no_id_accepts_any_folder(tmp_path: Path) -> None:
    """Recording by hand makes its own folder."""
    Volume(tmp_path / "a" / "b").check()
    assert (tmp_path / "a" / "b").is_dir()


def test_short_bytes_measure_the_reserve(tmp_path: Path) -> None:
    """Free space is compared with the reserve."""
    free = Volume(tmp_path).free_bytes()
    assert free > 0
    assert Volume(tmp_path, "", 0).short_bytes() == 0
    assert Volume(tmp_path, "", free * 2).short_bytes() > 0


def test_footage_is_listed(tmp_path: Path) -> None:
    """Finished and growing files are listed, journals and strangers are not."""
    day = tmp_path / "footage" / "gate" / "main" / "2026-01-01"
    day.mkdir(parents=True)
    for name in ("b.mp4.part", "a.mp4", "notes.txt"):
        (day / name).write_bytes(b"12345")
    (day.parent / "2026-01-01.journal").write_bytes(b"")
    files = list(Volume(tmp_path).footage_files())
    assert files == [
        ("footage/gate/main/2026-01-01/a.mp4", 5),
        ("footage/gate/main/2026-01-01/b.mp4.part", 5),
    ]
