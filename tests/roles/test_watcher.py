"""The watcher beside a real recorder: kills, settings that change, a catalog that goes away."""

import json
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from holdfast.catalog import incidents, measures, nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.incidents import IncidentRow, Wanted
from holdfast.core import config
from holdfast.core.incident import IncidentType
from holdfast.core.status import StreamState, StreamStatus, status_name
from holdfast.core.timing import SECOND_US
from holdfast.library.watching import CameraWatch
from holdfast.roles.signals import Signals
from holdfast.roles.watcher import FEWER, FILES, Watcher
from holdfast.storage import expendable
from holdfast.storage.expendable import Entry, decode
from support.clock import PushedClock
from support.films import moving, plain
from support.node import Node
from support.sim import simulated, small_camera
from support.streets import street, told
from support.watched_film import Gate

MOTION = "[cameras.gate.motion]\nenabled = true\n"
BLACK = IncidentType.BLACKSCREEN


def rows(catalog: Catalog, wanted: Wanted | None = None) -> list[IncidentRow]:
    """All incidents, oldest first."""
    with catalog.read() as tx:
        return list(reversed(incidents.page(tx, wanted or Wanted()).rows))


def other_than(node: Node, pid: int) -> bool:
    """Whether another watcher runs."""
    return node.child("watcher").get("pid") not in {pid, 0, None}


def test_killed_in_the_middle_of_an_incident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed three times while a camera is black, the watcher tells one incident with its pictures (F38, F06)."""
    monkeypatch.setenv("HOLDFAST_WATCHER__ENABLED", "true")
    with simulated(small_camera()) as sim, Node(tmp_path, {"cam1": sim.url("cam1")}) as node:
        node.run()
        url = f"sqlite:///{tmp_path}/state/catalog.sqlite"
        node.until(lambda: node.child("watcher").get("pid"))
        node.until(lambda: node.role("watcher").get("cameras") and node.recording("cam1"))
        seen_us = time.time_ns() // 1000 + 3 * SECOND_US  # so much is recorded before it goes black
        node.until(lambda: (node.role("cam1.main").get("media_end_us") or 0) > seen_us)
        sim.inject("black", "cam1", 14)
        with open_catalog(url) as catalog:
            for _ in range(3):
                node.until(lambda: rows(catalog))
                pid = node.child("watcher")["pid"]
                os.kill(pid, signal.SIGKILL)
                node.until(partial(other_than, node, pid))
            node.until(lambda: rows(catalog, Wanted(open=False)))
            (black,) = rows(catalog)
            with catalog.read() as tx:
                shown = incidents.pictures(tx, [black.id])[black.id]
        assert black.type is BLACK
        assert black.end_us is not None
        assert 12 * SECOND_US <= black.end_us - black.start_us <= 16 * SECOND_US
        assert [one.number for one in shown] == [1, 0]
        assert all((tmp_path / "vol" / one.file).read_bytes()[:2] == b"\xff\xd8" for one in shown)
        assert node.stop() == 0
    assert node.role("watcher")["state"] == "stopped"


@pytest.fixture(name="gate", scope="module")
def _gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Footage of 24 s that is black from the 10th second on."""
    gate = Gate(tmp_path_factory.mktemp("watcher") / "vol")
    gate.record(24, lambda at_s: moving(at_s) if at_s < 10 else plain(0))
    return gate


