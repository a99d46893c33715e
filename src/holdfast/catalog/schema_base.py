"""What the tables of the catalog are made with: the metadata that they share, and kinds of columns.

Not here: the tables (`schema`, `schema_accounts`).
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKeyConstraint, MetaData, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def whole(name: str, comment: str, *, null: bool = False) -> Column[Any]:
    """Make a column of whole numbers."""
    return Column(name, BigInteger, nullable=null, comment=comment, autoincrement=False)


def words(name: str, comment: str, *, null: bool = False) -> Column[Any]:
    """Make a column of text."""
    return Column(name, Text, nullable=null, comment=comment)


def flag(name: str, comment: str) -> Column[Any]:
    """Make a column of true and false."""
    return Column(name, Boolean, nullable=False, comment=comment)


def node() -> Column[Any]:
    """Make the first half of a row's identity."""
    return whole("node", "id of the node whose row this is; first half of the row's identity")


def id_of(noun: str) -> Column[Any]:
    """Make the second half of a row's identity."""
    return whole("id", f"number of the {noun} on its node, from 1, never used again; second half of its identity")


def belongs(column: str, table: str) -> ForeignKeyConstraint:
    """Make a reference to the id of another table, on the same node."""
    return ForeignKeyConstraint(["node", column], [f"{table}.node", f"{table}.id"])
