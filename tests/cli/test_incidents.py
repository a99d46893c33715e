"""`holdfast incidents`."""

import json
from pathlib import Path

import pytest

from holdfast.catalog import incidents, nodes
from holdfast.catalog.db import open_catalog
from holdfast.cli.main import main
from holdfast.core import config
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.library import archive_incidents

NOW_US = 1_777_658_400_000_000


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


def test_incidents_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Newest first, of cameras and of targets, as a table and as JSON; of one camera, of a type, those that last."""
    path = tmp_path / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\n[volumes.main]\npath = "disk"\n[cameras.gate]\nurl = "rtsp://camera.test/1"\n'
    )
    (tmp_path / "state").mkdir()
    assert _run("incidents", "list", "-c", str(path)) == 0
    assert capsys.readouterr().out == "no incidents\n"
    with open_catalog(config.load(path).config.catalog_url) as catalog, catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        black = Case(IncidentType.BLACKSCREEN, Stage.RESOLVED, NOW_US, NOW_US + 1, good_us=NOW_US + 25_000_000)
        incidents.put(tx, node, "gate", black, now_us=NOW_US)
        archive_incidents.open_one(tx, node, "nas", "no [route]", NOW_US + 60_000_000)
    assert _run("incidents", "list", "-c", str(path)) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[1:3] for line in lines] == [["nas", "archive"], ["gate", "blackscreen"]]
    assert (lines[0][5:], lines[1][5:]) == (["goes", "on", "no", "[route]"], ["25s"])
    for chosen in (["--camera", "GATE"], ["--type", "blackscreen"]):
        assert _run("incidents", "list", *chosen, "--json", "-c", str(path)) == 0
        (only,) = json.loads(capsys.readouterr().out)
        assert (only["camera"], only["end"]) == ("gate", "2026-05-01T18:00:25.000Z")
    assert _run("incidents", "list", "--camera", "gate", "--open", "-c", str(path)) == 0
    assert capsys.readouterr().out == "no such incidents\n"
    assert _run("incidents", "list", "--camera", "yard", "-c", str(path)) == 66
    assert "no camera yard" in capsys.readouterr().err
