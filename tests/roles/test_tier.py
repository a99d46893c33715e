"""The child process of a tier, started as the server starts it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from holdfast.core.clock import SystemClock
from holdfast.core.timing import SECOND_US
from holdfast.library import footage
from support.clips import write_run
from support.media import GATE, encode
from support.recording import until


def _child(tmp_path: Path, codec: str) -> tuple[subprocess.Popen[str], Path]:
    disk, root = tmp_path / "vol", tmp_path / "spool"
    disk.mkdir()
    root.mkdir()
    write_run(disk, encode(codec, seconds=2), start_us=SystemClock().wall_us() - 5 * SECOND_US)
    order = {
        "volumes": {"main": str(disk)}, "source": "gate/main", "key": "gate/main", "tier": "sd", "root": str(root),
        "from_us": None, "config": None,
    }  # fmt: skip
    argv = [sys.executable, "-m", "holdfast.roles.tier", json.dumps(order)]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True), root


def test_child_converts_until_it_is_told_to_stop(tmp_path: Path, no_leaks: None) -> None:
    """It writes its spool, finishes the file on SIGTERM, and passes over Ctrl-C, which is meant for the server."""
    child, root = _child(tmp_path, "h264")
    with child:
        until(lambda: footage.newest({"s": root}, GATE) is not None)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGTERM)
        _, complaints = child.communicate(timeout=60)
    assert (child.returncode, complaints) == (0, "")
    piece = footage.newest({"s": root}, GATE)
    assert piece is not None
    assert not piece.growing


def test_child_says_in_one_line_why_it_cannot(tmp_path: Path, no_leaks: None) -> None:
    """What cannot be converted ends it with the error's own code, and one line for the server's log."""
    child, _ = _child(tmp_path, "")
    with child:
        _, complaints = child.communicate(timeout=60)
    assert (child.returncode, complaints) == (69, "unsupported: there are no pictures to convert\n")
