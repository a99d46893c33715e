import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import StorageError, VolumeMissing
from holdfast.storage import expendable
from holdfast.storage.expendable import Entry, encode
from holdfast.storage.lock import FileLock
from holdfast.storage.reserve import HELD_S, LOCK, Reserve
from holdfast.storage.volume import MARKER, Volume, create_marker
from support.clock import PushedClock
from support.small_disk import small_disk

DAY = "footage/gate/main/2026-01-01"
MIB = 1 << 20


def _file(root: Path, name: str, size: int = MIB) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return name


def _expendable(path: Path, files: list[str], volume: str = "vol-a", size: int = MIB) -> Path:
    path.write_text("".join(json.dumps({"volume": volume, "file": f, "bytes": size}) + "\n" for f in files))
    return path


def _reserve(root: Path, expendable: Path, *, short_bytes: int) -> Reserve:
    """Make a reserve that free space misses by `short_bytes` now."""
    _marked(root)
    return Reserve(Volume(root, "vol-a", Volume(root).free_bytes() + short_bytes), expendable, PushedClock())


def _marked(root: Path) -> None:
    if not (root / MARKER).exists():
        create_marker(root, 0, "vol-a")


@pytest.mark.needs("mount")
def test_oldest_goes_first_and_only_as_much_as_needed(tmp_path: Path) -> None:
    """Space below the reserve is made up from the front of the list, and nothing more goes."""
    with small_disk(tmp_path / "disk", size_bytes=16 * MIB) as root:
        files = [_file(root, f"{DAY}/{n}.mp4") for n in range(5)]
        reserve = _reserve(root, _expendable(tmp_path / "e", files), short_bytes=MIB + 1)
        removed = reserve.make_room()
        assert [(str(key), line.file, line.bytes, line.why) for key, line in removed] == [
            ("gate/main", files[0], MIB, "reserve"),
            ("gate/main", files[1], MIB, "reserve"),
        ]
        assert sorted(p.name for p in (root / DAY).iterdir()) == ["2.mp4", "3.mp4", "4.mp4"]
        assert reserve.make_room() == []


