"""Capture to memory as policy sees it: who uses it, whether it will do, and what leaves it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.catalog import events as happenings
from holdfast.catalog import holds, measures
from holdfast.catalog.events import Told
from holdfast.catalog.measures import Position
from holdfast.core.config import load
from holdfast.core.event import EventKind
from holdfast.core.retention import Hold, HoldKind
from holdfast.library import ram
from support.kept_node import KEPT, KeptNode
from support.ram import lay_in_memory, shm
from support.small_disk import small_disk

MINUTE_US = 60_000_000
BYTES = 100_000


class Ring:
    """A node whose camera is captured to memory, with files of a minute there, oldest first."""

    def __init__(self, root: Path, folder: Path, only: str, files: int, more: str = "") -> None:
        # With a cap of which so many files take nine tenths.
        cap = max(16_000_000, files * BYTES * 10 // 9)
        self.node = KeptNode(root, f"[memory]\ndir = '{folder}'\ncap = {cap}\n{more}{self.camera(only)}")
        ((self.root, self.memory),) = ram.memories(self.node.config).values()
        self.files: list[str] = []
        size = max(BYTES, cap * 9 // (10 * files))
        for _ in range(files):
            sealed = self.node.told.record(60, body=bytes([len(self.files)]) * size)
            lay_in_memory(self.node.disk, self.memory, sealed.file)
            self.files.append(sealed.file)
        self.node.index()

    @staticmethod
    def camera(only: str) -> str:
        """Write the camera's tables."""
        return f"{KEPT}[cameras.gate.capture]\nmode = 'ram'\n[cameras.gate.retention]\nonly = '{only}'\nholds = []\n"

    def look(self, *, may_drop: bool = True) -> tuple[list[int], list[int]]:
        """Return numbers of the files that are moved, and of those that are dropped."""
        found = ram.outlook(self.node.catalog, self.node.config, self.node.clock, may_drop=may_drop)
        assert found.files == len(self.files)
        numbers = {file: number for number, file in enumerate(self.files)}
        return [numbers[file] for _, file in found.move], [numbers[one.piece.file] for one in found.drop]


@pytest.fixture(name="ring")
def _ring(tmp_path: Path) -> Iterator[Callable[..., Ring]]:
    made: list[Ring] = []
    with shm() as folder:

        def make(only: str, files: int = 9, more: str = "") -> Ring:
            made.append(Ring(tmp_path, folder, only, files, more))
            return made[-1]

        yield make
        for one in made:
            one.node.close()


@pytest.mark.parametrize(
    ("storage", "more", "wanted"),
    [
        ("sd-card", "retention = {only = 'live'}", True),
        ("sd-card", "retention = {only = 'events'}", True),
        ("sd-card", "retention = {only = 'bookings'}", False),
        ("sd-card", "", False),
        ("disk", "retention = {only = 'live'}", False),
        ("sd-card", "retention = {only = 'live'}\ncapture = {mode = 'always'}", False),
        ("disk", "capture = {mode = 'ram'}", True),
        ("disk", "capture = {mode = 'ram', windows = [{start = '08:00', end = '18:00'}]}", True),
        ("sd-card", "retention = {only = 'live'}\ncapture = {windows = [{start = '08:00', end = '18:00'}]}", False),
    ],
)
def test_who_uses_memory(tmp_path: Path, storage: str, more: str, wanted: bool) -> None:  # noqa: FBT001 - a table's column
    """Whoever says so, and on an SD card cameras that keep nothing by themselves (C081)."""
    path = tmp_path / "holdfast.toml"
    path.write_text(
        f"[volumes.main]\npath = 'v'\nstorage = '{storage}'\n[cameras.gate]\nurl = 'rtsp://192.0.2.1/a'\n{more}\n"
    )
    assert ram.users(load(path, {}).config) == (["gate"] if wanted else [])


