"""A drill: simulated and GStreamer cameras under a seeded fault script, `holdfast run` beside them, kills on top.

Everything runs as its own process, as it would at a user's; nothing here imports holdfast. `python tests/chaos/drill.py
--minutes 10 --kills 50` runs the whole of it and prints the matrix of faults against reasons.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.oracle import SECOND, Allowed, Said, Verdict, expected, homes_of, judge, pictures_in, plays, read_faults
from support import gst_server
from support.gst_server import GstServer
from support.rtsp_peer import free_port

HOLDFAST = str(Path(sys.executable).with_name("holdfast"))
FPS = 25
GROUP_S = 1.0
SIM_GROUPS = (
    ("h264", "aac", "paced", ("north", "east", "south", "west")),
    ("h265", "pcma", "burst", ("hall", "yard")),
    ("h264", "none", "paced", ("dock", "roof")),
)


@dataclass
class Drill:
    """One run. `each`: how often each fault happens a group of cameras; `kills`: of recorder processes."""

    root: Path
    seconds: float
    seed: int = 1
    each: int = 1
    only: str = ""
    settle_s: float = 15.0
    groups: tuple[tuple[str, str, str, tuple[str, ...]], ...] = SIM_GROUPS
    gst_cameras: int = 2
    kills: int = 0
    killed: list[tuple[int, int]] = field(default_factory=list)
    stopped_us: int = 0
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start everything, let it happen, stop in order."""
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            self._run()
        finally:
            for child in self.children:
                if child.poll() is None:
                    child.send_signal(signal.SIGINT)
                    child.wait(60)

    def _run(self) -> None:
        urls = self._start_sims()
        mount = gst_server.mount(gst_server.h264(), gst_server.aac())
        mounts = {f"/gst{n}": mount for n in range(1, self.gst_cameras + 1)}
        with GstServer(mounts) as gst:
            urls |= {f"gst{n}": gst.url(f"/gst{n}") for n in range(1, self.gst_cameras + 1)}
            self._write_config(urls)
            recorder = self._spawn([HOLDFAST, "run", "-q", "-c", str(self.root / "holdfast.toml")], "run.log")
            self._await("open", 120)  # a script begins then, however long starting takes
            self._let_it_happen()
            self.stopped_us = time.time_ns() // 1000
            recorder.send_signal(signal.SIGTERM)
            recorder.wait(60)

    def _spawn(self, argv: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self.root / log).open("wb") as out:
            environ = {**os.environ, "HOLDFAST_WEB__ENABLED": "false"}  # drills run side by side
            child = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, cwd=self.root, env=environ)
        self.children.append(child)
        return child

    def _start_sims(self) -> dict[str, str]:
        urls: dict[str, str] = {}
        # Ports that the system gives to nobody: a camera that is away for a while comes back on its own one.
        port = free_port(sum(len(names) for _, _, _, names in self.groups))
        for number, (codec, audio, pace, names) in enumerate(self.groups):
            script = self.root / f"faults-{number}.json"
            argv = [
                HOLDFAST, "sim", "script", "--cameras", ",".join(names), "--minutes", str(self.seconds / 60),
                "--seed", str(self.seed + number), "--each", str(self.each), "--settle", str(self.settle_s),
            ]  # fmt: skip
            if self.only:
                argv += ["--only", self.only]
            made = subprocess.run(argv, capture_output=True, text=True, check=False)
            if made.returncode:
                raise RuntimeError(made.stderr)
            script.write_text(made.stdout)
            self._spawn(
                [HOLDFAST, "sim", "--cameras", ",".join(names), "--port", str(port), "--port-per-camera",
                 "--script", str(script), "--script-waits", "--ledger", str(self.root / f"ledger-{number}.jsonl"),
                 "--codec", codec, "--audio", audio, "--size", "320x240", "--fps", str(FPS), "--bitrate", "300k",
                 "--gop", str(round(GROUP_S * FPS)), "--pace", pace],
                f"sim-{number}.log",
            )  # fmt: skip
            urls |= {name: f"rtsp://127.0.0.1:{port + index}/{name}/main" for index, name in enumerate(names)}
            port += len(names)
        self._await("start", 60)
        return urls

    def _await(self, what: str, within_s: float) -> None:
        """Wait until the ledger of each group says so: of the simulator, or of each of its cameras."""
        deadline = time.monotonic() + within_s
        while not all(self._said(n, what, group[3]) for n, group in enumerate(self.groups)):
            if time.monotonic() > deadline or any(child.poll() is not None for child in self.children):
                raise RuntimeError(f"no {what!r} of all cameras; see sim-*.log and run.log")
            time.sleep(0.1)

    def _said(self, number: int, what: str, names: tuple[str, ...]) -> bool:
        ledger = self.root / f"ledger-{number}.jsonl"
        lines = ledger.read_text().splitlines(keepends=True) if ledger.exists() else []
        said = [json.loads(line) for line in lines if line.endswith("\n")]
        of = {line.get("camera") for line in said if line["what"] == what}
        return of >= set(names) if what == "open" else bool(of)

    def _write_config(self, urls: dict[str, str]) -> None:
        lines = [
            "[site]", 'name = "Drill"', "[volumes.main]", f'path = "{self.root / "disk"}"', 'reserve = "0"',
            "[recorder]", "streams_per_process = 5", "[defaults]", "segment_s = 30", "stall_s = 5.0",
            "healthy_s = 10.0",
        ]  # fmt: skip
        for name, url in urls.items():
            lines += [f"[cameras.{name}]", f'url = "{url}"']
        (self.root / "disk").mkdir(exist_ok=True)
        (self.root / "holdfast.toml").write_text("\n".join([f'state_dir = "{self.root / "state"}"', *lines]) + "\n")

    def _let_it_happen(self) -> None:
        """Wait for the script's end, killing recorder processes now and then on the way."""
        chooser = random.Random(self.seed)
        ends = time.monotonic() + self.seconds
        pause_s = self.seconds / (self.kills + 1)
        for _ in range(self.kills):
            time.sleep(max(0.0, pause_s + chooser.uniform(-0.3, 0.3) * pause_s))
            while not self._kill_one(chooser):
                time.sleep(0.5)
        time.sleep(max(0.0, ends - time.monotonic()))

    def _kill_one(self, chooser: random.Random) -> bool:
        pids = self._recorder_pids()
        if not pids:
            return False
        pid = chooser.choice(pids)
        at_us = time.time_ns() // 1000
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # its status is up to 5 s old
            return False
        self.killed.append((pid, at_us))
        return True

    def _recorder_pids(self) -> list[int]:
        """Read which processes record now from what `holdfast status` says."""
        shown = subprocess.run(
            [HOLDFAST, "status", "--json", "-c", str(self.root / "holdfast.toml")],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return sorted({s["pid"] for s in json.loads(shown.stdout)["streams"] if s.get("pid")})

    # --- judging -----------------------------------------------------------------------------------------------------

    def judged(self) -> Verdict:
        """Hold everything against the script."""
        whole = Verdict()
        matrix: dict[tuple[str, str], float] = defaultdict(float)
        faults = [f for n in range(len(self.groups)) for f in read_faults(self.root / f"ledger-{n}.jsonl")]
        simulated = {name for group in self.groups for name in group[3]}
        for camera, said in self._coverage().items():
            span, gaps = (said.start_us, said.end_us), said.gaps
            total_s = said.recorded_s + sum(g.end_us - g.start_us for g in gaps) / SECOND
            if abs(total_s - (span[1] - span[0]) / SECOND) > 1:
                wall_s = (span[1] - span[0]) / SECOND
                whole.problems.append(f"{camera}: footage and gaps are {total_s:.1f} s of {wall_s:.1f}")
            allowed = [a for f in faults if f["camera"] == camera for a in expected(f, GROUP_S)]
            allowed += [_after_kill(at_us) for _, at_us in self.killed] + _edges(span, self.stopped_us)
            files = sorted((self.root / "disk" / "footage" / camera / "main").glob("*/*.mp4"))
            # Pictures that were sent after a keyframe was withheld refer to one that nobody ever got.
            dangling = [f for f in faults if f["camera"] == camera and f["fault"] == "no_keyframe"]
            whole.problems += [
                f"{camera}: {f.name}: {why}" for f in files if (why := plays(f)) and not self._touches(f, dangling)
            ]
            pictures = pictures_in(files) if camera in simulated else []
            verdict = judge(camera, pictures, gaps, allowed, FPS)
            whole.problems += verdict.problems
            whole.facts[camera] = {**verdict.facts, "files": len(files)}
            for gap in gaps:
                for cause in {a.cause.split("@")[0] for a in homes_of(gap, allowed)} or {"nothing"}:
                    matrix[cause, gap.reason] += (gap.end_us - gap.start_us) / SECOND
        leftovers = list((self.root / "disk").rglob("*.part"))
        whole.problems += [f"{path.name} was left unfinished" for path in leftovers]
        whole.facts["matrix"] = {f"{cause} → {reason}": round(s, 1) for (cause, reason), s in sorted(matrix.items())}
        whole.facts["faults"] = len(faults)
        whole.facts["kills"] = len(self.killed)
        return whole

    def _touches(self, file: Path, faults: list[dict[str, Any]]) -> bool:
        sent = [p.sent_us for p in pictures_in([file])]
        return any(f["begin_us"] - SECOND <= max(sent) and min(sent) <= f["end_us"] for f in faults)

    def _coverage(self) -> "dict[str, Covered]":
        shown = subprocess.run(
            [HOLDFAST, "coverage", "--json", "--from-journals", "--days", "2", "-c", str(self.root / "holdfast.toml")],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        if shown.returncode not in {0, 1}:
            raise RuntimeError(shown.stderr)
        return read_coverage(json.loads(shown.stdout))


@dataclass
class Covered:
    """What the recorder says of one camera: its ledger's span, its gaps, and how much it recorded."""

    start_us: int
    end_us: int
    gaps: list[Said]
    recorded_s: float


def read_coverage(shown: Any) -> dict[str, Covered]:
    """Put the days of each camera together again."""
    result: dict[str, Covered] = {}
    for day in sorted(shown["streams"], key=lambda s: s["from"]):
        start_us, end_us = _instant(day["from"]), _instant(day["to"])
        camera = result.setdefault(day["camera"], Covered(start_us, end_us, [], 0.0))
        camera.end_us = end_us
        camera.recorded_s += day["recorded_s"]
        for raw in day["gaps"]:
            gap = Said(_instant(raw["from"]), _instant(raw["to"]) if raw["to"] else end_us, raw["reason"])
            last = camera.gaps[-1] if camera.gaps else None
            if last is not None and last.end_us == gap.start_us and last.reason == gap.reason:
                gap = Said(camera.gaps.pop().start_us, gap.end_us, gap.reason)
            camera.gaps.append(gap)
    return result


def _instant(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1000


def _after_kill(at_us: int) -> Allowed:
    reasons = frozenset({"recorder-down", "ended", "unreachable", "refused", "auth", "stalled", "no-keyframe"})
    # From the last beat before it, to the first picture of a recorder that may have had to wait for its turn.
    return Allowed(at_us - 4 * SECOND, at_us + 10 * SECOND, reasons, "kill")


def _edges(span: tuple[int, int], stopped_us: int) -> list[Allowed]:
    """Say what may be before the first picture, and after the recorder was told to stop."""
    anything = frozenset({"recorder-down", "unknown", "unreachable", "ended", "restarted"})
    start = Allowed(span[0] - SECOND, span[0] + 8 * SECOND, anything, "start")
    return [start, Allowed(stopped_us - 2 * SECOND, span[1] + SECOND, frozenset({"recorder-down"}), "stop")]


def main() -> int:
    """Run a drill and print its verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=1, help="how often each fault happens a group of cameras")
    parser.add_argument("--root", type=Path, default=None)
    options = parser.parse_args()
    root = options.root or Path(tempfile.mkdtemp(prefix="holdfast-drill-"))
    drill = Drill(root, options.minutes * 60, seed=options.seed, each=options.each, kills=options.kills)
    drill.run()
    verdict = drill.judged()
    print(json.dumps(verdict.facts, indent=1))  # noqa: T201 - a report for a terminal
    for problem in verdict.problems:
        print("PROBLEM", problem)  # noqa: T201 - a report for a terminal
    print(f"{len(verdict.problems)} problems; everything is in {root}")  # noqa: T201 - a report for a terminal
    return 1 if verdict.problems else 0


if __name__ == "__main__":
    sys.exit(main())
