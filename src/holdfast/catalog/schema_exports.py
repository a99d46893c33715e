"""The tables of exports, and of chores: what a node does again and again by itself.

An export's row outlives its file: it says until when there was one. A chore is a row that is never done; it becomes due
again. Part of `schema`, which names the tables too.
"""

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, String, Table, Text, text

from holdfast.catalog.schema_base import flag, id_of, metadata, node, whole, words
from holdfast.catalog.schema_work import work_columns, work_rules

exports = Table(
    "exports",
    metadata,
    node(),
    id_of("export"),
    *work_columns(),
    words("streams", "what is exported: camera/stream, with spaces between them"),
    whole("from_us", "begin of the span, wall time, microseconds since the epoch, UTC"),
    whole("to_us", "end of the span, wall time, microseconds since the epoch, UTC"),
    Column("format", String(4), nullable=False, comment="zip, tar or mp4"),
    flag("cut", "exactly the span, as clips, instead of the whole files that touch it"),
    words("asked_by", "who asked for it"),
    words("purpose", "what for, in their words; may be empty"),
    whole("created_us", "when it was asked for, microseconds since the epoch, UTC"),
    words("name", "file name that it is handed out under; empty until it is done"),
    words("volume", "name of the volume that its file lies on; empty while there is none"),
    words("file", "path of its file under the volume's root, with slashes; empty while there is none"),
    whole("bytes", "size of the file in bytes; before it is done what is expected; 0 while that is not known"),
    whole("written_bytes", "bytes that are written so far, told every second or so"),
    Column(
        "sha256",
        Text,
        nullable=False,
        server_default=text("''"),
        comment="SHA-256 of its file in hexadecimal digits; empty until it is done",
    ),
    words("manifest", "id of its manifest: names these very bytes; empty until it is done"),
    flag("complete", "all of the span is in it; false until it is done"),
    words("missing", "what of the span is not in it, as JSON: stream, from_us, to_us, why; empty until it is done"),
    whole("done_us", "when it was done, microseconds since the epoch, UTC; null until then", null=True),
    whole("expires_us", "when its file goes, microseconds since the epoch, UTC; null until it is done", null=True),
    PrimaryKeyConstraint("node", "id"),
    *work_rules("exports", "working"),
    CheckConstraint("state IN ('pending', 'working', 'done', 'failed', 'expired')", name="state"),
    CheckConstraint("(state IN ('done', 'expired')) = (done_us IS NOT NULL)", name="done"),
    CheckConstraint("(state = 'done') = (file <> '')", name="file"),
    CheckConstraint("(done_us IS NULL) = (expires_us IS NULL)", name="expires"),
    CheckConstraint("format IN ('zip', 'tar', 'mp4')", name="format"),
    CheckConstraint("to_us > from_us AND bytes >= 0 AND written_bytes >= 0", name="span"),
    Index("ix_exports_expires", "node", "expires_us"),
    comment="Exports that were asked for, and what became of them.",
)

chores = Table(
    "chores",
    metadata,
    node(),
    id_of("chore"),
    *work_columns(),
    Column("name", String(40), nullable=False, comment="what is done: heads, exports"),
    PrimaryKeyConstraint("node", "id"),
    *work_rules("chores", "working"),
    CheckConstraint("state IN ('pending', 'working', 'failed')", name="state"),
    Index("uq_chores_name", "node", "name", unique=True),
    comment="What a node does by itself again and again; each becomes due anew.",
)
