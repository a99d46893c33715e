from holdfast.catalog import chores, nodes
from holdfast.catalog.db import Catalog


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
