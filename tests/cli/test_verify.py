import json
from pathlib import Path

import pytest

from holdfast.cli.main import main
from holdfast.core.errors import NotFound
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
    told.record(600)
    told.close()
    return path


def test_untouched_footage_verifies(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Footage as it was recorded has exit code 0."""
    assert _run("verify", "-c", str(path)) == 0
    assert "everything is as it was recorded: 2 files" in capsys.readouterr().out


def test_a_changed_file_is_named(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed file is named and the exit code is 1; a span that leaves it out has exit code 0."""
    first = min(path.parent.glob("disk/footage/*/*/*/*.mp4"))
    first.write_bytes(first.read_bytes()[::-1])
    assert _run("verify", "--json", "-c", str(path)) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["number"], finding["kind"]) == ("C3", "changed")
    assert first.name in finding["where"]
    assert _run("verify", "--from", "2026-09-21T14:24:00", "-c", str(path)) == 0


def test_lines_cut_off_are_noticed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The catalog remembers how far the journal went; one that is shorter now was cut off."""
    assert _run("reindex", "-c", str(path)) == 0
    journal = next(path.parent.glob("disk/footage/*/*/*.journal"))
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    assert _run("verify", "-c", str(path)) == 1
    assert "C2  cut-off" in capsys.readouterr().out


def test_a_camera_that_nobody_knows_is_no_good_news(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped camera is refused, instead of nothing being found in order."""
    assert _run("verify", "--camera", "yard", "-c", str(path)) == NotFound.exit_code
    assert "no footage of a camera yard" in capsys.readouterr().err
