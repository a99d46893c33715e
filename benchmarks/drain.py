"""A day without the target, then everything at once over a slow link, while cameras are recorded (U2).

    python benchmarks/drain.py [--target rsync] [--mbit 10] [--files 144] [--megabytes 2] [--parallel 4]

A day of one camera is 144 files of ten minutes. Their sizes are scaled, because a day at 4 Mb/s is 43 GB; small files
are the harder case, since what each costs beside its bytes counts more. With them wait 200 pictures of incidents. The
link is a proxy that lets so many bits a second through in each direction. What arrived at which time is read from the
rows; the link's share counts bytes of files alone. Beside it stands the share of the plain `rsync`, without any checks,
with a part of the same files over the same link. Pictures carry counters and the time at which they were sent, so that
what recording lost, and how late it is on disk, is seen in the files.

Exit code 1 where a picture is missing, or a file did not arrive as it was.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from holdfast.catalog.db import open_catalog
from holdfast.catalog.deliveries import DeliveryRow
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.config.units import format_bytes
from holdfast.core.delivery import AssetKind, DeliveryState
from holdfast.core.timing import SECOND_US
from holdfast.sim.mark import find_marks
from scene import cameras
from support.clock import PushedClock
from support.handed import Handed
from support.journals import Told
from support.target_proxy import FaultProxy
from support.target_rsync import SshPlace
from support.target_ssh import ssh_server

RULES = (
    '[deliveries.footage]\ntarget = "nas"\nassets = ["segments"]\n'
    '[deliveries.pictures]\ntarget = "nas"\nassets = ["evidence"]\n'
)
QUIET_S = 20.0  # recording alone, before the target is back
LIMIT_S = 900.0
NAMES = ("gate", "yard")  # the cameras that are recorded
_TAIL = 150_000


@dataclass
class Lateness:
    """How old the newest picture on disk was, looked at ten times a second, in milliseconds."""

    samples: list[float] = field(default_factory=list)

    def words(self) -> str:
        """The same for a person."""
        some = sorted(self.samples) or [0.0]
        median, p95 = some[len(some) // 2], some[int(len(some) * 0.95)]
        return f"median {median:4.0f} ms, p95 {p95:4.0f} ms, worst {some[-1]:4.0f} ms"


class Looker:
    """Looks at growing files, on a thread of its own."""

    def __init__(self, footage: Path) -> None:
        self._footage = footage
        self.now = Lateness()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            for name in NAMES:
                newest = max(self._footage.glob(f"{name}/main/*/*.part"), default=None)
                marks = [] if newest is None else list(find_marks(_tail(newest)))
                if marks:
                    self.now.samples.append((time.time_ns() // 1000 - marks[-1].sent_us) / 1000)


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read()
    except FileNotFoundError:
        return b""


@contextmanager
def _program(config: Path, log: Path) -> Iterator[None]:
    environ = {**os.environ, "HOLDFAST_WEB__ENABLED": "false"}
    with log.open("wb") as sink:
        child = subprocess.Popen(
            [sys.executable, "-m", "holdfast", "run", "-c", str(config)],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environ,
        )  # fmt: skip
    try:
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(60)


def _target(kind: str, place: SshPlace, parallel: int) -> str:
    server = place.server
    where = f'path = "{server.user}@127.0.0.1:{place.root}"'
    if kind == "sftp":
        where = f'host = "127.0.0.1"\nuser = "{server.user}"\npath = "{place.root}"'
    return (
        f'[targets.nas]\ntype = "{kind}"\n{where}\nparallel = {parallel}\nport = {place.proxy.port}\n'
        f'key = "{server.key}"\nknown_hosts = "{place.known_hosts}"\n'
    )


def _backlog(site: Handed, files: int, size: int, pictures: int) -> dict[str, str]:
    """Make a day of footage of a camera that is not recorded now, and incidents; SHA-256 by name."""
    begin_us = SystemClock().wall_us() - (files + 2) * 600 * SECOND_US
    told = Told(site.volume, PushedClock(begin_us), StreamKey("north", "main"))
    told.open()
    dice, sent = random.Random(1), {}  # noqa: S311 - what is in the files does not matter
    for _ in range(files):
        body = dice.randbytes(size)
        sent[told.record(600, body=body).file] = hashlib.sha256(body).hexdigest()
    told.close()
    for number in range(pictures):
        site.incident(number, "north")
    return sent


def _order(rows: list[DeliveryRow], begin_us: int, end_us: int) -> str:
    """Say when pictures of incidents, the newest of what waits, had arrived."""
    if not any(row.asset.kind is AssetKind.EVIDENCE for row in rows):
        return "no pictures of incidents"
    last_us = max(row.done_us or 0 for row in rows if row.asset.kind is AssetKind.EVIDENCE)
    before = sum((row.done_us or 0) < last_us for row in rows if row.asset.kind is AssetKind.SEGMENT)
    took = (last_us - begin_us) / max(1, end_us - begin_us)
    return f"all pictures of incidents were there after {took:.0%} of it, {before} files of footage before the last one"


def _plain(place: SshPlace, files: list[Path], rate: int) -> float:
    """Return the share of the link that rsync uses for files."""
    server = place.server
    shell = f"ssh -p {place.proxy.port} -i {server.key} -o UserKnownHostsFile={place.known_hosts}"
    there = f"{server.user}@127.0.0.1:{place.root}-plain/"
    began_s = time.monotonic()
    subprocess.run(["rsync", "-a", "-e", shell, *map(str, files), there], check=True, stdin=subprocess.DEVNULL)
    return sum(path.stat().st_size for path in files) / (time.monotonic() - began_s) / rate


def _missing(footage: Path) -> tuple[int, int]:
    """Return how many pictures there are, and how many are missing between each camera's first and last."""
    counters: dict[str, set[int]] = defaultdict(set)
    for name in NAMES:
        for path in (footage / name).rglob("*.mp4"):
            for mark in find_marks(path.read_bytes()):
                counters[mark.camera].add(mark.counter)
    return sum(map(len, counters.values())), sum(max(n) - min(n) + 1 - len(n) for n in counters.values())


