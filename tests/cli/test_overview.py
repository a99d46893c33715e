import os
import subprocess
import sys
from pathlib import Path

HOLDFAST = str(Path(sys.executable).with_name("holdfast"))


def _holdfast(folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "HOLDFAST_CONFIG"}
    env = {**kept, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return subprocess.run([HOLDFAST], capture_output=True, text=True, check=False, timeout=60, cwd=folder, env=env)


def test_a_newcomer_is_told_how_to_begin(tmp_path: Path) -> None:
    """Without a configuration, the bare program says how to get one, and that a demo needs none."""
    done = _holdfast(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "holdfast demo" in done.stdout
    assert "holdfast init" in done.stdout


def test_the_bare_program_shows_the_state(tmp_path: Path) -> None:
    """With a configuration, the bare program says the state in one sentence, and the next commands."""
    (tmp_path / "holdfast.toml").write_text(
        '[site]\nname = "Here"\n[volumes.main]\npath = "disk"\n[cameras.gate]\nurl = "rtsp://192.0.2.1/x"\n'
    )
    done = _holdfast(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Nothing is being recorded here" in done.stdout
    assert "holdfast doctor" in done.stdout
