import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.config import ConfigInvalid, Loaded, load
from holdfast.core.plan import Plan
from holdfast.library import accounts, settings
from holdfast.library.accounts import Role
from holdfast.library.cameras import MEMORY, add_camera, remove_camera, switch_camera
from holdfast.library.desired import read_plan
from holdfast.library.index import IndexReport
from holdfast.roles.worker import Worker
from support.clock import PushedClock

NODE = "pier"
FILE = """
state_dir = "state"
runtime_dir = "run"
[volumes.main]
path = "footage"
reserve = "1 MB"
[cameras.gate]
url = "rtsp://192.0.2.1/gate"
"""


class FakeIndexing:
    """Counts passes; fails when told to."""

    def __init__(self) -> None:
        self.passes = 0
        self.comparisons = 0
        self.error: Exception | None = None

    def pass_once(self) -> IndexReport:
        self.passes += 1
        if self.error is not None:
            raise self.error
        return IndexReport()

    def reconciled(self) -> tuple[str, ...]:
        self.comparisons += 1
        return ()


class Node:
    """A node in a folder, its worker driven by hand: the catalog's thread does not run, its passes are called."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock, self.indexing = root, PushedClock(), FakeIndexing()
        self.taken: list[Loaded] = []
        self.write(FILE)
        self.worker: Worker | None = None

    def write(self, text: str) -> None:
        (self.root / "holdfast.toml").write_text(text, encoding="utf-8")

    def start(self) -> "Node":
        self.stop()
        self.worker = Worker(
            self.root / "holdfast.toml", {}, self.clock, node=NODE, open_catalog=open_catalog,
            make_indexer=lambda _catalog, _loaded: self.indexing,
            reconcile=lambda _catalog, _loaded: self.indexing.reconciled(), reconfigured=self.taken.append,
        )  # fmt: skip
        self.worker._plan = self.worker._last_plan()
        self.worker._catalog._loaded = self.worker._loaded
        return self.tick()

    def stop(self) -> None:
        if self.worker is not None:
            self.worker._catalog._close()

    def tick(self, *, forced: bool = False) -> "Node":
        assert self.worker is not None
        self.clock.advance(1.0)
        self.worker.tick(forced=forced)
        return self

    def catalog_pass(self) -> "Node":
        """Do what the catalog's thread does each second."""
        assert self.worker is not None
        loop = self.worker._catalog
        try:
            loop._once()
        except Exception as error:  # noqa: BLE001 - as the loop itself does
            loop._failed(error)
        else:
            loop._succeeded()
        return self

    @property
    def plan(self) -> Plan:
        plan = read_plan(self.root / "state")
        assert plan is not None
        return plan

    @property
    def cameras(self) -> list[str]:
        return sorted(s.camera for s in self.plan.streams)

    @property
    def status(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((self.root / "run" / "worker.json").read_bytes())
        return body

    def change(self, deed: Callable[[Catalog, Loaded], object]) -> None:
        """Do something to the catalog from outside, as the command line does."""
        loaded = load(self.root / "holdfast.toml", {})
        with open_catalog(loaded.config.catalog_url) as catalog:
            deed(catalog, loaded)

    def add(self, *names: str) -> None:
        def deed(catalog: Catalog, loaded: Loaded) -> None:
            for name in names:
                add_camera(catalog, NODE, loaded, name, {"url": "rtsp://192.0.2.9/{id}"}, self.clock)

        self.change(deed)

    def save(self, wanted: dict[str, Any]) -> None:
        """Change settings, as the pages do."""
        self.change(lambda catalog, loaded: settings.change(catalog, NODE, loaded, wanted, self.clock))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node that has not started yet."""
    node = Node(tmp_path)
    yield node
    node.stop()


def test_publishes_what_is_configured(node: Node) -> None:
    """The first tick makes the volume ready and writes the plan, with the marker's id in it."""
    node.start()
    assert node.cameras == ["gate"]
    assert node.plan.streams[0].volume_id
    assert node.plan.runtime_dir == str(node.root / "run")
    assert (node.status["streams"], node.status["config_problem"]) == (1, "")


def test_follows_the_file(node: Node) -> None:
    """A changed file is in the plan at the next tick, without a signal; logging hears of it too (C008, C132)."""
    node.start()
    node.write(FILE + '[cameras.yard]\nurl = "rtsp://192.0.2.2/yard"\n')
    node.tick()
    assert node.cameras == ["gate", "yard"]
    assert len(node.taken) == 1


def test_touched_file_is_no_change(node: Node) -> None:
    """The same content is not read again, a forced reload reads it."""
    node.start()
    node.write(FILE)
    node.tick()
    assert node.taken == []
    node.tick(forced=True)
    assert len(node.taken) == 1


def test_bad_file_changes_nothing(node: Node) -> None:
    """A broken file is reported with its place, the plan stays, and a mended one heals it (C132, F48)."""
    node.start()
    before = (node.root / "state" / "streams.json").read_bytes()
    node.write(FILE + 'colour = "red"\n')
    node.tick().tick()
    assert (node.root / "state" / "streams.json").read_bytes() == before
    assert "the last good one stays in force: holdfast.toml:9: cameras.gate.colour" in node.status["config_problem"]
    node.write(FILE)
    node.tick()
    assert node.status["config_problem"] == ""


def test_starts_with_the_last_good_file(node: Node) -> None:
    """A worker that starts while the file is broken publishes what was good before (F48)."""
    node.start()
    node.write("colour = 1\n" + FILE)
    node.start()
    assert node.cameras == ["gate"]
    assert "holdfast.toml:1: colour" in node.status["config_problem"]


def test_first_start_with_a_bad_file_says_so(node: Node) -> None:
    """Without any good copy there is nothing to go on with: the error names file, line and key."""
    node.write("colour = 1\n" + FILE)
    with pytest.raises(ConfigInvalid, match=r"holdfast\.toml:1: colour"):
        node.start()


def test_moved_state_needs_a_restart(node: Node) -> None:
    """Another state folder is refused while running, because locks and recorders live in the old one."""
    node.start()
    node.write(FILE.replace('"state"', '"elsewhere"'))
    node.tick()
    assert node.status["config_problem"] == "state_dir changed: restart holdfast run to use it"
    assert not (node.root / "elsewhere").exists()


def test_runtime_cameras_join_the_file(node: Node) -> None:
    """32 cameras added while running are all planned, over as many processes as they need (F58, C008)."""
    node.start().catalog_pass()
    process = node.plan.streams[0].process
    node.add(*(f"cam{number}" for number in range(32)))
    node.catalog_pass().tick()
    assert len(node.cameras) == 33
    assert sorted({s.process for s in node.plan.streams}) == [0, 1, 2]
    assert next(s for s in node.plan.streams if s.camera == "gate").process == process
    assert next(s for s in node.plan.streams if s.camera == "cam7").url == "rtsp://192.0.2.9/cam7"


def test_switching_and_removing(node: Node) -> None:
    """A camera of the file can be switched off while running, a runtime one taken away; the plan follows."""
    node.start().catalog_pass()
    node.add("yard")
    node.change(lambda catalog, loaded: switch_camera(catalog, NODE, loaded, "GATE", node.clock, enabled=False))
    node.catalog_pass().tick()
    assert {s.camera: s.capture.mode for s in node.plan.streams} == {"gate": "off", "yard": "always"}
    node.change(lambda catalog, loaded: remove_camera(catalog, NODE, loaded, "yard", node.clock))
    node.change(lambda catalog, loaded: switch_camera(catalog, NODE, loaded, "gate", node.clock, enabled=True))
    node.catalog_pass().tick()
    assert {s.camera: s.capture.mode for s in node.plan.streams} == {"gate": "always"}


def test_saved_settings_reach_the_plan(node: Node) -> None:
    """A setting saved while running holds without a restart; cameras that it is not about stay as they are (C126)."""
    node.write(FILE + '[cameras.yard]\nurl = "rtsp://192.0.2.2/yard"\nsegment_s = 60\n')
    node.start().catalog_pass()
    before = {stream.camera: stream for stream in node.plan.streams}
    node.save({"defaults.segment_s": 300, "log.level": "debug"})
    node.catalog_pass().tick()
    after = {stream.camera: stream for stream in node.plan.streams}
    assert (after["gate"].segment_s, after["yard"]) == (300, before["yard"])
    assert node.plan.log_level == "debug"
    node.write(FILE)
    node.tick()
    assert (node.cameras, node.plan.streams[0].segment_s) == (["gate"], 300)
    node.save({"defaults.segment_s": None})
    node.catalog_pass().tick()
    assert node.plan.streams[0] == before["gate"]


def test_saved_settings_survive_the_catalog(node: Node) -> None:
    """They hold while the catalog is damaged, and a catalog that came up empty gets them back (R7)."""
    node.start().catalog_pass()
    node.save({"defaults.segment_s": 300})
    node.catalog_pass().tick()
    node.stop()
    for path in (node.root / "state").glob("catalog.sqlite*"):
        path.unlink()
    (node.root / "state" / "catalog.sqlite").write_bytes(b"garbage " * 1000)
    node.start()
    assert node.plan.streams[0].segment_s == 300
    node.catalog_pass().tick()
    assert "damaged" in node.status["catalog_problem"]
    (node.root / "state" / "catalog.sqlite").unlink()
    node.catalog_pass().tick()
    assert node.plan.streams[0].segment_s == 300
    kept: dict[str, Any] = {}
    node.change(lambda catalog, _: kept.update(settings.saved(catalog, NODE)))
    assert kept == {"defaults.segment_s": 300}


def test_people_survive_the_catalog(node: Node) -> None:
    """A catalog that came up empty gets users and tokens back, so that nobody else becomes administrator (R7, C139)."""
    node.start().catalog_pass()
    kept: list[str] = []

    def invite(catalog: Catalog, _: Loaded) -> None:
        accounts.add_user(catalog, node.clock, "ada", "tide-tables", Role.ADMIN)
        kept.append(accounts.add_token(catalog, node.clock, "wall", Role.VIEWER, by="ada")[1])

    node.change(invite)
    node.catalog_pass()
    node.stop()
    for path in (node.root / "state").glob("catalog.sqlite*"):
        path.unlink()
    node.start().catalog_pass().catalog_pass()

    def look(catalog: Catalog, _: Loaded) -> None:
        assert not accounts.setup_needed(catalog)
        assert accounts.sign_in(catalog, node.clock, "ada", "tide-tables").role == "admin"
        token = accounts.find_token(catalog, node.clock, accounts.token_hash(kept[0]))
        assert token is not None
        assert token.name == "wall"

    node.change(look)


def test_damaged_catalog_stops_no_plan(node: Node) -> None:
    """With garbage for a catalog runtime cameras stay, new ones of the file are planned, and it is said (R7)."""
    node.start().catalog_pass()
    node.add("yard")
    node.catalog_pass().tick()
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (node.root / "state" / name).unlink(missing_ok=True)
    (node.root / "state" / "catalog.sqlite").write_bytes(b"garbage " * 1000)
    node.start().catalog_pass()
    node.write(FILE + '[cameras.dock]\nurl = "rtsp://192.0.2.3/dock"\n')
    node.tick()
    assert node.cameras == ["dock", "gate", "yard"]
    assert "damaged" in node.status["catalog_problem"]


def test_deleted_catalog_forgets_no_camera(node: Node) -> None:
    """Cameras added at run time are put back into a catalog that came up empty; a removed one is not."""
    node.start().catalog_pass()
    node.add("yard", "dock")
    node.catalog_pass()
    node.change(lambda catalog, loaded: remove_camera(catalog, NODE, loaded, "dock", node.clock))
    node.catalog_pass().tick()
    assert node.cameras == ["gate", "yard"]
    node.stop()
    for path in (node.root / "state").glob("catalog.sqlite*"):
        path.unlink()
    node.start().catalog_pass().tick()
    assert node.cameras == ["gate", "yard"]
    assert [camera["id"] for camera in json.loads((node.root / "state" / MEMORY).read_bytes())] == ["yard"]


def test_failing_pass_is_said_once_and_heals(node: Node) -> None:
    """A pass that fails shows in the status with since when; the next good one clears it."""
    node.start().catalog_pass().tick()
    assert node.status["catalog_problem"] == ""
    node.indexing.error = RuntimeError("no idea")
    since_us = node.clock.wall_us()
    node.catalog_pass()
    node.clock.advance(60)
    node.catalog_pass().tick()
    assert node.status["catalog_problem"] == "indexing failed: RuntimeError: no idea"
    assert node.status["catalog_problem_since_us"] == since_us
    node.indexing.error = None
    node.catalog_pass().tick()
    assert (node.status["catalog_problem"], node.status["indexed_us"]) == ("", node.clock.wall_us() - 1_000_000)


def test_missing_disk_is_said(node: Node) -> None:
    """A volume whose marker went away is reported, and keeps its id in the plan so that nothing fills its folder."""
    node.start()
    volume_id = node.plan.streams[0].volume_id
    (node.root / "footage" / ".holdfast-volume").unlink()
    node.tick(forced=True)
    assert "main" in node.status["volume_problems"]
    assert node.plan.streams[0].volume_id == volume_id


def test_full_disk_is_said_and_tried_again(node: Node) -> None:
    """A plan that cannot be written is reported; the old one stands, and the next tick tries again."""
    node.start()
    # A folder in the way of the temporary file is refused for every user, root included.
    blocker = node.root / "state" / ".streams.json.new"
    blocker.mkdir()
    node.write(FILE + '[cameras.yard]\nurl = "rtsp://192.0.2.2/yard"\n')
    node.tick()
    assert node.cameras == ["gate"]
    assert "streams.json" in node.status["plan_problem"]
    blocker.rmdir()
    node.tick()
    assert (node.cameras, node.status["plan_problem"]) == (["gate", "yard"], "")


def test_lost_plan_is_written_again(node: Node) -> None:
    """Whoever removes streams.json has it back within ten seconds."""
    node.start()
    (node.root / "state" / "streams.json").unlink()
    for _ in range(10):
        node.tick()
    assert (node.root / "state" / "streams.json").exists()


def test_catalog_thread_lives_and_ends(node: Node) -> None:
    """The loop passes by itself, takes one last pass when asked to stop, and leaves no thread behind."""
    node.start()
    assert node.worker is not None
    loop = node.worker._catalog
    loop.start(node.worker._loaded)
    done = threading.Event()
    while not node.indexing.passes:
        done.wait(0.01)
    before = node.indexing.passes
    loop.ask_stop()
    assert loop.join(60)
    assert node.indexing.passes > before
    assert loop._catalog is None


def test_rows_and_files_are_compared_once_a_start(node: Node) -> None:
    """After the first pass over the journals, and not at each one, files without a row are looked for (C067)."""
    node.start()
    for _ in range(3):
        node.catalog_pass()
    assert (node.indexing.passes, node.indexing.comparisons) == (3, 1)
