"""Rows that a statement is given as one value, for those that are about hundreds of rows at once.

The database goes through them by itself: a statement that is carried out row by row, or whose text has a place for each
value, costs several times as much, and holds up every other thread of the program after each row.

Not here: what is done with them (claims, claims_together).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    String,
    Subquery,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

ROWS = "b_rows"
"""Name of the value."""


def given(dialect: str, columns: Mapping[str, TypeEngine[Any]]) -> Subquery:
    """Return what a statement selects from; its value `ROWS` is what `text_of` makes.

    Args:
        dialect: `sqlite` or `postgresql`.
        columns: Their names and types, in the order of each row's values; whole numbers and text.
    """
    if dialect == "sqlite":
        each = func.json_each(bindparam(ROWS, type_=String)).table_valued(column("value", String), name="each_row")
        values: list[ColumnElement[Any]] = [
            func.json_extract(each.c.value, f"$[{place}]", type_=kind) for place, kind in enumerate(columns.values())
        ]
    else:
        rows = func.jsonb_array_elements(cast(bindparam(ROWS, type_=String), JSONB))
        each = rows.table_valued(column("value", JSONB), name="each_row")
        values = [
            # Text as it is: a cast to the column's own kind would cut off what is too long for it.
            cast(each.c.value[place].astext, BigInteger) if isinstance(kind, Integer) else each.c.value[place].astext
            for place, kind in enumerate(columns.values())
        ]
    return select(*[value.label(name) for name, value in zip(columns, values, strict=True)]).subquery("given")


def among(dialect: str, number: ColumnElement[int], wanted: ColumnElement[int]) -> ColumnElement[bool]:
    """Say that a row's number is among those of a column of `given`, so that an index on numbers is asked for them."""
    numbers = select(wanted).correlate(None)
    if dialect == "sqlite":
        return number.in_(numbers)
    # As an array: of what is selected PostgreSQL expects a hundred, and rather goes through all rows of a small table.
    return number == func.any(func.array(numbers.scalar_subquery()))


def value_of(text: ColumnElement[str]) -> ColumnElement[str]:
    """Return a column of text as a value that no index is about.

    SQLite without statistics takes a state for rarer than a row's number among hundreds that are given.
    """
    return text.concat(literal_column("''"))


def text_of(rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as the value of `ROWS`."""
    return json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))
