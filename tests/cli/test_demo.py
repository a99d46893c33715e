import signal
import subprocess
import sys
import time
from pathlib import Path

from support.node import holdfast


def test_ends_by_itself_with_a_gap_that_has_a_reason(tmp_path: Path) -> None:
    """It says where to look, records every camera, shows the scripted gap, and ends with 0 and nothing unfinished."""
    result = holdfast("demo", "--for", "18s", "--root", str(tmp_path / "d"), "--cameras", "2", limit_s=170)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"holdfast status --watch -c {tmp_path}/d/holdfast.toml" in result.stdout
    table = result.stdout.split("camera  recorded")[1].splitlines()
    gate = next(line for line in table if line.startswith("gate"))
    yard = " ".join(table[table.index(next(line for line in table if line.startswith("yard"))) :])
    assert gate.split()[-1] == "none"
    assert "the camera" in yard
    assert list((tmp_path / "d" / "footage").rglob("*.mp4"))
    assert not list((tmp_path / "d" / "footage").rglob("*.part"))
    assert "Traceback" not in result.stderr


def test_ctrl_c_is_a_clean_end(tmp_path: Path) -> None:
    """Ctrl-C finishes files and ends with 0; a second demo in the same folder is refused while it runs (F07)."""
    argv = [sys.executable, "-m", "holdfast", "demo", "--root", str(tmp_path), "--cameras", "1"]
    with (tmp_path / "output").open("wb") as sink, subprocess.Popen(argv, stdout=sink, stderr=sink) as process:
        end = time.monotonic() + 120
        while not list(tmp_path.rglob("*.part")):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
        second = holdfast("demo", "--root", str(tmp_path), "--for", "1s")
        assert second.returncode == 75
        assert f"a demo is running in {tmp_path} (process {process.pid})" in second.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not list(tmp_path.rglob("*.part"))
