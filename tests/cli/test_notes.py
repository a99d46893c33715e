import json
from pathlib import Path

import pytest

from holdfast.cli.main import main


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\n[site]\ntime_zone = "Europe/Berlin"\n[volumes.main]\npath = "disk"\n'
        '[cameras.Gate]\nurl = "rtsp://camera.test/1"\n'
    )
    (tmp_path / "disk").mkdir()
    return path


def test_add_then_list(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is noted in the site's time comes back with the camera's own spelling (C012, F15)."""
    assert _run("notes", "add", "lens", "cleaned", "--camera", "gate", "--at", "2026-05-01T18:00", "-c", str(path)) == 0
    assert _run("notes", "add", "all quiet", "-c", str(path)) == 0
    capsys.readouterr()
    assert _run("notes", "list", "-c", str(path)) == 0
    out = capsys.readouterr().out
    assert "2026-05-01 18:00:00  Gate  lens cleaned" in out
    assert "(site)  all quiet" in out
    assert _run("notes", "list", "--json", "--since", "1h", "-c", str(path)) == 0
    assert [note["words"] for note in json.loads(capsys.readouterr().out)] == ["all quiet"]


def test_a_damaged_catalog_keeps_nobody_from_writing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the catalog damaged a note is written, listed, and somebody is told (R7)."""
    (path.parent / "state").mkdir()
    (path.parent / "state" / "catalog.sqlite").write_bytes(b"garbage" * 1000)
    assert _run("notes", "add", "still", "here", "-c", str(path)) == 0
    assert "in the notes file" in capsys.readouterr().err
    assert _run("notes", "list", "-c", str(path)) == 0
    assert "still here" in capsys.readouterr().out


def test_bad_notes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A camera that does not exist, a time that is none, and no words are each said in one line."""
    assert _run("notes", "add", "x", "--camera", "yard", "-c", str(path)) == 66
    assert _run("notes", "add", "x", "--at", "noon", "-c", str(path)) == 64
    assert _run("notes", "add", " ", "-c", str(path)) == 64
    assert "Traceback" not in capsys.readouterr().err
