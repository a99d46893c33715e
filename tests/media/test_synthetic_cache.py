from pathlib import Path

import pytest

from holdfast.media import synthetic_cache


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_what_was_stored_is_loaded() -> None:
    """A clip comes back with its facts and its pieces, empty ones too."""
    synthetic_cache.store("a", {"sets": 2}, [b"one", b"", b"three\n"])
    assert synthetic_cache.load("a") == ({"sets": 2}, [b"one", b"", b"three\n"])
    assert synthetic_cache.load("b") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"null\n", b'{"lengths": [3]}\nabc'])
def test_damaged_files_are_encoded_again(damage: bytes) -> None:
    """A damaged file counts as none, so it is replaced and never served."""
    synthetic_cache.store("a", {}, [b"abc"])
    synthetic_cache.path_of("a").write_bytes(damage)
    assert synthetic_cache.load("a") is None


def test_a_flipped_bit_is_noticed() -> None:
    """One wrong bit in the pictures makes the file count as damaged: tests compare bytes with it."""
    synthetic_cache.store("a", {}, [b"abc"])
    path = synthetic_cache.path_of("a")
    path.write_bytes(path.read_bytes()[:-1] + b"d")
    assert synthetic_cache.load("a") is None


def test_no_cache_folder_is_no_error(tmp_path: Path) -> None:
    """Where the cache cannot be written, storing does nothing, and leaves no half file."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    synthetic_cache.store("a", {}, [b"abc"])
    assert synthetic_cache.load("a") is None
