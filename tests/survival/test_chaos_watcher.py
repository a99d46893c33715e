"""kill -9 of the watcher's process at any moment: what it leaves is what one leaves that was not killed."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.catalog import measures, nodes, stills
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.clock import SystemClock
from holdfast.core.incident import IncidentType
from holdfast.core.timing import SECOND_US
from support import streets, watched_film
from support.clock import PushedClock
from support.films import Picture, moving, plain
from support.node import holdfast
from support.watched_film import Gate

ROUNDS, KILLS = 20, 10
SECONDS = 190.0
CONFIG = """state_dir = "state"
runtime_dir = "run"
[volumes.main]
path = "{footage}"
[volumes.pictures]
path = "pictures"
[cameras.gate]
url = "rtsp://192.0.2.1/"
volume = "pictures"
watch.every_s = 1
motion = {{ enabled = true, cool_down_s = 5 }}
stills = {{ enabled = true, every_s = 3 }}
"""


@dataclass(frozen=True)
class Scene:
    """Footage that nobody has watched yet, and a folder as it is before anybody does."""

    template: Path
    gate: Gate


def seen(at_s: float) -> Picture:
    """Black for 2 s at 6 and for 10 s at 12, frozen for 10 s at 30; from 64 on a street with three passers-by."""
    if at_s >= 64:
        return streets.street((70, 78), (95, 101), (112, 118))(at_s)
    if 6 <= at_s < 8 or 12 <= at_s < 22:
        return plain(2)
    return moving(30) if 30 <= at_s < 40 else moving(at_s)


def sound(at_s: float) -> float:
    """It is quiet for 10 s at 46."""
    return 0.0 if 46 <= at_s < 56 else 0.3


@pytest.fixture(name="scene", scope="module")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Two minutes of that, 40 s without the camera, 30 s of pictures: all of it over when the test begins."""
    root = tmp_path_factory.mktemp("scene")
    # Long enough ago that stills need not wait for the cause of the hole any more.
    begin_us = SystemClock().wall_us() - round((SECONDS + 120) * SECOND_US)
    gate = Gate(root / "vol", PushedClock(begin_us))
    gate.record(120, seen, sound)
    gate.down("unreachable", 40)
    gate.record(30, moving, sound)
    gate.rest()
    template = root / "template"
    (template / "pictures").mkdir(parents=True)
    (template / "holdfast.toml").write_text(CONFIG.format(footage=gate.root), encoding="utf-8")
    answer = holdfast("reindex", "-c", str(template / "holdfast.toml"))
    assert answer.returncode == 0, answer.stderr
    with open_catalog(f"sqlite:///{template}/state/catalog.sqlite") as catalog, catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        # Somebody watched before that footage began, so it is not passed over.
        before = measures.Position(begin_us - 1, {"watch": {"taken_us": begin_us - 1, "cases": []}})
        measures.set_positions(tx, node, {"gate": before}, 1)
        stills.set_position(tx, node, "gate", begin_us - 1, 1)
    return Scene(template, gate)


class Watched:
    """A folder in which the scene is watched, by one process after the other."""

    def __init__(self, scene: Scene, root: Path) -> None:
        shutil.copytree(scene.template, root)
        self.root = root
        self.process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def start(self) -> None:
        """Begin, or go on."""
        argv = [sys.executable, "-m", "holdfast", "watch", "-c", str(self.root / "holdfast.toml")]
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        begun = time.monotonic()
        while not (self.root / "run" / "watcher.json").exists() and time.monotonic() - begun < 30:
            time.sleep(0.005)

    def kill(self) -> None:
        """Kill it."""
        assert self.process is not None
        assert self.process.poll() is None, (self.root / "log").read_text()
        self.process.kill()
        self.process.wait()
        (self.root / "run" / "watcher.json").unlink(missing_ok=True)
        self.kills += 1

    def end(self) -> None:
        """End it in order."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(60) == 0

    def found(self) -> tuple[Sequence[object], ...]:
        """Everything that was made of the footage: rows, and every file."""
        with open_catalog(f"sqlite:///{self.root}/state/catalog.sqlite") as catalog:
            return (
                watched_film.told(catalog), streets.told(catalog), _stills(catalog),
                sorted((str(one.relative_to(self.root / "pictures")), one.stat().st_size)
                       for one in (self.root / "pictures").rglob("*.jpg")),
            )  # fmt: skip

    def settled(self, within_s: float = 60.0) -> tuple[Sequence[object], ...]:
        """Wait until nothing more comes."""
        until, last, since = time.monotonic() + within_s, self.found(), time.monotonic()
        while time.monotonic() < until and time.monotonic() - since < 5:
            time.sleep(0.3)
            now = self.found()
            if now != last:
                last, since = now, time.monotonic()
        return last


def _stills(catalog: Catalog) -> Sequence[object]:
    with catalog.read() as tx:
        rows = stills.page(tx, stills.Wanted(camera="gate"), limit=1000).rows
    return sorted((row.outcome.slot_us, row.outcome.at_us, row.outcome.state, row.outcome.file) for row in rows)


@pytest.mark.soak
def test_whatever_moment_it_is_killed_at(scene: Scene, tmp_path: Path) -> None:
    """Rows and files are exactly those of a watcher that was never killed (Q3, F38, C062)."""
    at_a_stretch = Watched(scene, tmp_path / "whole")
    at_a_stretch.start()
    begun = time.monotonic()
    expected = at_a_stretch.settled()
    took_s = max(1.0, time.monotonic() - begun - 5)
    at_a_stretch.end()
    incidents = [row for row in expected[0] if isinstance(row, tuple) and len(row) > 1]
    assert {row[0] for row in incidents} == {
        IncidentType.BLACKSCREEN, IncidentType.FREEZE, IncidentType.AUDIO_LOSS, IncidentType.SIGNAL_LOST,
    }  # fmt: skip
    assert all(len(rows) >= least for rows, least in zip(expected, (100, 3, 55, 60), strict=True)), expected
    seed = int(os.environ.get("HOLDFAST_SEED", "1"))
    for number in range(ROUNDS):
        dice = random.Random(seed + number)
        killed = Watched(scene, tmp_path / f"killed-{number}")
        for _ in range(KILLS):
            killed.start()
            time.sleep(dice.uniform(0, 2 * took_s / KILLS))
            killed.kill()
        killed.start()
        assert killed.settled() == expected, f"seed {seed + number}"
        killed.end()
        assert killed.kills == KILLS
        print(f"{KILLS} kills within {took_s:.1f} s of work, seed {seed + number}: the same")  # noqa: T201 - a measure
        shutil.rmtree(killed.root)
