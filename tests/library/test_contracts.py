"""Incidents of streams that are not what is expected."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import incidents, nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.incidents import IncidentRow, Wanted
from holdfast.core.config.watch import WatchConfig
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.status import StreamState, StreamStatus, status_name
from holdfast.core.timing import SECOND_US
from holdfast.library.contracts import Contracts
from support.clock import PushedClock

KIND = IncidentType.STREAM_MISMATCH
FIELDS = ["video.width: 1280, expected 1920", "audio: none, required"]


class Node:
    """A node with a gate whose recorder says what a test wants, looked at each ten seconds."""

    def __init__(self, root: Path, catalog: Catalog) -> None:
        self.clock = PushedClock()
        self.run = root / "run"
        self.run.mkdir()
        self.catalog = catalog
        self.wanted = {"gate": WatchConfig()}
        self.again()
        with catalog.write() as tx:
            self.number = nodes.ensure(tx, "local", 1)

    def again(self) -> None:
        """Be a watcher that was just started."""
        self.contracts = Contracts(self.clock, self.run)

    def says(self, *mismatch: str, state: StreamState = StreamState.RECORDING, looks: int = 1) -> None:
        """Ten seconds pass, the recorder says something, and it is looked at; so many times."""
        for _ in range(looks):
            self.clock.advance(10)
            told = StreamStatus(
                camera="gate", stream="main", state=state, at_us=self.clock.wall_us(), mismatch=list(mismatch)
            )
            (self.run / status_name("gate", "main")).write_text(told.to_json(), encoding="utf-8")
            self.look()

    def look(self) -> None:
        """Look once."""
        self.contracts.look(self.catalog, self.number, self.wanted)

    def rows(self) -> list[IncidentRow]:
        """All incidents, oldest first."""
        with self.catalog.read() as tx:
            return list(reversed(incidents.page(tx, Wanted()).rows))


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


@pytest.fixture(name="node")
def _node(tmp_path: Path, catalog: Catalog) -> Node:
    return Node(tmp_path, catalog)


def test_a_stream_that_is_not_what_is_expected(node: Node) -> None:
    """What differs for long enough is an incident that names the fields, and is over once it does not (C059)."""
    node.says()
    assert node.rows() == []
    node.says(*FIELDS)
    begun_us = node.clock.wall_us()
    assert node.rows() == [], "one look is none"
    node.says(*FIELDS, looks=3)
    (row,) = node.rows()
    assert (row.camera, row.type, row.start_us, row.end_us) == ("gate", KIND, begun_us, None)
    assert row.detail == "; ".join(FIELDS)
    assert row.seen == {"mismatch": FIELDS}
    node.says(looks=2)
    (row,) = node.rows()
    assert (row.end_us, row.count) == (begun_us + 40 * SECOND_US, 4)


def test_what_comes_and_goes_is_none(node: Node) -> None:
    """A camera that is wrong in every second look never opens one (C060)."""
    for _ in range(5):
        node.says(*FIELDS)
        node.says()
    assert node.rows() == []


def test_a_restart_goes_on_with_what_is_open(node: Node) -> None:
    """Whoever watches after a restart closes what was opened before it, and opens none a second time (C062, F06)."""
    node.says(*FIELDS, looks=3)
    node.again()
    node.says(*FIELDS, looks=3)
    assert len(node.rows()) == 1
    node.again()
    node.says(looks=2)
    (row,) = node.rows()
    assert row.end_us == node.clock.wall_us() - 10 * SECOND_US


def test_silence_says_nothing(node: Node) -> None:
    """While the recorder says nothing, or what it said is old, nothing opens and nothing ends (F40)."""
    node.says(*FIELDS, looks=3)
    node.clock.advance(600)
    node.look()
    (node.run / status_name("gate", "main")).write_text("torn", encoding="utf-8")
    node.look()
    (row,) = node.rows()
    assert row.end_us is None


def test_a_stream_that_stops_is_another_matter(node: Node) -> None:
    """A camera that is not recorded any more has no wrong stream: that one ends, and the gap tells the rest."""
    node.says(*FIELDS, looks=3)
    node.says(*FIELDS, state=StreamState.STALLED, looks=2)
    (row,) = node.rows()
    assert row.end_us is not None


def test_a_camera_that_is_not_watched_any_more(node: Node) -> None:
    """What is open ends where nobody watches the camera, or nobody wants to be told of it."""
    node.says(*FIELDS, looks=3)
    node.wanted = {"gate": WatchConfig(lost=False)}
    node.look()
    (row,) = node.rows()
    assert row.end_us is not None
    node.says(*FIELDS, looks=3)
    assert len(node.rows()) == 1


def test_beside_what_the_footage_tells(node: Node) -> None:
    """Where a gap has opened one of this kind, it is left alone, and none is opened beside it (C062)."""
    case = Case(KIND, Stage.ACTIVE, 5, 5, 9)
    with node.catalog.write() as tx:
        incidents.put(tx, node.number, "gate", case, seen={"reason": "unsupported"}, now_us=5)
    node.says(*FIELDS, looks=4)
    (row,) = node.rows()
    assert (row.seen, row.end_us) == ({"reason": "unsupported"}, None)


def test_what_could_not_be_written_is_written_later(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that is away for a while costs no incident, and its begin is the true one."""
    node.says(*FIELDS)
    begun_us = node.clock.wall_us()

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("it is gone")

    with monkeypatch.context() as patch:
        patch.setattr("holdfast.catalog.incidents.put", away)
        with pytest.raises(CatalogUnavailable):
            node.says(*FIELDS)
    node.says(*FIELDS)
    (row,) = node.rows()
    assert row.start_us == begun_us
