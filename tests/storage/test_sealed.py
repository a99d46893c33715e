import hashlib
import os
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
import pytest

from holdfast.core.errors import BadInput, Conflict, DiskFull, NotFound, UsageError
from holdfast.storage.sealed import HEADER, is_sealed, read_identities, seal, seal_bytes, unseal
from support.small_disk import small_disk

DATA = os.urandom(3_000_001)


@pytest.fixture(name="keys")
def _keys(tmp_path: Path) -> tuple[str, Path]:
    identity = pyrage.x25519.Identity.generate()
    path = tmp_path / "identity.txt"
    path.write_text(f"# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public()), path


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(DATA)
    return path


def test_what_was_sealed_opens_to_the_same(source: Path, keys: tuple[str, Path], tmp_path: Path) -> None:
    """A sealed file opens to the source's hash, carries age's header, and shows nothing of what is in it (C155)."""
    made = seal(source, tmp_path / "a.mp4.age", [keys[0]])
    raw = (tmp_path / "a.mp4.age").read_bytes()
    assert raw.startswith(HEADER + b"-> X25519 ")
    assert (made.sealed.bytes, made.sealed.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())
    assert (made.plain.bytes, made.plain.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert DATA[1000:1100] not in raw
    assert is_sealed(tmp_path / "a.mp4.age")
    assert not is_sealed(source)
    opened = unseal(tmp_path / "a.mp4.age", tmp_path / "b.mp4", read_identities(keys[1]))
    assert opened == made.plain
    assert (tmp_path / "b.mp4").read_bytes() == DATA
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "a.mp4.age", "b.mp4", "identity.txt"}


def test_what_was_sealed_in_memory_opens_too(keys: tuple[str, Path], tmp_path: Path) -> None:
    """Bytes that were sealed without a file open like a file, and never without somebody for whom (C155)."""
    sealed = seal_bytes(DATA, [keys[0]])
    (tmp_path / "a.age").write_bytes(sealed)
    assert DATA[1000:1100] not in sealed
    opened = unseal(tmp_path / "a.age", tmp_path / "b", read_identities(keys[1]))
    assert opened.sha256 == hashlib.sha256(DATA).hexdigest()
    for nobody in ([], ["age1" + "q" * 58]):
        with pytest.raises(UsageError):
            seal_bytes(DATA, nobody)


def test_nothing_opens_for_another(source: Path, keys: tuple[str, Path], tmp_path: Path) -> None:
    """Another identity, a flipped bit and a cut end open nothing, and leave nothing behind."""
    sealed = tmp_path / "a.age"
    seal(source, sealed, [keys[0]])
    other = pyrage.x25519.Identity.generate()
    with pytest.raises(BadInput, match="cannot be opened"):
        unseal(sealed, tmp_path / "b", [other])
    raw = sealed.read_bytes()
    for wrong in (raw[:2_000_000] + bytes([raw[2_000_000] ^ 1]) + raw[2_000_001:], raw[:-10]):
        sealed.write_bytes(wrong)
        with pytest.raises(BadInput, match="cannot be opened"):
            unseal(sealed, tmp_path / "b", read_identities(keys[1]))
    with pytest.raises(BadInput, match="not sealed"):
        unseal(source, tmp_path / "b", read_identities(keys[1]))
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "a.age", "identity.txt"}


def test_nothing_is_written_over(source: Path, keys: tuple[str, Path], tmp_path: Path) -> None:
    """A file that is there stays; what is gone, and keys that are none, are named."""
    with pytest.raises(Conflict):
        seal(source, keys[1], [keys[0]])
    with pytest.raises(NotFound):
        seal(tmp_path / "gone", tmp_path / "x", [keys[0]])
    with pytest.raises(UsageError):
        seal(source, tmp_path / "x", [])
    with pytest.raises(UsageError):
        seal(source, tmp_path / "x", [keys[0][:-1] + ("q" if keys[0][-1] != "q" else "p")])
    with pytest.raises(BadInput) as caught:
        read_identities(source)
    assert "AGE-SECRET" not in str(caught.value)
    with pytest.raises(NotFound):
        read_identities(tmp_path / "gone")


@pytest.mark.needs("mount")
def test_a_full_disk_is_called_that(source: Path, keys: tuple[str, Path], tmp_path: Path) -> None:
    """Where there is no room, the error says so, and no part stays."""
    with small_disk(tmp_path / "disk", size_bytes=1_000_000) as disk:
        with pytest.raises(DiskFull):
            seal(source, disk / "a.age", [keys[0]])
        assert not list(disk.iterdir())