def _arrived(site: Handed, limit_s: float) -> list[DeliveryRow]:
    """Wait until the backlog has arrived; its rows."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        rows = [row for row in site.every_row() if row.asset.camera == "north"]
        if rows and all(row.state is DeliveryState.DELIVERED for row in rows):
            return rows
        time.sleep(1)
    raise SystemExit(f"the backlog did not arrive within {limit_s:.0f} s")


def _run(root: Path, wanted: argparse.Namespace) -> bool:
    rate = round(wanted.mbit * 125_000)
    (root / "state").mkdir()
    with ExitStack() as stack:
        server = stack.enter_context(ssh_server(root / "ssh"))
        proxy = stack.enter_context(FaultProxy(server.port))
        proxy.answer = b"gone\r\n"  # whoever asks is turned away, as by a host that does something else
        place = SshPlace(root / "nas", proxy, server)
        catalog = stack.enter_context(open_catalog(f"sqlite:///{root / 'state' / 'catalog.sqlite'}"))
        target = 'reserve = "0 MB"\n' + _target(wanted.target, place, wanted.parallel)
        site = Handed(root, catalog, RULES, target=target, clock=SystemClock())
        urls = stack.enter_context(cameras(len(NAMES), "paced"))
        config = root / "holdfast.toml"
        text = config.read_text(encoding="utf-8")
        for name, url in zip(NAMES, urls, strict=True):
            text = text.replace(f"rtsp://192.0.2.1/{name}", url)
        config.write_text(text, encoding="utf-8")
        sent = _backlog(site, wanted.files, round(wanted.megabytes * 1e6), wanted.pictures)
        with _program(config, root / "log"):
            looker = Looker(site.volume / "footage")
            stack.callback(looker.end)
            time.sleep(QUIET_S)
            alone, looker.now = looker.now, Lateness()
            proxy.rate = rate
            proxy.restore()
            back_s = time.monotonic()
            while not proxy.sent:
                time.sleep(0.05)
            begin_us, asked_s = time.time_ns() // 1000, time.monotonic() - back_s
            rows = _arrived(site, LIMIT_S)
            beside = looker.now
        plain = _plain(place, [site.volume / file for file in sent][: -(-wanted.files // 4)], rate)
        everything = [row for row in site.every_row() if row.object_us is not None]
    end_us = max(row.done_us or 0 for row in rows)
    span_s = (end_us - begin_us) / 1e6
    moved = sum(row.asset.bytes for row in everything if (row.object_us or 0) <= end_us)
    wrong = [file for file, sha256 in sent.items() if _sha256(place.root / file) != sha256]
    pictures, missing = _missing(site.volume / "footage")
    size = format_bytes(round(wanted.megabytes * 1e6))
    print(f"{wanted.target}, {wanted.mbit:g} Mb/s, {wanted.files} files of {size}, {wanted.parallel} at the same time")
    print(f"  asked again {asked_s:.0f} s after the target was back, then {span_s:.1f} s")
    share = moved / span_s / rate
    print(f"  {share:.1%} of the link are bytes of files ({moved / 1e6:.0f} MB); plain rsync {plain:.1%}")
    print(f"  {_order(rows, begin_us, end_us)}")
    print(f"  pictures on disk: {pictures}, missing {missing}")
    print(f"  newest picture on disk, before: {alone.words()}")
    print(f"  newest picture on disk, beside: {beside.words()}")
    return not missing and not wrong


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="rsync", choices=["rsync", "sftp"])
    parser.add_argument("--mbit", type=float, default=10.0, help="megabits a second of the link")
    parser.add_argument("--files", type=int, default=144)
    parser.add_argument("--megabytes", type=float, default=2.0, help="size of each file")
    parser.add_argument("--parallel", type=int, default=4, help="files that are sent at the same time")
    parser.add_argument("--pictures", type=int, default=200)
    wanted = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="holdfast-drain-"))
    try:
        good = _run(root, wanted)
    finally:
        shutil.rmtree(root)
    if not good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