class Bench:
    """A watcher of that footage, tick by tick, in a folder of its own."""

    def __init__(self, root: Path, gate: Gate, more: str = "") -> None:
        self.path = root / "holdfast.toml"
        self.gate = gate
        self.clock = PushedClock(gate.clock.wall_us())  # of its own: the footage is everybody's
        self.write(more)
        self.catalog = open_catalog(f"sqlite:///{root}/state/catalog.sqlite")
        with self.catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
            # Somebody watched before the footage began, so it is not begun with now.
            state = {"watch": {"taken_us": 1, "cases": []}}
            measures.set_positions(tx, node, {"gate": measures.Position(1, state)}, 1)
        self.watcher = self.made()

    def made(self) -> Watcher:
        """Another process, as it were."""
        return Watcher(config.load(self.path, {}), {}, self.clock, node="local", open_catalog=open_catalog)

    def write(self, more: str) -> None:
        """Change the configuration."""
        self.path.write_text(
            f'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "{self.gate.root}"\n'
            f'[cameras.gate]\nurl = "rtsp://192.0.2.1/"\n{more}'
        )

    def settle(self) -> None:
        """Let it find everything that is there."""
        for _ in range(6):
            self.watcher.tick()


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, gate: Gate) -> Iterator[Bench]:
    (tmp_path / "state").mkdir()
    bench = Bench(tmp_path, gate)
    yield bench
    bench.catalog.close()


def test_one_pass_writes_what_it_found(bench: Bench) -> None:
    """What is there is watched from where the last one was; black is told while it lasts."""
    bench.settle()
    (black,) = rows(bench.catalog)
    assert (black.type, black.end_us, black.camera) == (BLACK, None, "gate")
    with bench.catalog.read() as tx:
        assert len(measures.between(tx, 1, "gate", 0, 1 << 62, limit=100)) >= 10
    assert bench.watcher._indexes.most == FILES, "what it remembers of files goes by cameras (F34)"


def test_recorders_leave_what_an_incident_holds(bench: Bench, tmp_path: Path) -> None:
    """What a recorder may remove loses a file with the incident in it, not at the next pass, and after a kill too."""
    path = tmp_path / "state" / expendable.NAME
    file = min(bench.gate.root.rglob("*.mp4")).relative_to(bench.gate.root).as_posix()
    end_us = bench.clock.wall_us()
    entries = [
        Entry("v", file, 1, end_us - 24 * SECOND_US, end_us),
        Entry("v", file.replace("/gate/", "/yard/"), 1, end_us - 24 * SECOND_US, end_us),
        Entry("v", file, 1, end_us - 99 * SECOND_US, end_us - 90 * SECOND_US),
    ]  # fmt: skip
    for _ in range(2):
        expendable.publish(path, lambda: entries)
        bench.settle()
        assert [decode(line) for line in path.read_bytes().splitlines()] == [None, *entries[1:]]
        bench.watcher = bench.made()


def test_a_camera_that_goes_leaves_nothing_open(bench: Bench) -> None:
    """Switched off, or not to be watched, a camera's incident ends with the last look (F39)."""
    bench.settle()
    bench.write("[cameras.gate.watch]\nenabled = false\n")
    bench.clock.advance(11)
    bench.settle()
    (black,) = rows(bench.catalog)
    assert black.end_us is not None


def test_motion_is_an_event_until_it_is_switched_off(tmp_path: Path) -> None:
    """Where it is asked for what moves is an event; with another mask it goes on, switched off it ends (C047)."""
    gate = Gate(tmp_path / "vol")
    gate.record(26, street((14, 26)), group=50)
    (tmp_path / "state").mkdir()
    bench = Bench(tmp_path, gate, MOTION)
    bench.settle()
    assert [event.end_us for event in told(bench.catalog)] == [None]
    bench.write(f'{MOTION}masks = "0,0 9,0 9,9 0,9"\n')
    bench.clock.advance(11)
    bench.settle()
    assert [event.end_us for event in told(bench.catalog)] == [None]
    bench.write("")
    bench.clock.advance(11)
    bench.settle()
    (event,) = told(bench.catalog)
    assert event.end_us is not None
    assert event.camera == "gate"
    assert all((gate.root / file).is_file() for file in event.files)
    assert len(event.files) == 3
    bench.catalog.close()


