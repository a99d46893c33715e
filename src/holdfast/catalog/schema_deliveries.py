"""The tables of deliveries: one row for each asset and target, and how far each rule has looked for assets.

A row names the file, not a row about it: a reindex makes the rows of footage anew, not these. What is sent, under which
name, is written once and never changed; what becomes of it is. Invariants: one name at a target belongs to one asset;
what is delivered has an address, and how it was verified. Part of `schema`, which names the tables too.
"""

from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, String, Table, text

from holdfast.catalog.schema_base import id_of, metadata, node, whole, words
from holdfast.catalog.schema_work import work_columns, work_rules

_SENT = text("object_us IS NOT NULL")


def asset_columns() -> list[Column[Any]]:
    """Make the columns that say which file a row is about."""
    return [
        Column(
            "kind", String(10), nullable=False,
            comment="what the file is: segment, journal, still, event, evidence, clip, merge or export",
        ),
        Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
        Column("stream", String(10), nullable=False, comment="which feed of the camera: main or sub; empty for none"),
        words("volume", "name of the volume that the file lies on"),
        words("file", "path of the file under its volume's root, with slashes"),
        whole("bytes", "size of what is meant in bytes; a file that grows is sent up to here"),
        Column("sha256", String(64), nullable=False, comment="SHA-256 of that in hexadecimal digits"),
        whole("start_us", "wall time of the first picture in it, microseconds since the epoch, UTC"),
        whole("end_us", "wall time at which the last one ends, microseconds since the epoch, UTC"),
        words("site", "id of the camera's site then; empty where there is only one"),
        words("location", "id of the camera's location in somebody's own systems then; empty where none was given"),
        whole("width", "pixels across; 0 where that is not known"),
        whole("height", "pixels down; 0 where that is not known"),
        words("label", "what tells it from others of its kind: type and number of a picture; may be empty"),
    ]  # fmt: skip


deliveries = Table(
    "deliveries",
    metadata,
    node(),
    id_of("delivery"),
    *work_columns(),
    Column("rule", String(50), nullable=False, comment="name of the rule that asked for it"),
    Column("target", String(50), nullable=False, comment="name of the target that it goes to"),
    *asset_columns(),
    words("key", "its name at the target, made once"),
    words("address", "where it lies at the target, without credentials; empty until it does"),
    words("verified", "how it is known to be whole there: sha256, or the service's checksum; empty until it is"),
    whole("object_us", "when it was verified there, microseconds since the epoch, UTC; null until it was", null=True),
    whole(
        "row_us", "when the row about it was written there, microseconds since the epoch, UTC; null where none was",
        null=True,
    ),
    whole("differed", "times in a row that something else arrived than was sent, a count"),
    words("memory", "what an interrupted upload goes on from; empty for none"),
    whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    whole("done_us", "when all of it was done, microseconds since the epoch, UTC; null until then", null=True),
    PrimaryKeyConstraint("node", "id"),
    *work_rules("deliveries", "sending"),
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
    Index("ix_deliveries_kind", "node", "target", "kind", "start_us", "id"),
    Index("ix_deliveries_start", "start_us", "node", "id"),
    Index("ix_deliveries_camera", "camera", "start_us"),
    Index("ix_deliveries_sent", "node", "target", "object_us", sqlite_where=_SENT, postgresql_where=_SENT),
    comment="Files on their way to targets, and those that arrived.",
)  # fmt: skip

delivery_positions = Table(
    "delivery_positions",
    metadata,
    node(),
    Column("rule", String(50), nullable=False, comment="name of the rule"),
    Column(
        "source",
        String(160),
        nullable=False,
        comment="its target, and what it looks through: a stream's segments, stills",
    ),
    whole("since_us", "what began earlier is not asked for, microseconds since the epoch, UTC"),
    whole("place", "up to here everything is planned: an instant in microseconds, or the number of a row"),
    whole("walked", "the same for looking through all of it anew, so that what came late is found too"),
    whole("walked_us", "when that was last done from the beginning, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "rule", "source"),
    comment="How far rules of delivery have looked for assets.",
)
