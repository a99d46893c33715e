"""A stream that a real recorder records while players look: its files, and what was answered meanwhile."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from holdfast.api import clips, hls
from holdfast.core.clock import SystemClock
from holdfast.core.plan import StreamPlan
from holdfast.http import watching
from holdfast.sim.camera import CameraSpec
from support.recording import footage_files, recording, stream_plan, until
from support.sim import simulated
from support.web import application, context_for, serving


@dataclass
class Watched:
    """What was seen. `base` is the camera's address; it answers until the block ends."""

    plan: StreamPlan
    base: str
    client: httpx.Client
    root: Path
    began_us: int = 0
    stopped_us: int = 0
    lists: list[tuple[int, str]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    live: Path = Path()
    complaints: str = ""

    def get(self, path: str, **more: object) -> httpx.Response:
        """Ask for something of the camera."""
        return self.client.get(f"{self.base}/{path}", **more)  # type: ignore[arg-type] # httpx's keywords, passed on

    def span(self, from_us: int | None = None, to_us: int | None = None) -> dict[str, str]:
        """Query for a span; all of it where nothing is said."""
        return {"from": str(from_us or self.began_us), "to": str(to_us or self.stopped_us)}


@contextmanager
def watched(
    root: Path, camera: CameraSpec, *, first_s: float = 5.0, second_s: float = 12.0, going_on: bool = False
) -> Iterator[Watched]:
    """Record twice with a stop between; watch live during the second time, then leave the footage as it is.

    `going_on`: Record once, and go on recording until the end of the block.
    """
    config = root / "holdfast.toml"
    text = (
        'state_dir = "state"\nruntime_dir = "run"\n[site]\ntime_zone = "Europe/Berlin"\n[volumes.main]\npath = "vol"\n'
    )
    config.write_text(text, encoding="utf-8")
    context = context_for(config, SystemClock())
    app = application(context, [hls.router, clips.router], alive=[watching.lifespan])
    with (
        ExitStack() as stack,
        simulated(camera) as sim,
        serving(app) as address,
        httpx.Client(trust_env=False, timeout=60) as client,
    ):
        plan = stream_plan(root / "vol", sim.url(camera.name), camera=camera.name, segment_s=3)
        stack.callback(context.close)
        seen = Watched(plan, f"{address}/api/v1/cameras/{camera.name}", client, root, SystemClock().wall_us())
        if going_on:
            with recording(plan, session="s1"):
                until(lambda: footage_files(plan))
                yield seen
            return
        with recording(plan, session="s1"):
            time.sleep(first_s)
        with recording(plan, session="s2"):
            until(lambda: _count(seen) >= 5)
            _look(seen, second_s)
        seen.stopped_us = SystemClock().wall_us()
        yield seen


def _count(seen: Watched) -> int:
    answer = seen.get("live.m3u8")
    return answer.text.count("#EXTINF") if answer.status_code == httpx.codes.OK else 0


def _look(seen: Watched, seconds: float) -> None:
    """Play live with ffmpeg as it comes, and look at the lists all the while."""
    seen.live = seen.root / "live.ts"
    argv = ["ffmpeg", "-v", "warning", "-nostdin", "-re", "-i", f"{seen.base}/live.m3u8", "-t", str(seconds - 6)]
    player = subprocess.Popen(
        [*argv, "-c", "copy", "-f", "nut", "-y", str(seen.live)], stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.lists.append((SystemClock().wall_us(), seen.get("live.m3u8").text))
        seen.events.append(seen.get("playback.m3u8", params=seen.span(to_us=seen.began_us + 3_600_000_000)).text)
        time.sleep(0.4)
    _, seen.complaints = player.communicate(timeout=60)
