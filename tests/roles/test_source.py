import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.core.camera import Sample
from holdfast.core.errors import SourceError
from holdfast.core.plan import Encoding, Plan, StreamPlan
from holdfast.media.source import pipe
from support.web_camera import web_camera


def start(line: socket.socket, parent: int) -> subprocess.Popen[bytes]:
    """Start the process with its end of a line."""
    argv = [sys.executable, "-m", "holdfast.roles.source", str(parent)]
    return subprocess.Popen(argv, stdin=line.fileno(), stdout=subprocess.DEVNULL)


def order(url: str, source: str = "http") -> bytes:
    """Return what the recorder sends."""
    encode = Encoding(frame_rate=20, encoder="software")
    plan = StreamPlan(camera="gate", stream="main", source=source, url=url, volume="/nowhere", encode=encode)
    return Plan(streams=(plan,)).to_json().encode() + b"\0"


def hear(line: socket.socket, count: int) -> list[pipe.Said]:
    """Return what the process says, up to so many messages."""
    line.settimeout(60)
    reader, said = pipe.Reader(), list[pipe.Said]()
    while len(said) < count and (data := line.recv(65_536)):
        said += reader.feed(data)
    return said


@pytest.mark.best_of_three
def test_it_says_what_it_opens_and_leaves_when_the_recorder_does() -> None:
    """Once loaded, tracks, then samples; when the other side hangs up, the process ends by itself within a second."""
    ours, theirs = socket.socketpair()
    with web_camera() as camera, ours:
        with theirs:
            process = start(theirs, os.getpid())
        try:
            ours.sendall(order(camera.url("/mjpeg")))
            said = hear(ours, 5)
            assert said[0] == pipe.Loaded()
            assert isinstance(said[1], pipe.Opening)
            assert said[1].tracks[0].encoder == "libx264"
            assert all(isinstance(one, Sample) for one in said[2:])
        finally:
            ours.close()
            assert process.wait(3) == 0


@pytest.mark.parametrize(
    ("url", "source", "code", "words"),
    [("http://127.0.0.1:1/x", "http", "unreachable", "cannot be reached"), ("x", "file", "unsupported", "process")],
)
def test_it_says_why_it_cannot(url: str, source: str, code: str, words: str) -> None:
    """An error crosses over as what it was, and the process ends."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = start(theirs, os.getpid())
        ours.sendall(order(url, source))
        error = hear(ours, 2)[-1]  # what this process cannot even begin with is said at once
        assert isinstance(error, SourceError)
        assert error.code == code
        assert words in str(error)
        assert process.wait(60) == 0


@pytest.mark.needs("linux")
def test_it_dies_with_the_recorder(tmp_path: Path) -> None:
    """Kill -9 of the recorder leaves no process behind that holds a device (F52)."""
    script = (
        "import sys, time\n"
        "from holdfast.core.clock import SystemClock\n"
        "from holdfast.core.plan import Plan\n"
        "from holdfast.media.source.child import ChildSource\n"
        "source = ChildSource(Plan.from_json(sys.argv[1]).streams[0], SystemClock())\n"
        "source.open()\n"
        "print(source.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with web_camera() as camera:
        argv = [sys.executable, "-c", script, order(camera.url("/mjpeg"))[:-1].decode()]
        # Its log goes to a file: the line that is waited for stands alone.
        with (tmp_path / "log").open("wb") as log, subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log) as parent:
            assert parent.stdout is not None
            lines = iter(parent.stdout.readline, b"")
            pid = int(next(line for line in lines if line.strip().isdigit()))
            assert Path(f"/proc/{pid}").exists()
            parent.kill()
        until = time.monotonic() + 60
        while Path(f"/proc/{pid}/exe").exists() and time.monotonic() < until:
            time.sleep(0.02)
        assert not Path(f"/proc/{pid}/exe").exists()
