"""C083: exports are durable work: made once, through kills and deletions, and gone when their time is over."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.exports import DONE, EXPIRED, FAILED, ExportRow
from holdfast.catalog.rows import Id
from holdfast.core import config
from holdfast.core.clock import SystemClock
from holdfast.core.config import Config
from holdfast.core.errors import Conflict, NotFound
from holdfast.library import exports
from holdfast.library.export_verify import verify_export
from holdfast.work.export import MOST_ATTEMPTS, export_kind
from holdfast.work.kind import Kind
from holdfast.work.station import Options, Station
from support.exports import Yard


class Node:
    """A node with footage, its settings and its catalog."""

    def __init__(self, root: Path, catalog: Catalog) -> None:
        self.yard = Yard(root)
        self.catalog = catalog
        path = root / "holdfast.toml"
        path.write_text('state_dir = "state"\n[volumes.main]\npath = "disk"\nreserve = "1 MB"\n')
        self.config = config.load(path, {}).config
        self.settings: Callable[[], Config] = lambda: self.config

    def kind(self) -> Kind:
        """What makes exports."""
        return export_kind(self._settings, SystemClock())

    def _settings(self) -> Config:
        return self.settings()

    def ask(self, **more: object) -> Id:
        """Ask for all of it."""
        return exports.ask(self.catalog, self.yard.asked(**more), self.yard.clock.wall_us()).id

    def row(self, export: Id) -> ExportRow:
        """How one stands."""
        return exports.get(self.catalog, export)

    def until(self, export: Id, state: str) -> ExportRow:
        """Wait for it to come to a state."""
        end_s = time.monotonic() + 60
        while self.row(export).state != state:
            assert time.monotonic() < end_s, self.row(export)
            time.sleep(0.02)
        return self.row(export)

    def station(self, worker: str = "w1") -> Station:
        """A worker at work."""
        return Station(self.catalog, 1, [self.kind()], SystemClock(), Options(worker=worker))

    @property
    def files(self) -> list[str]:
        """What lies in the folder of exports."""
        folder = self.yard.disk / "exports"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[Node]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield Node(tmp_path, catalog)


def test_what_was_asked_for_is_made(node: Node) -> None:
    """An export is made, verifies by the node's key, and its row tells size, name and what is missing."""
    first = node.ask()
    with node.station():
        row = node.until(first, DONE)
    path = exports.path_of(node.yard.volumes, row)
    assert path.stat().st_size == row.bytes == row.written_bytes
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256
    checked = verify_export(path, key=node.yard.key.public.fingerprint)
    assert checked.findings == []
    assert checked.manifest is not None
    assert (checked.manifest.id, checked.manifest.asked_by) == (row.manifest, "ann")
    assert [one["why"] for one in exports.missing_of(row)] == ["removed: reserve", "unreachable"]
    assert not row.complete
    assert row.expires_us is not None
    assert row.name in path.name


def test_nothing_there_fails_with_a_reason(node: Node) -> None:
    """An export of a span of which nothing is left ends as failed, says why, and is not tried for ever."""
    first = node.yard.pieces[0]
    asked = node.ask(from_us=first.start_us, to_us=first.end_us)
    with node.station():
        row = node.until(asked, FAILED)
    assert "removed: reserve" in row.error
    with pytest.raises(Conflict, match="not done"):
        exports.path_of(node.yard.volumes, row)


def test_a_disk_without_room_fails_in_the_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """C083: an export for which there is no room is tried again some times, and then makes room for other wishes."""
    kind = node.kind()
    assert kind.retry.most == MOST_ATTEMPTS
    quick = replace(kind, retry=replace(kind.retry, first_s=0.01, cap_s=0.01, most=3))
    monkeypatch.setattr(node, "kind", lambda: quick)
    free = node.config.volumes["main"]
    huge = free.model_copy(update={"reserve": 1 << 62})
    node.config = node.config.model_copy(update={"volumes": {"main": huge}})
    asked = node.ask()
    with node.station():
        row = node.until(asked, FAILED)
    assert row.attempts == 3
    assert "would not leave" in row.error
    assert node.files == []


def test_a_killed_worker_leaves_it_to_the_next(node: Node) -> None:
    """F26: what a worker left in the midst, with its claim and half a file, the next one begins anew."""
    asked = node.ask()
    reached, held = threading.Event(), threading.Event()

    def stuck() -> Config:
        reached.set()
        held.wait()
        return node.config

    node.settings = stuck
    with node.station() as frozen:
        assert reached.wait(60)
        (node.yard.disk / "exports").mkdir(parents=True)
        (node.yard.disk / f"exports/.{asked}_gate_2026-09-21_161320+0200_export.zip.dead.part").write_bytes(b"half")
        frozen.ask_stop()
        held.set()
    assert node.row(asked).state == "pending"
    node.settings = lambda: node.config
    with node.station("w2"):
        row = node.until(asked, DONE)
    assert [name for name in node.files if not name.startswith(".")] == [Path(row.file).name]
    assert verify_export(exports.path_of(node.yard.volumes, row)).findings == []


def test_what_is_deleted_meanwhile_leaves_nothing(node: Node) -> None:
    """An export that somebody deletes while it is made leaves no row and no file."""
    asked = node.ask()
    reached, held = threading.Event(), threading.Event()

    def slow() -> Config:
        reached.set()
        held.wait()
        return node.config

    node.settings = slow
    with node.station():
        assert reached.wait(60)
        exports.remove(node.catalog, node.yard.volumes, asked)
        held.set()
    with pytest.raises(NotFound):
        node.row(asked)
    assert node.files == []


def test_its_time_is_over(node: Node) -> None:
    """A week later the file goes and the row says so; a disk that is away keeps its file until it is back."""
    asked = node.ask()
    with node.station():
        row = node.until(asked, DONE)
    assert row.expires_us is not None
    assert exports.expire(node.catalog, node.config, 1, row.expires_us - 1) == 0
    away = node.yard.disk.rename(node.yard.root / "away")
    assert exports.expire(node.catalog, node.config, 1, row.expires_us) == 0
    away.rename(node.yard.disk)
    assert exports.expire(node.catalog, node.config, 1, row.expires_us) == 1
    assert node.files == []
    after = node.row(asked)
    assert after == replace(row, state=EXPIRED, volume="", file="")
    assert json.loads(after.missing)
    with pytest.raises(Conflict, match="its time was over"):
        exports.path_of(node.yard.volumes, after)
