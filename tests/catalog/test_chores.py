from holdfast.catalog import chores, nodes, work_rows
from holdfast.catalog.claims import Known
from holdfast.catalog.db import Catalog
from holdfast.catalog.rows import Id

KIND = Known("chore", "chores", "working")


def test_a_node_has_exactly_its_chores(catalog: Catalog) -> None:
    """New chores appear, those that the program does not know any more go, and others stay as they are."""
    with catalog.write() as tx:
        one, other = nodes.ensure(tx, "one", 1), nodes.ensure(tx, "other", 1)
        chores.ensure(tx, one, ["heads", "exports"], 5)
        chores.ensure(tx, other, ["heads"], 5)
        chores.ensure(tx, one, ["heads", "letters"], 6)
        chores.ensure(tx, one, ["heads", "letters"], 7)
    with catalog.read() as tx:
        assert chores.names(tx, one) == ["heads", "letters"]
        assert chores.names(tx, other) == ["heads"]


def test_a_chore_is_never_given_up(catalog: Catalog) -> None:
    """A chore that failed for good, or that somebody cancelled, is due again when its node begins anew."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "one", 1)
        chores.ensure(tx, node, ["heads"], 5)
        assert work_rows.cancel(tx, KIND, node, [1], by="ann", now_us=6) == 1
        chores.ensure(tx, node, ["heads"], 7)
        found = work_rows.get(tx, KIND, Id(node, 1))
    assert (found["state"], found["due_us"], found["fence"]) == ("pending", 7, 2)
