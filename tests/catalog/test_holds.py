"""Holds as rows, on both databases."""

from dataclasses import replace

import pytest

from holdfast.catalog import events, holds, incidents, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.events import Told
from holdfast.catalog.rows import Id
from holdfast.core.errors import NotFound
from holdfast.core.event import EventKind
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.retention import Hold, HoldKind
from holdfast.core.timing import SECOND_US

NOW = 1_790_000_000_000_000
HOLD = Hold(uid="h1", camera="gate", from_us=NOW, to_us=NOW + 10, kind=HoldKind.LEGAL, why="theft")


def test_a_hold_is_set_changed_and_released(catalog: Catalog) -> None:
    """A hold has one row whatever is said of it, and stands until it is released."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", NOW)
        first = holds.put(tx, node, HOLD, who="anna", set_us=NOW)
        assert holds.put(tx, node, HOLD, who="bert", set_us=NOW + 5) == first
        assert [(row.hold, row.who, row.set_us) for row in holds.listed(tx, node)] == [(HOLD, "bert", NOW + 5)]
        assert holds.listed(tx, node, camera="door") == []
        holds.release(tx, node, ["h1", "h2"], who="anna", now_us=NOW + 9)
        assert holds.listed(tx, node) == []
        row = holds.listed(tx, node, released=True)[0]
        assert (row.released_us, row.released_by) == (NOW + 9, "anna")
        assert holds.get(tx, first) == row
        with pytest.raises(NotFound):
            holds.get(tx, Id(node, 99))


def test_what_was_lost_comes_back_at_once(catalog: Catalog) -> None:
    """Many holds get rows in one go; they are listed by kind, end and name, and one that never stood is forgotten."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", NOW)
        event = replace(HOLD, uid="event:gate:1", kind=HoldKind.EVENT, to_us=NOW + 20)
        holds.restore(tx, node, [])
        holds.restore(tx, node, [(HOLD, "anna", NOW), (event, "", NOW + 1)])
        assert {(row.hold, row.who, row.set_us) for row in holds.listed(tx, node)} == {
            (HOLD, "anna", NOW), (event, "", NOW + 1),
        }  # fmt: skip
        assert [row.hold for row in holds.listed(tx, node, kinds={HoldKind.EVENT})] == [event]
        assert [row.hold for row in holds.listed(tx, node, after_us=NOW + 10)] == [event]
        (row,) = holds.listed(tx, node, uid="h1")
        holds.drop(tx, row.id)
        assert [row.hold for row in holds.listed(tx, node, released=True)] == [event]


def test_what_events_hold_follows_from_their_rows(catalog: Catalog) -> None:
    """The footage of each event that lasted after an instant is held; what still lasts, to now."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", NOW)
        for start, end in ((10, 20), (30, 40), (60, None)):
            told = Told(
                camera="gate", kind=EventKind.MOTION, score=1.0, confidence=1.0, start_us=start, end_us=end,
                from_us=start - 5, to_us=None if end is None else end + 5,
            )  # fmt: skip
            events.put(tx, node, told, NOW)
        found = holds.of_events(tx, node, "gate", 30, 100)
        assert [(one.from_us, one.to_us, one.kind, one.why) for one in found] == [
            (25, 45, HoldKind.EVENT, "motion"), (55, 100, HoldKind.EVENT, "motion"),
        ]  # fmt: skip
        assert holds.of_events(tx, node, "door", 0, 100) == []
        assert [one.from_us for one in holds.of_events(tx, node, "gate", 0, 100, changed_us=NOW + 1)] == [55]


def test_incidents_that_show_something_hold_it(catalog: Catalog) -> None:
    """An incident holds its span and a little around it; not one without a picture, and not one that is none."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", NOW)

        def tell(kind: IncidentType, start_us: int, end_us: int | None) -> Id:
            stage = Stage.ACTIVE if end_us is None else Stage.RESOLVED
            case = Case(type=kind, stage=stage, start_us=start_us, bad_us=start_us, good_us=end_us)
            return incidents.put(tx, node, "gate", case, now_us=NOW)

        tell(IncidentType.FREEZE, NOW, NOW + 5 * SECOND_US)
        tell(IncidentType.SIGNAL_LOST, NOW, NOW + 5 * SECOND_US)
        tell(IncidentType.BLACKSCREEN, NOW + 9 * SECOND_US, None)
        none = tell(IncidentType.MACROBLOCKS, NOW, NOW + 1)
        incidents.review(tx, none, {"discarded": True, "discarded_us": NOW}, NOW)
        around, now_us = holds.AROUND_US, NOW + 60 * SECOND_US
        found = holds.of_incidents(tx, node, "gate", NOW, now_us)
        assert [(one.why, one.from_us, one.to_us) for one in found] == [
            ("freeze", NOW - around, NOW + 5 * SECOND_US + around),
            ("blackscreen", NOW + 9 * SECOND_US - around, now_us + around),
        ]
        assert len(holds.of_incidents(tx, node, "gate", NOW + 6 * SECOND_US, now_us)) == 1
        assert holds.of_incidents(tx, node, "gate", NOW, now_us, changed_us=NOW + 1) == []
