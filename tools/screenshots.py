"""Pictures of every page, of a node that records, one without cameras, and one where everything is wrong.

    python tools/screenshots.py                  docs/images/: every page, light and dark, as README and docs show them
    python tools/screenshots.py --only day       the pictures of one page
    python tools/screenshots.py --all --out DIR  every page, in three sizes, two themes and three states, to look at;
                                                 exit 1 where axe finds a serious problem

The node is `holdfast demo`, so that what is shown is what everybody gets. Needs Chromium and Playwright.
"""

import argparse
import io
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import av
import httpx
from playwright.sync_api import Browser, Page, sync_playwright

HOLDFAST = str(Path(sys.executable).with_name("holdfast"))
IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZES = {"desktop": (1440, 900), "tablet": (900, 1180), "phone": (390, 844)}
THEMES = ("dark", "light")
PAGES = {
    "sign-in": "/sign-in",
    "overview": "/",
    "camera": "/cameras/gate",
    "cameras": "/cameras",
    "camera-add": "/cameras/-/add",
    "camera-edit": "/cameras/gate/edit",
    "incidents": "/incidents",
    "events": "/events",
    "event": "/events",
    "stills": "/stills?camera=gate",
    "day": "/day?at=now",
    "coverage": "/coverage",
    "delivery": "/delivery",
    "storage": "/storage",
    "exports": "/exports",
    "reports": "/reports",
    "sending": "/settings/sending",
    "system": "/machine",
    "people": "/people",
    "settings": "/settings",
    "password": "/password",
}
SHOWN = [(name, "desktop", theme) for name in reversed(PAGES) for theme in THEMES] + [
    (name, "phone", "dark") for name in ("overview", "camera", "camera-add", "coverage", "incidents")
]
FOLLOWED = {"event": "a.event"}  # pages whose address nobody knows beforehand: the first such link leads there
QUALITY = "85"  # chosen: words are as sharp as in the PNG, at a fifth of its size
WARM_S = 100.0  # chosen: the demo's scripted gap is over, and of each kind of incident there was one
SHORT_S = 12.0  # chosen: a node without cameras, or without any that answers, has nothing more to show
READY_S = 120.0
EXPORT_S = 60.0  # chosen: files of two cameras that are finished
SETTLE_MS = 2500  # chosen: stills, live pictures and the timeline are there


@dataclass(frozen=True)
class Site:
    """A node that is being served: its address, and who may sign in."""

    address: str
    name: str
    password: str


