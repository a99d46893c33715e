"""What loops share that take passes: when they begin, what they say of a failure, which catalog they have."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.config import Loaded, load
from holdfast.core.errors import CatalogUnavailable
from holdfast.roles import pass_loop
from holdfast.roles.pass_loop import PassLoop
from support.kept_node import KeptNode


class Looking(PassLoop):
    """A loop that does what it is told at each look, and remembers the catalogs that it had."""

    def __init__(self, node: KeptNode, ready: threading.Event) -> None:
        super().__init__("looking", node.clock, node="local", open_catalog=open_catalog, ready=ready.is_set)
        self.seen: list[Catalog] = []
        self.raised: list[Exception] = []
        self.looked = threading.Event()

    def look(self, loaded: Loaded) -> None:
        """Have the catalog, and raise what is wanted."""
        self.seen.append(self.catalog(loaded.config.catalog_url))
        self.looked.set()
        if self.raised:
            raise self.raised.pop(0)
        self.say("")


@pytest.fixture(name="ready")
def _ready() -> threading.Event:
    return threading.Event()


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path)
    yield node
    node.close()


@pytest.fixture(name="loop")
def _loop(node: KeptNode, ready: threading.Event) -> Iterator[Looking]:
    loop = Looking(node, ready)
    yield loop
    loop.close()


def test_the_first_look_waits_for_what_it_needs(node: KeptNode, loop: Looking, ready: threading.Event) -> None:
    """Nobody looks before what is waited for is there, or the longest wait is over; the end leaves no catalog open."""
    loop.first_s = 600
    loop.start(load(node.path, {}))
    assert not loop.looked.is_set()
    ready.set()
    assert loop.looked.wait(60)
    loop.ask_stop()
    assert loop.join(60)
    assert loop._catalog is None


def test_it_waits_no_longer_than_it_may(node: KeptNode, loop: Looking) -> None:
    """What never comes is not waited for for ever, and the end is not waited for at all."""
    loop.first_s = 0.2
    loop.start(load(node.path, {}))
    assert loop.looked.wait(60)
    loop.ask_stop()
    assert loop.join(60)


def test_a_look_that_fails_is_tried_again(
    node: KeptNode, loop: Looking, ready: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a look raises, the next one comes; the same words are said once, and the end of it, too."""
    monkeypatch.setattr(pass_loop, "TICK_S", 0.01)
    loop.raised = [CatalogUnavailable("away", hint="wait"), CatalogUnavailable("away"), ValueError("odd")]
    ready.set()
    over = threading.Event()
    say = loop.say

    def said(problem: str, hint: str = "", trace: Exception | None = None) -> None:
        say(problem, hint, trace)
        if not problem:
            over.set()

    monkeypatch.setattr(loop, "say", said)
    with structlog.testing.capture_logs() as lines:
        loop.start(load(node.path, {}))
        assert over.wait(60)
        loop.ask_stop()
        assert loop.join(60)
    # A recorder that other tests of this worker share may say something meanwhile.
    lines = [line for line in lines if line["event"].startswith("looking.")]
    told = [(line["event"], line.get("reason"), line.get("hint")) for line in lines]
    assert told == [
        ("looking.problem", "away", "wait"), ("looking.problem", "ValueError: odd", ""),
        ("looking.goes_on", None, None),
    ]  # fmt: skip
    assert len(set(map(id, loop.seen[:4]))) == 4, "a catalog that a look failed with is opened anew"


def test_a_catalog_that_is_another_one_is_opened_anew(node: KeptNode, loop: Looking) -> None:
    """One catalog serves all looks, until its file is another one."""
    loop.follow(load(node.path, {}))
    loop.tick()
    loop.tick()
    (node.state / "catalog.sqlite").rename(node.state / "aside.sqlite")
    loop.tick()
    assert loop.seen[0] is loop.seen[1] is not loop.seen[2]


def test_nothing_is_looked_at_before_there_are_settings(loop: Looking) -> None:
    """A tick without a configuration does nothing."""
    loop.tick()
    assert not loop.looked.is_set()
