"""Pictures of incidents as files."""

from pathlib import Path

import pytest

from holdfast.core.errors import StorageError
from holdfast.core.incident import IncidentType
from holdfast.watching.evidence import END, Pin, delete, file_of, write


def pin(number: int = 1) -> Pin:
    """A picture of a freeze."""
    return Pin(IncidentType.FREEZE, 1_790_000_000_123_456, number, 1_790_000_000_200_000, b"\xff\xd8jpeg", 640, 360)


def test_the_type_is_in_the_path(tmp_path: Path) -> None:
    """A picture lies under its camera and its type, named by the begin of the incident to the millisecond (C063)."""
    picture = write(tmp_path, "main", "gate", pin())
    assert picture.file == "incidents/gate/freeze/gate_freeze_20260921T141320123Z_1.jpg"
    assert (tmp_path / picture.file).read_bytes() == b"\xff\xd8jpeg"
    assert (picture.number, picture.at_us, picture.volume, picture.bytes) == (1, 1_790_000_000_200_000, "main", 6)
    assert file_of("gate", IncidentType.FREEZE, 1_790_000_000_123_456, END).endswith("_end.jpg")


def test_written_again_it_is_the_same_file(tmp_path: Path) -> None:
    """Whoever comes after a crash writes the same file again; deleted twice is as good as once (F41)."""
    assert write(tmp_path, "main", "gate", pin()) == write(tmp_path, "main", "gate", pin())
    (file,) = tmp_path.rglob("*.jpg")
    for _ in range(2):
        delete(tmp_path, file.relative_to(tmp_path).as_posix())
    assert not file.exists()


def test_no_room_is_an_error(tmp_path: Path) -> None:
    """A folder that cannot be made is said, so that nothing is counted as kept."""
    (tmp_path / "incidents").write_bytes(b"")
    with pytest.raises(StorageError):
        write(tmp_path, "main", "gate", pin())
