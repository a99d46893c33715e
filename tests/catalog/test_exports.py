import pytest

from holdfast.catalog import exports, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.exports import Wanted
from holdfast.core.errors import CatalogError, NotFound

WANTED = Wanted(streams="gate/main", from_us=1, to_us=2, format="zip", cut=False, asked_by="ann", purpose="")


def test_rows_are_listed_newest_first_and_only_their_nodes(catalog: Catalog) -> None:
    """Pages hold every row of a node once; another node's are not among them."""
    with catalog.write() as tx:
        mine, other = nodes.ensure(tx, "one", 1), nodes.ensure(tx, "other", 1)
        ids = [exports.add(tx, mine, WANTED, at) for at in range(5)]
        exports.add(tx, other, WANTED, 1)
        assert exports.open_count(tx, mine) == 5
        exports.remove(tx, ids[2])
    seen, cursor = [], None
    with catalog.read() as tx:
        while True:
            page = exports.page(tx, mine, limit=2, cursor=cursor)
            seen += [row.id for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == [ids[4], ids[3], ids[1], ids[0]]
        assert exports.get(tx, ids[0]).asked_by == "ann"
        with pytest.raises(NotFound):
            exports.get(tx, ids[2])
        assert exports.over(tx, mine, 10**18) == []
        assert not exports.expire(tx, ids[0])


def test_bad_states_cannot_be_written(catalog: Catalog) -> None:
    """A span that ends before it begins has no row."""
    bad = Wanted(streams="gate/main", from_us=2, to_us=2, format="zip", cut=False, asked_by="ann", purpose="")
    with pytest.raises(CatalogError), catalog.write() as tx:
        exports.add(tx, nodes.ensure(tx, "one", 1), bad, 1)