@pytest.mark.needs("mount")
def test_whether_memory_will_do(tmp_path: Path) -> None:
    """A folder that is none, is on a disk, or holds too little is named with what is wrong with it."""

    def trouble(folder: Path) -> str:
        path = tmp_path / "holdfast.toml"
        path.write_text(f"state_dir = 'state'\n[memory]\ndir = '{folder}'\ncap = '40 MB'\n")
        return ram.trouble(load(path, {}).config)

    assert trouble(Path(ram.__file__)) == f"{ram.__file__} is no folder"
    assert trouble(Path(ram.__file__).parent) == f"{Path(ram.__file__).parent} is on a disk, not on a tmpfs"
    with small_disk(tmp_path / "small", size_bytes=32 << 20) as folder:
        assert trouble(folder).startswith(f"{folder} holds 32 MiB, too little for 38 MiB of footage (memory.cap)")
    with shm() as folder:
        assert trouble(folder) == ""


def test_of_a_camera_for_live_view_the_oldest_goes(ring: Callable[..., Ring]) -> None:
    """C081: where memory is nearly full the oldest files go until there is room; before that nothing does."""
    live = ring("live")
    assert live.look() == ([], [0, 1, 2])
    assert live.look(may_drop=False) == ([0, 1, 2], [])
    few = live.memory
    for file in live.files[3:]:
        (few.root / file).unlink()
        (live.root / file).unlink()
    del live.files[3:]
    assert live.look() == ([], [])


def test_what_is_held_goes_to_the_disk_at_once(ring: Callable[..., Ring]) -> None:
    """C081: a hold moves the files that it lies in, with the one that ends just before it; they are never dropped."""
    live = ring("live")
    node = live.node
    begin_us = node.clock.wall_us() - 9 * MINUTE_US
    hold = Hold(
        uid="h", camera="gate", kind=HoldKind.LEGAL, why="x", from_us=begin_us + MINUTE_US + 5_000_000,
        to_us=begin_us + MINUTE_US + 6_000_000,
    )  # fmt: skip
    with node.catalog.write() as tx:
        holds.put(tx, 1, hold, who="ann", set_us=node.clock.wall_us())
    assert live.look() == ([0, 1], [])  # what is left is less than three quarters of the cap


def test_what_nobody_has_looked_at_is_not_dropped(ring: Callable[..., Ring]) -> None:
    """Of a camera that keeps events, files that the watcher has not seen go to the disk when room is needed."""
    assert ring("events").look() == ([0, 1, 2], [])


def test_what_is_promised_to_a_target_is_not_dropped(ring: Callable[..., Ring]) -> None:
    """A file that waits for its copies goes to the disk in place of being dropped (F17)."""
    more = "[targets.nas]\ntype = 'folder'\npath = '/nas'\n[deliveries.all]\ntarget = 'nas'\nsince = 'all'\n"
    assert ring("live", more=more).look() == ([0, 1, 2], [])


def test_what_the_recorder_left_is_moved(ring: Callable[..., Ring]) -> None:
    """Of a camera that keeps all the worker moves what the recorder left for minutes; of an unknown one all."""
    kept = ring("always")
    assert kept.look() == ([0, 1, 2], [])
    kept.node.clock.advance(120)
    assert kept.look() == ([0, 1, 2, 3, 4], [])
    kept.node.write(f"[memory]\ndir = '{kept.memory.home.parent}'\ncap = 16000000\n")
    assert kept.look() == (list(range(9)), [])


@pytest.mark.parametrize("over", [True, False])
def test_an_event_is_moved_once_it_is_over(ring: Callable[..., Ring], *, over: bool) -> None:
    """An event that lasts keeps its files in memory; once it is over they go to the disk. What was looked at may go."""
    events = ring("events")
    node, now_us = events.node, events.node.clock.wall_us()
    begin_us = now_us - 9 * MINUTE_US + 20_000_000
    told = Told(
        camera="gate", kind=EventKind.MOTION, start_us=begin_us, from_us=begin_us, score=1.0, confidence=1.0,
        end_us=begin_us + MINUTE_US if over else None, to_us=begin_us + MINUTE_US if over else None,
    )  # fmt: skip
    with node.catalog.write() as tx:
        happenings.put(tx, 1, told, now_us)
        measures.set_positions(tx, 1, {"gate": Position(now_us - MINUTE_US, {})}, now_us)
    # While it lasts it may reach to now: all that came since is needed, and leaves memory only for room.
    assert events.look() == (([0, 1], []) if over else ([0, 1, 2], []))