def test_what_a_recorder_says_of_its_stream_is_an_incident(bench: Bench, tmp_path: Path) -> None:
    """A stream that is not what is expected is told beside what its pictures show (C059)."""
    (tmp_path / "run").mkdir()
    for _ in range(3):
        at_us = bench.clock.wall_us()
        told = StreamStatus(
            camera="gate", stream="main", state=StreamState.RECORDING, at_us=at_us, mismatch=["video.width: 320"]
        )
        (tmp_path / "run" / status_name("gate", "main")).write_text(told.to_json(), encoding="utf-8")
        bench.watcher.tick()
        bench.clock.advance(11)
    assert {row.type: row.detail for row in rows(bench.catalog)} == {
        BLACK: "", IncidentType.STREAM_MISMATCH: "video.width: 320",
    }  # fmt: skip


def test_who_is_slow_is_not_gone(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that takes long says how far it is before it is over, so that nobody takes the watcher for dead (F06)."""
    said: list[int] = []

    def slow(_watch: CameraWatch, _most_us: int) -> bool:
        bench.clock.advance(12)
        return False

    def keep(_watcher: Watcher, _catalog: Catalog) -> None:
        said.append(json.loads((tmp_path / "run" / "watcher.json").read_text())["at_us"])

    monkeypatch.setattr(CameraWatch, "work", slow)
    monkeypatch.setattr(Watcher, "_keep", keep)
    bench.watcher.tick()
    assert said == [bench.clock.wall_us()]


def test_a_signal_ends_a_turn_between_two_cameras(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is to stop does not look at all the other cameras first; what is left out comes with the next turn."""
    with Signals(signal.SIGUSR1) as signals:
        monkeypatch.setattr(bench.watcher, "_signals", signals)
        os.kill(os.getpid(), signal.SIGUSR1)
        bench.watcher.tick()
        with bench.catalog.read() as tx:
            assert measures.between(tx, 1, "gate", 0, 1 << 62, limit=1) == []
        assert signals.wait(0) == [signal.SIGUSR1]
        bench.settle()
    assert [row.type for row in rows(bench.catalog)] == [BLACK]


def test_thresholds_change_while_it_runs(bench: Bench) -> None:
    """From the change on the new threshold counts; what was found stays (C058)."""
    bench.write("[cameras.gate.watch]\nblack = false\nfreeze = false\n")
    bench.settle()
    assert rows(bench.catalog) == []
    bench.watcher.tick()


def test_without_its_catalog_it_waits_and_loses_nothing(bench: Bench, tmp_path: Path) -> None:
    """A catalog that cannot be opened is said in the status, and once it is there everything is found (R7)."""
    bench.catalog.close()
    state = tmp_path / "state"
    state.rename(tmp_path / "away")
    state.write_bytes(b"")
    bench.watcher.tick()
    status = (tmp_path / "run" / "watcher.json").read_text()
    assert '"problem": ""' not in status
    state.unlink()
    (tmp_path / "away").rename(state)
    bench.settle()
    bench.catalog = open_catalog(f"sqlite:///{state}/catalog.sqlite")
    assert [row.type for row in rows(bench.catalog)] == [BLACK]


def test_who_cannot_keep_up_takes_fewer_looks(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where lateness grows for half a minute one look of three is taken, in order, and the rest counted (C057, F42)."""
    monkeypatch.setattr("holdfast.roles.watcher.TURN_US", SECOND_US)
    late: list[int] = []

    def slow(watch: CameraWatch, most_us: int) -> bool:
        more = work(watch, most_us)
        bench.clock.advance(12)  # each second of footage takes twelve
        late.append(watch.judge.gaze.fewer)
        return more

    work = CameraWatch.work
    monkeypatch.setattr(CameraWatch, "work", slow)
    while late[-1:] != [1] or len(late) < 12:
        bench.watcher.tick()
    assert FEWER in late
    assert json.loads((tmp_path / "run" / "watcher.json").read_text())["cameras"]["gate"]["left_out"] > 0
    with bench.catalog.read() as tx:
        instants = [one.at_us for one in measures.between(tx, 1, "gate", 0, 1 << 62, limit=100)]
    assert instants == sorted(instants)
