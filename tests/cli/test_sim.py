import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.sim import read_ledger
from support.sim_client import RawClient

SMALL = ("--size", "320x240", "--sub-size", "160x120", "--bitrate", "300k", "--gop", "25")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holdfast", "sim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_serves_until_interrupted(tmp_path: Path) -> None:
    """C146: the command serves cameras with a script and a ledger, says where, and Ctrl-C ends it cleanly."""
    script, ledger = tmp_path / "faults.json", tmp_path / "ledger.jsonl"
    script.write_text('[{"camera": "yard", "fault": "unauthorized", "for_s": 60}]')
    command = [sys.executable, "-m", "holdfast", "sim", "--cameras", "gate,yard", "--port", "0", "--json", *SMALL]
    command += [
        "--script",
        str(script),
        "--ledger",
        str(ledger),
        "--codec",
        "h265",
        "--audio",
        "pcma",
        "--pace",
        "burst",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with RawClient(ready["urls"]["gate"]["main"]) as client:
            assert client.play().status == 200
            assert "H265/90000" in client.sdp
            assert "PCMA/8000" in client.sdp
            assert client.packets(0.5)
        with RawClient(ready["urls"]["yard"]["sub"]) as client:
            assert client.play().status == 401
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert read_ledger(ledger)[-1]["what"] == "stop"


def test_script_is_made_and_accepted(tmp_path: Path) -> None:
    """`sim script` prints a script that `sim --script` runs; the same seed prints the same."""
    made = _run("script", "--cameras", "2", "--minutes", "5", "--each", "1", "--seed", "3")
    assert made.returncode == 0
    assert made.stdout == _run("script", "--cameras", "2", "--minutes", "5", "--each", "1", "--seed", "3").stdout
    path = tmp_path / "faults.json"
    path.write_text(made.stdout)
    served = _run("--cameras", "2", "--port", "0", "--script", str(path), "--for", "0.3", *SMALL)
    assert served.returncode == 0
    assert served.stdout.count("rtsp://127.0.0.1:") == 2


def test_faults_are_listed() -> None:
    """`sim faults` names every fault with what it does."""
    listed = _run("faults")
    assert "half_open" in listed.stdout
    assert "453" in listed.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--size", "big"), 64, "'big' is not a size"),
        (("--bitrate", "fast"), 64, "'fast' is not a bit rate"),
        (("--cameras", "0"), 64, "no cameras"),
        (("--cameras", "front door"), 64, "'front door' is not a camera id"),
        (("--script", "nothing.json"), 64, "nothing.json cannot be read"),
        (("--fps", "1000"), 64, "cannot be simulated"),
        (("--size", "33x33"), 64, "33x33"),
        (("script", "--cameras", "1", "--minutes", "1"), 64, "need"),
        (("script", "--only", "fire"), 64, "'fire' is no fault"),
    ],
)
def test_mistakes_are_answered_in_two_lines(arguments: tuple[str, ...], code: int, says: str) -> None:
    """What was typed wrongly is named in one line, with what to try, the right exit code and no traceback."""
    done = _run("--port", "0", *arguments) if arguments[0] != "script" else _run(*arguments)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_port_in_use_is_explained() -> None:
    """F53: a port that is taken is named, with how to find out by whom, and exit code 75."""
    command = [sys.executable, "-m", "holdfast", "sim", "--cameras", "1", "--port", "0", "--json", *SMALL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["urls"]["cam1"]["main"]
        port = url.split(":")[2].partition("/")[0]
        done = _run("--port", port, *SMALL)
        process.terminate()
        assert process.wait(60) == 0
    assert done.returncode == 75
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
    assert "ss -ltnp" in done.stderr
