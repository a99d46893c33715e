"""Watching, in a real browser before a real node: how late live is (I3), and how soon another instant plays (I2).

    python benchmarks/watch.py                live for 30 s, 300 seeks over 40 minutes, 20 clicks
    python benchmarks/watch.py --seconds 10 --seeks 50

Live is what a person sees: the number in the picture on the screen is looked up among those that the simulator sent,
by the marks in the recorded bytes. Seeks are counted from the word to the server until the first media that belongs to
it. Needs Chromium. Prints a table and writes benchmarks/results/watch.json.
"""

import argparse
import json
import random
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from playwright.sync_api import Page, sync_playwright
from websockets.sync.client import ClientConnection, connect

from holdfast.catalog.db import open_catalog
from holdfast.core.camera import Kind, Sample, StreamKey, Track
from holdfast.core.clock import SystemClock
from holdfast.core.config import load
from holdfast.core.journal import Begun, Event, Opened
from holdfast.core.timing import MINUTE_US, SECOND_US
from holdfast.library import accounts
from holdfast.media.decode import codings
from holdfast.media.footage import head_of, samples_of
from holdfast.media.segment import SegmentFile, SegmentHead
from holdfast.media.synthetic_picture import read_counter
from holdfast.sim.mark import find_marks
from holdfast.storage.journal import JournalWriter
from meter import Group
from scene import cameras

USER, PASSWORD = "bench", "correct horse battery"
PICTURES = 100  # in the simulator's clip of 4 s: its numbers begin anew then
STEP_TICKS, FPS = 3600, 25
LONG = "long"  # a camera that is not recorded now, with forty minutes of footage
SETTLED_S = 6.0
NUMBER = Path(__file__).with_name("counter.js").read_text(encoding="utf-8")
SEEN = (
    "async (seconds) => { const read = "
    + NUMBER
    + """; const seen = []; const video = document.getElementById("player").video;
  const until = performance.now() + seconds * 1000;
  const look = () => { const number = read(video);
    if (number !== null) seen.push([Date.now(), number, performance.now() - begun]);
    if (performance.now() < until) video.requestVideoFrameCallback(look); };
  const begun = performance.now();
  video.requestVideoFrameCallback(look);
  await new Promise((done) => setTimeout(done, seconds * 1000 + 200));
  return seen; }"""
)
CLICK = """async (us) => { const player = document.getElementById("player");
  return await new Promise((done) => { const late = setTimeout(() => done(null), 5000);
    player.addEventListener("hf-shown", (event) => { clearTimeout(late); done(event.detail.ms); }, { once: true });
    player.play(us); }); }"""


@dataclass(frozen=True, slots=True)
class Spot:
    """A node that runs, and how to get in."""

    folder: Path
    address: str
    token: str


def configure(folder: Path, url: str) -> Spot:
    """Write the settings, and let a user and a program in."""
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port = trial.getsockname()[1]
    path = folder / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "disk"\nreserve = 0\n'
        f'[web]\nport = {port}\n[cameras.gate]\nurl = "{url}"\n',
        encoding="utf-8",
    )
    (folder / "state").mkdir()
    (folder / "disk").mkdir()
    clock = SystemClock()
    with open_catalog(load(path).config.catalog_url) as catalog:
        accounts.add_user(catalog, clock, USER, PASSWORD, accounts.Role.ADMIN)
        _, token = accounts.add_token(catalog, clock, "seeks", accounts.Role.VIEWER)
    return Spot(folder, f"127.0.0.1:{port}", token)


