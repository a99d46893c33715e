import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.cli.main import main

ROOT = 'state_dir = "."\n[site]\ntime_zone = "Europe/Berlin"\n[volumes.main]\npath = "v"\n[cameras.gate]\nurl = "rtsp://h"\n'


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


def _line(second: int, **facts: str) -> str:
    return json.dumps({"at": f"2026-07-01T10:00:{second:02}.000Z", "level": "info", "role": "worker", **facts}) + "\n"


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    lines = [
        _line(1, event="one", n="a b"),
        _line(2, event="two", camera="gate", stream="main"),
        _line(3, event="three", level="debug"),
    ]
    (tmp_path / "log" / "worker.log").write_text("".join(lines))
    (tmp_path / "holdfast.toml").write_text(ROOT)
    return tmp_path / "holdfast.toml"


def test_lines_are_shown_in_the_sites_time(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person sees local time, level, role, camera, event and facts (C152, F15)."""
    assert _run("logs", "-c", str(path)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["2026-07-01", "12:00:01", "info", "worker", "one", 'n="a', 'b"']
    assert second.split() == ["2026-07-01", "12:00:02", "info", "worker", "gate/main", "two"]


def test_filters(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By camera, level, time and number; JSON lines for scripts (C152)."""
    assert _run("logs", "gate", "--json", "-c", str(path)) == 0
    assert json.loads(capsys.readouterr().out)["event"] == "two"
    assert _run("logs", "--level", "debug", "-n", "1", "-c", str(path)) == 0
    assert "three" in capsys.readouterr().out
    assert _run("logs", "worker", "--since", "2026-07-01T12:00:02", "-c", str(path)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["gaet"], 66, "neither a role nor a camera"),
        (["--level", "loud"], 64, "levels are"),
        (["--since", "x"], 64, "not a time"),
    ],
)
def test_what_makes_no_sense(
    path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], code: int, said: str
) -> None:
    """A wrong name, level or time is one line with what would be right."""
    assert _run("logs", *argv, "-c", str(path)) == code
    assert said in capsys.readouterr().err


def test_a_camera_that_was_added_while_running(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cameras that can be named are those of the file and those that were added later, without a database."""
    (path.parent / "runtime-cameras.json").write_text(json.dumps([{"id": "yard", "url": "rtsp://h2"}]))
    assert _run("logs", "yard", "-c", str(path)) == 0
    assert _run("logs", "yord", "-c", str(path)) == 66
    assert "did you mean yard? roles: worker; cameras: gate, yard" in capsys.readouterr().err


def test_following(path: Path) -> None:
    """--follow hands on what is written, and Ctrl-C ends it with 130."""
    argv = [sys.executable, "-m", "holdfast", "logs", "--follow", "-n", "1", "-c", str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "two" in child.stdout.readline()
        with (path.parent / "log" / "worker.log").open("a") as file:
            file.write(_line(4, event="four"))
        assert select.select([child.stdout], [], [], 60)[0]
        assert "four" in child.stdout.readline()
        os.kill(child.pid, signal.SIGINT)
        assert child.wait(60) == 130
        assert child.stderr is not None
        assert child.stderr.read() == ""
