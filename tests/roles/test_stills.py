"""Stills in the watcher: settings that change, restarts, cameras that fail beside others, real kills."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from pyrage.x25519 import Identity  # type: ignore[import-untyped] # it comes without types

from holdfast.catalog import nodes, stills
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.stills import Outcome, Wanted
from holdfast.core import config
from holdfast.core.timing import SECOND_US
from holdfast.roles.watcher import Watcher
from support.node import Node
from support.sim import simulated, small_camera
from support.still_films import numbered, outcomes
from support.watched_film import Gate


class Bench:
    """A watcher of a film's footage, tick by tick; only stills are wanted."""

    def __init__(self, root: Path) -> None:
        (root / "state").mkdir()
        self.path = root / "holdfast.toml"
        self.gate = Gate(root / "vol")
        self.write("every_s = 1")
        self.catalog = open_catalog(f"sqlite:///{root}/state/catalog.sqlite")
        self.watcher = self.made()

    def made(self, *, skip: bool = False) -> Watcher:
        """Another process, as it were."""
        return Watcher(
            config.load(self.path, {}), {}, self.gate.clock, node="local", open_catalog=open_catalog, skip=skip
        )  # fmt: skip

    def write(self, stills_keys: str, more: str = "") -> None:
        """Change the configuration."""
        self.path.write_text(
            f'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "{self.gate.root}"\n'
            f'[defaults.watch]\nenabled = false\n[cameras.gate]\nurl = "rtsp://192.0.2.1/"\n'
            f"[cameras.gate.stills]\nenabled = true\n{stills_keys}\n{more}"
        )

    def record(self, seconds: float) -> None:
        """Record, then let the camera be away, and the watcher find it."""
        self.gate.record(seconds, numbered, group=25)
        self.settle()

    def settle(self) -> None:
        """Look at the settings anew, and do all that is due."""
        self.gate.down("unreachable", 80)  # long enough to be sure of it
        for _ in range(6):
            self.watcher.tick()

    def instants(self) -> list[int]:
        """When stills were taken."""
        return [one.slot_us for one in outcomes(self.catalog) if not one.cause]


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.settle()
    yield bench
    bench.catalog.close()


def test_stills_begin_when_they_are_switched_on(bench: Bench) -> None:
    """What was recorded before is left alone; from then on each second is taken, and nothing twice (C014)."""
    begun_us = bench.gate.clock.wall_us()
    bench.record(5)
    assert begun_us % SECOND_US == 0
    assert bench.instants() == [begun_us + n * SECOND_US for n in range(1, 6)]


def test_a_watcher_that_was_away_goes_on(bench: Bench) -> None:
    """What was recorded while nobody watched is taken by the next watcher, from where the last one was (S1)."""
    bench.record(4)
    before = bench.instants()
    bench.gate.record(6, numbered, group=25)
    bench.watcher = bench.made()
    bench.settle()
    found = bench.instants()
    assert found[: len(before)] == before
    assert len(found) >= len(before) + 5


def test_skipping_leaves_out_what_was_not_taken(bench: Bench) -> None:
    """Told to begin with now, a watcher takes nothing of what was recorded before."""
    bench.record(4)
    before = bench.instants()
    bench.gate.record(6, numbered, group=25)
    bench.watcher = bench.made(skip=True)
    bench.settle()
    assert bench.instants() == before


def test_other_settings_hold_from_then_on(bench: Bench) -> None:
    """Twice as often, smaller and as WebP: what is there stays, what comes is so, no instant twice (S1)."""
    bench.record(4)
    before = taken(bench.catalog)
    bench.write('every_s = 0.5\nwidth = 64\nform = "webp"')
    bench.settle()
    bench.record(4)
    found = taken(bench.catalog)
    assert found[: len(before)] == before
    later = found[len(before) :]
    assert len(later) >= 7
    assert {(one.width, one.file[-5:]) for one in later} == {(64, ".webp")}
    assert len({one.slot_us for one in found}) == len(found)


