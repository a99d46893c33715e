"""Exports that were asked for, and chores that become due again and again.

The tables are written out again, as they were then: `catalog.schema` will move on, this must not.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
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

revision = "0012"
down_revision = "0011"

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

exports = Table(
    "exports",
    metadata,
    _node(),
    _whole("id", "number of the export on its node, from 1, never used again; second half of its identity"),
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
    _words("streams", "what is exported: camera/stream, with spaces between them"),
    _whole("from_us", "begin of the span, wall time, microseconds since the epoch, UTC"),
    _whole("to_us", "end of the span, wall time, microseconds since the epoch, UTC"),
    Column("format", String(4), nullable=False, comment="zip, tar or mp4"),
    Column(
        "cut", Boolean, nullable=False, comment="exactly the span, as clips, instead of the whole files that touch it"
    ),
    _words("asked_by", "who asked for it"),
    _words("purpose", "what for, in their words; may be empty"),
    _whole("created_us", "when it was asked for, microseconds since the epoch, UTC"),
    _words("name", "file name that it is handed out under; empty until it is done"),
    _words("volume", "name of the volume that its file lies on; empty while there is none"),
    _words("file", "path of its file under the volume's root, with slashes; empty while there is none"),
    _whole("bytes", "size of the file in bytes; before it is done what is expected; 0 while that is not known"),
    _whole("written_bytes", "bytes that are written so far, told every second or so"),
    _words("manifest", "id of its manifest: names these very bytes; empty until it is done"),
    Column("complete", Boolean, nullable=False, comment="all of the span is in it; false until it is done"),
    _words("missing", "what of the span is not in it, as JSON: stream, from_us, to_us, why; empty until it is done"),
    _whole("done_us", "when it was done, microseconds since the epoch, UTC; null until then", null=True),
    _whole("expires_us", "when its file goes, microseconds since the epoch, UTC; null until it is done", null=True),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("(state = 'working') = (worker <> '')", name="claimed"),
    CheckConstraint("priority >= 0 AND attempts >= 0 AND lost >= 0 AND fence >= 0", name="counts"),
    CheckConstraint("(state IN ('done', 'expired')) = (done_us IS NOT NULL)", name="done"),
    CheckConstraint("(done_us IS NULL) = (expires_us IS NULL)", name="expires"),
    CheckConstraint("(state = 'done') = (file <> '')", name="file"),
    CheckConstraint("format IN ('zip', 'tar', 'mp4')", name="format"),
    CheckConstraint("(worker <> '') = (lease_us IS NOT NULL)", name="lease"),
    CheckConstraint("to_us > from_us AND bytes >= 0 AND written_bytes >= 0", name="span"),
    CheckConstraint("state IN ('pending', 'working', 'done', 'failed', 'expired')", name="state"),
    Index("ix_exports_claimed", "node", "lane", "lease_us", sqlite_where=_CLAIMED, postgresql_where=_CLAIMED),
    Index("ix_exports_due", "node", "lane", "due_us", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
    Index("ix_exports_expires", "node", "expires_us"),
    Index(
        "ix_exports_priority",
        "node",
        "lane",
        "priority",
        "due_us",
        "id",
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    ),
    Index("ix_exports_state", "node", "state", "last_us", "id"),
    comment="Exports that were asked for, and what became of them.",
)

chores = Table(
    "chores",
    metadata,
    _node(),
    _whole("id", "number of the chore on its node, from 1, never used again; second half of its identity"),
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
    Column("name", String(40), nullable=False, comment="what is done: heads, exports"),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("(state = 'working') = (worker <> '')", name="claimed"),
    CheckConstraint("priority >= 0 AND attempts >= 0 AND lost >= 0 AND fence >= 0", name="counts"),
    CheckConstraint("(worker <> '') = (lease_us IS NOT NULL)", name="lease"),
    CheckConstraint("state IN ('pending', 'working', 'failed')", name="state"),
    Index("ix_chores_claimed", "node", "lane", "lease_us", sqlite_where=_CLAIMED, postgresql_where=_CLAIMED),
    Index("ix_chores_due", "node", "lane", "due_us", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
    Index(
        "ix_chores_priority",
        "node",
        "lane",
        "priority",
        "due_us",
        "id",
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    ),
    Index("ix_chores_state", "node", "state", "last_us", "id"),
    Index("uq_chores_name", "node", "name", unique=True),
    comment="What a node does by itself again and again; each becomes due anew.",
)


def upgrade() -> None:
    """Make the tables."""
    metadata.create_all(op.get_bind())
