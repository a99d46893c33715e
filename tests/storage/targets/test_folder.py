import os
import stat
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.core.config.targets import FolderTarget as FolderConfig
from holdfast.core.errors import NameTaken, TargetAway, TargetRefused
from holdfast.storage.targets import contract, folder, marker
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.folder import FolderTarget
from holdfast.storage.targets.many import Item
from support.target_places import content_of


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 300_000)
    return path


CONTENT = content_of(b"x" * 300_000)


def test_an_unmounted_mount_point_is_never_filled(source: Path, tmp_path: Path) -> None:
    """A folder without the marker, with another one, or that vanished takes nothing and gets nothing (C072, F17)."""
    root = tmp_path / "nas"
    target = FolderTarget("nas", FolderConfig(type="folder", path=root, marker="disk-1"))
    for prepare in (lambda: None, root.mkdir, lambda: marker.adopt("nas", root, 1, "disk-2")):
        prepare()
        for work in (target.check, lambda: target.put(source, "a.jpg", CONTENT, Going())):
            with pytest.raises(TargetAway, match="nas"):
                work()
        with pytest.raises(TargetAway):
            target.look("a.jpg", CONTENT)
        assert {path.name for path in root.glob("*")} <= {marker.MARKER}
    (root / marker.MARKER).write_text("rubbish")
    with pytest.raises(TargetAway, match="damaged"):
        target.check()


def test_rights_are_as_configured(source: Path, tmp_path: Path) -> None:
    """Files and folders have the rights and the group that the table says (C072)."""
    root = tmp_path / "nas"
    marker.adopt("nas", root, 1)
    config = FolderConfig(type="folder", path=root, mode="604", folder_mode="0711", group=str(os.getegid()))
    FolderTarget("nas", config).put(source, "gate/a.jpg", CONTENT, Going())
    assert (root / "gate/a.jpg").stat().st_mode & 0o7777 == 0o604
    assert (root / "gate").stat().st_mode & 0o7777 == 0o711
    nobody = FolderConfig(type="folder", path=root, owner="no-such-user")
    with pytest.raises(TargetRefused, match="no-such-user"):
        FolderTarget("nas", nobody).put(source, "gate/b.jpg", CONTENT, Going())


def test_what_an_interrupted_transfer_left_is_looked_through(source: Path, tmp_path: Path) -> None:
    """A part that holds rubbish, or too much, is put right; nothing of it is in the copy."""
    root = tmp_path / "nas"
    marker.adopt("nas", root, 1)
    target = FolderTarget("nas", FolderConfig(type="folder", path=root))
    moved: list[int] = []
    stop = Going(moved=moved.append, told_to_stop=lambda: bool(moved))
    with pytest.raises(TargetAway):
        target.put(source, "a.jpg", CONTENT, stop)
    (part,) = root.glob(".holdfast-*.part")
    part.write_bytes(b"rubbish" + part.read_bytes() * 5)
    target.put(source, "a.jpg", CONTENT, Going())
    assert (root / "a.jpg").read_bytes() == source.read_bytes()
    assert not list(root.glob(".holdfast-*.part"))


def test_what_is_no_file_is_in_the_way(source: Path, tmp_path: Path) -> None:
    """A folder, a link or a file in the place of a folder is left alone, and said to be in the way."""
    root = tmp_path / "nas"
    marker.adopt("nas", root, 1)
    (root / "a.jpg").mkdir()
    (root / "file").write_text("x")
    (root / "link.jpg").symlink_to(source)
    target = FolderTarget("nas", FolderConfig(type="folder", path=root))
    for key in ("a.jpg", "file/b.jpg", "link.jpg"):
        with pytest.raises(NameTaken):
            target.put(source, key, CONTENT, Going())
    assert (root / "link.jpg").is_symlink()


def test_of_many_each_is_held_against_its_own_hash(source: Path, tmp_path: Path) -> None:
    """What another program put there is right, wrong or not there, each by itself; what is no file holds nobody."""
    root = tmp_path / "nas"
    marker.adopt("nas", root, 1)
    small, large = content_of(b"small"), CONTENT
    (root / "large.jpg").write_bytes(source.read_bytes())
    (root / "flipped.jpg").write_bytes(b"y" + source.read_bytes()[1:])
    for number in range(70):  # more than are open at once
        (root / f"{number}.jpg").write_bytes(b"small")
    (root / "7.jpg").write_bytes(b"smalL")
    (root / "longer.jpg").write_bytes(b"small and more")
    (root / "folder.jpg").mkdir()
    os.mkfifo(root / "pipe.jpg")
    (root / "link.jpg").symlink_to(source)
    wanted = {"large": large, "flipped": large, "link": large, "gone": small, "longer/below": small}
    wanted |= dict.fromkeys(("longer", "folder", "pipe", *map(str, range(70))), small)
    items = [Item(source, f"{name}.jpg", content) for name, content in wanted.items()]
    held = FolderTarget("nas", FolderConfig(type="folder", path=root)).held(items, Going())
    wrong = {name.partition(".")[0] for name, right in held.items() if not right}
    assert wrong == {"7", "flipped", "longer", "folder", "pipe", "link"}
    assert {item.key for item in items} - held.keys() == {"gone.jpg", "longer/below.jpg"}


@pytest.mark.best_of_three
def test_a_large_file_is_synced_for_longer_than_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes longer for all of a file than silence may last is waited for: it is synced bit by bit (F20)."""
    data = b"x" * 1_600_000
    source = tmp_path / "a.mp4"
    source.write_bytes(data)
    dirty, sync = [0], os.fdatasync

    def slowly(fd: int) -> None:
        size = os.fstat(fd).st_size
        time.sleep(max(0, size - dirty[0]) / 1_500_000)  # seconds that a slow disk takes for what is new
        dirty[0] = size
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", slowly)
    monkeypatch.setattr(os, "fsync", lambda fd: None if stat.S_ISDIR(os.fstat(fd).st_mode) else slowly(fd))
    with closing(_target(tmp_path / "nas", 0.4)) as target:
        assert target.put(source, "a.mp4", content_of(data), Going()).verified == "sha256"


@pytest.mark.best_of_three
def test_what_somebody_else_wrote_is_synced_for_longer_than_silence(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """What rsync wrote is synced for as long as the folder answers, and no longer."""
    target = _target(tmp_path / "nas", 0.3)
    (tmp_path / "nas" / "a.jpg").write_bytes(source.read_bytes())
    free = threading.Event()
    monkeypatch.setattr(contract, "SLOWEST_BYTES", 10_000)  # half a minute for this file
    monkeypatch.setattr(folder, "sync_disk", lambda _folder: free.wait(1.0))
    assert target.held([Item(source, "a.jpg", CONTENT)], Going()) == {"a.jpg": True}
    mark, away = tmp_path / "nas" / marker.MARKER, tmp_path / "away"
    monkeypatch.setattr(folder, "sync_disk", lambda _folder: mark.rename(away) and free.wait(60))
    with pytest.raises(TargetAway, match="mounted"):
        target.held([Item(source, "a.jpg", CONTENT)], Going())
    free.set()


def _target(root: Path, quiet_s: float) -> FolderTarget:
    marker.adopt("nas", root, 1)
    return FolderTarget("nas", FolderConfig(type="folder", path=root, quiet_s=quiet_s))
