"""Recorder processes alone, as the supervisor would start them: real programs that tests kill, starve and measure."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Self

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.footage import Timeline, timeline
from holdfast.core.journal import Line
from holdfast.core.plan import Plan, StreamPlan
from holdfast.core.status import status_name
from holdfast.library.desired import publish_plan
from holdfast.storage.journal import stream_lines
from support.recording import uncut_s

FRAME_US = 40_000  # `small_camera` sends 25 pictures a second


class Shard:
    """One recorder process over `urls`, its state in `root`, its footage in `volume`; `more` goes to every stream."""

    def __init__(self, root: Path, urls: Mapping[str, str], *, volume: Path | None = None, **more: Any) -> None:
        self.root = root
        self.volume = volume or root / "vol"
        self.run_dir = root / "run"
        for folder in (root / "state", self.run_dir, self.volume):
            folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "stream": "main", "volume": str(self.volume), "reserve_bytes": 0, "segment_s": uncut_s(), **more,
        }  # fmt: skip
        self.plans = {name: StreamPlan(camera=name, url=url, **facts) for name, url in urls.items()}
        self.process: subprocess.Popen[bytes] | None = None
        self.publish()

    def publish(self) -> None:
        """Write `streams.json` as the worker would."""
        plan = Plan(
            streams=tuple(self.plans.values()), runtime_dir=str(self.run_dir), log_dir=str(self.root / "log")
        )  # fmt: skip
        publish_plan(self.root / "state", plan)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def start(self) -> Self:
        """Start it."""
        with (self.root / "output").open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "holdfast", "record", "--shard", "0", "--state-dir", str(self.root / "state")],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            )  # fmt: skip
        return self

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None
        return self.process.pid

    def kill(self) -> int:
        """End it with SIGKILL; return the wall time just before."""
        assert self.process is not None
        assert self.process.poll() is None, (self.root / "output").read_text(encoding="utf-8")
        now_us = time.time_ns() // 1000
        self.process.kill()
        self.process.wait()
        return now_us

    def stop(self) -> None:
        """Ask it to end in order."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, (self.root / "output").read_text(encoding="utf-8")

    def status(self, camera: str) -> dict[str, Any]:
        """Return what a stream's status file says; empty before there is one."""
        path = self.run_dir / status_name(camera, "main")
        body: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return body

    def recording(self, *cameras: str) -> bool:
        """Whether these cameras (all by default) record, in this very process."""
        wanted = cameras or tuple(self.plans)
        return all((s := self.status(c)).get("state") == "recording" and s["pid"] == self.pid for c in wanted)

    def until(self, done: Callable[[], object], limit_s: float = 60.0) -> None:
        """Wait for something to hold."""
        end = time.monotonic() + limit_s
        while not done():
            said = (self.root / "output").read_text(encoding="utf-8")
            assert self.process is not None
            assert self.process.poll() is None, said
            assert time.monotonic() < end, said + str({c: self.status(c) for c in self.plans})
            time.sleep(0.02)

    def lines(self, camera: str) -> list[Line]:
        """Return a camera's journal."""
        return list(stream_lines(self.volume, StreamKey(camera, "main")))

    def ledger(self, camera: str) -> Timeline:
        """Derive a camera's timeline as of now, with its recorder gone."""
        return timeline(self.lines(camera), now_us=SystemClock().wall_us(), alive=False)

    def log(self, event: str, camera: str = "") -> list[dict[str, Any]]:
        """Return the log's lines of one event, of one camera where asked."""
        lines = [
            json.loads(line)
            for path in sorted((self.root / "log").glob("recorder-0.log*"))
            for line in path.read_text(encoding="utf-8").splitlines()
            if f'"{event}"' in line
        ]
        return [line for line in lines if line["event"] == event and camera in {"", line.get("camera")}]


def pss_kb(pid: int) -> int:
    """Return the memory that a process costs, shared pages counted by share."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def own_kb(pid: int) -> int:
    """Return the memory that a process alone has: what it allocated, without the libraries that it shares.

    For growth: its part of shared pages changes whenever another program starts or ends.
    """
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss_Anon:"))


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - counting entries, not walking paths


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - counting entries, not walking paths


def slope(points: Sequence[tuple[float, int]]) -> float:
    """Return the slope of the straight line that fits best."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def floor(points: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the lowest of each handful of points: while a file is sealed, a megabyte is in use to hash it."""
    return [min(points[at : at + 6], key=lambda point: point[1]) for at in range(0, len(points), 6)]


def creep(points: Sequence[tuple[float, int]], parts: int = 10) -> float:
    """Return by how much the lowest point of each part lies above that of the part before, an hour; the middle of it.

    A leak grows in every part. What grows in a few, and stays, is no leak: a table that is made anew for twice as many.
    """
    parts = min(parts, len(points))
    ends = [len(points) * part // parts for part in range(parts + 1)]
    lows = [min(y for _, y in points[begin:end]) for begin, end in pairwise(ends)]
    return median(after - before for before, after in pairwise(lows)) * parts / (points[-1][0] - points[0][0])


def spread(values: list[float]) -> str:
    """Say how values are distributed, for a person."""
    if not values:
        return "none"
    ordered = sorted(values)
    at = {q: ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.95, 0.99)}
    return f"n={len(ordered)} median={at[0.5]:.3f} p95={at[0.95]:.3f} p99={at[0.99]:.3f} max={ordered[-1]:.3f}"
