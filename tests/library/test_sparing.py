"""What events and incidents hold is off the recorders' list when that is said, whatever goes on at the same time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import events, incidents, nodes
from holdfast.catalog.events import Told
from holdfast.core.event import EventKind
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.journal import Sealed
from holdfast.core.retention import Hold, HoldKind
from holdfast.library import incidents as said
from holdfast.library.sparing import covering, spare
from holdfast.storage import expendable
from holdfast.storage.expendable import Entry, decode
from holdfast.work.retain import Retainer
from support.kept_node import KEPT, KeptNode

HELD = KEPT + "[cameras.gate.retention]\nholds = ['events', 'incidents']\n"


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path, HELD)
    yield node
    node.close()


def named(node: KeptNode) -> list[str]:
    """What recorders may remove, now or later."""
    lines = (node.state / expendable.NAME).read_bytes().splitlines()
    return [one.file for line in lines if (one := decode(line)) is not None]


def begin(node: KeptNode, file: Sealed, *, incident: bool = False) -> int:
    """An event, or incident, is found in a file; returns when it was written."""
    now_us = node.clock.wall_us()
    at_us = file.start_us + 300_000_000
    with node.catalog.write() as tx:
        number = nodes.ensure(tx, "local", now_us)
        if incident:
            case = Case(IncidentType.BLACKSCREEN, Stage.RESOLVED, at_us, at_us + 1, 1, good_us=at_us + 1)
            incidents.put(tx, number, "gate", case, now_us=now_us)
        else:
            told = Told(
                camera="gate", kind=EventKind.MOTION, start_us=at_us, end_us=at_us, from_us=at_us, to_us=at_us + 1,
                score=1.0, confidence=9.0,
            )  # fmt: skip
            events.put(tx, number, told, now_us)
    return now_us


def spared(node: KeptNode, changed_us: int = 0, *, config: str = HELD) -> int:
    """Take off what is held."""
    node.write(config)
    return spare(node.catalog, 1, node.config, node.clock.wall_us(), cameras=["gate"], changed_us=changed_us)


@pytest.mark.parametrize("incident", [False, True], ids=["event", "incident"])
def test_what_is_found_late_is_kept_at_once(node: KeptNode, *, incident: bool) -> None:
    """A file that was on the list goes from it when something is found in it; the next pass does not bring it back."""
    Retainer(node.catalog, node.clock).run(node.config)
    files = node.record(4)
    Retainer(node.catalog, node.clock).run(node.config)
    assert named(node) == [one.file for one in files]
    at_us = begin(node, files[1], incident=incident)
    assert spared(node, at_us + 1) == 0, "nothing was written since"
    assert spared(node, at_us) == 1
    left = [one.file for one in (files[0], *files[2:])]
    assert named(node) == left
    Retainer(node.catalog, node.clock).run(node.config)
    assert named(node) == left


def test_a_list_that_is_made_meanwhile_does_not_name_it(node: KeptNode) -> None:
    """A pass that asked before the rows were there has its list struck: whoever strikes waits for it (C080)."""
    files = node.record(2)
    path = node.state / expendable.NAME

    def thought() -> list[Entry]:
        asked = [Entry("v", one.file, one.bytes, one.start_us, one.end_us) for one in files]
        begin(node, files[0])
        return asked

    expendable.publish(path, thought)
    assert spared(node) == 1
    assert named(node) == [files[1].file]


def test_only_what_policy_says_holds(node: KeptNode) -> None:
    """Where events hold nothing they leave the list as it is."""
    files = node.record(1)
    path = node.state / expendable.NAME
    expendable.publish(path, lambda: [Entry("v", files[0].file, 1, files[0].start_us, files[0].end_us)])
    begin(node, files[0])
    assert spared(node, config=KEPT) == 0
    assert spared(node) == 1


def test_an_incident_that_is_one_after_all_holds_again(node: KeptNode) -> None:
    """Taken back, a discarded incident takes what it holds off the list; until then it holds nothing."""
    files = node.record(2)
    begin(node, files[0], incident=True)
    with node.catalog.read() as tx:
        (row,) = incidents.page(tx, incidents.Wanted(), limit=2).rows
    said.discard(node.catalog, row.id, node.clock, who="ann", discarded=True, config=node.config)
    Retainer(node.catalog, node.clock).run(node.config)
    assert named(node) == [one.file for one in files]
    node.later(1)
    said.discard(node.catalog, row.id, node.clock, who="ann", discarded=False, config=node.config)
    assert named(node) == [files[1].file]


def test_a_file_without_times_may_show_anything() -> None:
    """Of a camera with a hold no file may go whose times nobody knows; those of other cameras may."""
    hold = Hold(uid="h", camera="gate", from_us=10, to_us=20, kind=HoldKind.EVENT)
    covered = covering([hold, Hold(uid="i", camera="gate", from_us=30, to_us=40, kind=HoldKind.EVENT)])
    day = "main/2026-01-01/a.mp4"
    spans = [(0, 10), (5, 11), (19, 25), (20, 30), (39, 50), (None, None), (5, None)]
    assert [covered(Entry("v", f"footage/gate/{day}", 1, *span)) for span in spans] == [
        False, True, True, False, True, True, True,
    ]  # fmt: skip
    assert not covered(Entry("v", f"footage/yard/{day}", 1, 10, 20))
