"""A whole node for tests of the command line: simulated cameras, a configuration, and the program as it is started."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from holdfast.media.synthetic import VideoSpec
from holdfast.sim.camera import CameraSpec
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread

SMALL = VideoSpec(width=320, height=240, fps=10, bitrate_bps=200_000, gop=10)


def simulate(*names: str, user: str = "", password: str = "") -> SimThread:
    """Make small simulated cameras; enter it to start them."""
    return SimThread(
        SimServer([CameraSpec(name=n, video=SMALL, sub_size=(160, 120), user=user, password=password) for n in names])
    )


def holdfast(*args: str, env: dict[str, str] | None = None, limit_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *args], capture_output=True, text=True, timeout=limit_s, check=False,
        env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


class Node:
    """A configuration in a folder, and `holdfast run` on it."""

    def __init__(self, root: Path, urls: dict[str, str], *, more: str = "") -> None:
        self.root = root
        self.config = root / "holdfast.toml"
        text = f'state_dir = "state"\nruntime_dir = "run"\n{more}[volumes.main]\npath = "vol"\nreserve = "1 MB"\n'
        for name, url in urls.items():
            text += f'[cameras.{name}]\nurl = "{url}"\n'
        self.config.write_text(text, encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def run(self, command: str = "run") -> Self:
        """Start it."""
        with (self.root / "output").open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "holdfast", command, "-c", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            )  # fmt: skip
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def command(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run another command on this node."""
        return holdfast(*args, "-c", str(self.config))

    def status(self) -> dict[str, Any]:
        """Return what `holdfast status --json` says."""
        body: dict[str, Any] = json.loads(self.command("status", "--json").stdout)
        return body

    def role(self, name: str) -> dict[str, Any]:
        """Return a role's status file; empty before there is one."""
        path = self.root / "run" / f"{name}.json"
        body: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return body

    def child(self, name: str) -> dict[str, Any]:
        """Return a child of the supervisor; empty where there is none."""
        return next((c for c in self.role("supervisor").get("children", []) if c["name"] == name), {})

    def recording(self, *names: str) -> bool:
        """Whether exactly these cameras are recording, by their status files of this moment."""
        found = set()
        for path in (self.root / "run").glob("*.main.json"):
            body = json.loads(path.read_bytes())
            if body["state"] == "recording" and time.time_ns() // 1000 - body["at_us"] < 3_000_000:
                found.add(body["camera"])
        return found == set(names)

    def until(self, done: Callable[[], object], limit_s: float = 60.0) -> None:
        """Wait for something to hold."""
        end = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < end, (self.root / "output").read_text(encoding="utf-8") + str(
                self.role("supervisor")
            )
            time.sleep(0.05)
