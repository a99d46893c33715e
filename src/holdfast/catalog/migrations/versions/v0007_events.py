"""Events: what happened before cameras, and the pictures that show it.

The table is written out again, as it was then: `catalog.schema` will move on, this must not.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

revision = "0007"
down_revision = "0006"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def _whole(name: str, comment: str, *, null: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=null, comment=comment, autoincrement=False)


def _words(name: str, comment: str) -> Column[Any]:
    return Column(name, Text, nullable=False, comment=comment)


def _flag(name: str, comment: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False, comment=comment)


def _node() -> Column[Any]:
    return _whole("node", "id of the node whose row this is; first half of the row's identity")


events = Table(
    "events",
    metadata,
    _node(),
    _whole("id", "number of the event on its node, from 1, never used again; second half of its identity"),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    Column("kind", String(20), nullable=False, comment="what it is about: motion, object or agent"),
    _whole("start_us", "wall time at which it began, microseconds since the epoch, UTC"),
    _whole(
        "end_us", "wall time at which something moved last, microseconds since the epoch, UTC; null while it lasts",
        null=True,
    ),
    _whole("from_us", "begin of the footage that belongs to it, microseconds since the epoch, UTC"),
    _whole(
        "to_us", "end of the footage that belongs to it, microseconds since the epoch, UTC; null while it lasts",
        null=True,
    ),
    Column("score", Double, nullable=False, comment="largest part of the picture that moved, in percent"),
    Column(
        "confidence", Double, nullable=False, comment="how far the score is beyond what counts, in percent of that"
    ),
    _words("label", "what was recognised, apart by commas; empty where nothing was, or nobody looked"),
    _words("volume", "name of the volume that the pictures lie on; empty without pictures"),
    _words("picture_a", "path of the picture of its begin under the volume's root; empty without one"),
    _words("picture_b", "path of the picture seconds later; empty without one"),
    _words("thumbnail", "path of the small picture of its begin; empty without one"),
    _flag("reviewed", "true where somebody has looked at it"),
    _words("reviewed_by", "name of the user or token; empty while nobody has looked"),
    _whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    _whole("updated_us", "when it was last changed, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("end_us >= start_us AND from_us <= start_us AND to_us >= end_us", name="span"),
    CheckConstraint("(end_us IS NULL) = (to_us IS NULL)", name="ended"),
    CheckConstraint("score >= 0 AND confidence >= 0", name="score"),
    CheckConstraint("kind <> ''", name="kind"),
    Index("uq_events_start", "node", "camera", "kind", "start_us", unique=True),
    Index("ix_events_start", "start_us", "node", "id"),
    Index("ix_events_camera", "camera", "start_us"),
    Index("ix_events_confidence", "confidence"),
    Index("ix_events_reviewed", "reviewed", "start_us"),
    Index("ix_events_kind", "kind", "start_us"),
    Index(
        "ix_events_open", "start_us", sqlite_where=text("end_us IS NULL"), postgresql_where=text("end_us IS NULL")
    ),
    Index(
        "uq_events_open", "node", "camera", unique=True,
        sqlite_where=text("end_us IS NULL AND kind = 'motion'"),
        postgresql_where=text("end_us IS NULL AND kind = 'motion'"),
    ),
    comment="What happened before cameras, from when to when.",
)  # fmt: skip


def upgrade() -> None:
    """Create the table."""
    metadata.create_all(op.get_bind())
