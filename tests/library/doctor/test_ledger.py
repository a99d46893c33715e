import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.core.errors import HoldfastError
from holdfast.library.doctor import ledger
from holdfast.library.doctor.finding import Finding
from support.needs import postgres_bin
from support.patients import NOBODY, healthy
from support.rtsp_peer import free_port


def _catalog(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "catalog.sqlite"
    url = f"sqlite:///{path}"
    open_catalog(url).close()
    return path, url


def _found(tmp_path: Path, url: str) -> list[Finding]:
    return list(ledger.check_catalog(healthy(tmp_path, catalog_url=url)))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not taken for a catalog that is locked."""
    monkeypatch.setattr(ledger, "ANSWER_S", 60.0)


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


@pytest.fixture
def locked_server() -> Iterator[int]:
    """A real PostgreSQL on a free port that lets in nobody without the right password."""
    programs = postgres_bin()
    assert programs is not None
    user = NOBODY if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as name:
        if user is not None:
            os.chown(name, user, user)
        secret, data, port = Path(name, "secret"), Path(name, "data"), free_port()
        secret.write_text("right\n", encoding="utf-8")
        secret.chmod(0o644)
        making: list[str | Path] = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "holdfast",
            "-A",
            "scram-sha-256",
            "--pwfile",
            secret,
            "-N",
        ]
        subprocess.run(making, user=user, cwd="/", check=True, capture_output=True)
        serving: list[str | Path] = [
            programs / "postgres",
            "-D",
            data,
            "-p",
            str(port),
            "-k",
            name,
            "-h",
            "127.0.0.1",
            "-F",
        ]
        with subprocess.Popen(serving, user=user, cwd="/", stderr=subprocess.DEVNULL) as server:
            try:
                _await_answer(f"postgresql://holdfast:right@127.0.0.1:{port}/postgres")
                yield port
            finally:
                server.terminate()


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            open_catalog(url).close()
        except HoldfastError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@pytest.mark.needs("postgres")
def test_refusing_database_is_explained(tmp_path: Path, locked_server: int) -> None:
    """A wrong password and a database that is not there are told from a server that is down (F61)."""
    at = f"127.0.0.1:{locked_server}"
    assert not _found(tmp_path, f"postgresql://holdfast:right@{at}/postgres")
    (found,) = _found(tmp_path, f"postgresql://holdfast:hush-hush@{at}/postgres")
    assert found.fault == "catalog-refuses"
    assert "hush-hush" not in repr(found)
    assert [one.fault for one in _found(tmp_path, f"postgresql://holdfast:right@{at}/none")] == ["catalog-refuses"]
