"""Tables of events: what happened before cameras, and the pictures that show it.

Not here: incidents and measures (schema_watch).
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    false,
    text,
)

from holdfast.catalog.schema_base import flag, id_of, metadata, node, whole, words

events = Table(
    "events",
    metadata,
    node(),
    id_of("event"),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    Column("kind", String(20), nullable=False, comment="what it is about: motion, object or agent"),
    whole("start_us", "wall time at which it began, microseconds since the epoch, UTC"),
    whole(
        "end_us", "wall time at which something moved last, microseconds since the epoch, UTC; null while it lasts",
        null=True,
    ),
    whole("from_us", "begin of the footage that belongs to it, microseconds since the epoch, UTC"),
    whole(
        "to_us", "end of the footage that belongs to it, microseconds since the epoch, UTC; null while it lasts",
        null=True,
    ),
    Column("score", Double, nullable=False, comment="largest part of the picture that moved, in percent"),
    Column(
        "confidence", Double, nullable=False, comment="how far the score is beyond what counts, in percent of that"
    ),
    words("label", "what was recognised, apart by commas; empty where nothing was, or nobody looked"),
    words("volume", "name of the volume that the pictures lie on; empty without pictures"),
    words("picture_a", "path of the picture of its begin under the volume's root; empty without one"),
    words("picture_b", "path of the picture seconds later; empty without one"),
    words("thumbnail", "path of the small picture of its begin; empty without one"),
    words(
        "objects", "what each of its pictures shows, as JSON: label, confidence and place; null while nobody looked",
        null=True,
    ),
    Column(
        "sought", Boolean, nullable=False, server_default=false(),
        comment="true while its pictures wait to be looked through for objects",
    ),
    flag("reviewed", "true where somebody has looked at it"),
    words("reviewed_by", "name of the user or token; empty while nobody has looked"),
    whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    whole("updated_us", "when it was last changed, microseconds since the epoch, UTC"),
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
        "ix_events_sought", "node", "start_us", sqlite_where=text("sought = 1"), postgresql_where=text("sought")
    ),
    Index(
        "uq_events_open", "node", "camera", unique=True,
        sqlite_where=text("end_us IS NULL AND kind = 'motion'"),
        postgresql_where=text("end_us IS NULL AND kind = 'motion'"),
    ),
    comment="What happened before cameras, from when to when.",
)  # fmt: skip
