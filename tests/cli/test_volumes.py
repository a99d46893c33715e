import json
from pathlib import Path

import pytest

from holdfast.cli.main import main
from holdfast.storage.volume import MARKER


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "holdfast.toml"
    path.write_text('state_dir = "state"\n[volumes.main]\npath = "disk"\nreserve = "1GB"\n')
    return path


def test_adopt_then_list(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An adopted volume is listed as ready, with room and reserve."""
    assert _run("volumes", "adopt", "main", "-c", str(path)) == 0
    assert "volume main is" in capsys.readouterr().out
    assert _run("volumes", "list", "--json", "-c", str(path)) == 0
    [volume] = json.loads(capsys.readouterr().out)
    assert volume["ready"]
    assert volume["reserve_bytes"] == 10**9
    assert _run("volumes", "list", "-c", str(path)) == 0
    assert "ready" in capsys.readouterr().out


def test_a_missing_disk_is_listed_with_its_cure(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A volume whose marker is gone is listed as a problem, and the exit code says so."""
    _run("volumes", "adopt", "main", "-c", str(path))
    (path.parent / "disk" / MARKER).unlink()
    capsys.readouterr()
    assert _run("volumes", "list", "-c", str(path)) == 74
    assert "mount" in capsys.readouterr().out


def test_adopting_a_name_that_is_not_there(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name is answered with the right ones."""
    assert _run("volumes", "adopt", "mian", "-c", str(path)) == 66
    assert "configured: main" in capsys.readouterr().err
