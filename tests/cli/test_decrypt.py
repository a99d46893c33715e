import hashlib
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
import pytest

from holdfast.cli.main import main
from holdfast.storage.sealed import seal


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="key")
def _key(tmp_path: Path) -> Path:
    identity = pyrage.x25519.Identity.generate()
    key = tmp_path / "key.txt"
    key.write_text(f"{identity}\n")
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(name.encode() * 5000)
        seal(tmp_path / name, tmp_path / f"{name}.age", [str(identity.to_public())])
    return key


def test_files_open_beside_or_elsewhere(key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file opens to the hash that it had, in another folder or under another name (C155)."""
    out = tmp_path / "out"
    out.mkdir()
    sealed = [str(tmp_path / name) for name in ("a.jpg.age", "b.jpg.age")]
    assert _run("decrypt", *sealed, "--identity", str(key), "--out", str(out)) == 0
    assert hashlib.sha256(b"a.jpg" * 5000).hexdigest() in capsys.readouterr().out
    assert (out / "b.jpg").read_bytes() == b"b.jpg" * 5000
    assert _run("decrypt", sealed[0], "-i", str(key), "-o", str(tmp_path / "other.jpg")) == 0
    (tmp_path / "a.jpg").unlink()
    assert _run("decrypt", sealed[0], "-i", str(key)) == 0
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "other.jpg").read_bytes()


def test_what_cannot_be_opened_is_told(key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that cannot be opened keeps no other closed; nothing is replaced, and keys are asked for by name."""
    (tmp_path / "a.jpg").unlink()
    (tmp_path / "b.jpg").write_bytes(b"mine")
    assert _run("decrypt", str(tmp_path / "b.jpg.age"), str(tmp_path / "a.jpg.age"), "-i", str(key)) == 65
    assert "b.jpg is there already" in capsys.readouterr().err
    assert (tmp_path / "a.jpg").exists()
    assert (tmp_path / "b.jpg").read_bytes() == b"mine"
    assert _run("decrypt", str(tmp_path / "a.jpg"), "-i", str(key)) == 64
    assert _run("decrypt", str(tmp_path / "a.jpg.age"), "-i", str(tmp_path / "a.jpg")) == 65
    assert _run("decrypt", str(tmp_path / "gone.age"), "-i", str(key)) == 66
