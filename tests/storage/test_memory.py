"""Footage in memory: one path before, during and after the move, whoever is killed when."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import DiskError, DiskFull, NotFound
from holdfast.storage import memory
from holdfast.storage.memory import Memory
from support.ram import in_memory, room, shm
from support.small_disk import fill, small_disk

GATE = StreamKey("gate", "main")
FILE = "footage/gate/main/2026-05-01/gate_20260501T180000Z.mp4"
BODY = bytes(range(256)) * 1000


@pytest.fixture(name="ram")
def _ram() -> Iterator[Memory]:
    with shm() as folder:
        yield room(folder)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    (tmp_path / FILE).parent.mkdir(parents=True)
    return tmp_path


def finished(root: Path, ram: Memory, file: str = FILE, body: bytes = BODY) -> Path:
    """Write a file in memory to its end."""
    with memory.create(root, file, ram) as made:
        made.append([body])
    (root / f"{file}.part").rename(root / file)
    return root / file


def test_a_path_means_the_same_file_before_and_after(root: Path, ram: Memory) -> None:
    """What is written in memory is read through the volume's path while it grows, when it is whole, and once moved."""
    part = root / f"{FILE}.part"
    with memory.create(root, FILE, ram) as made:
        made.append([b"abc"])
        assert part.read_bytes() == b"abc"
        made.append([b"def"])
    assert part.is_symlink()
    assert in_memory(ram) == [FILE]
    assert ram.used_bytes() == 6
    part.rename(root / FILE)
    assert memory.links(root, GATE) == [FILE]
    assert memory.move(root / FILE)
    assert (root / FILE).read_bytes() == b"abcdef"
    assert not (root / FILE).is_symlink()
    assert (in_memory(ram), memory.links(root, GATE)) == ([], [])
    assert not memory.move(root / FILE)


def test_a_file_that_grows_can_be_moved(root: Path, ram: Memory) -> None:
    """A `.part` moves like a finished one, for a recorder that has to leave memory in the middle of a file."""
    with memory.create(root, FILE, ram) as made:
        made.append([BODY])
        assert memory.move(root / f"{FILE}.part")
    assert (root / f"{FILE}.part").read_bytes() == BODY
    assert in_memory(ram) == []


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do something in a child that ends by SIGKILL before its nth line within storage.memory; False where it ended."""
    child = os.fork()
    if child == 0:
        left = step

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal left
            if frame.f_code.co_filename != memory.__file__:
                return None
            if event == "line":
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
            return trace

        sys.settrace(trace)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("doing", ["create", "move", "remove"])
def test_a_kill_at_any_line_loses_and_doubles_nothing(root: Path, ram: Memory, doing: str) -> None:
    """Killed before any line of a move the file is whole under its path; what is left behind is cleared (F11)."""
    steps = 0
    path = root / FILE
    while True:
        if doing != "create":
            finished(root, ram)
        work: dict[str, Callable[[], object]] = {
            "create": lambda: memory.create(root, FILE, ram), "move": lambda: memory.move(path),
            "remove": lambda: memory.remove(path),
        }  # fmt: skip
        killed = _killed_at(steps, work[doing])
        if doing == "move":
            assert path.read_bytes() == BODY
            memory.links(root, GATE)
            memory.move(path)
            assert path.read_bytes() == BODY
            assert not path.is_symlink()
        elif doing == "remove":
            assert not path.exists() or path.read_bytes() == BODY
            memory.remove(path)
        else:
            memory.remove(root / f"{FILE}.part")
        memory.sweep(root, ram)
        assert in_memory(ram) == []
        assert [entry.name for entry in path.parent.iterdir()] == ([path.name] if doing == "move" else [])
        path.unlink(missing_ok=True)
        steps += 1
        if not killed:
            break
    assert steps > 8


@pytest.mark.needs("mount")
def test_a_full_volume_leaves_it_in_memory(tmp_path: Path, ram: Memory) -> None:
    """Where the volume has no room for the copy, nothing of it is left there, and the file stays whole where it was."""
    with small_disk(tmp_path / "disk", size_bytes=1 << 20) as root:
        (root / FILE).parent.mkdir(parents=True)
        path = finished(root, ram)
        ballast = fill(root, leave_bytes=8192)
        with pytest.raises(DiskFull):
            memory.move(path)
        assert path.read_bytes() == BODY
        assert path.is_symlink()
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
        ballast.unlink()
        assert memory.move(path)
        assert path.read_bytes() == BODY


def test_a_disk_that_gives_back_other_bytes_is_not_believed(
    root: Path, ram: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy is read back and compared; one that differs is thrown away, and memory keeps the file."""
    path = finished(root, ram)
    read = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, at: read(fd, size, at).replace(b"\7", b"\0"))
    with pytest.raises(DiskError, match="gives back other bytes"):
        memory.move(path)
    monkeypatch.undo()
    assert path.read_bytes() == BODY
    assert path.is_symlink()


