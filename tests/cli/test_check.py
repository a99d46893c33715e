import json
from pathlib import Path

import pytest

from holdfast.cli.main import main
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
    assert _run("reindex", "-c", str(path)) == 0
    return path


def test_all_is_well(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where everything agrees the exit code is 0."""
    assert _run("check", "-c", str(path)) == 0
    assert "all is well" in capsys.readouterr().out


def test_violations_cite_their_number(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A lost file is named with its invariant and what that means; the exit code is 1."""
    next(path.parent.glob("disk/footage/*/*/*/*.mp4")).unlink()
    assert _run("check", "-c", str(path)) == 1
    out = capsys.readouterr().out
    assert "D2  footage/gate/main" in out
    assert "D2: a finished segment" in out
    assert _run("check", "--json", "-c", str(path)) == 1
    body = json.loads(capsys.readouterr().out)
    assert (body["ok"], [v["number"] for v in body["violations"]]) == (False, ["D2"])


def test_a_damaged_catalog_does_not_keep_from_looking(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the catalog journals and files are still compared."""
    (path.parent / "state" / "catalog.sqlite").write_bytes(b"garbage" * 1000)
    assert _run("check", "-c", str(path)) == 0
    answer = capsys.readouterr()
    assert "journals and files alone" in answer.err.replace("\n", " ")
    assert "the catalog was not asked" in answer.out
