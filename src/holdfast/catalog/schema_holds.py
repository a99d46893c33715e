"""The tables of retention: what must stay, what is being deleted, and whether anything may be.

Copies are not here: the kept journals beside the footage say which there are (library.kept).
Part of `schema`, which names these tables too.
"""

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, String, Table, text

from holdfast.catalog.schema_base import id_of, metadata, node, whole, words

holds = Table(
    "holds",
    metadata,
    node(),
    id_of("hold"),
    words("uid", "name of the hold in the kept journals, unique"),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    whole("from_us", "begin of the span that must stay, microseconds since the epoch, UTC"),
    whole("to_us", "its end, microseconds since the epoch, UTC"),
    Column("kind", String(10), nullable=False, comment="why it must stay: booking, event, incident or legal"),
    words("why", "the reason in words"),
    words("who", "who set it; empty where it follows from something"),
    whole("set_us", "when it was set, microseconds since the epoch, UTC"),
    whole("released_us", "when it was released, microseconds since the epoch, UTC; null while it stands", null=True),
    words("released_by", "who released it; empty while it stands"),
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
    node(),
    id_of("removal"),
    words("volume", "name of the volume that the file lies on"),
    words("file", "path of the file under its volume's root, with slashes"),
    Column("sha256", String(64), nullable=False, comment="SHA-256 of the file in hex: this instance alone goes"),
    whole("bytes", "size of the file in bytes"),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    words("why", "why it goes, in words"),
    whole("begun_us", "when that was decided, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("bytes >= 0 AND why <> ''", name="bytes"),
    Index("uq_removals_file", "node", "volume", "file", unique=True),
    comment="Files of footage that are being deleted: from before their line in the kept journal to after their end.",
)

retention = Table(
    "retention",
    metadata,
    node(),
    words("off_why", "why nothing may be deleted, in words; empty where it may"),
    whole("off_us", "since when, microseconds since the epoch, UTC; null where it may", null=True),
    whole("wall_us", "wall time of the newest look at the clock, microseconds since the epoch, UTC"),
    whole("boot_us", "boot time of that look, microseconds since boot"),
    words("boot", "id of that boot"),
    whole("passed_us", "end of the newest whole pass, microseconds since the epoch, UTC; null before it", null=True),
    words("levels", "JSON object: by volume, the level of its used space that was told last"),
    PrimaryKeyConstraint("node"),
    CheckConstraint("(off_us IS NULL) = (off_why = '')", name="off"),
    comment="Whether this node may delete, and what it told of its disks.",
)
