import json
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.cli.main import main
from holdfast.core.clock import SystemClock
from holdfast.core.config import load
from holdfast.library import settings
from holdfast.library.cameras import add_camera, remember, runtime_settings

GOOD = (
    'state_dir = "state"\n[volumes.main]\npath = "disk"\n[defaults]\nstall_s = 7\npassword = "geheim99"\n'
    '[cameras.gate]\nurl = "rtsp://u@h/x"\n[cameras.door]\nurl = "rtsp://h/y"\n'
)


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "holdfast.toml"
    path.write_text(GOOD)
    path.chmod(0o644)
    return path


def test_check_lists_problems_and_exits_78(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem is a line of its own with file and line; markup in names does no harm."""
    path.write_text(GOOD + 'transprot = "udp"\n[defaultz]\n')
    assert _run("config", "check", "-c", str(path)) == 78
    out = capsys.readouterr().out
    assert "problem: holdfast.toml:11: cameras.door.transprot: unknown key (did you mean transport?)" in out
    assert "problem: holdfast.toml:12: defaultz: unknown key" in out
    assert "2 problems" in out


def test_check_of_a_good_file_exits_0_and_warns(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that can be used exits 0, and says what is not wise about it (C131)."""
    assert _run("config", "check", "-c", str(path)) == 0
    out = capsys.readouterr().out
    assert "warning: holdfast.toml:6: defaults.password: stands in plain text" in out
    assert "2 cameras, can be used" in out
    assert "geheim99" not in out


def test_check_speaks_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script gets the same as data, also for a file that is not TOML."""
    assert _run("config", "check", "--json", "-c", str(path)) == 0
    assert json.loads(capsys.readouterr().out)["warnings"][0]["key"] == "defaults.password"
    path.write_text("[x\n")
    assert _run("config", "check", "--json", "-c", str(path)) == 78
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert problem["place"] == "holdfast.toml:1:3"


def test_show_masks_secrets_and_names_origins(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every value that holds is shown with where it comes from; secrets are not (C130, F61)."""
    assert _run("config", "show", "--camera", "gate", "--origins", "-c", str(path)) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split(None, 1)[1] for line in out.splitlines()}
    assert rows["cameras.gate.stall_s"].split() == ["7.0", "[defaults]", "holdfast.toml:5"]
    assert rows["cameras.gate.password"].split() == ["****", "[defaults]", "holdfast.toml:6"]
    assert rows["cameras.gate.audio"].split() == ["optional", "default"]
    assert "geheim99" not in out
    assert not any(key.startswith(("cameras.door", "site")) for key in rows)


def test_show_names_what_was_changed_at_run_time(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the worker took from the catalog last is shown as what holds, with that origin (C126)."""
    with open_catalog(load(path).config.catalog_url) as catalog:
        loaded, clock = load(path), SystemClock()
        settings.change(catalog, LOCAL, loaded, {"defaults.stall_s": 9, "site.name": "Pier"}, clock)
        add_camera(catalog, LOCAL, loaded, "dock", {"url": "rtsp://h/dock"}, clock)
        settings.remember(loaded.config.state_dir, settings.saved(catalog, LOCAL))
        remember(loaded.config.state_dir, runtime_settings(catalog, LOCAL))
    assert _run("config", "show", "--json", "--origins", "-c", str(path)) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["site.name"] == {"value": "Pier", "origin": "saved settings"}
    assert shown["cameras.gate.stall_s"] == {"value": 9, "origin": "[defaults] saved settings"}
    assert shown["cameras.dock.url"] == {"value": "rtsp://h/dock", "origin": "added at run time"}


def test_show_speaks_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script gets values, and origins where it asks."""
    assert _run("config", "show", "--json", "-c", str(path)) == 0
    assert json.loads(capsys.readouterr().out)["cameras.gate.stall_s"] == 7
    assert _run("config", "show", "--json", "--origins", "-c", str(path)) == 0
    assert json.loads(capsys.readouterr().out)["log.level"] == {"value": "info", "origin": "default"}


def test_show_of_an_unknown_camera_names_the_nearest(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped camera is one line and a guess."""
    assert _run("config", "show", "--camera", "gaet", "-c", str(path)) == 66
    assert "did you mean gate?" in capsys.readouterr().err


def test_a_broken_file_is_said_in_full_to_any_command(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands that need the file show its problems, without a traceback."""
    path.write_text(GOOD + "[defaultz]\n")
    assert _run("config", "show", "-c", str(path)) == 78
    err = capsys.readouterr().err
    assert "holdfast.toml:11: defaultz: unknown key (did you mean defaults?)" in err
    assert "Traceback" not in err


def test_messages_keep_their_brackets(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a message says about tables of the file arrives as it is written there."""
    path.write_text('[cameras.gate]\nurl = "rtsp://h/x"\n')
    assert _run("config", "show", "-c", str(path)) == 78
    assert "add [volumes.main] with a path" in capsys.readouterr().err
