"""The worker's thread that writes down what was found, and puts it back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from holdfast.catalog.db import open_catalog
from holdfast.core.config import load
from holdfast.roles.findings_loop import FindingsLoop
from support.found import find, rows
from support.kept_node import KeptNode


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path)
    yield node
    node.close()


def _loop(node: KeptNode) -> FindingsLoop:
    loop = FindingsLoop(node.clock, node="local", open_catalog=open_catalog)
    loop.follow(load(node.path, {}))
    return loop


def _find(node: KeptNode) -> None:
    find(node.catalog, node.disk, node.clock.wall_us(), node.clock.wall_us(), open_too=False)
    node.clock.advance(61)


def test_it_is_written_once_a_minute(node: KeptNode) -> None:
    """What is new is written within two minutes, once, over restarts too; a look in between does nothing."""
    loop = _loop(node)
    loop.tick()
    assert loop.status()["lines"] == 0, "a catalog that is empty has nothing to say"
    _find(node)
    loop.tick()
    assert loop.status() == {"lines": 4, "written_us": node.clock.wall_us(), "problem": ""}
    _find(node)
    node.clock.advance(-2)
    loop.tick()
    assert loop.status()["lines"] == 4
    node.clock.advance(2)
    loop.tick()
    assert loop.status()["lines"] == 8
    loop.close()
    again = _loop(node)
    again.tick()
    assert again.status()["lines"] == 0
    again.close()


def test_a_catalog_that_is_new_gets_all_of_it(node: KeptNode) -> None:
    """Deleted under a worker at work, or while there was none: it is put back by itself, and told (R7, F43)."""
    loop = _loop(node)
    _find(node)
    loop.tick()
    before = rows(node.catalog)
    for alive in (loop, _loop(node)):
        node.catalog.close()
        for path in node.state.glob("catalog.sqlite*"):
            path.unlink()
        node.catalog = open_catalog(node.config.catalog_url)
        node.index()  # whoever comes first says that the node is there
        with structlog.testing.capture_logs() as lines:
            alive.tick()
        assert rows(node.catalog) == before
        told = [line for line in lines if line["event"] == "findings.restored"]
        assert [(line["stills"], line["events"], line["incidents"]) for line in told] == [(2, 1, 1)]
        with structlog.testing.capture_logs() as lines:
            node.clock.advance(61)
            alive.tick()
        assert not lines
    loop.close()
    alive.close()


def test_a_disk_that_is_away_is_said_once(node: KeptNode) -> None:
    """Nothing is lost: it is written once the disk is back."""
    loop = _loop(node)
    _find(node)
    away = node.disk.rename(node.root / "away")
    for _ in range(2):
        with pytest.raises(Exception, match="no volume is there") as caught:
            loop.tick()
        loop.failed(caught.value)
    assert "no volume is there" in loop.status()["problem"]
    away.rename(node.disk)
    loop.tick()
    assert (loop.status()["lines"], loop.status()["problem"]) == (4, "")
    loop.close()
