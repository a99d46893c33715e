from pathlib import Path

import pytest

from holdfast.library.doctor.mounts import mount_of

_TABLE = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:20 / /dev/shm rw - tmpfs tmpfs rw
24 22 8:17 / /my\\040disk rw shared:1 - xfs /dev/sdb1 rw
25 24 8:33 / /my\\040disk rw - btrfs /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    ("path", "point", "kind"),
    [
        ("/no-such-place", "/", "ext4"),
        ("/dev/shm/x", "/dev/shm", "tmpfs"),  # noqa: S108 - a path in a table, nothing is written there
        ("/my disk/footage", "/my disk", "btrfs"),
    ],
)
def test_deepest_and_latest_mount_wins(tmp_path: Path, path: str, point: str, kind: str) -> None:
    """A path belongs to the deepest mount above it, and of two in one place to the later one."""
    table = tmp_path / "mountinfo"
    table.write_text(_TABLE, encoding="utf-8")
    assert mount_of(Path(path), table) == (point, kind)


def test_unknown_system_knows_nothing(tmp_path: Path) -> None:
    """Where the system keeps no such table, nothing is claimed."""
    assert mount_of(Path("/"), tmp_path / "none") == ("", "")
