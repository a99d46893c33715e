"""What must stay of each camera, by settings, holds and what was looked at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import holds, nodes
from holdfast.core.config.retention import KeepConfig
from holdfast.core.retention import Hold, HoldKind
from holdfast.core.timing import DAY_US
from holdfast.library import keeping, kept_memory
from holdfast.library.kept_memory import Memory, Watched
from support.kept_node import KEPT, KeptNode


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path)
    yield node
    node.close()


def test_events_and_incidents_stay_as_long_as_footage_hangs_on_them(node: KeptNode) -> None:
    """What holds footage, or is all that keeps it, is not deleted before it (C066, C079)."""

    def kept_days(config: str) -> tuple[float | None, float]:
        node.write(KEPT + config)
        events_us = keeping.events_kept_us(node.config)
        return None if events_us is None else events_us / DAY_US, keeping.incidents_kept_us(node.config) / DAY_US

    assert kept_days("") == (30, 90)
    assert kept_days("[cameras.gate.retention]\nhold_days = 365\n") == (365, 365)
    assert kept_days("[cameras.gate.retention]\nonly = 'events'\n") == (None, 90)
    assert kept_days("[cameras.gate.retention]\nonly = 'events'\nkeep_days = 200\n") == (201, 90)


def test_what_came_back_holds_as_its_rows_would(node: KeptNode) -> None:
    """Holds of events whose rows were lost protect where events hold, and as long as they do; people's always (K6)."""
    now_us = node.clock.wall_us()
    long_ago = Hold(uid="e1", camera="gate", from_us=1, to_us=now_us - 6 * DAY_US, kind=HoldKind.EVENT)
    lately = Hold(uid="e2", camera="gate", from_us=1, to_us=now_us - 4 * DAY_US, kind=HoldKind.EVENT)
    legal = Hold(uid="l1", camera="gate", from_us=1, to_us=2, kind=HoldKind.LEGAL)
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", now_us)
        holds.restore(tx, number, [(one, "", 1) for one in (long_ago, lately, legal)])
        for held, found in (("[]", [legal]), ("['incidents']", [legal]), ("['events']", [legal, lately])):
            node.write(KEPT + f"[cameras.gate.retention]\nholds = {held}\nhold_days = 5\n")
            assert keeping.standing_holds(tx, number, node.config, now_us) == found
        # Where events alone keep footage they do so for ever, whether they hold it or not.
        node.write(KEPT + "[cameras.gate.retention]\nonly = 'events'\nholds = []\n")
        kept_memory.remember(node.state, Memory(cameras={"gate": Watched(looked=((5, 7), (9, 20)), live=False)}))
        wanted = keeping.wanted(tx, number, node.config, [], now_us)["gate"]
    assert set(wanted) == {(1, lately.to_us), (1, long_ago.to_us), (0, 5), (7, 9), (20, now_us)}


def test_kinds_of_holds_are_those_of_the_settings() -> None:
    """What the settings call events and incidents are the kinds of holds that follow from rows."""
    assert keeping.hold_kinds(KeepConfig(holds=("events", "incidents"))) == {HoldKind.EVENT, HoldKind.INCIDENT}
    assert keeping.hold_kinds(KeepConfig(holds=())) == frozenset()