@pytest.mark.needs("mount")
def test_file_that_somebody_reads_counts_when_unlinked(tmp_path: Path) -> None:
    """Unlinking what a reader holds open frees nothing yet; more goes only after that has lasted too long."""
    with small_disk(tmp_path / "disk", size_bytes=16 * MIB) as root:
        files = [_file(root, f"{DAY}/{n}.mp4") for n in range(3)]
        clock = PushedClock()
        _marked(root)
        volume = Volume(root, "vol-a", Volume(root).free_bytes() + MIB // 2)
        reserve = Reserve(volume, _expendable(tmp_path / "e", files), clock)
        with (root / files[0]).open("rb"):
            assert [line.file for _, line in reserve.make_room()] == [files[0]]
            assert volume.short_bytes() > 0
            assert reserve.make_room() == []
            clock.advance(HELD_S + 1)
            assert [line.file for _, line in reserve.make_room()] == [files[1]]


def test_nothing_outside_the_footage_goes(tmp_path: Path) -> None:
    """Whatever the list says: growing files, journals, other volumes, links and paths that climb out are left alone."""
    root = tmp_path / "disk"
    keep = [
        _file(root, f"{DAY}/a.mp4.part", 1),
        _file(root, "footage/gate/main/2026-01-01.journal", 1),
        _file(root, "elsewhere/gate/main/2026-01-01/a.mp4", 1),
        _file(root, "../outside.mp4", 1),
        _file(root, "../away/a.mp4", 1),
        _file(root, "footage/gate/other/2026-01-01/a.mp4", 1),
    ]
    (root / "footage/gate/main/link").symlink_to(tmp_path / "away")
    (root / DAY / "link.mp4").symlink_to(root / keep[2])
    (root / DAY / "folder.mp4").mkdir()
    named = [
        *keep, "footage/gate/main/link/a.mp4", f"{DAY}/link.mp4", f"{DAY}/folder.mp4", f"{DAY}/absent.mp4",
        "footage/gate/main/../../../outside.mp4", str(tmp_path / "outside.mp4"), "footage/gate/main/a\0/b.mp4",
    ]  # fmt: skip
    other = _file(root, f"{DAY}/other-volume.mp4", 1)
    expendable = _expendable(tmp_path / "e", named, size=1)
    with expendable.open("a") as file:
        file.write(json.dumps({"volume": "vol-b", "file": other, "bytes": 1}) + "\n")
    assert _reserve(root, expendable, short_bytes=1 << 40).make_room() == []
    assert all((root / name).exists() for name in [*keep, other])


def test_garbled_or_missing_list_clears_nothing(tmp_path: Path) -> None:
    """A list that is not there, or half written, removes nothing that it does not name clearly."""
    root = tmp_path / "disk"
    first, second = _file(root, f"{DAY}/a.mp4", 1), _file(root, f"{DAY}/b.mp4", 1)
    assert _reserve(root, tmp_path / "absent", short_bytes=1 << 40).make_room() == []
    lines = [b"\0\xff{", b"[]", b'"x"', b'{"volume": "vol-a"}', b'{"volume": "vol-a", "file": 7}']
    lines.append(json.dumps({"volume": "vol-a", "file": first, "bytes": 1}).encode())
    lines.append(json.dumps({"volume": "vol-a", "file": second, "bytes": 1}).encode()[:-5])
    (tmp_path / "e").write_bytes(b"\n".join(lines))
    removed = _reserve(root, tmp_path / "e", short_bytes=1 << 40).make_room()
    assert [line.file for _, line in removed] == [first]
    assert (root / second).exists()


def test_what_is_too_new_waits(tmp_path: Path) -> None:
    """A file goes from its instant on by the clock that nobody sets, and in another boot not at all (R6)."""
    root, clock = tmp_path / "disk", PushedClock()
    _marked(root)
    files = [_file(root, f"{DAY}/{name}.mp4", 1) for name in "abc"]
    due_us = clock.boot_us() + 60_000_000
    named = [
        Entry("vol-a", file, 1, boot=boot, boot_us=due_us)
        for file, boot in zip(files, ("boot-1", "boot-0", "boot-1"), strict=True)
    ]
    (tmp_path / "e").write_bytes(encode(named))
    reserve = Reserve(Volume(root, "vol-a", 1 << 60), tmp_path / "e", clock)
    clock.step(3600)
    assert reserve.make_room() == []
    clock.advance(60)
    assert [line.file for _, line in reserve.make_room()] == [files[0], files[2]]


def test_only_own_streams_and_one_process_at_a_time(tmp_path: Path) -> None:
    """A recorder removes only what it can journal, and stands back while another one is at it."""
    root = tmp_path / "disk"
    mine, other = _file(root, "footage/yard/sub/2026-01-01/a.mp4", 1), _file(root, f"{DAY}/a.mp4", 1)
    reserve = _reserve(root, _expendable(tmp_path / "e", [other, mine], size=1), short_bytes=1 << 40)
    with FileLock(root / LOCK):
        assert reserve.make_room() == []
    removed = reserve.make_room({StreamKey("yard", "sub")})
    assert [line.file for _, line in removed] == [mine]
    assert (root / other).exists()


def test_a_file_that_was_replaced_stays(tmp_path: Path) -> None:
    """What lies under a name on the list and has another size is another file, and nobody has cleared it (F21)."""
    root = tmp_path / "disk"
    replaced, cleared = _file(root, f"{DAY}/a.mp4", 2), _file(root, f"{DAY}/b.mp4", 1)
    unsized = _file(root, f"{DAY}/c.mp4", 1)
    expendable = _expendable(tmp_path / "e", [replaced, cleared], size=1)
    with expendable.open("a") as file:
        file.write(json.dumps({"volume": "vol-a", "file": unsized}) + "\n")
    assert [line.file for _, line in _reserve(root, expendable, short_bytes=1 << 40).make_room()] == [cleared]
    assert (root / replaced).exists()
    assert (root / unsized).exists()


def test_another_disk_is_not_emptied(tmp_path: Path) -> None:
    """Where the marker is another one's, or gone, nothing is removed, whatever lies under the names of the list."""
    root = tmp_path / "disk"
    file = _file(root, f"{DAY}/a.mp4", 1)
    room = _reserve(root, _expendable(tmp_path / "e", [file], size=1), short_bytes=1 << 40)
    (root / MARKER).unlink()
    with pytest.raises(VolumeMissing):
        room.make_room()
    create_marker(root, 0, "vol-b")
    with pytest.raises(VolumeMissing):
        room.make_room()
    assert (root / file).exists()


def test_the_list_is_read_before_each_removal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken off the list while a recorder makes room stays, however much room is needed (C080)."""
    root = tmp_path / "disk"
    files = [_file(root, f"{DAY}/{n}.mp4", 1) for n in range(4)]
    path = _expendable(tmp_path / "e", files, size=1)
    reading = expendable.reading

    @contextmanager
    def struck(of: Path) -> Iterator[bytes]:
        with reading(of) as said:
            yield said
        expendable.strike(path, lambda one: one.file in files[1:3])

    monkeypatch.setattr("holdfast.storage.reserve.reading", struck)
    removed = _reserve(root, path, short_bytes=1 << 40).make_room()
    assert [line.file for _, line in removed] == [files[0], files[3]]
    assert all((root / file).exists() for file in files[1:3])


def test_a_removal_that_fails_does_not_hide_those_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was removed before the disk refused is told all the same: somebody has to journal it."""
    root = tmp_path / "disk"
    files = [_file(root, f"{DAY}/{n}.mp4", 1) for n in range(2)]
    unlink = Path.unlink

    def refuse(self: Path, *, missing_ok: bool = False) -> None:
        if self.name == "1.mp4":
            raise PermissionError(1, "refused")
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    room = _reserve(root, _expendable(tmp_path / "e", files, size=1), short_bytes=1 << 40)
    assert [line.file for _, line in room.make_room()] == [files[0]]
    with pytest.raises(StorageError, match="removing"):
        room.make_room()