@contextmanager
def _running(argv: list[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "HOLDFAST_WEB__ENABLED": "true"}
    with output.open("wb") as sink:
        process = subprocess.Popen(argv, stdout=sink, stderr=sink, env=env)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _wait_for(pattern: str, output: Path, process: subprocess.Popen[bytes]) -> "re.Match[str]":
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        found = re.search(pattern, output.read_text(encoding="utf-8"))
        if found:
            return found
        time.sleep(0.2)
    raise SystemExit(f"the node did not start:\n{output.read_text(encoding='utf-8')}")


@contextmanager
def recording(folder: Path) -> Iterator[Site]:
    """The demo, a while after its scripted fault."""
    output = folder / "demo.txt"
    with _running([HOLDFAST, "demo", "--root", str(folder / "demo"), "--cameras", "4"], output) as process:
        found = _wait_for(r"(http://\S+)  sign in as (\w+) with (\w+)", output, process)
        time.sleep(WARM_S)
        site = Site(*found.groups())
        _exported(site)
        yield site


def _exported(site: Site) -> None:
    """Ask for an export, as somebody would, and wait until it is there."""
    with httpx.Client(base_url=site.address, trust_env=False) as client:
        client.post("/api/v1/session", json={"name": site.name, "password": site.password}).raise_for_status()
        begin = (datetime.now(UTC) - timedelta(seconds=EXPORT_S)).isoformat()
        asked = {"cameras": ["gate", "yard"], "from": begin, "to": "now", "purpose": "case 12"}
        answer = client.post("/api/v1/exports", json=asked, headers={"origin": site.address})
        answer.raise_for_status()
        address = f"/api/v1/exports/{answer.json()['id']}"
        end = time.monotonic() + READY_S
        while client.get(address).json()["state"] in {"pending", "working"} and time.monotonic() < end:
            time.sleep(0.5)


@contextmanager
def configured(folder: Path, text: str) -> Iterator[Site]:
    """A node with a configuration of its own."""
    config, output, secret = folder / "holdfast.toml", folder / "run.txt", folder / "password"
    config.write_text(f'state_dir = "state"\n[web]\nport = 0\n[volumes.main]\npath = "disk"\n{text}')
    secret.write_text("a password for pictures")
    subprocess.run(
        [HOLDFAST, "users", "add", "demo", "--role", "admin", "--password-file", str(secret), "-c", str(config)],
        check=True, capture_output=True,
    )  # fmt: skip
    with _running([HOLDFAST, "run", "-q", "-c", str(config)], output) as process:
        found = _wait_for(r"pages +(http://\S+)", output, process)
        time.sleep(SHORT_S)
        yield Site(found[1], "demo", "a password for pictures")


DEAD = "".join(f'[cameras.{name}]\nurl = "rtsp://127.0.0.1:9/{name}"\n' for name in ("gate", "yard", "dock", "hall"))


def signed_in(browser: Browser, site: Site, size: str, theme: str) -> Page:
    """A window of this size and theme, signed in."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce", has_touch=size == "phone",
    )  # fmt: skip
    answer = context.request.post(f"{site.address}/api/v1/session", data={"name": site.name, "password": site.password})
    if not answer.ok:
        raise SystemExit(f"signing in: {answer.status} {answer.text()}")
    return context.new_page()


def axe_source() -> str:
    """The checker of accessibility."""
    (path,) = Path(str(resources.files("axe_playwright_python"))).glob("axe.min.js")
    return path.read_text(encoding="utf-8")


def webp(png: bytes) -> bytes:
    """The same picture, small enough to be kept with the code."""
    with av.open(io.BytesIO(png), "r") as source:
        frame = next(source.decode(video=0))
    target = io.BytesIO()
    with av.open(target, "w", format="webp") as container:
        stream = container.add_stream("libwebp", options={"quality": QUALITY})
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def neutral(page: Page, scratch: str) -> None:
    """Show in place of this machine's folders, addresses and versions those of nobody's."""
    found = [
        (re.escape(scratch) + r"/\w+/demo", "/srv/holdfast"), (r"Linux \d+\.\S*", "Linux 6.1.0"),
        (r"\d+\.\d+\.\d+\.\d+/\d+(, [0-9a-f:]+/\d+)*", "192.0.2.10/24"), (rf"\b{re.escape(platform.node())}\b", "pier"),
    ]  # fmt: skip
    page.evaluate(
        """found => {
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let one; (one = walk.nextNode());)
            for (const [what, by] of found) one.data = one.data.replace(new RegExp(what, "g"), by);
        }""",
        found,
    )


def take(page: Page, site: Site, name: str, path: Path, scratch: str = "") -> list[dict[str, Any]]:
    """Take one picture, without what is this machine's own where `scratch` is given; returns what axe calls serious."""
    if name == "sign-in":
        page.context.clear_cookies()
    answer = page.goto(f"{site.address}{PAGES[name]}", wait_until="load")
    if answer is None or not answer.ok:
        raise SystemExit(f"{PAGES[name]}: {'no answer' if answer is None else answer.status}")
    if name in FOLLOWED and page.locator(FOLLOWED[name]).count():  # a node without any has its list alone
        page.locator(FOLLOWED[name]).first.click()
        page.wait_for_load_state()
    page.wait_for_timeout(SETTLE_MS)
    if scratch:
        neutral(page, scratch)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(webp(page.screenshot()))
    page.evaluate(axe_source())  # not as a script of the page, which its own rules would refuse
    found = page.evaluate("axe.run()")["violations"]
    return [problem for problem in found if problem["impact"] in {"serious", "critical"}]


def main() -> int:
    """Take the pictures of the docs, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PAGES, default=list(PAGES), help="these pages alone")
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    serious = 0
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="holdfast-pictures-") as scratch:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        states: dict[str, Callable[[Path], AbstractContextManager[Site]]] = {
            "full": recording, "empty": partial(configured, text=""), "error": partial(configured, text=DEAD),
        }  # fmt: skip
        for state, start in states.items():
            if not options.all and state != "full":
                continue
            folder = Path(scratch) / state
            folder.mkdir()
            with start(folder) as site:
                wanted = (
                    [(name, size, theme) for size in SIZES for theme in THEMES for name in reversed(PAGES)]
                    if options.all
                    else SHOWN
                )
                for name, size, theme in (one for one in wanted if one[0] in options.only):
                    page = signed_in(browser, site, size, theme)
                    path = options.out / (f"{state}/" if options.all else "") / f"{name}-{size}-{theme}.webp"
                    for problem in take(page, site, name, path, "" if options.all else scratch):
                        serious += 1
                        where = "; ".join(node["html"][:120] for node in problem["nodes"][:3])
                        print(f"{state} {name} {size} {theme}: {problem['id']}: {problem['help']}: {where}")
                    page.context.close()
                    print(path)
        browser.close()
    print(f"{serious} serious problems")
    return 1 if serious else 0


if __name__ == "__main__":
    sys.exit(main())
