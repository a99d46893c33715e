"""Stills that are kept: how far each camera's grid is decided, and what became of each of its instants.

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

revision = "0005"
down_revision = "0004"

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


def _node() -> Column[Any]:
    return _whole("node", "id of the node whose row this is; first half of the row's identity")


def _camera() -> Column[Any]:
    return Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it")


still_positions = Table(
    "still_positions",
    metadata,
    _node(),
    _camera(),
    _whole(
        "decided_us", "last instant up to which every planned still is taken or missed, microseconds since the epoch"
    ),
    _whole("updated_us", "when this was written, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "camera"),
    comment="How far the stills of each camera are taken.",
)

stills = Table(
    "stills",
    metadata,
    _node(),
    _whole("id", "number of the still on its node, from 1, never used again; second half of its identity"),
    _camera(),
    _words("location", "id of the camera's location in somebody's own systems then; empty where none was given"),
    _whole("slot_us", "planned instant, microseconds since the epoch, UTC"),
    _whole("at_us", "wall time of the picture, microseconds since the epoch, UTC; null where it was missed", null=True),
    Column("state", String(10), nullable=False, comment="taken or missed"),
    _words("cause", "why it was missed: a gap reason, damaged or removed; empty where it was taken"),
    _words("volume", "name of the volume that the files lie on; empty where it was missed"),
    _words("file", "path of the picture under its volume's root, with slashes; empty where it was missed"),
    _words("thumbnail", "path of its thumbnail under the same root; empty where there is none"),
    _whole("width", "pixels of the file across; 0 where it was missed"),
    _whole("height", "pixels of the file down; 0 where it was missed"),
    _whole("source_width", "pixels of the footage across; 0 where it was missed"),
    _whole("source_height", "pixels of the footage down; 0 where it was missed"),
    _whole("bytes", "size of the picture's file in bytes; 0 where it was missed"),
    _words("sha256", "SHA-256 of the picture's file in hexadecimal digits; empty where it was missed"),
    _whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("state IN ('taken', 'missed')", name="state"),
    CheckConstraint("(state = 'taken') = (at_us IS NOT NULL)", name="taken"),
    CheckConstraint("(state = 'taken') = (file <> '' AND volume <> '' AND bytes > 0)", name="file"),
    CheckConstraint("(state = 'missed') = (cause <> '')", name="cause"),
    Index("uq_stills_slot", "node", "camera", "slot_us", unique=True),
    Index("ix_stills_slot", "slot_us", "node", "id"),
    Index("ix_stills_camera", "camera", "slot_us"),
    comment="Planned pictures of cameras: each one taken or missed, with the cause.",
)


def upgrade() -> None:
    """Create the tables."""
    metadata.create_all(op.get_bind())
