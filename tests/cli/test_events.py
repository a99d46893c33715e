"""`holdfast events`."""

import json
from pathlib import Path

import pytest

from holdfast.catalog import events, nodes
from holdfast.catalog.db import open_catalog
from holdfast.catalog.rows import Id
from holdfast.cli.main import main
from holdfast.core import config
from holdfast.core.objects import Box, Seen, label_of, to_json
from support.events import moved

NOW_US = 1_777_658_400_000_000


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\n[volumes.main]\npath = "disk"\n[cameras.gate]\nurl = "rtsp://camera.test/1"\n'
    )
    (tmp_path / "state").mkdir()
    return path


def test_events_are_listed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Newest first, as a table and as JSON, of one camera, at least so sure; none is said with what to do (C047)."""
    assert _run("events", "list", "-c", str(path)) == 0
    assert "motion] enabled = true" in capsys.readouterr().out
    with open_catalog(config.load(path).config.catalog_url) as catalog, catalog.write() as tx:
        for told in moved(NOW_US):
            events.put(tx, nodes.ensure(tx, "local", 1), told, 7)
    assert _run("events", "list", "-c", str(path)) == 0
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines()[1:]] == ["dock", "gate", "gate"]
    assert "goes on" in out
    assert _run("events", "list", "--camera", "GATE", "--confidence", "100", "--json", "-c", str(path)) == 0
    (only,) = json.loads(capsys.readouterr().out)
    assert (only["id"], only["camera"], only["score"], only["kind"]) == ("1-1", "gate", 2.4, "motion")
    assert only["end"] == "2026-05-01T16:30:12.000Z"
    with open_catalog(config.load(path).config.catalog_url) as catalog, catalog.write() as tx:
        seen = {"a": [Seen("dog", 0.5, Box(0, 0, 1, 1))]}
        row = events.get(tx, Id(1, 2))
        events.recognise(tx, row, objects=to_json(seen), label=label_of(seen), now_us=9)
    assert _run("events", "list", "--label", "Dog", "-c", str(path)) == 0
    assert capsys.readouterr().out.rstrip().endswith("dog 0.50")
    assert _run("events", "list", "--label", "dog", "--json", "-c", str(path)) == 0
    (only,) = json.loads(capsys.readouterr().out)
    assert only["objects"]["a"][0]["confidence"] == 0.5
    assert _run("events", "list", "--label", "cat", "-c", str(path)) == 0
    assert "no such events" in capsys.readouterr().out
    assert _run("events", "list", "--camera", "nobody", "-c", str(path)) == 66
    assert "there is no camera nobody" in capsys.readouterr().err
