import errno
import os
import stat
from pathlib import Path

import pytest

from holdfast.core.errors import DiskError, DiskFull, StorageError, VolumeMissing
from holdfast.storage import files
from holdfast.storage.files import (
    DurableFile,
    ensure_folder,
    fsync_folder,
    rename_durably,
    replace_atomically,
    sync_disk,
)
from support.small_disk import fill, small_disk


def test_append_writes_all_buffers_in_order(tmp_path: Path) -> None:
    """Any number of buffers, more than one gathering write takes, land in order and are counted."""
    pieces = [bytes([n % 251]) * (n % 7) for n in range(2500)]
    with DurableFile.create(tmp_path / "a") as file:
        assert file.append([b"head", memoryview(b"er")]) == 6
        file.append(pieces)
        file.sync()
        assert file.size == 6 + sum(map(len, pieces))
    assert (tmp_path / "a").read_bytes() == b"header" + b"".join(pieces)


def test_create_is_exclusive_and_private(tmp_path: Path) -> None:
    """A name that is taken is refused and its content untouched; others may not read what we write."""
    DurableFile.create(tmp_path / "a").close()
    (tmp_path / "a").write_text("mine")
    with pytest.raises(FileExistsError):
        DurableFile.create(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) & 0o137 == 0


def test_create_does_not_follow_links(tmp_path: Path) -> None:
    """A link under the name is a taken name, wherever it points."""
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        DurableFile.create(tmp_path / "a")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.needs("mount")
def test_full_disk_leaves_no_trace_of_an_append(tmp_path: Path) -> None:
    """An append that does not fit is cut off again, and the file can be used as soon as there is room."""
    with small_disk(tmp_path / "disk", size_bytes=1 << 20) as disk:
        with DurableFile.create(disk / "a") as file:
            file.append([b"whole"])
            ballast = fill(disk, leave_bytes=64 * 1024)
            with pytest.raises(DiskFull):
                file.append([bytes(48 * 1024), bytes(48 * 1024)])
            assert (disk / "a").read_bytes() == b"whole"
            ballast.unlink()
            file.append([b" again"])
        assert (disk / "a").read_bytes() == b"whole again"


def test_tail_that_could_not_be_cut_is_cut_before_the_next_append(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails twice, in writing and in cutting back, leaves nothing between the appends that succeed."""
    with DurableFile.create(tmp_path / "a") as file:
        file.append([b"one"])
        real = os.pwritev

        def torn(fd: int, buffers: list[bytes], offset: int) -> int:
            real(fd, [b"".join(buffers)[:5]], offset)
            raise OSError(errno.EIO, "Input/output error")

        def stuck(fd: int, size: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as broken:
            broken.setattr(os, "pwritev", torn)
            broken.setattr(os, "ftruncate", stuck)
            with pytest.raises(DiskError):
                file.append([b"longer than what follows"])
        assert (tmp_path / "a").read_bytes() == b"onelonge"
        file.append([b"two"])
    assert (tmp_path / "a").read_bytes() == b"onetwo"


def test_short_write_is_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that the kernel ends early is carried on where it stopped, in the middle of a buffer if need be."""
    real = os.pwritev
    with DurableFile.create(tmp_path / "a") as file, monkeypatch.context() as slow:
        slow.setattr(os, "pwritev", lambda fd, buffers, offset: real(fd, [b"".join(buffers)[:4]], offset))
        assert file.append([b"abc", b"defg"]) == 7
    assert (tmp_path / "a").read_bytes() == b"abcdefg"


def test_overwrite_stays_inside(tmp_path: Path) -> None:
    """Bytes that exist are written over in place; the file never grows by it."""
    with DurableFile.create(tmp_path / "a") as file:
        file.append([b"0123456789"])
        file.overwrite_at(3, b"abc")
        with pytest.raises(DiskError):
            file.overwrite_at(8, b"abc")
    assert (tmp_path / "a").read_bytes() == b"012abc6789"


def test_descriptor_does_not_reach_children(tmp_path: Path) -> None:
    """A child process that we start inherits no footage file."""
    with DurableFile.create(tmp_path / "a") as file:
        assert not os.get_inheritable(file.fileno())


def test_fifty_files_leave_no_descriptor(tmp_path: Path, no_leaks: None) -> None:
    """Opening and closing gives back every descriptor, also when closed twice."""
    used = set()
    for number in range(50):
        file = DurableFile.create(tmp_path / str(number))
        used.add(file.fileno())
        file.close()
        file.close()
        fsync_folder(tmp_path)
    assert len(used) == 1, "each takes the number that the one before gave back"


def test_rename_never_overwrites(tmp_path: Path) -> None:
    """F14: a taken name is refused, and both files stay what they were."""
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    with pytest.raises(FileExistsError):
        rename_durably(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "new").read_text() == "new"
    assert (tmp_path / "old").read_text() == "old"
    rename_durably(tmp_path / "new", tmp_path / "free")
    assert (tmp_path / "free").read_text() == "new"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("links", [True, False])
def test_rename_never_overwrites_without_the_system_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    """The same holds on file systems that know no such rename, and on those that know no links either."""

    def no_links(self: Path, target: Path) -> None:
        if self.exists():
            raise FileExistsError(errno.EEXIST, "File exists")
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files, "_NO_RENAMEAT2", frozenset({errno.EEXIST, errno.EINVAL, errno.ENOENT}))
    monkeypatch.setattr(files, "_RENAME_NOREPLACE", 1 << 30)  # the kernel refuses an unknown flag as an old disk would
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    with pytest.raises(FileExistsError):
        rename_durably(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "old"
    rename_durably(tmp_path / "new", tmp_path / "free")
    assert (tmp_path / "free").read_text() == "new"
    assert not (tmp_path / "new").exists()


def test_a_disk_is_synced_or_says_why_not(tmp_path: Path) -> None:
    """What a disk refuses is an error of ours with the folder's name; a folder that is away, too."""
    (tmp_path / "a").write_bytes(b"x" * 5000)
    sync_disk(tmp_path)
    with pytest.raises(StorageError, match="away"):
        sync_disk(tmp_path / "away")


def test_folders_are_made_below_the_root_alone(tmp_path: Path) -> None:
    """An absent mount is not papered over with a folder of the same name."""
    ensure_folder(tmp_path, tmp_path / "footage" / "gate" / "main")
    assert stat.S_IMODE((tmp_path / "footage" / "gate").stat().st_mode) & 0o027 == 0
    with pytest.raises(VolumeMissing):
        ensure_folder(tmp_path / "absent", tmp_path / "absent" / "footage")
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("durable", [True, False])
def test_replace_is_all_or_nothing(tmp_path: Path, *, durable: bool) -> None:
    """A reader finds one version or the other; a leftover of a crash does not matter; secrets stay private."""
    path = tmp_path / "streams.json"
    (tmp_path / ".streams.json.new").write_text("half")
    replace_atomically(path, b"one", durable=durable)
    replace_atomically(path, b"two", durable=durable)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["streams.json"]


def test_replace_that_fails_keeps_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses leaves the old version and no litter."""
    path = tmp_path / "streams.json"
    replace_atomically(path, b"old", durable=True)

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DiskFull):
        replace_atomically(path, b"new", durable=True)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["streams.json"]
