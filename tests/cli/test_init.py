import stat
from pathlib import Path

import pytest

from holdfast.cli.init import init, local_zone
from holdfast.cli.main import main
from holdfast.core.config import load
from holdfast.core.errors import BadInput, NotFound


def test_the_file_passes_the_check_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What init writes can be used at once, is private, and warns about nothing."""
    path = tmp_path / "holdfast.toml"
    with pytest.raises(SystemExit) as left:
        main(["init", str(path)])
    assert left.value.code == 0
    assert "config check" in capsys.readouterr().out
    loaded = load(path, {})
    assert list(loaded.config.cameras) == ["gate"]
    assert loaded.warnings == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(SystemExit) as left:
        main(["config", "check", "-c", str(path)])
    assert left.value.code == 0


def test_the_file_is_valid_with_every_example_switched_on(tmp_path: Path) -> None:
    """Each line that is commented out is right, too: a newcomer only removes the #."""
    path = tmp_path / "holdfast.toml"
    init(path)
    lines = path.read_text().splitlines()
    on = [
        line[2:]
        if line.startswith(("# [", "# a", "# p", "# s", "# r", "# c")) and ("=" in line or "[" in line)
        else line
        for line in lines
    ]
    assert on != lines
    loaded = load(path, {}, text="\n".join(on))
    assert list(loaded.config.cameras) == ["gate", "yard"]
    assert loaded.config.cameras["gate"].capture.windows


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    """Without --force an existing file stays as it is, with it the file is new."""
    path = tmp_path / "holdfast.toml"
    path.write_text("mine")
    with pytest.raises(BadInput, match="is there already"):
        init(path)
    assert path.read_text() == "mine"
    init(path, force=True)
    assert path.read_text() != "mine"


def test_a_folder_takes_the_usual_name(tmp_path: Path) -> None:
    """A folder gets a holdfast.toml; a folder that is not there is an error with its name."""
    init(tmp_path)
    assert (tmp_path / "holdfast.toml").exists()
    with pytest.raises(NotFound, match="gone"):
        init(tmp_path / "gone" / "x.toml")


def test_the_zone_is_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time zone in the file is the one that the machine has."""
    monkeypatch.setenv("TZ", ":Asia/Kathmandu")
    assert local_zone() == "Asia/Kathmandu"
    monkeypatch.delenv("TZ")
    assert local_zone()
