from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import DiskFull, StorageError, VolumeMissing
from holdfast.core.kept import Kept, Released, encode, kept_path
from holdfast.storage.journal import journal_files
from holdfast.storage.kept import append, kept_files, read
from holdfast.storage.volume import MARKER, create_marker
from support.small_disk import fill, small_disk

KEY = StreamKey("gate", "main")
DAY = kept_path(KEY, "2026-01-02")
MIB = 1 << 20


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    create_marker(tmp_path, 0)
    return tmp_path


def _line(uid: str) -> Released:
    return Released(uid=uid, who="anna", why="")


def test_lines_are_read_in_the_order_of_writing(root: Path) -> None:
    """Each append adds whole lines after those that are there; no line is no write and makes no file."""
    append(root, root / DAY, [])
    assert not (root / "footage").exists()
    append(root, root / DAY, [encode(1, _line("a")), encode(2, _line("b"))])
    append(root, root / DAY, [encode(3, _line("c"))])
    assert read(root / DAY) == [Kept(1, _line("a")), Kept(2, _line("b")), Kept(3, _line("c"))]


def test_half_a_line_swallows_no_other(root: Path) -> None:
    """What a power cut left at the end is passed over, and the next line is whole."""
    append(root, root / DAY, [encode(1, _line("a"))])
    with (root / DAY).open("ab") as file:
        file.write(encode(2, _line("b"))[:-9])
    assert read(root / DAY) == [Kept(1, _line("a"))]
    append(root, root / DAY, [encode(3, _line("c"))])
    assert read(root / DAY) == [Kept(1, _line("a")), Kept(3, _line("c"))]


def test_they_are_no_journals_of_the_recorder(root: Path) -> None:
    """Kept journals are listed apart from the recorder's, oldest day first."""
    for day in ("2026-01-03", "2026-01-02"):
        append(root, root / kept_path(KEY, day), [encode(1, _line("a"))])
    (root / "footage/gate/main/2026-01-02.journal").write_bytes(b"")
    assert [path.name for path in kept_files(root, KEY)] == ["2026-01-02.kept.journal", "2026-01-03.kept.journal"]
    assert [path.name for path in journal_files(root, KEY)] == ["2026-01-02.journal"]
    assert kept_files(root, StreamKey("other", "main")) == []


def test_a_volume_that_is_away_is_not_made(tmp_path: Path) -> None:
    """Nothing is written below the mount point of a disk that is away, whose footage folder may be there (F12)."""
    root = tmp_path / "away"
    with pytest.raises(VolumeMissing):
        append(root, root / DAY, [encode(1, _line("a"))])
    assert not root.exists()
    assert read(root / DAY) == []
    (root / DAY).parent.mkdir(parents=True)
    with pytest.raises(VolumeMissing, match="holdfast-volume") as caught:
        append(root, root / DAY, [encode(1, _line("a"))])
    assert "mount the disk" in caught.value.hint
    (root / MARKER).write_bytes(b"damaged")
    with pytest.raises(VolumeMissing):
        append(root, root / DAY, [encode(1, _line("a"))])
    assert read(root / DAY) == []


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A folder in the place of a kept journal is a fault, not an empty journal."""
    (tmp_path / DAY).mkdir(parents=True)
    with pytest.raises(StorageError):
        read(tmp_path / DAY)


@pytest.mark.needs("mount")
def test_a_full_disk_is_said_and_leaves_no_half_line(tmp_path: Path) -> None:
    """Without room the line is refused, and those before it and after it are whole."""
    with small_disk(tmp_path / "disk", size_bytes=MIB) as root:
        create_marker(root, 0)
        append(root, root / DAY, [encode(1, _line("a"))])
        ballast = fill(root, leave_bytes=0)
        with pytest.raises(DiskFull):
            append(root, root / DAY, [encode(2, _line("b" * 8192))])
        ballast.unlink()
        append(root, root / DAY, [encode(3, _line("c"))])
        assert [line.at_us for line in read(root / DAY)] == [1, 3]
        assert [path.name for path in (root / "footage/gate/main").iterdir()] == [DAY.name]
