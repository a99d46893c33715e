"""A supervisor as a process of its own, with tiny children that do as a script says: real signals, real deaths."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from holdfast.core.plan import Plan, StreamPlan
from holdfast.core.status import StreamState, StreamStatus, status_name

MAIN = """
import os, sys
from pathlib import Path
from holdfast.core.clock import SystemClock
from holdfast.roles.notify import Notifier
from holdfast.roles import children
from holdfast.roles.supervisor import Supervisor
children.STOP_GRACE_S = 1.0
root = Path(sys.argv[1])
child = str(root / "child.py")
Supervisor(
    state_dir=root / "state", runtime_dir=root / "run", clock=SystemClock(), stale_s=float(sys.argv[2]),
    worker=[sys.executable, child, str(root), "worker"],
    recorder=lambda n: [sys.executable, child, str(root), f"recorder-{n}"],
    notifier=Notifier.from_environment(os.environ),
).run()
"""

# Appends a line to `said` for each thing that happens to it, and rewrites the status file of its one stream.
CHILD = """
import json, os, signal, sys, time
root, name = sys.argv[1:]
def say(what):
    fd = os.open(root + "/said", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{name} {what}\\n".encode())
    os.close(fd)
def leave(number, frame):
    say("term")
    time.sleep(0.15)
    say("left")
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGHUP, lambda number, frame: say("hup"))
say(f"up {os.getpid()}")
file = "worker.json" if name == "worker" else f"cam{name[-1]}.main.json"
while not os.path.exists(f"{root}/{name}.exit"):
    if not os.path.exists(f"{root}/{name}.hang"):
        with open(f"{root}/run/{file}.x", "w") as out:
            out.write(json.dumps({"at_us": time.time_ns() // 1000}))
        os.replace(f"{root}/run/{file}.x", f"{root}/run/{file}")
    time.sleep(0.05)
sys.exit(3)
"""


class Supervised:
    """One supervisor in `root`, and what is known of it."""

    def __init__(self, root: Path, *, stale_s: float = 30.0) -> None:
        self.root = root
        self.stale_s = stale_s
        for folder in ("state", "run"):
            (root / folder).mkdir(exist_ok=True)
        (root / "child.py").write_text(CHILD, encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        # What outlived it was asked to end by the kernel; the folder must not vanish under its feet.
        for pid in {int(w.split()[2]) for w in self.said() if " up " in w}:
            self.until(lambda p=pid: not running(p))  # type: ignore[misc]

    def start(self, **environ: str) -> "Supervised":
        """Start it."""
        with (self.root / "stderr").open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-c", MAIN, str(self.root), str(self.stale_s)],
                stdout=subprocess.DEVNULL, stderr=sink, env={**os.environ, **environ},
            )  # fmt: skip
        return self

    def plan(self, *numbers: int) -> None:
        """Publish a plan with one stream for each of these process numbers."""
        streams = tuple(
            StreamPlan(camera=f"cam{n}", stream="main", process=n, url="rtsp://192.0.2.1/x", volume="/v")
            for n in numbers
        )
        fresh = self.root / "state" / "streams.json.x"
        fresh.write_text(Plan(streams=streams, runtime_dir=str(self.root / "run")).to_json(), encoding="utf-8")
        fresh.replace(self.root / "state" / "streams.json")

    def said(self) -> list[str]:
        """Return what the children said so far, in order."""
        path = self.root / "said"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def ups(self, name: str) -> list[int]:
        """Return the process ids of all lives of a child."""
        return [int(line.split()[2]) for line in self.said() if line.startswith(f"{name} up")]

    def status(self) -> dict[str, Any]:
        """Return `supervisor.json`."""
        body: dict[str, Any] = json.loads((self.root / "run" / "supervisor.json").read_bytes())
        return body

    def child(self, name: str) -> dict[str, Any]:
        """Return one child of `supervisor.json`; empty where it does not name it."""
        return next((c for c in self.status()["children"] if c["name"] == name), {})

    def until(self, done: Callable[[], object], limit_s: float = 60.0) -> None:
        """Wait for something to hold."""
        end = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < end, self.said()
            time.sleep(0.02)

    def up(self, *names: str) -> "Supervised":
        """Wait until these children live."""
        self.until(lambda: all(self.ups(name) for name in names) and (self.root / "run/supervisor.json").exists())
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, limit_s: float = 60.0) -> int:
        """Wait for its end; returns the exit code."""
        assert self.process is not None
        return self.process.wait(limit_s)


def running(pid: int) -> bool:
    """Whether a process lives; one that ended and was not reaped by a container's init does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def write_status(folder: Path, camera: str, state: StreamState, at_us: int, **more: Any) -> None:
    """Write a stream's status file."""
    status = StreamStatus(camera=camera, stream="main", state=state, at_us=at_us, since_us=at_us, **more)
    (folder / status_name(camera, "main")).write_text(status.to_json(), encoding="utf-8")