def test_memory_that_was_lost_leaves_a_link_that_says_so(root: Path, ram: Memory) -> None:
    """After a power cut the link is there and its bytes are not: that is told apart from a file, and not moved."""
    path = finished(root, ram)
    (ram.root / FILE).unlink()
    assert memory.is_lost(path)
    with pytest.raises(NotFound, match="memory was lost"):
        memory.move(path)
    assert memory.links(root, GATE) == [FILE]
    memory.remove(path)
    assert not os.path.lexists(path)


def test_links_of_others_are_left_alone(root: Path, ram: Memory, tmp_path: Path) -> None:
    """A link that leads anywhere but to the same path below another folder is nobody's footage in memory."""
    other = tmp_path / "precious.txt"
    other.write_text("mine")
    path = root / FILE
    path.symlink_to(other)
    assert memory.data_of(path) is None
    assert not memory.move(path)
    assert memory.links(root, GATE) == []
    memory.remove(path)
    assert other.read_text() == "mine"
    memory.sweep(root, ram)
    assert other.exists()


def test_names_that_are_taken_are_answers(root: Path, ram: Memory) -> None:
    """A `.part` that is there already is not written over, and leaves nothing in memory."""
    (root / f"{FILE}.part").write_bytes(b"other")
    with pytest.raises(FileExistsError):
        memory.create(root, FILE, ram)
    assert in_memory(ram) == []


def test_a_folder_of_somebody_else_is_not_used(root: Path, ram: Memory, tmp_path: Path) -> None:
    """On a tmpfs that everybody may write to, a folder that another one laid in our place is refused."""
    (tmp_path / "theirs").mkdir()
    ram.home.symlink_to(tmp_path / "theirs")
    with pytest.raises(DiskError, match="belongs to somebody else"):
        memory.create(root, FILE, ram)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_volume_that_is_away_keeps_what_is_in_memory(root: Path, ram: Memory, tmp_path: Path) -> None:
    """Below an empty mount point no link leads to anything: that alone is no reason to remove footage."""
    finished(root, ram)
    (tmp_path / "empty").mkdir()
    assert memory.sweep(tmp_path / "empty", ram) == 0
    assert in_memory(ram) == [FILE]
    assert memory.sweep(root, ram) == 0
    (root / FILE).unlink()
    assert memory.sweep(root, ram) == len(BODY)


@pytest.mark.needs("mount")
def test_room_is_what_the_cap_and_the_tmpfs_leave(root: Path, ram: Memory, tmp_path: Path) -> None:
    """All volumes' files count against the cap, and so does what others take of a small tmpfs."""
    assert ram.short(1 << 20) == ""
    finished(root, ram, body=bytes(3 << 20))
    small = room(ram.home.parent, most=4 << 20, name="vol-2")
    assert small.short(1 << 20) == ""
    assert small.short((1 << 20) + 1) == "3 of the 4 MiB in memory are used"
    with small_disk(tmp_path / "small", size_bytes=20 << 20) as folder:
        little = room(folder)
        assert little.short(1 << 20) == ""
        fill(folder, leave_bytes=16 << 20)
        assert "has only 16 MiB free" in little.short(1 << 20)


def test_what_is_memory_is_told_from_the_mounts(tmp_path: Path) -> None:
    """A tmpfs is memory, also where the folder is still to be made; the folder of this program is not."""
    assert memory.is_memory(Path("/dev/shm/not/there/yet"))  # noqa: S108 - the tmpfs itself is meant
    assert not memory.is_memory(Path(memory.__file__).parent)
    assert memory.is_memory(tmp_path) == memory.is_memory(tmp_path / "sub")
