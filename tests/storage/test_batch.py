"""Many files at once: all there, or nothing half written."""

from pathlib import Path

import pytest

from holdfast.core.errors import StorageError, VolumeMissing
from holdfast.storage.batch import write_all


def test_files_are_there_and_nothing_else(tmp_path: Path) -> None:
    """Files lie where they were meant, folders made, older ones replaced, no temporary name left (C016)."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1").write_bytes(b"old")
    (tmp_path / "a" / ".2.new").write_bytes(b"left by a crash")
    write_all(tmp_path, [("a/1", b"one"), ("a/2", b"two"), ("b/c/3", b"three")])
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"a/1": b"one", "a/2": b"two", "b/c/3": b"three"}


def test_a_root_that_is_away_is_not_made(tmp_path: Path) -> None:
    """A disk that is not mounted is not filled by mistake."""
    with pytest.raises(VolumeMissing):
        write_all(tmp_path / "away", [("a/1", b"one")])
    assert not (tmp_path / "away").exists()


def test_a_failure_leaves_nothing_temporary(tmp_path: Path) -> None:
    """Where one name cannot be taken the error says which, and no temporary file stays."""
    (tmp_path / "a" / "2").mkdir(parents=True)
    with pytest.raises(StorageError, match="a/2"):
        write_all(tmp_path, [("a/1", b"one"), ("a/2", b"two")])
    assert not list(tmp_path.rglob(".*"))