def source_of(folder: Path) -> Path:
    """Wait for some seconds of footage; return its file."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for path in folder.glob("disk/footage/gate/main/*/*.part"):
            if path.stat().st_size > 6_000_000:
                return path
        time.sleep(0.2)
    raise SystemExit("nothing is recorded; the log says why")


def lengthen(source: Path, root: Path, minutes: Sequence[int]) -> tuple[int, int]:
    """Make long files of a short one, the last of them unfinished; returns begin and end in wall time."""
    head = head_of(source)
    assert head is not None
    with source.open("rb") as file:
        coding = codings(head, file.read(head.init_bytes))[Kind.VIDEO]
    track = Track(
        Kind.VIDEO, coding.codec, coding.codec, 90_000, coding.config, width=coding.width, height=coding.height
    )
    pictures = [one for one in samples_of(source) if one.track == coding.number][:PICTURES]
    keys = [n for n, one in enumerate(pictures) if one.sample.keyframe]
    clock = SystemClock()
    key = StreamKey(LONG, "main")
    end_us = clock.wall_us() - MINUTE_US
    first_us = start_us = end_us - sum(minutes) * MINUTE_US
    said: list[Event] = []
    for number, length in enumerate(minutes):
        facts = SegmentHead(
            key=key, run="r1", start_us=start_us, start_boot_us=0, boot=clock.boot_id, sync=True, why="cut",
            program="benchmark", site="",
        )  # fmt: skip
        segment = SegmentFile.create(root, facts, [track], segment_s=600)
        total = length * 60 * FPS
        said.append(Begun(file=segment.file, run="r1", start_us=start_us, why="cut"))
        group: list[Sample] = []
        base = number * total
        for n in range(total):
            picture = pictures[n % PICTURES]
            if group and (n % PICTURES in keys or len(group) == 7):
                segment.write(group, start_us + (n - len(group)) * SECOND_US // FPS)
                group = []
            ticks = (base + n) * STEP_TICKS
            group.append(Sample(0, picture.payload, ticks, ticks, STEP_TICKS, picture.sample.keyframe, 0))
        segment.write(group, start_us + (total - len(group)) * SECOND_US // FPS)
        start_us += length * MINUTE_US
        if number < len(minutes) - 1:
            said.append(segment.seal(start_us=start_us - length * MINUTE_US, end_us=start_us, ended="cut"))
        else:
            segment.abandon()
    with JournalWriter(root, key, clock) as journal:
        journal.write(Opened(camera=LONG, stream="main", pid=1, program="benchmark", session="s"), sync=False)
        for event in said:
            journal.write(event, sync=False)
    return first_us, end_us


def line_to(spot: Spot, camera: str) -> ClientConnection:
    """Open the stream of a camera, as the player does."""
    return connect(
        f"ws://{spot.address}/api/v1/cameras/{camera}/stream",
        additional_headers={"Authorization": f"Bearer {spot.token}"},
        max_size=None,
        compression=None,
        proxy=None,
    )


def seeks(spot: Spot, span: tuple[int, int], count: int) -> list[float]:
    """Milliseconds from each word to the first media that belongs to it."""
    dice = random.Random(1)  # noqa: S311 - the same instants in each run
    took = []
    with line_to(spot, LONG) as line:
        for number in range(count + 1):
            at_us = dice.randrange(span[0] + SECOND_US, span[1] - 5 * SECOND_US)
            begun = time.perf_counter()
            line.send(json.dumps({"play": at_us, "id": number, "want_s": 1}))
            wall_us = _first_media(line, number)
            if number:  # the first one opens everything
                took.append((time.perf_counter() - begun) * 1000)
            if not at_us - 3 * SECOND_US < wall_us <= at_us:
                raise SystemExit(f"asked for {(at_us - span[0]) / 1e6:.1f} s, got {(wall_us - span[0]) / 1e6:.1f} s")
    return sorted(took)


def _first_media(line: ClientConnection, number: int) -> int:
    mine, wall_us = False, None
    while True:
        message = line.recv(10)
        if isinstance(message, str):
            said = json.loads(message)
            mine = mine or said.get("begins") == number
            if mine and "map" in said:
                wall_us = int(said["map"]["wall_us"])
        elif wall_us is not None:
            return wall_us


def parts(spot: Spot, seconds: float) -> tuple[list[float], list[float], list[float]]:
    """Of each live fragment: its length, and how long after its last picture, and after its first, it was here."""
    lengths, last, first = [], [], []
    with line_to(spot, "gate") as line:
        line.send(json.dumps({"play": "live"}))
        begun = time.monotonic()
        while time.monotonic() - begun < seconds + 1:
            message = line.recv(10)
            now_us = time.time_ns() // 1000
            marks = [] if isinstance(message, str) else [mark.sent_us for mark in find_marks(message)]
            if marks and time.monotonic() - begun > 1:
                lengths.append((marks[-1] - marks[0]) / 1e3 + 1000 / FPS)
                last.append((now_us - marks[-1]) / 1e3)
                first.append((now_us - marks[0]) / 1e3)
    return sorted(lengths), sorted(last), sorted(first)


def sent(folder: Path) -> dict[int, int]:
    """When each picture was sent, by its counter; and which number is to be seen in it, by the counter's remainder."""
    found: dict[int, int] = {}
    shift = None
    for path in sorted(folder.glob("disk/footage/gate/main/*/*")):
        marks = list(find_marks(path.read_bytes()))
        found.update((mark.counter, mark.sent_us) for mark in marks)
        if shift is None:
            with av.open(str(path), "r") as media:
                number = read_counter(next(media.decode(video=0)).to_ndarray(format="gray"))
            shift = (number - marks[0].counter) % PICTURES
    assert shift is not None
    return {counter + shift: sent_us for counter, sent_us in found.items()}


