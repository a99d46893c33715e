"""What stills cost and how near they are to their instants: `python benchmarks/stills.py [SECONDS]`.

A node records a simulated camera of 1080p, 25 pictures a second, and takes a still each second while it does (S1, S2);
then those of ten seconds at 25 a second are taken from what was recorded. Last, stills of single instants are taken by
this process, and by one ffmpeg each (`-ss … -frames:v 1`), and their processor time is compared.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from holdfast.catalog import nodes, stills
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.stills import Outcome, Wanted
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.config.model import CameraConfig
from holdfast.core.config.stills import StillsConfig
from holdfast.core.timing import SECOND_US
from holdfast.library import footage, kept_stills
from holdfast.library.footage import Piece
from holdfast.library.still_order import order_of
from holdfast.library.still_taking import Means
from holdfast.media.index_of import Indexes
from holdfast.media.synthetic import VideoSpec
from holdfast.sim.camera import CameraSpec
from holdfast.sim.server import SimServer
from holdfast.sim.thread import SimThread
from holdfast.storage.volume import Volume

VIDEO = VideoSpec(width=1920, height=1080, fps=25, bitrate_bps=4_000_000, gop=50)
KEY = StreamKey("gate", "main")


def main() -> None:
    """Measure, and print."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with SimThread(SimServer([CameraSpec(name="gate", video=VIDEO)])) as sim:
            live(root, sim.url("gate"), seconds)
        with open_catalog(f"sqlite:///{root}/state/catalog.sqlite") as catalog:
            dense(root, catalog)
            cost(root, catalog)


def live(root: Path, url: str, seconds: int) -> None:
    """Record, with a still each second; print how near and how complete they are, and what the watcher took."""
    config = root / "holdfast.toml"
    config.write_text(
        f'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\nreserve = "1 MB"\n'
        f'[web]\nenabled = false\n[cameras.gate]\nurl = "{url}"\nwatch = {{enabled = false}}\n'
        f"stills = {{enabled = true, every_s = 1}}\n"
    )
    node = subprocess.Popen([sys.executable, "-m", "holdfast", "run", "-c", str(config)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(seconds + 5)
        children = json.loads((root / "run" / "supervisor.json").read_bytes())["children"]
        pid = next(child["pid"] for child in children if child["name"] == "watcher")
        ticks = [int(word) for word in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]]
        busy_s = sum(ticks) / os.sysconf("SC_CLK_TCK")
    finally:
        node.terminate()
        node.wait(60)
    with open_catalog(f"sqlite:///{root}/state/catalog.sqlite") as catalog:
        found = listed(catalog)
    print(f"live, 1 a second: {told(found)}; the watcher took {busy_s:.1f} s of processor for {len(found)} stills")


def dense(root: Path, catalog: Catalog) -> None:
    """Take ten seconds at 25 a second out of what was recorded."""
    first_us = next(one.slot_us for one in listed(catalog) if not one.cause)
    span = (first_us + 20 * SECOND_US, first_us + 30 * SECOND_US)
    busy_s, wall_s, _ = timed(lambda: take(root, catalog, span, 0.04))
    found = [one for one in listed(catalog) if span[0] <= one.slot_us < span[1]]
    print(f"25 a second for 10 s: {told(found)}; {1000 * busy_s / 240:.1f} ms of processor each, {wall_s:.1f} s in all")


def cost(root: Path, catalog: Catalog) -> None:
    """Compare stills of single instants with one ffmpeg each."""
    first_us = next(one.slot_us for one in listed(catalog) if not one.cause)
    span = (first_us + 40 * SECOND_US, first_us + 100 * SECOND_US)
    with catalog.read() as tx:
        known = stills.page(tx, Wanted(from_us=span[0], to_us=span[1]), limit=1000).rows
    with catalog.write() as tx:
        stills.forget(tx, [row.id for row in known])
    ours_s, _, count = timed(lambda: take(root, catalog, span, 3))
    volumes = {"main": root / "vol"}
    stretch = footage.find(volumes, KEY, *span, now_us=SystemClock().wall_us(), catalog=catalog)
    instants = list(range(-(-span[0] // (3 * SECOND_US)) * 3 * SECOND_US, span[1], 3 * SECOND_US))

    # ffmpeg finds its way in plain MP4 better than in fragments: it is given both.
    plain = {}
    for number, piece in enumerate(stretch.pieces):
        plain[piece] = root / f"plain-{number}.mp4"
        argv = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(footage.path_of(volumes, piece)), "-c", "copy"]
        subprocess.run([*argv, "-an", str(plain[piece])], check=True, timeout=600)

    def peer_ms(files: dict[Piece, Path]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for at_us in instants:
            piece = next(piece for piece in stretch.pieces if piece.start_us <= at_us < piece.end_us)
            argv = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1"]
            argv += ["-ss", f"{(at_us - piece.start_us) / SECOND_US:.3f}", "-i", str(files[piece])]
            argv += ["-frames:v", "1", "-y", str(root / "peer.jpg")]
            subprocess.run(argv, check=True, timeout=600)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(instants)

    ours_ms = 1000 * ours_s / count
    same_ms = peer_ms({piece: footage.path_of(volumes, piece) for piece in stretch.pieces})
    plain_ms = peer_ms(plain)
    print(
        f"a still of 1080p with thumbnail: {ours_ms:.0f} ms of processor; by ffmpeg, without: {same_ms:.0f} ms (ratio"
        f" {ours_ms / same_ms:.2f}), from plain MP4 {plain_ms:.0f} ms (ratio {ours_ms / plain_ms:.2f})"
    )


def take(root: Path, catalog: Catalog, span: tuple[int, int], every_s: float) -> int:
    """Take the stills of a span; how many."""
    volumes, clock = {"main": root / "vol"}, SystemClock()
    camera = CameraConfig(stills=StillsConfig(every_s=every_s))
    with catalog.write() as tx:
        number = nodes.ensure(tx, LOCAL, clock.wall_us())
    means = Means(
        volumes=volumes, volume="main", disk=Volume(volumes["main"]), clock=clock, catalog=catalog, node=number,
        indexes=Indexes(),
    )  # fmt: skip
    return kept_stills.take(KEY, order_of("gate", camera, "UTC"), means, span, clock=clock).taken


def timed(work: Callable[[], int]) -> tuple[float, float, int]:
    """Do it; processor seconds of this process, wall seconds, and what it said."""
    busy, wall = time.process_time(), time.monotonic()
    count = work()
    return time.process_time() - busy, time.monotonic() - wall, count


def listed(catalog: Catalog) -> list[Outcome]:
    """Every still, oldest first."""
    found: list[Outcome] = []
    cursor: str | None = None
    with catalog.read() as tx:
        while True:
            page = stills.page(tx, Wanted(), limit=1000, cursor=cursor, oldest_first=True)
            found += [row.outcome for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                return found


def told(found: list[Outcome]) -> str:
    """Say how many there are, whether any instant is missing or double, and how far they are from the grid."""
    away = sorted(abs((one.at_us or 0) - one.slot_us) / 1000 for one in found if not one.cause)
    steps = {b.slot_us - a.slot_us for a, b in pairwise(found)}
    missed = sum(1 for one in found if one.cause)
    return (
        f"{len(away)} taken, {missed} missed, steps of {sorted(step / 1000 for step in steps)} ms; from the grid"
        f" {away[len(away) // 2]:.1f} ms in the middle, p99 {away[int(len(away) * 0.99)]:.1f}, at worst {away[-1]:.1f}"
    )


if __name__ == "__main__":
    main()
