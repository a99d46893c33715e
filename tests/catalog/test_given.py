"""Rows that a statement is given as one value, on both databases."""

from sqlalchemy import BigInteger, String, bindparam, select

from holdfast.catalog import schema
from holdfast.catalog.db import Catalog
from holdfast.catalog.given import ROWS, among, given, text_of, value_of

ODD = "a'b\"c\\d\né€😀 {1,2}"


def test_values_come_as_they_are(catalog: Catalog) -> None:
    """Large numbers, texts of any kind and nothing at all are in the rows that were given, in their order."""
    rows = [(2**62, ODD), (-1, ""), (0, None)]
    with catalog.read() as tx:
        columns = given(tx.dialect, {"number": BigInteger(), "text": String(3)}).c
        got = tx.run("rows", select(columns.number, columns.text), [{ROWS: text_of(rows)}]).all()
    assert [tuple(row) for row in got] == rows


def test_none_are_given(catalog: Catalog) -> None:
    """Without rows nothing is selected."""
    with catalog.read() as tx:
        columns = given(tx.dialect, {"number": BigInteger()}).c
        assert tx.run("rows", select(columns.number), [{ROWS: text_of([])}]).all() == []


def test_rows_are_found_among_those_given(catalog: Catalog) -> None:
    """A row is found where its number is given, however often, and a column of text is what it is."""
    nodes = schema.nodes
    with catalog.write() as tx:
        for number in (1, 2, 3):
            tx.run("nodes", nodes.insert(), [{"id": number, "name": f"n{number}", "created_us": 1}])
        wanted = given(tx.dialect, {"id": BigInteger()}).c.id
        query = select(nodes.c.id).where(
            among(tx.dialect, nodes.c.id, wanted), value_of(nodes.c.name) != bindparam("no")
        )
        got = tx.run("nodes", query.order_by(nodes.c.id), [{ROWS: text_of([(3,), (2,), (3,), (9,)]), "no": "n2"}])
        assert got.scalars().all() == [3]