def delays(seen: list[list[float]], pictures: dict[int, int]) -> list[tuple[float, float]]:
    """Seconds since live began, and milliseconds from sending to seeing, of each picture on the screen."""
    newest = sorted(pictures.items(), key=lambda pair: pair[1])
    found = []
    for at_ms, number, since_ms in seen:
        fits = [sent_us for name, sent_us in newest if name % PICTURES == number and sent_us <= at_ms * 1000 + 1000]
        if fits:
            found.append((since_ms / 1000, at_ms - fits[-1] / 1000))
    return found


def _quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, round(len(values) * part))]


def _line(name: str, values: Sequence[float], results: dict[str, Any]) -> None:
    median, p95 = statistics.median(values), _quantile(values, 0.95)
    digits = 0 if median > 10 else 1
    facts = {"median_ms": round(median, digits), "p95_ms": round(p95, digits), "count": len(values)}
    results[name] = facts
    print(f"{name:58} median {median:6.{digits}f} ms   p95 {p95:6.{digits}f} ms   of {len(values)}")


def browse(page: Page, spot: Spot, seconds: float, clicks: int) -> tuple[list[list[float]], list[float]]:
    """Sign in, watch live from the first picture on, then click on instants of the past."""
    base = f"http://{spot.address}"
    page.goto(f"{base}/sign-in")
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base}/")
    page.goto(f"{base}/cameras/gate")
    page.wait_for_selector("hf-player video")
    seen = page.evaluate(SEEN, seconds)
    now_us = time.time_ns() // 1000
    took = [page.evaluate(CLICK, now_us - round((5 + n * 0.73) * 1e6)) for n in range(clicks)]
    return seen, [ms for ms in took if ms is not None]


def main() -> None:
    """Record, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seeks", type=int, default=300)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="holdfast-watch-"))
    results: dict[str, Any] = {}
    try:
        with cameras(1, "paced") as urls:
            spot = configure(folder, urls[0])
            argv = [sys.executable, "-m", "holdfast", "run", "--config", str(folder / "holdfast.toml"), "--quiet"]
            group = Group([argv], folder / "log", HOLDFAST_WEB__ENABLED="true")
            try:
                source = source_of(folder)
                span = lengthen(source, folder / "disk", (10, 10, 10, 10))
                time.sleep(3)  # until the indexer has taken note of it
                _line(
                    "seek in 3 finished files and one that grows, 10 min each", seeks(spot, span, wanted.seeks), results
                )
                lengths, last, first = parts(spot, wanted.seconds)
                with sync_playwright() as driver:
                    browser = driver.chromium.launch(executable_path=wanted.chromium, args=["--no-sandbox"])
                    page = browser.new_page(viewport={"width": 1440, "height": 900})
                    seen, clicked = browse(page, spot, wanted.seconds, wanted.clicks)
                    browser.close()
                found = delays(seen, sent(folder))
            finally:
                group.stop()
        _line("a fragment's length", lengths, results)
        _line("its last picture sent -> fragment at a viewer", last, results)
        _line("its first picture sent -> fragment at a viewer", first, results)
        _line("camera -> picture on the screen, first seconds", [ms for at, ms in found if at <= SETTLED_S], results)
        _line("camera -> picture on the screen, then", [ms for at, ms in found if at > SETTLED_S], results)
        _line("click -> the picture of that instant", clicked, results)
    finally:
        shutil.rmtree(folder)
    path = Path(__file__).parent / "results" / "watch.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
