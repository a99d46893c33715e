"""The player on its page in a real browser, before footage that a real recorder makes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from holdfast.core.clock import SystemClock
from holdfast.core.plan import StreamPlan
from holdfast.library.accounts import Role
from holdfast.sim.camera import CameraSpec
from support.accounts import PASSWORD
from support.chromium import chromium, signed_in, window
from support.pages import Site, site
from support.recording import footage_files, stream_plan, until
from support.sim import simulated
from support.web import serving
from support.wire import Wire, wired

NUMBER = (Path(__file__).resolve().parents[2] / "benchmarks" / "counter.js").read_text(encoding="utf-8")
EVENTS = """() => { window.shown = []; window.landed = []; window.said = []; window.went = [];
  const p = document.getElementById("player");
  p.addEventListener("hf-shown", (e) => { shown.push(e.detail.ms); landed.push(p.wallUs); });
  p.addEventListener("hf-time", (e) => { went.push(e.detail.us); if (went.length > 500) went.shift(); });
  p.addEventListener("hf-state", (e) => { if (e.detail.words) said.push(e.detail.words); }); }"""
LOOK = """() => { const p = document.getElementById("player"); return { live: p.live, paused: p.paused, delay: p.delayS,
  us: p.wallUs, now: p.now, badge: document.querySelector(".hf-live").textContent,
  at: p.video.currentTime, width: p.video.videoWidth, words: p.words, speed: p.video.playbackRate }; }"""


@dataclass
class Place:
    """A served site with a camera called gate, and what records it. `address` is that of the wire to `served`."""

    address: str
    served: str
    plan: StreamPlan
    site: Site
    wire: Wire


@contextmanager
def place(root: Path, camera: CameraSpec, role: Role = Role.VIEWER, more: str = "") -> Iterator[Place]:
    """Serve a camera to alice, who has this role; whoever wants footage records `plan`. `more` are settings."""
    with simulated(camera) as sim, site(root, SystemClock(), "gate", url=sim.url("gate"), more=more) as made:
        made.home.user(role, "alice")
        made.says("gate")
        plan = stream_plan(root / "vol", sim.url("gate"), camera="gate", segment_s=2)
        with serving(made.home.app) as address, wired(address) as wire:
            yield Place(wire.address, address, plan, made, wire)


@contextmanager
def watching(spot: Place, query: str = "", size: str = "desk", **more: Any) -> Iterator[Page]:
    """Open the camera's page and wait for its first picture."""
    with chromium() as browser, window(browser, size, **more) as page:
        signed_in(page, spot.address, "alice", PASSWORD)
        page.goto(f"{spot.address}/cameras/gate{query}")
        page.evaluate(EVENTS)
        wait(page, "p.wallUs !== null")
        yield page


def look(page: Page) -> dict[str, Any]:
    """What the player shows now."""
    return dict(page.evaluate(LOOK))


def wait(page: Page, condition: str) -> None:
    """Wait for something about the player `p`, the video `v` or the timeline `t`."""
    # Asked from outside: what waits inside a page must build code of text there, which its policy forbids.
    script = (
        "() => { const p = document.getElementById('player'), t = document.getElementById('timeline'), v = p.video;"
        f" return Boolean({condition}); }}"
    )
    deadline = time.monotonic() + 60
    while not page.evaluate(script):
        assert time.monotonic() < deadline, (condition, look(page), page.evaluate("said"))
        page.wait_for_timeout(50)


def settled(page: Page) -> int:
    """Wait until a paused picture does not change any more: the instant that the player says of it then."""
    seen: list[tuple[int | None, int | None]] = []
    deadline = time.monotonic() + 60
    while len(seen) < 5 or None in seen[-1] or len({*seen[-5:]}) > 1:
        assert time.monotonic() < deadline, (seen[-5:], look(page))
        page.wait_for_timeout(50)
        now = look(page)
        seen.append((number(page), now["us"] if now["paused"] else None))
    return seen[-1][1] or 0


def begun(spot: Place, files: int) -> None:
    """Wait until so many files are finished."""
    until(lambda: len(footage_files(spot.plan)) >= files)


def number(page: Page) -> int | None:
    """The number that is to be read in the picture on the screen; None while there is none."""
    found = page.evaluate(f"() => ({NUMBER})(document.getElementById('player').video)")
    return None if found is None else int(found)
