"""The worker's thread for retention: when it takes a pass, and what it says of disks."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

from holdfast.catalog import incidents, nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.incidents import Wanted
from holdfast.core.config import load
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.incident import IncidentType
from holdfast.library import disk_incidents, retention, watermarks
from holdfast.library.watermarks import Mark
from holdfast.roles.retention_loop import RetentionLoop
from support.dead_disk import dead_disk
from support.kept_node import KEPT, KeptNode
from support.recording import until

DAYS_7 = KEPT + "[cameras.gate.retention]\nkeep_days = 7\n"


class Usage(NamedTuple):
    """What a disk answers."""

    total: int
    used: int
    free: int


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path, DAYS_7)
    yield node
    node.close()


@pytest.fixture(name="loop")
def _loop(node: KeptNode) -> Iterator[RetentionLoop]:
    loop = made(node, open_catalog)
    yield loop
    loop.close()


def made(node: KeptNode, opener: Callable[[str], Catalog]) -> RetentionLoop:
    """A loop that is ticked by hand."""
    loop = RetentionLoop(node.clock, node="local", open_catalog=opener)
    loop.follow(load(node.path, {}))
    return loop


def test_a_pass_is_taken_every_ten_minutes(node: KeptNode, loop: RetentionLoop) -> None:
    """What is over goes with the next pass, ten minutes after the last one at most (C082)."""
    node.record(2, seconds=10)
    node.later(7 * 24 - 0.05)
    loop.tick()
    node.clock.advance(240)
    loop.tick()
    assert len(node.here()) == 2
    node.clock.advance(370)
    loop.tick()
    assert node.here() == set()


def test_more_than_goes_at_once_goes_soon(node: KeptNode, loop: RetentionLoop) -> None:
    """Where more is over than one pass deletes, the next pass does not wait for ten minutes."""
    node.write("[retention]\nfiles_per_pass = 2\n" + DAYS_7)
    loop.follow(load(node.path, {}))
    loop.tick()
    node.record(5)
    node.later(8 * 24)
    left = []
    for _ in range(3):
        loop.tick()
        left.append(len(node.here()))
        node.clock.advance(25)
    assert left == [3, 1, 0]


def test_each_level_of_a_disk_is_told_once(
    node: KeptNode, loop: RetentionLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line when a disk becomes fuller, one when it is normal again, none in between nor after a restart (C078)."""
    used = 50

    def answer(path: Path) -> Usage:
        share = used if Path(path) == node.disk else 10
        return Usage(100 * 10**9, share * 10**9, (100 - share) * 10**9)

    def told(one: RetentionLoop) -> list[tuple[Any, ...]]:
        with structlog.testing.capture_logs() as lines:
            one.tick()
            one.tick()
        found = [line for line in lines if line["event"] == "disk.level"]
        return [(line["disk"], line["mark"], line["log_level"]) for line in found]

    monkeypatch.setattr(shutil, "disk_usage", answer)
    assert told(loop) == []
    used = 80
    assert told(loop) == [("main", "warning", "warning")]
    used = 91
    assert told(loop) == [("main", "critical", "error")]
    node.clock.advance(700)
    loop.tick()
    again = made(node, open_catalog)
    assert told(again) == []
    used = 40
    assert told(again) == [("main", "normal", "info")]
    again.close()


