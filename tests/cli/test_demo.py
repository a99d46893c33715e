import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

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


def test_the_demo_lets_only_its_own_user_in(tmp_path: Path) -> None:
    """It prints an address and a sign-in that work while it runs, on another port where the usual one is taken."""
    argv = [sys.executable, "-m", "holdfast", "demo", "--root", str(tmp_path), "--cameras", "1"]
    env = {**os.environ, "HOLDFAST_WEB__ENABLED": "true"}
    with (
        (tmp_path / "output").open("w+") as sink,
        subprocess.Popen(argv, stdout=sink, stderr=sink, env=env) as process,
    ):
        found = None
        end = time.monotonic() + 120
        while found is None:
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
            found = re.search(r"(http://\S+)  sign in as (\w+) with (\w+)", (tmp_path / "output").read_text())
        address, name, password = found.groups()
        status = None
        while status is None:
            assert time.monotonic() < end
            with suppress(httpx.TransportError):
                status = httpx.post(f"{address}/api/v1/session", json={"name": name, "password": password}).status_code
        wrong = httpx.post(f"{address}/api/v1/session", json={"name": name, "password": f"{password}x"}).status_code
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert (status, wrong) == (200, 401)
    assert password not in "".join(path.read_text() for path in (tmp_path / "state" / "log").glob("*.log"))


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
