"""Retention: what must stay, what is being deleted, and whether anything may be.

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
    text,
)

revision = "0011"
down_revision = "0010"

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


def _id(noun: str) -> Column[Any]:
    return _whole("id", f"number of the {noun} on its node, from 1, never used again; second half of its identity")


holds = Table(
    "holds",
    metadata,
    _node(),
    _id("hold"),
    _words("uid", "name of the hold in the kept journals, unique"),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    _whole("from_us", "begin of the span that must stay, microseconds since the epoch, UTC"),
    _whole("to_us", "its end, microseconds since the epoch, UTC"),
    Column("kind", String(10), nullable=False, comment="why it must stay: booking, event, incident or legal"),
    _words("why", "the reason in words"),
    _words("who", "who set it; empty where it follows from something"),
    _whole("set_us", "when it was set, microseconds since the epoch, UTC"),
    _whole("released_us", "when it was released, microseconds since the epoch, UTC; null while it stands", null=True),
    _words("released_by", "who released it; empty while it stands"),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("to_us >= from_us", name="span"),
    CheckConstraint("kind IN ('booking', 'event', 'incident', 'legal')", name="kind"),
    Index("uq_holds_uid", "node", "uid", unique=True),
    Index("ix_holds_camera", "camera", "from_us"),
    Index(
        "ix_holds_standing",
        "node",
        "camera",
        sqlite_where=text("released_us IS NULL"),
        postgresql_where=text("released_us IS NULL"),
    ),
    comment="Spans of cameras that must stay, and why. Those of events and incidents follow from their rows.",
)

removals = Table(
    "removals",
    metadata,
    _node(),
    _id("removal"),
    _words("volume", "name of the volume that the file lies on"),
    _words("file", "path of the file under its volume's root, with slashes"),
    Column("sha256", String(64), nullable=False, comment="SHA-256 of the file in hex: this instance alone goes"),
    _whole("bytes", "size of the file in bytes"),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    _words("why", "why it goes, in words"),
    _whole("begun_us", "when that was decided, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("bytes >= 0 AND why <> ''", name="bytes"),
    Index("uq_removals_file", "node", "volume", "file", unique=True),
    comment="Files of footage that are being deleted: from before their line in the kept journal to after their end.",
)

retention = Table(
    "retention",
    metadata,
    _node(),
    _words("off_why", "why nothing may be deleted, in words; empty where it may"),
    _whole("off_us", "since when, microseconds since the epoch, UTC; null where it may", null=True),
    _whole("wall_us", "wall time of the newest look at the clock, microseconds since the epoch, UTC"),
    _whole("boot_us", "boot time of that look, microseconds since boot"),
    _words("boot", "id of that boot"),
    _whole("passed_us", "end of the newest whole pass, microseconds since the epoch, UTC; null before it", null=True),
    _words("levels", "JSON object: by volume, the level of its used space that was told last"),
    PrimaryKeyConstraint("node"),
    CheckConstraint("(off_us IS NULL) = (off_why = '')", name="off"),
    comment="Whether this node may delete, and what it told of its disks.",
)


def upgrade() -> None:
    """Create the tables."""
    metadata.create_all(op.get_bind())