def test_switched_off_and_on_again_they_begin_with_now(bench: Bench) -> None:
    """What was recorded while stills were off was not planned, and is neither taken nor missed."""
    bench.record(3)
    before = bench.instants()
    bench.write("enabled = false".replace("enabled", "every_s = 1 #"))
    bench.path.write_text(bench.path.read_text().replace("enabled = true", "enabled = false"))
    bench.record(5)
    assert bench.instants() == before
    bench.write("every_s = 1")
    bench.settle()
    assert bench.instants() == before
    begun_us = bench.gate.clock.wall_us()
    bench.record(3)
    assert all(one > begun_us - 2 * SECOND_US for one in bench.instants()[len(before) :])
    assert len(bench.instants()) >= len(before) + 2


def test_one_camera_that_cannot_delays_no_other(bench: Bench, tmp_path: Path) -> None:
    """Where one camera's disk has no room its stills wait, and the other's are taken (C014)."""
    more = (
        f'[volumes.full]\npath = "{tmp_path}/full"\nreserve = "900TB"\n'
        '[cameras.aaa]\nurl = "rtsp://192.0.2.2/"\nvolume = "full"\nstills = {enabled = true, every_s = 1}\n'
    )
    bench.write("every_s = 1", more)
    bench.path.write_text(bench.path.read_text().replace("[cameras.gate]", '[cameras.gate]\nvolume = "main"'))
    bench.settle()
    bench.record(5)
    assert len(bench.instants()) >= 5
    status = bench.watcher._stills.status()
    assert "reserve" in status["aaa"]["problem"]
    assert status["gate"]["problem"] == ""


def test_encrypting_is_switched_on_and_off(bench: Bench) -> None:
    """From the change on stills are encrypted, and plain again from the next; older ones stay as they are (C155)."""
    key, kinds = Identity.generate(), []
    for keys in ("", f'encrypt = ["{key.to_public()}"]', ""):
        bench.write(f"every_s = 1\n{keys}")
        bench.settle()
        before = {one.slot_us for one in taken(bench.catalog)}
        bench.record(3)
        new = [one for one in taken(bench.catalog) if one.slot_us not in before]
        assert len(new) >= 2
        kinds.append({one.is_sealed for one in new})
    assert kinds == [{False}, {True}, {False}]
    for one in taken(bench.catalog):
        body = (bench.gate.root / one.file).read_bytes()
        assert body[:2] != b"\xff\xd8" if one.is_sealed else body[:2] == b"\xff\xd8"


def taken(catalog: Catalog) -> list[Outcome]:
    """What was taken, oldest first."""
    return [one for one in outcomes(catalog) if not one.cause]


def other_than(node: Node, pid: int) -> bool:
    """Whether another watcher runs."""
    return node.child("watcher").get("pid") not in {pid, 0, None}


@pytest.mark.best_of_three
def test_killed_it_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a real recorder, killed three times, five a second: each instant once, within 100 ms (S1, S2, F06)."""
    monkeypatch.setenv("HOLDFAST_WATCHER__ENABLED", "true")
    monkeypatch.setenv("HOLDFAST_DEFAULTS__STILLS__ENABLED", "true")
    monkeypatch.setenv("HOLDFAST_DEFAULTS__STILLS__EVERY_S", "0.2")
    with simulated(small_camera()) as sim, Node(tmp_path, {"cam1": sim.url("cam1")}) as node:
        node.run()
        url = f"sqlite:///{tmp_path}/state/catalog.sqlite"
        node.until(lambda: node.role("watcher").get("stills"))
        with open_catalog(url) as catalog:
            for round_number in range(3):
                node.until(lambda: len(taken(catalog)) > 20 * (round_number + 1))  # noqa: B023 - used within the round
                pid = node.child("watcher")["pid"]
                os.kill(pid, signal.SIGKILL)
                node.until(partial(other_than, node, pid))
            node.until(lambda: len(taken(catalog)) > 100)
            found = taken(catalog)
            with catalog.read() as tx:
                number = nodes.find(tx, "local")
                assert number is not None
                assert stills.count(tx, Wanted(node=number)).missed == 0
        assert node.stop() == 0
    assert {b.slot_us - a.slot_us for a, b in pairwise(found)} == {200_000}
    assert all(abs((one.at_us or 0) - one.slot_us) <= 100_000 for one in found)
    assert all((tmp_path / "vol" / one.file).stat().st_size == one.bytes for one in found)
    assert all((tmp_path / "vol" / one.thumbnail).stat().st_size <= 50_000 for one in found)
