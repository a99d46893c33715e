"""The worker's thread for capture to memory: what it does, tells and says of itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from holdfast.catalog import nodes
from holdfast.catalog.db import open_catalog
from holdfast.core.config import load
from holdfast.core.status import StreamState
from holdfast.library import disk_incidents, ram, retention
from holdfast.library.desired import build_plan, publish_plan
from holdfast.roles.memory_loop import NAME, MemoryLoop
from support.kept_node import KEPT, KeptNode
from support.ram import lay_in_memory, shm
from support.recording import until
from support.supervised import write_status

LIVE = f"{KEPT}[cameras.gate.capture]\nmode = 'ram'\n[cameras.gate.retention]\nonly = 'live'\n"


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with shm() as folder:
        yield folder


@pytest.fixture(name="node")
def _node(tmp_path: Path, folder: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path, f"[memory]\ndir = '{folder}'\ncap = 16000000\n{LIVE}")
    (tmp_path / "run").mkdir()
    yield node
    node.close()


@pytest.fixture(name="loop")
def _loop(node: KeptNode) -> Iterator[MemoryLoop]:
    loop = MemoryLoop(node.clock, node="local", open_catalog=open_catalog)
    loop.follow(load(node.path, {}))
    yield loop
    loop.close()


def incident(node: KeptNode) -> str | None:
    """What the open incident of memory says; None where there is none."""
    with node.catalog.read() as tx:
        found = disk_incidents.find(tx, nodes.find(tx, "local") or 0, NAME)
    return None if found is None else found.detail


def test_what_it_drops_is_counted(node: KeptNode, loop: MemoryLoop) -> None:
    """C081: files that go for room are told by camera and reason, and counted in `worker.json` since the start."""
    ((root, memory),) = ram.memories(node.config).values()
    for number in range(9):
        lay_in_memory(root, memory, node.told.record(60, body=bytes([number]) * 1_600_000).file)
    node.index()
    retention.confirm(node.catalog, node.clock)
    with structlog.testing.capture_logs() as lines:
        loop.tick()
        loop.tick()
    (line,) = [line for line in lines if line["event"] == "memory.dropped"]
    assert (line["camera"], line["files"], line["bytes"]) == ("gate", 3, 4_800_000)
    said = loop.status()
    assert (said["dropped"], said["dropped_bytes"], said["files"], said["used_bytes"]) == (3, 4_800_000, 6, 9_600_000)
    assert (said["cameras"], said["cap_bytes"], said["problem"]) == (["gate"], 16_000_000, "")


def test_memory_that_does_not_take_files_is_one_incident(node: KeptNode, loop: MemoryLoop) -> None:
    """C081: while a recorder writes to its volume because memory is full there is one incident, also over a restart."""
    plan = build_plan(load(node.path, {}))
    publish_plan(node.config.state_dir, plan)
    loop.tick()
    assert incident(node) is None
    now_us, why = node.clock.wall_us(), "15 of the 15 MiB in memory are used"
    write_status(node.config.runtime_dir, "gate", StreamState.RECORDING, now_us, memory=why, spilled=1)
    for _ in range(2):
        again = MemoryLoop(node.clock, node="local", open_catalog=open_catalog)
        again.follow(load(node.path, {}))
        again.tick()
        again.tick()
        assert incident(node) == f"gate/main: {why}"
        assert again.status()["problem"] == f"gate/main: {why}"
        again.close()
    write_status(node.config.runtime_dir, "gate", StreamState.RECORDING, now_us)
    loop._told = None
    loop.tick()
    assert incident(node) is None


def test_a_folder_on_a_disk_is_said_and_not_used(node: KeptNode, loop: MemoryLoop) -> None:
    """C081: memory that is none is said, streams are planned onto their volume, and nothing is made in that folder."""
    on_disk = Path(ram.__file__).parent
    node.write(f"[memory]\ndir = '{on_disk}'\n{LIVE}")
    loaded = load(node.path, {})
    loop.follow(loaded)
    loop.tick()
    assert incident(node) == f"{on_disk} is on a disk, not on a tmpfs"
    (stream,) = build_plan(loaded).streams
    assert (stream.memory, stream.segment_s, stream.capture.mode) == ("", 600, "always")
    assert not ram.home(loaded.config).exists()


def test_without_a_camera_that_uses_it_nothing_is_done(node: KeptNode, loop: MemoryLoop) -> None:
    """Where no camera uses memory, and nothing is left there, the status is empty and no folder is made."""
    node.write(KEPT)
    loop.follow(load(node.path, {}))
    loop.tick()
    assert loop.status() == {}


def test_it_begins_and_ends(node: KeptNode) -> None:
    """The thread works by itself and ends when it is asked to, leaving its catalog closed."""
    loop = MemoryLoop(node.clock, node="local", open_catalog=open_catalog, indexed=lambda: True)
    loop.start(load(node.path, {}))
    until(loop.status)
    loop.ask_stop()
    assert loop.join(60)
    assert loop._catalog is None
