"""Room that is kept for the moment in which there is none (F18)."""

from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import DiskFull, StorageError
from holdfast.core.kept import Released, encode, kept_path
from holdfast.storage.kept import append, read
from holdfast.storage.room import NAME, VOLUME_BYTES, Room
from holdfast.storage.volume import create_marker
from support.small_disk import fill, small_disk

MIB = 1 << 20
LINE = encode(1, Released(uid="a", who="", why=""))
DAY = kept_path(StreamKey("gate", "main"), "2026-01-02")


@pytest.mark.needs("mount")
def test_room_is_kept_while_there_is_plenty(tmp_path: Path) -> None:
    """It takes its bytes once, gives them back once, and is not taken of a disk that has hardly any."""
    with small_disk(tmp_path / "disk", size_bytes=4 * MIB) as root:
        room = Room(root, VOLUME_BYTES)
        assert room.keep()
        assert room.keep()
        assert (root / NAME).stat().st_size == VOLUME_BYTES
        ballast = fill(root, leave_bytes=0)
        assert room.give()
        assert not room.give()
        assert not room.keep()
        ballast.unlink()
        assert room.keep()
    with pytest.raises(StorageError):
        Room(tmp_path / "away", 10).keep()
    assert not Room(tmp_path / "away", 10).give()


@pytest.mark.needs("mount")
def test_a_kept_journal_is_written_with_no_byte_free(tmp_path: Path) -> None:
    """With 0 bytes free a line about what is kept is still written, in the room that is there for it, once (F18)."""
    with small_disk(tmp_path / "disk", size_bytes=4 * MIB) as root:
        create_marker(root, 0)
        Room(root, VOLUME_BYTES).keep()
        fill(root, leave_bytes=0)
        append(root, root / DAY, [LINE])
        assert len(read(root / DAY)) == 1
        assert not (root / NAME).exists()
        fill(root, leave_bytes=0)
        with pytest.raises(DiskFull):
            append(root, root / DAY, [LINE * 4000])
