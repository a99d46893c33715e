"""Hand-overs: files of which scripts and services are told.

The table is written out again, as it was then: `catalog.schema` will move on, this must not.
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

revision = "0013"
down_revision = "0012"

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

handovers = Table(
    "handovers",
    metadata,
    _node(),
    _whole("id", "number of the hand-over on its node, from 1, never used again; second half of its identity"),
    Column("state", String(12), nullable=False, comment="pending, failed, or a word of the kind's own"),
    Column(
        "lane",
        String(60),
        nullable=False,
        comment="rows of one lane share a limit, a target's name for deliveries; empty where there is one lane",
    ),
    _whole("priority", "0 for ordinary rows, higher ones first"),
    _whole("due_us", "not before this, microseconds since the epoch, UTC"),
    _whole("attempts", "times that somebody began with it, a count; from 0 again when a person has it tried anew"),
    _whole("lost", "claims in a row that ended without a word, a count: whoever held them died"),
    _words("worker", "who has claimed it; empty while nobody has"),
    _whole("fence", "number of its newest claim, raised by each; results of an older one are refused"),
    _whole(
        "lease_us",
        "until when the claim holds, microseconds since the epoch, UTC; null while it is not claimed",
        null=True,
    ),
    _whole(
        "last_us",
        "when it was last worked on, microseconds since the epoch, UTC; null before the first time",
        null=True,
    ),
    _words("error", "what went wrong last; empty where nothing did"),
    _words("hint", "what a person can do about it; empty where nothing is known"),
    Column("rule", String(50), nullable=False, comment="name of the rule that asked for it"),
    Column(
        "kind",
        String(10),
        nullable=False,
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
    _words("made", "path of the marker, or what the receiver answered; empty until it was told"),
    _whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    _whole("done_us", "when it was told, microseconds since the epoch, UTC; null until then", null=True),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("bytes >= 0 AND end_us >= start_us", name="asset"),
    CheckConstraint("(state = 'handing') = (worker <> '')", name="claimed"),
    CheckConstraint("priority >= 0 AND attempts >= 0 AND lost >= 0 AND fence >= 0", name="counts"),
    CheckConstraint("(state = 'done') = (done_us IS NOT NULL)", name="done"),
    CheckConstraint("(worker <> '') = (lease_us IS NOT NULL)", name="lease"),
    CheckConstraint("(state = 'done') = (made <> '')", name="made"),
    CheckConstraint("rule <> '' AND file <> '' AND volume <> ''", name="names"),
    CheckConstraint("state IN ('pending', 'handing', 'done', 'failed', 'missing')", name="state"),
    Index("ix_handovers_claimed", "node", "lane", "lease_us", sqlite_where=_CLAIMED, postgresql_where=_CLAIMED),
    Index("ix_handovers_due", "node", "lane", "due_us", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
    Index(
        "ix_handovers_priority",
        "node",
        "lane",
        "priority",
        "due_us",
        "id",
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    ),
    Index("ix_handovers_state", "node", "state", "last_us", "id"),
    Index("ix_handovers_rule", "node", "rule", "state", "last_us"),
    Index("uq_handovers_asset", "node", "rule", "volume", "file", "sha256", unique=True),
    comment="Files of which scripts and services are told.",
)


def upgrade() -> None:
    """Make the table."""
    metadata.create_all(op.get_bind())
