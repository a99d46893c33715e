import json
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.cli.main import main
from holdfast.core.config import load
from holdfast.library import accounts, accounts_memory, settings
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.journals import Told


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "holdfast.toml"
    path.write_text('state_dir = "state"\n[volumes.main]\npath = "disk"\n')
    told = Told(tmp_path / "disk", PushedClock())
    told.open()
    told.record(600)
    told.close()
    return path


def test_a_lost_catalog_is_rebuilt(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With no database at all, reindex makes one that check finds right; recorders may remove nothing then (C067)."""
    expendable = path.parent / "state" / "expendable.jsonl"
    expendable.parent.mkdir()
    expendable.write_bytes(b"{}\n")
    assert _run("reindex", "--json", "-c", str(path)) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["streams"], body["lines"], body["problems"]) == (1, 4, [])
    assert expendable.read_bytes() == b""
    assert _run("check", "-c", str(path)) == 0


def test_a_damaged_catalog_is_put_aside(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged database is kept under another name, and a new one takes its place (R7)."""
    (path.parent / "state").mkdir()
    (path.parent / "state" / "catalog.sqlite").write_bytes(b"garbage" * 1000)
    assert _run("reindex", "-c", str(path)) == 0
    assert "it is kept as" in capsys.readouterr().err.replace("\n", " ")
    assert len(list((path.parent / "state").glob("catalog.sqlite.damaged-*"))) == 1
    assert _run("check", "-c", str(path)) == 0


def test_people_and_settings_come_back(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is in no journal comes back as the worker remembered it: people, passwords, settings (C067)."""
    state, clock = path.parent / "state", PushedClock()
    url = f"sqlite:///{state}/catalog.sqlite"
    with open_catalog(url) as catalog:
        accounts.add_user(catalog, clock, "ada", "tide-tables", Role.ADMIN)
        accounts_memory.remember(state, accounts_memory.known(catalog))
        settings.change(catalog, "local", load(path, {}), {"site.name": "Pier"}, clock)
        settings.remember(state, settings.saved(catalog, "local"))
    for file in state.glob("catalog.sqlite*"):
        file.unlink()
    assert _run("reindex", "-c", str(path)) == 0
    assert "users put back as they were remembered: ada" in capsys.readouterr().out
    assert _run("reindex", "--json", "-c", str(path)) == 0
    assert json.loads(capsys.readouterr().out)["restored"] == {"users": [], "settings": [], "cameras": []}
    with open_catalog(url) as catalog:
        assert accounts.sign_in(catalog, clock, "ada", "tide-tables").role == "admin"
        assert settings.saved(catalog, "local") == {"site.name": "Pier"}


def test_what_cannot_be_read_is_named(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be adopted is named, and the exit code says so."""
    folder = path.parent / "disk/footage/gate/main/2026-09-21"
    (folder / "gate_20260921T000000Z.mp4").write_bytes(b"not footage")
    assert _run("reindex", "-c", str(path)) == 65
    assert "gate_20260921T000000Z.mp4" in capsys.readouterr().err
