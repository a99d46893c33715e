"""The worker's thread for retention: when it takes a pass, and what it says of disks."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.config import load
from holdfast.core.errors import CatalogUnavailable
from holdfast.roles.retention_loop import RetentionLoop
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
    loop._close()


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
    again._close()


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
            loop._failed(caught.value)
        away = False
        node.clock.advance(60)
        loop.tick()
    said = [line["event"] for line in lines if line["event"].startswith("retention.")]
    assert said == ["retention.problem", "retention.goes_on"]
    loop._close()


def test_it_begins_and_ends(node: KeptNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread works by itself and ends when it is asked to, leaving its catalog closed."""
    monkeypatch.setattr("holdfast.roles.retention_loop.FIRST_S", 0.01)
    loop = RetentionLoop(node.clock, node="local", open_catalog=open_catalog)
    loop.start(load(node.path, {}))
    until((node.root / "state/expendable.jsonl").exists)
    loop.ask_stop()
    assert loop.join(10)
    assert loop._catalog is None