def test_each_level_is_one_incident(node: KeptNode, loop: RetentionLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A level opens an incident that the next level, up or down, closes; restarted, none is doubled (C078)."""
    used = 80.0

    def answer(path: Path) -> Usage:
        share = used if Path(path) == node.disk else 10
        return Usage(10**12, int(share * 10**10), int((100 - share) * 10**10))

    def rows() -> list[tuple[str, str, bool]]:
        with node.catalog.read() as tx:
            found = incidents.page(tx, Wanted(type=IncidentType.DISK), limit=50).rows
        return [(row.camera, row.seen["level"], row.end_us is None) for row in reversed(found)]

    monkeypatch.setattr(shutil, "disk_usage", answer)
    loop.tick()
    assert rows() == [("@main", "warning", True)]
    assert loop.status()["disks"][0]["words"] == "main is 80 % full (warning): 200.0 of 1000.0 GB are free"
    for share_now, level in (
        (86.0, "alert"),
        (91.0, "critical"),
        (89.5, "critical"),
        (88.0, "alert"),
        (74.5, "warning"),
    ):
        used = share_now
        node.clock.advance(30)
        made_anew = made(node, open_catalog)  # as after a kill
        made_anew.tick()
        made_anew.tick()
        made_anew.close()
        assert rows()[-1] == ("@main", level, True)
        assert sum(lasts for *_, lasts in rows()) == 1
    used = 40.0
    loop._recalled = False
    loop.tick()
    assert [level for _, level, _ in rows()] == ["warning", "alert", "critical", "alert", "warning"]
    assert not any(lasts for *_, lasts in rows())


def test_a_level_that_the_catalog_missed_is_told_it_later(
    node: KeptNode, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A level that is reached while the catalog is away becomes its incident once the catalog answers."""
    away = False

    def opener(url: str) -> Catalog:
        if away:
            raise CatalogUnavailable("it does not answer")
        return open_catalog(url)

    loop = made(node, opener)
    loop.tick()
    full = Usage(10**12, 95 * 10**10, 5 * 10**10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full if Path(path) == node.disk else Usage(100, 10, 90))
    away = True
    loop.close()
    with pytest.raises(CatalogUnavailable):
        loop.tick()
    away = False
    loop.tick()
    with node.catalog.read() as tx:
        (row,) = incidents.page(tx, Wanted(type=IncidentType.DISK), limit=50).rows
    assert row.detail.startswith("main is 95 % full (critical)")
    loop.close()


def test_a_disk_that_is_used_no_more_has_no_level(
    node: KeptNode, loop: RetentionLoop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The incident of a target that was taken out of the settings ends; that of a disk that is away stays."""
    nas = tmp_path / "nas"
    nas.mkdir()
    target = f"[targets.nas]\ntype = 'folder'\npath = '{nas}'\n"
    node.write(target + DAYS_7)
    loop.follow(load(node.path, {}))
    marks = {"target nas": Mark.CRITICAL, "main": Mark.NORMAL}
    loop.tick()
    disk_incidents.tell(node.catalog, marks, {}, node.clock.wall_us(), node="local")
    loop._recalled = False
    with node.catalog.read() as tx:
        number = nodes.find(tx, "local") or 0
        assert disk_incidents.find(tx, number, "target nas") is not None
    nas.rename(tmp_path / "away")
    loop.tick()
    assert disk_incidents.told(node.catalog)["target nas"] is Mark.CRITICAL
    node.write(DAYS_7)
    loop.follow(load(node.path, {}))
    loop.tick()
    assert "target nas" not in disk_incidents.told(node.catalog)
    with node.catalog.read() as tx:
        assert disk_incidents.find(tx, number, "target nas") is None


@pytest.mark.needs("mount")
def test_a_target_that_hangs_stops_no_pass(
    node: KeptNode, loop: RetentionLoop, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """While a target's file server answers nobody footage goes as ever, and the level of its disk stays (F17, F20)."""
    monkeypatch.setattr(watermarks, "ANSWER_S", 0.1)
    nas = node.root / "nas"
    node.write(DAYS_7 + f"[targets.nas]\ntype = 'folder'\npath = '{nas}'\n")
    loop.follow(load(node.path, {}))
    loop.tick()
    loop._marks["target nas"] = Mark.ALERT
    node.record(2)
    node.later(8 * 24)
    with dead_disk(nas):
        loop.tick()
        assert node.here() == set()
        assert disk_incidents.told(node.catalog)["target nas"] is Mark.ALERT


def test_the_status_says_why_nothing_is_deleted(node: KeptNode, loop: RetentionLoop) -> None:
    """A doubt is in `worker.json` with its reason until it is cleared, and not where nothing is to be deleted."""
    node.clock.sync = False
    loop.tick()
    retention.doubt(node.catalog, node.clock, "the catalog was made anew")
    node.clock.advance(700)
    loop.tick()
    assert loop.status()["off"] == "the catalog was made anew"
    node.write("[retention]\nenabled = false\n" + KEPT)
    loop.follow(load(node.path, {}))
    assert loop.status()["off"] == ""
    node.write(KEPT)
    loop.follow(load(node.path, {}))
    retention.confirm(node.catalog, node.clock)
    loop.tick()
    assert loop.status()["off"] == ""


def test_a_catalog_that_is_away_is_told_once(node: KeptNode) -> None:
    """While the catalog is away nothing goes; that is said once, and once more when it is back."""
    away = True

    def opener(url: str) -> Catalog:
        if away:
            raise CatalogUnavailable("it does not answer")
        return open_catalog(url)

    loop = made(node, opener)
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(CatalogUnavailable) as caught:
                loop.tick()
            loop.failed(caught.value)
        away = False
        node.clock.advance(60)
        loop.tick()
    said = [line["event"] for line in lines if line["event"].startswith("retention.")]
    assert said == ["retention.problem", "retention.goes_on"]
    loop.close()


def test_it_begins_and_ends(node: KeptNode) -> None:
    """The thread works by itself and ends when it is asked to, leaving its catalog closed."""
    loop = RetentionLoop(node.clock, node="local", open_catalog=open_catalog, indexed=lambda: True)
    loop.start(load(node.path, {}))
    until((node.root / "state/expendable.jsonl").exists)
    loop.ask_stop()
    assert loop.join(60)
    assert loop._catalog is None
