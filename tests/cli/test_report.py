import json
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from holdfast.library.index import Indexer
from support.clock import PushedClock
from support.journals import Told


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


def test_reports_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """C086: the command shows a day as text, page and JSON, and a month with its trends; other kinds are refused."""
    path = tmp_path / "holdfast.toml"
    path.write_text('state_dir = "state"\n[site]\ntime_zone = "Europe/Berlin"\n[volumes.main]\npath = "disk"\n')
    (tmp_path / "state").mkdir()
    clock = PushedClock()
    told = Told(tmp_path / "disk", clock)
    told.open()
    told.record(3600)
    told.down("unreachable", 600)
    told.record(3600, "r2")
    told.close()
    with open_catalog(f"sqlite:///{tmp_path}/state/catalog.sqlite") as catalog:
        Indexer(catalog, {"main": tmp_path / "disk"}, SystemClock()).pass_once()
    assert _run("report", "daily", "--day", "2026-09-21", "-c", str(path)) == 0
    said = capsys.readouterr().out
    assert said.startswith("Daily report, 2026-09-21\n")
    assert "unreachable" in said
    assert _run("report", "hourly", "--day", "2026-09-21", "--html", "-c", str(path)) == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")
    assert _run("report", "monthly", "--day", "2026-09-21", "--json", "-c", str(path)) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["total"]["reasons"]["unreachable"] == 600.0
    assert len(body["periods"]) == 30
    assert body["trends"]["outages"][0]["camera"] == "gate"
    assert _run("report", "yearly", "-c", str(path)) == 64
    assert _run("report", "daily", "--day", "someday", "-c", str(path)) == 64
    assert "is not a day" in capsys.readouterr().err
