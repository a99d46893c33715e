"""Folders of links for one run."""

import os
import re
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.core.errors import StorageError
from holdfast.storage.targets import stage
from holdfast.storage.targets.stage import staged


@pytest.fixture(name="memory")
def _memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stage, "_IN_MEMORY", str(tmp_path / "memory"))
    (tmp_path / "memory").mkdir()
    return tmp_path / "memory"


def test_every_file_has_its_key_as_its_name(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys with folders lead to their files, those that are named from here too; nothing stays at the end."""
    (memory.parent / "a").write_bytes(b"1")
    (memory.parent / "b").write_bytes(b"2")
    monkeypatch.chdir(memory.parent)
    with staged({"x/y/1.jpg": Path("a"), "2.jpg": memory.parent / "b"}) as made:
        assert made.parent == memory
        assert ((made / "x/y/1.jpg").read_bytes(), (made / "2.jpg").read_bytes()) == (b"1", b"2")
    assert not list(memory.iterdir())


def test_without_memory_it_lies_where_temporary_files_do(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file system in memory can be written to, the temporary folder takes its place."""
    memory.rmdir()
    monkeypatch.setattr(tempfile, "tempdir", str(memory.parent))
    with staged({"a": memory}) as made:
        assert made.parent == memory.parent
    assert not made.exists()


def test_what_cannot_be_laid_out_is_said(memory: Path) -> None:
    """A folder that takes no more, or no such name, is trouble with storage like any other; nothing stays there."""
    with pytest.raises(StorageError, match=re.escape(f"laying out files in {memory}: ")), staged({"x" * 300: memory}):
        pass
    assert not list(memory.iterdir())


def test_what_a_killed_process_left_goes_with_the_next_run(memory: Path) -> None:
    """The links of a process that was killed are removed, those of one that works are not, nor is what others made."""
    (memory / "holdfast-0").mkdir()
    with staged({"a": memory}) as working:
        if (child := os.fork()) == 0:
            with staged({"gate/a": memory}):
                os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        assert len(list(memory.iterdir())) == 3
        with staged({"b": memory}) as made:
            assert set(memory.iterdir()) == {working, made, memory / "holdfast-0"}
        assert (working / "a").is_symlink()


def test_runs_at_once_leave_each_other_alone(memory: Path) -> None:
    """A run that begins while another clears up has its folder all the same."""

    def run(number: int) -> bool:
        with staged({f"{number}/{n}": memory for n in range(5)}) as made:
            return len(list(made.iterdir())) == 1 and len(list((made / str(number)).iterdir())) == 5

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(400)))
    assert not list(memory.iterdir())
