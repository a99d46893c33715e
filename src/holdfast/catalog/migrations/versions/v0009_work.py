"""Durable work: what is known of its kinds, what holds them back, and how claims ended.

The tables are written out again, as they were then: `catalog.schema` will move on, this must not.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

revision = "0009"
down_revision = "0008"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def _whole(name: str, comment: str) -> Column[Any]:
    return Column(name, BigInteger, nullable=False, comment=comment, autoincrement=False)


def _words(name: str, comment: str) -> Column[Any]:
    return Column(name, Text, nullable=False, comment=comment)


def _node() -> Column[Any]:
    return _whole("node", "id of the node whose row this is; first half of the row's identity")


work_history = Table(
    "work_history",
    metadata,
    _node(),
    Column("noun", String(40), nullable=False, comment="table of the row that this is about"),
    _whole("row_id", "id of that row on its node"),
    _whole("fence", "the claim that ended so, or the number that a person's deed took instead of one"),
    _whole("at_us", "when it ended, microseconds since the epoch, UTC"),
    Column("what", String(12), nullable=False, comment="the state that it came to, or: again, later, lost, given-back"),
    _words("worker", "who had claimed it, or the person who did something to it"),
    _whole("attempt", "which attempt it was, from 1; 0 where it was none"),
    _words("error", "what went wrong; empty where nothing did"),
    PrimaryKeyConstraint("node", "noun", "row_id", "fence"),
    CheckConstraint("what <> ''", name="what"),
    Index("ix_work_history_at", "at_us"),
    comment="How the last claims of each row of durable work ended.",
)

work_kinds = Table(
    "work_kinds",
    metadata,
    _node(),
    Column("kind", String(40), nullable=False, comment="name of the kind of work"),
    Column("noun", String(40), nullable=False, comment="table that its rows are in"),
    Column("queue", String(20), nullable=False, comment="queue that carries it"),
    Column("working", String(12), nullable=False, comment="state of a row that somebody works on"),
    _words("about", "what it does, in a few words"),
    _whole("lane_limit", "rows of a lane that are worked on at once, a count"),
    _whole("seen_us", "when a worker last began with this kind, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "kind"),
    CheckConstraint("lane_limit > 0", name="limit"),
    comment="Kinds of work that workers of this node know.",
)

work_controls = Table(
    "work_controls",
    metadata,
    _node(),
    Column("kind", String(40), nullable=False, comment="name of the kind of work"),
    Column("lane", String(60), nullable=False, comment="the lane that is meant; empty for all of the kind"),
    Column(
        "state", String(10), nullable=False,
        comment="running, paused (nothing new is begun), stopped (and what was begun is given back)",
    ),
    _whole("turn", "raised by each stop and restart: what was begun before it is given back"),
    _whole("since_us", "since when it is in this state, microseconds since the epoch, UTC"),
    _words("by", "who said so; empty where that is not known"),
    PrimaryKeyConstraint("node", "kind", "lane"),
    CheckConstraint("state IN ('running', 'paused', 'stopped')", name="state"),
    comment="Kinds and lanes of work that somebody paused, stopped or began again.",
)  # fmt: skip


def upgrade() -> None:
    """Create the tables."""
    metadata.create_all(op.get_bind())
