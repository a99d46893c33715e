import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.library.doctor import ledger
from holdfast.library.doctor.finding import Finding
from support.patients import healthy
from support.rtsp_peer import free_port


def _catalog(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "catalog.sqlite"
    url = f"sqlite:///{path}"
    open_catalog(url).close()
    return path, url


def _found(tmp_path: Path, url: str) -> list[Finding]:
    return list(ledger.check_catalog(healthy(tmp_path, catalog_url=url)))


def test_sound_catalog_is_no_finding(tmp_path: Path) -> None:
    """A catalog that takes a write is not mentioned, and one that was never made is not made by looking."""
    _, url = _catalog(tmp_path)
    assert not _found(tmp_path, url)
    assert not _found(tmp_path, f"sqlite:///{tmp_path / 'none.sqlite'}")
    assert not (tmp_path / "none.sqlite").exists()


def test_damaged_catalog_is_explained(tmp_path: Path) -> None:
    """A file that is no database any more is told to be moved away and rebuilt."""
    path, url = _catalog(tmp_path)
    path.write_bytes(b"no longer a database" * 1000)
    (found,) = _found(tmp_path, url)
    assert found.fault == "catalog-damaged"
    assert "holdfast reindex" in found.fix


def test_locked_catalog_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write transaction that somebody keeps open is found sooner than the catalog's own patience ends."""
    monkeypatch.setattr(ledger, "ANSWER_S", 1.0)
    path, url = _catalog(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (found,) = _found(tmp_path, url)
        other.execute("ROLLBACK")
    assert found.fault == "catalog-locked"
    assert f"fuser {path}" in found.fix


def test_newer_catalog_is_explained(tmp_path: Path) -> None:
    """A schema that this program does not know is told from damage."""
    path, url = _catalog(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    (found,) = _found(tmp_path, url)
    assert found.fault == "catalog-newer"


def test_unreachable_database_is_explained(tmp_path: Path) -> None:
    """A PostgreSQL that is down is named without its password (F61)."""
    (found,) = _found(tmp_path, f"postgresql://holdfast:hush-hush@127.0.0.1:{free_port()}/holdfast")
    assert found.fault == "catalog-unreachable"
    assert "hush-hush" not in repr(found)
