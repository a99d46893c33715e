import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_CONFIG = """
state_dir = "state"
runtime_dir = "run"

[volumes.main]
path = "disk"

[cameras.gate]
url = "rtsp://127.0.0.1:9/main"
password = "hush-hush"
username = "viewer"
"""


def _doctor(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "holdfast", "doctor", *arguments]
    env = {**os.environ, "HOME": str(folder), "COLUMNS": "140"}
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration whose camera is not there and whose password anybody can read."""
    (tmp_path / "disk").mkdir()
    path = tmp_path / "holdfast.toml"
    path.write_text(_CONFIG, encoding="utf-8")
    path.chmod(0o644)
    return tmp_path


def test_each_finding_names_fault_evidence_and_fix(folder: Path) -> None:
    """Without options it prints findings, errors first, without the password, and ends with exit code 2 (I6, F61)."""
    done = _doctor(folder)
    assert done.returncode == 2, done.stderr
    assert done.stdout.index("port-closed") < done.stdout.index("config-exposed")
    assert "127.0.0.1:9 refuses the connection" in done.stdout
    assert "docs/troubleshooting.md" in done.stdout
    assert "hush-hush" not in done.stdout + done.stderr


def test_json_holds_every_finding(folder: Path) -> None:
    """With --json each finding is an object of six texts, for scripts."""
    done = _doctor(folder, "--json")
    body = json.loads(done.stdout)
    assert body["well"] is False
    assert {"recorder-not-running", "port-closed", "config-exposed"} <= {f["fault"] for f in body["findings"]}
    assert all(set(f) == {"fault", "severity", "subject", "what", "evidence", "fix"} for f in body["findings"])
    assert body["findings"][0]["severity"] == "error"


def test_missing_configuration_is_one_finding(tmp_path: Path) -> None:
    """Where nothing is configured the one thing to do is named."""
    done = _doctor(tmp_path)
    assert done.returncode == 2
    assert "holdfast init" in done.stdout
    assert "Traceback" not in done.stderr


def test_unknown_camera_is_refused(folder: Path) -> None:
    """A camera that is not configured is named together with those that are."""
    done = _doctor(folder, "--camera", "yard")
    assert done.returncode == 66
    assert "there is no camera 'yard'" in done.stderr
    assert "cameras: gate" in done.stderr


def test_one_fault_of_many_cameras_is_said_once(folder: Path) -> None:
    """Cameras that need the same cure share one block, each with its own evidence."""
    path = folder / "holdfast.toml"
    path.write_text(_CONFIG + '[cameras.yard]\nurl = "rtsp://127.0.0.1:7/main"\n', encoding="utf-8")
    said = _doctor(folder).stdout
    assert said.count("(port-closed)") == 1
    assert "gate/main: 127.0.0.1:9 refuses" in said
    assert "yard/main: 127.0.0.1:7 refuses" in said
