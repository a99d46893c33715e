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
        'state_dir = "state"\n[targets.nas]\ntype = "folder"\npath = "nas"\nbandwidth = "2MB"\n'
        '[targets.cloud]\ntype = "s3"\nendpoint = "http://127.0.0.1:9"\nbucket = "kept"\naccess_key = "AKIA"\n'
        'secret_key = "nobody-sees-this"\nquiet_s = 2\n'
    )
    return path


def test_targets_are_listed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each target is listed with its place and limits, and without its keys (F61)."""
    assert _run("targets", "list", "-c", str(path)) == 0
    assert _run("targets", "list", "--json", "-c", str(path)) == 0
    out = capsys.readouterr().out
    assert "2.0 MB/s" in out
    assert "http://127.0.0.1:9/kept" in out
    assert "nobody-sees-this" not in out


def test_a_folder_is_adopted_and_tried(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without its marker takes nothing and says what to do; once adopted it does, with its free space."""
    assert _run("targets", "test", "nas", "-c", str(path)) == 69
    assert "holdfast targets adopt nas" in capsys.readouterr().out
    assert _run("targets", "adopt", "nas", "-c", str(path)) == 0
    assert _run("targets", "adopt", "nas", "-c", str(path)) == 0
    assert _run("targets", "test", "nas", "-c", str(path)) == 0
    capsys.readouterr()
    assert _run("targets", "test", "nas", "--json", "-c", str(path)) == 0
    [trial] = json.loads(capsys.readouterr().out)
    assert trial["ready"]
    assert trial["free_bytes"] > 0
    assert trial["verifies"].startswith("sha256")


def test_one_that_is_away_is_told_beside_the_others(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without names all are tried; what is wrong with one is told with it, and the exit code says so."""
    _run("targets", "adopt", "nas", "-c", str(path))
    capsys.readouterr()
    assert _run("targets", "test", "--json", "-c", str(path)) == 69
    nas, cloud = json.loads(capsys.readouterr().out)
    assert nas["ready"]
    assert cloud["code"] == "target-away"
    assert "reached from this machine" in cloud["hint"]


def test_a_wrong_name_is_answered_with_the_right_one(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is none is named, with the one that was most likely meant; only folders are adopted."""
    assert _run("targets", "test", "nsa", "-c", str(path)) == 66
    assert "nas" in capsys.readouterr().err
    assert _run("targets", "adopt", "cloud", "-c", str(path)) == 64


def test_no_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there are none, it is said how to have one."""
    path = tmp_path / "holdfast.toml"
    path.write_text('state_dir = "state"\n')
    assert _run("targets", "list", "-c", str(path)) == 0
    assert "[targets.NAME]" in capsys.readouterr().out
