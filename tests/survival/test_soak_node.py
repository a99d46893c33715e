"""A whole node for a while, at many times the pace of a real one: nothing that it uses may grow (F34, P8)."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from holdfast.core.gap import GapReason
from holdfast.media.synthetic import VideoSpec
from holdfast.sim.camera import CameraSpec
from holdfast.storage.targets.marker import adopt
from support.ram import shm
from support.shard import creep, descriptors, own_kb, slope, threads
from support.sim import simulated
from support.small_disk import small_disk
from support.survival import Ground

MIB = 1 << 20
SECONDS = float(os.environ.get("HOLDFAST_SOAK_S", "1000"))
WARM = 0.4  # of the time: pools, caches and the disk fill
EVERY_S = 2.5
# Measured: 0 to 2.2 MB an hour. Each name of a file takes a place in Python's table of names until that is made anew.
MOST_KB_AN_HOUR = 5 * 1024
# Measured: 6.8 and 8.8 MB an hour. Each of its connections to SQLite keeps more pages as the catalog grows, 2 MB at
# most; files come 300 times as fast as those of ten minutes do.
MOST_OF_WORKER_KB_AN_HOUR = 12 * 1024
MOST_KB = 10 * 1024  # measured: 6.2 MB, most of it in steps, as that table is made anew; see docs/reliability.md
SPARE = 2  # threads and descriptors of what comes and goes: a delivery, a page, a copy that is verified
MORE = """[web]
enabled = true
port = 0
[watcher]
enabled = true
[retention]
newest_minutes = 1
events_days = 0.002
incidents_days = 0.002
[memory]
dir = "{memory}"
cap = "16 MB"
[targets.nas]
type = "folder"
path = "{nas}"
[deliveries.yard]
target = "nas"
assets = ["segments", "stills", "events"]
cameras = ["yard"]
"""
KEYS: dict[str, dict[str, str]] = {
    "gate": {"motion": "{ enabled = true }"},
    "yard": {"motion": "{ enabled = true }", "stills": "{ enabled = true, every_s = 2, keep_days = 0.002 }"},
    "hall": {"capture": '{ mode = "ram" }', "retention": '{ only = "events", loose_hours = 0.25, hold_days = 0.002 }'},
}


def camera(name: str, bitrate_bps: int) -> CameraSpec:
    """A camera of so many bits a second."""
    video = VideoSpec(width=320, height=240, fps=10, bitrate_bps=bitrate_bps, gop=10)
    return CameraSpec(name=name, video=video, sub_size=(160, 120))


@pytest.fixture(name="ground")
def _ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """Three cameras in files of two seconds on a disk of 40 MB that is always full."""
    for role in ("WEB", "WATCHER"):
        monkeypatch.setenv(f"HOLDFAST_{role}__ENABLED", "true")
    (tmp_path / "node").mkdir()
    (tmp_path / "nas").mkdir()
    adopt("nas", tmp_path / "nas", 1, "nas")
    specs = [camera("gate", 800_000), camera("yard", 100_000), camera("hall", 400_000)]
    with (
        shm() as memory,
        small_disk(tmp_path / "node" / "vol", size_bytes=40 * MIB),
        simulated(*specs) as sim,
        Ground(
            tmp_path / "node", {spec.name: sim.url(spec.name) for spec in specs},
            more=MORE.format(memory=memory, nas=tmp_path / "nas"),
        ) as ground,
    ):  # fmt: skip
        for name, keys in ground.cameras.items():
            keys.update({"segment_s": 2, **KEYS[name]})
        ground.write()
        yield ground.begin()


def files(ground: Ground) -> int:
    """Count what lies in the folders of a node: footage, state, logs, status."""
    return sum(len(names) for part in ("vol", "state", "run") for _, _, names in os.walk(ground.root / part))


def ask(ground: Ground) -> None:
    """Open a page, as a browser does."""
    address = ground.role("server").get("address")
    if address:
        with suppress(URLError), urlopen(f"{address}/sign-in", timeout=10) as answer:  # noqa: S310 - its own node
            answer.read()


def test_a_leak_is_told_from_a_step() -> None:
    """What grows all the time is found beside steps that are larger; steps alone are none (F34)."""
    times = [at * EVERY_S / 3600 for at in range(240)]
    steps = [(at, 100_000 + (4000 if at > 0.07 else 0) + (2000 if at > 0.12 else 0)) for at in times]
    assert creep(steps) == 0
    assert creep([(at, kb + round(at * 10_240)) for at, kb in steps]) == pytest.approx(10_240, rel=0.05)


@pytest.mark.soak
@pytest.mark.needs("mount")
@pytest.mark.timeout(SECONDS + 600)
def test_nothing_grows(ground: Ground) -> None:
    """Memory, threads and descriptors of every process, and the files of a node, stay as they are (F34)."""
    ground.until(lambda: {"worker", "server", "watcher"} <= ground.pids().keys())
    assert ground.process is not None
    pids = {"supervisor": ground.process.pid, **ground.pids()}
    kept: dict[str, list[tuple[float, int]]] = {name: [] for name in pids}
    counts: dict[str, list[tuple[int, int]]] = {name: [] for name in pids}
    lying: list[tuple[float, int]] = []
    began = time.monotonic()
    while (now_s := time.monotonic() - began) < SECONDS:
        ask(ground)
        if now_s >= SECONDS * WARM:
            for name, pid in pids.items():
                kept[name].append((now_s / 3600, own_kb(pid)))
                counts[name].append((threads(pid), descriptors(pid)))
            lying.append((now_s / 3600, files(ground)))
        time.sleep(EVERY_S)
    assert ground.pids().items() <= pids.items(), "nobody was restarted"
    rows = [(name, creep(kept[name]), kept[name], counts[name]) for name in pids]
    for name, growing, sizes, some in rows:
        print(  # noqa: T201 - a measure
            f"\n{name}: {sizes[0][1]} to {sizes[-1][1]} kB ({growing / 1024:+.2f} MB/h), threads and descriptors"
            f" {some[0]} to {some[-1]}, at most {tuple(map(max, zip(*some, strict=True)))}", end="",
        )  # fmt: skip
    print(f"\nfiles: {lying[0][1]} to {lying[-1][1]} ({slope(lying):+.0f} an hour)")  # noqa: T201 - a measure
    assert not [gap for name in ground.cameras for gap in ground.ledger(name).gaps if gap.reason is GapReason.DISK_FULL]
    tenth = len(lying) // 10
    for name, growing, sizes, some in rows:
        third = len(some) // 3
        for one in range(2):
            before, after = (max(pair[one] for pair in part) for part in (some[:third], some[-third:]))
            assert after <= before + SPARE, name
        assert growing <= (MOST_OF_WORKER_KB_AN_HOUR if name == "worker" else MOST_KB_AN_HOUR), name
        first, last = (min(kb for _, kb in part) for part in (sizes[:tenth], sizes[-tenth:]))
        assert last - first <= MOST_KB, name
    early, late = (sum(count for _, count in part) / tenth for part in (lying[:tenth], lying[-tenth:]))
    assert late <= early * 1.1
