"""Deliveries: files on their way to targets, and how far rules have looked for them.

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

revision = "0010"
down_revision = "0009"

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


_PENDING = text("state = 'pending'")
_CLAIMED = text("worker <> ''")
_SENT = text("object_us IS NOT NULL")

deliveries = Table(
    "deliveries",
    metadata,
    _node(),
    _whole("id", "number of the delivery on its node, from 1, never used again; second half of its identity"),
    Column("state", String(12), nullable=False, comment="pending, failed, or a word of the kind's own"),
    Column(
        "lane", String(60), nullable=False,
        comment="rows of one lane share a limit, a target's name for deliveries; empty where there is one lane",
    ),
    _whole("priority", "0 for ordinary rows, higher ones first"),
    _whole("due_us", "not before this, microseconds since the epoch, UTC"),
    _whole("attempts", "times that somebody began with it, a count; from 0 again when a person has it tried anew"),
    _whole("lost", "claims in a row that ended without a word, a count: whoever held them died"),
    _words("worker", "who has claimed it; empty while nobody has"),
    _whole("fence", "number of its newest claim, raised by each; results of an older one are refused"),
    _whole("lease_us", "until when the claim holds, microseconds since the epoch, UTC; null while it is not claimed",
          null=True),
    _whole("last_us", "when it was last worked on, microseconds since the epoch, UTC; null before the first time",
          null=True),
    _words("error", "what went wrong last; empty where nothing did"),
    _words("hint", "what a person can do about it; empty where nothing is known"),
    Column("rule", String(50), nullable=False, comment="name of the rule that asked for it"),
    Column("target", String(50), nullable=False, comment="name of the target that it goes to"),
    Column(
        "kind", String(10), nullable=False,
        comment="what the file is: segment, journal, still, event, evidence, clip, merge or export",
    ),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    Column("stream", String(10), nullable=False, comment="which feed of the camera: main or sub; empty for none"),
    _words("volume", "name of the volume that the file lies on"),
    _words("file", "path of the file under its volume's root, with slashes"),
    _whole("bytes", "size of what is meant in bytes; a file that grows is sent up to here"),
    Column("sha256", String(64), nullable=False, comment="SHA-256 of that in hexadecimal digits"),
    _whole("start_us", "wall time of the first picture in it, microseconds since the epoch, UTC"),
    _whole("end_us", "wall time at which the last one ends, microseconds since the epoch, UTC"),
    _words("site", "id of the camera's site then; empty where there is only one"),
    _words("location", "id of the camera's location in somebody's own systems then; empty where none was given"),
    _whole("width", "pixels across; 0 where that is not known"),
    _whole("height", "pixels down; 0 where that is not known"),
    _words("label", "what tells it from others of its kind: type and number of a picture; may be empty"),
    _words("key", "its name at the target, made once"),
    _words("address", "where it lies at the target, without credentials; empty until it does"),
    _words("verified", "how it is known to be whole there: sha256, or the service's checksum; empty until it is"),
    _whole("object_us", "when it was verified there, microseconds since the epoch, UTC; null until it was", null=True),
    _whole(
        "row_us", "when the row about it was written there, microseconds since the epoch, UTC; null where none was",
        null=True,
    ),
    _whole("differed", "times in a row that something else arrived than was sent, a count"),
    _words("memory", "what an interrupted upload goes on from; empty for none"),
    _whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    _whole("done_us", "when all of it was done, microseconds since the epoch, UTC; null until then", null=True),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("(state = 'sending') = (worker <> '')", name="claimed"),
    CheckConstraint("(worker <> '') = (lease_us IS NOT NULL)", name="lease"),
    CheckConstraint("priority >= 0 AND attempts >= 0 AND lost >= 0 AND fence >= 0", name="counts"),
    Index("ix_deliveries_due", "node", "lane", "due_us", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
    Index(
        "ix_deliveries_priority", "node", "lane", "priority", "due_us", "id",
        sqlite_where=_PENDING, postgresql_where=_PENDING,
    ),
    Index("ix_deliveries_claimed", "node", "lane", "lease_us", sqlite_where=_CLAIMED, postgresql_where=_CLAIMED),
    Index("ix_deliveries_state", "node", "state", "last_us", "id"),
    CheckConstraint("state IN ('pending', 'sending', 'delivered', 'failed', 'missing')", name="state"),
    CheckConstraint("(state = 'delivered') = (done_us IS NOT NULL)", name="done"),
    CheckConstraint("state <> 'delivered' OR object_us IS NOT NULL", name="delivered"),
    CheckConstraint("(object_us IS NOT NULL) = (address <> '' AND verified <> '')", name="object"),
    CheckConstraint("row_us IS NULL OR object_us IS NOT NULL", name="row"),
    CheckConstraint("bytes >= 0 AND differed >= 0 AND end_us >= start_us", name="asset"),
    CheckConstraint("key <> '' AND file <> '' AND volume <> '' AND target <> ''", name="names"),
    Index("uq_deliveries_asset", "node", "target", "volume", "file", "sha256", "key", unique=True),
    Index("uq_deliveries_key", "node", "target", "key", unique=True),
    Index("ix_deliveries_file", "node", "volume", "file"),
    Index("ix_deliveries_target", "node", "target", "state", "start_us", "bytes"),
    Index("ix_deliveries_start", "start_us", "node", "id"),
    Index("ix_deliveries_camera", "camera", "start_us"),
    Index("ix_deliveries_sent", "node", "target", "object_us", sqlite_where=_SENT, postgresql_where=_SENT),
    comment="Files on their way to targets, and those that arrived.",
)  # fmt: skip

delivery_positions = Table(
    "delivery_positions",
    metadata,
    _node(),
    Column("rule", String(50), nullable=False, comment="name of the rule"),
    Column(
        "source",
        String(160),
        nullable=False,
        comment="its target, and what it looks through: a stream's segments, stills",
    ),
    _whole("since_us", "what began earlier is not asked for, microseconds since the epoch, UTC"),
    _whole("place", "up to here everything is planned: an instant in microseconds, or the number of a row"),
    _whole("walked", "the same for looking through all of it anew, so that what came late is found too"),
    _whole("walked_us", "when that was last done from the beginning, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "rule", "source"),
    comment="How far rules of delivery have looked for assets.",
)


def upgrade() -> None:
    """Create the tables."""
    metadata.create_all(op.get_bind())
