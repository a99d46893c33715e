"""The tables of stills that are kept: how far a camera's grid is decided, and what became of each of its instants.

Like incidents they name cameras as people do: a reindex makes the rows of footage anew, not these.
Part of `schema`, which names them too.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, PrimaryKeyConstraint, String, Table, Text, text

from holdfast.catalog.schema_base import id_of, metadata, node, whole, words

still_positions = Table(
    "still_positions",
    metadata,
    node(),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    whole(
        "decided_us", "last instant up to which every planned still is taken or missed, microseconds since the epoch"
    ),
    whole("updated_us", "when this was written, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "camera"),
    comment="How far the stills of each camera are taken.",
)

stills = Table(
    "stills",
    metadata,
    node(),
    id_of("still"),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    words("location", "id of the camera's location in somebody's own systems then; empty where none was given"),
    whole("slot_us", "planned instant, microseconds since the epoch, UTC"),
    whole("at_us", "wall time of the picture, microseconds since the epoch, UTC; null where it was missed", null=True),
    Column("state", String(10), nullable=False, comment="taken or missed"),
    words("cause", "why it was missed: a gap reason, damaged or removed; empty where it was taken"),
    words("volume", "name of the volume that the files lie on; empty where it was missed"),
    words("file", "path of the picture under its volume's root, with slashes; empty where it was missed"),
    words("thumbnail", "path of its thumbnail under the same root; empty where there is none"),
    whole("width", "pixels of the file across; 0 where it was missed"),
    whole("height", "pixels of the file down; 0 where it was missed"),
    whole("source_width", "pixels of the footage across; 0 where it was missed"),
    whole("source_height", "pixels of the footage down; 0 where it was missed"),
    whole("bytes", "size of the picture's file in bytes; 0 where it was missed"),
    words("sha256", "SHA-256 of the picture's file in hexadecimal digits; empty where it was missed"),
    Column(
        "plain_bytes",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="size of the picture in an encrypted file in bytes; 0 where the file is the picture itself",
    ),
    Column(
        "plain_sha256",
        Text,
        nullable=False,
        server_default=text("''"),
        comment="SHA-256 of that picture in hexadecimal digits; empty where the file is the picture itself",
    ),
    whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
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
