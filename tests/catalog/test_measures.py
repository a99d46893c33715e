"""Measures, their minutes, and how far the watcher is."""

from holdfast.catalog import measures, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.measures import Measure, Position
from holdfast.core.timing import DAY_US, MINUTE_US, SECOND_US


def looks(count: int, start_us: int = 0) -> list[Measure]:
    """A look every 2 s, ever louder; every second one without sound."""
    return [
        Measure(
            at_us=start_us + number * 2 * SECOND_US, black_percent=float(number), difference=1.0 + number,
            mean_db=-60.0 + number if number % 2 else None,
        )
        for number in range(count)
    ]  # fmt: skip


def test_looks_are_rolled_up_to_minutes(catalog: Catalog) -> None:
    """A minute has the mean and the most of its looks, however they came in, and each look counts once (C055)."""
    found = looks(60)
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        measures.add(tx, node, {"gate": found[:25], "yard": found[:1]})
        measures.add(tx, node, {"gate": found[20:], "dock": []})
        assert measures.between(tx, node, "gate", 0, DAY_US, limit=1000) == found
        first, second = measures.minutes(tx, node, "gate", 0, DAY_US, limit=10)
        newest = measures.newest(tx, node, "gate")
        assert measures.newest(tx, node, "dock") is None
    assert newest == found[-1]
    assert (first.minute_us, first.looks, first.black_mean, first.black_most) == (0, 30, 14.5, 29.0)
    assert (first.difference_least, first.db_mean, first.db_most) == (1.0, -45.0, -31.0)
    assert (second.minute_us, second.looks) == (MINUTE_US, 30)


def test_old_looks_go_and_minutes_stay(catalog: Catalog) -> None:
    """Looks are forgotten before minutes are, some at a time."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        measures.add(tx, node, {"gate": looks(60)})
        assert measures.forget(tx, node, looks_before_us=MINUTE_US, minutes_before_us=0, most=10) == 10
        while measures.forget(tx, node, looks_before_us=MINUTE_US, minutes_before_us=0, most=10):
            pass
        assert measures.between(tx, node, "gate", 0, DAY_US, limit=1)[0].at_us == MINUTE_US
        assert len(measures.minutes(tx, node, "gate", 0, DAY_US, limit=10)) == 2


def test_a_position_is_replaced(catalog: Catalog) -> None:
    """How far a camera is judged is known by camera, and the newest word counts (C062)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        assert measures.position(tx, node, "gate") is None
        for taken_us in (5, 9):
            gate = Position(taken_us, {"cases": [taken_us]})
            measures.set_positions(tx, node, {"gate": gate, "yard": Position(1, {})}, 1)
        measures.set_positions(tx, node, {}, 1)
        assert measures.position(tx, node, "gate") == Position(9, {"cases": [9]})
