"""The tables of the catalog, with a comment on every column: unit, meaning, and what null means.

Ids are (node, integer), so that several nodes can share one database. Everything about footage is an index over files
and journals and can be rebuilt from them; notes have a file of their own. Migrations lead every older database here.

Not here: statements (one module a noun), opening and transactions (`db`).
"""

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, String, Table, func, text

from holdfast.catalog.schema_accounts import settings, sign_ins, tokens, users
from holdfast.catalog.schema_base import belongs, flag, id_of, metadata, node, whole, words
from holdfast.catalog.schema_deliveries import deliveries, delivery_positions
from holdfast.catalog.schema_events import events
from holdfast.catalog.schema_exports import chores, exports
from holdfast.catalog.schema_handovers import handovers
from holdfast.catalog.schema_holds import holds, removals, retention
from holdfast.catalog.schema_stills import still_positions, stills
from holdfast.catalog.schema_watch import evidence, incidents, measures, minutes, watches
from holdfast.catalog.schema_work import work_controls, work_history, work_kinds

__all__ = [
    "cameras", "chores", "deliveries", "delivery_positions", "events", "evidence", "exports", "gaps", "handovers",
    "holds", "ids", "incidents", "journals", "measures", "metadata", "minutes", "nodes", "notes", "removals",
    "retention", "runs", "segments", "settings", "sign_ins", "still_positions", "stills", "streams", "tokens", "users",
    "volumes", "watches", "work_controls", "work_history", "work_kinds",
]  # fmt: skip

ids = Table(
    "ids",
    metadata,
    node(),
    Column("noun", String(40), nullable=False, comment="table whose ids are counted here"),
    whole("last", "highest id given out so far; 0 before the first"),
    PrimaryKeyConstraint("node", "noun"),
    comment="Counters that ids are drawn from, so that the id of a deleted row never comes back.",
)

nodes = Table(
    "nodes",
    metadata,
    whole("id", "number of the node, from 1"),
    words("name", "name of the node, unique in this catalog"),
    whole("created_us", "when the node was first seen, microseconds since the epoch, UTC"),
    whole(
        "indexed_us",
        "until when the journals of this node are in the catalog, microseconds since the epoch, UTC;"
        " null before the first pass of its indexer",
        null=True,
    ),
    PrimaryKeyConstraint("id"),
    Index("uq_nodes_name", "name", unique=True),
    comment="Hosts that run roles.",
)

volumes = Table(
    "volumes",
    metadata,
    node(),
    id_of("volume"),
    words("name", "name of the volume in the configuration, unique on its node"),
    words("path", "root folder of the volume on its node, as last configured"),
    whole("created_us", "when the volume was first seen, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "id"),
    Index("uq_volumes_name", "node", "name", unique=True),
    comment="Root folders that footage lies in.",
)

cameras = Table(
    "cameras",
    metadata,
    node(),
    id_of("camera"),
    Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it"),
    words("site", "id of the site that the camera is at; empty where there is only one"),
    words("location", "id of the place in the customer's own systems, a restaurant say; empty where there is none"),
    flag("enabled", "false while the camera is switched off; its footage stays"),
    Column(
        "origin",
        String(10),
        nullable=False,
        comment="who says that it exists: file (configuration), runtime (added while running), found (footage on disk)",
    ),
    words(
        "settings",
        "JSON object with the keys of a camera table of the configuration, secrets apart, for cameras of origin"
        " runtime; null for all others, whose settings stand in the configuration",
        null=True,
    ),
    whole("created_us", "when the camera was first seen, microseconds since the epoch, UTC"),
    whole(
        "removed_us",
        "when the camera was taken away, microseconds since the epoch, UTC; null while it is there",
        null=True,
    ),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("origin IN ('file', 'runtime', 'found')", name="origin"),
    CheckConstraint("(origin = 'runtime') = (settings IS NOT NULL)", name="settings"),
    Index("uq_cameras_camera", func.lower(text("camera")), unique=True),
    comment="Devices that are recorded, or were.",
)

streams = Table(
    "streams",
    metadata,
    node(),
    id_of("stream"),
    whole("camera_id", "id of the camera that the stream comes from"),
    Column("stream", String(10), nullable=False, comment="which feed of the camera: main or sub"),
    whole(
        "settled_us",
        "rows of this stream that start earlier are final, microseconds since the epoch, UTC; null while none are",
        null=True,
    ),
    words(
        "tail",
        "JSON with the journal lines that later rows are derived from; null to derive everything again",
        null=True,
    ),
    PrimaryKeyConstraint("node", "id"),
    belongs("camera_id", "cameras"),
    CheckConstraint("stream IN ('main', 'sub')", name="stream"),
    Index("uq_streams_stream", "node", "camera_id", "stream", unique=True),
    comment="Feeds of cameras.",
)

journals = Table(
    "journals",
    metadata,
    node(),
    id_of("journal"),
    whole("stream_id", "id of the stream whose journal this is"),
    whole("volume_id", "id of the volume that it lies on"),
    Column("day", String(10), nullable=False, comment="UTC day in its name, as YYYY-MM-DD"),
    whole("read_bytes", "bytes of the journal that are in the catalog; a shorter file was cut off"),
    words("chain", "chain value of the last line read; a file with another one there was changed"),
    PrimaryKeyConstraint("node", "id"),
    belongs("stream_id", "streams"),
    belongs("volume_id", "volumes"),
    CheckConstraint("read_bytes >= 0", name="bytes"),
    Index("uq_journals_day", "node", "stream_id", "volume_id", "day", unique=True),
    comment="How far each journal has been read.",
)

runs = Table(
    "runs",
    metadata,
    node(),
    id_of("run"),
    whole("stream_id", "id of the stream that was recorded"),
    words("run", "name of the run as journals and files give it"),
    whole("start_us", "wall time of its first segment's start, microseconds since the epoch, UTC"),
    whole("end_us", "wall time of its last known segment's end, microseconds since the epoch, UTC"),
    words("began", "why the run began; empty while its first segment is not finished"),
    words("ended", "why the run ended; empty while that is not known"),
    words("tracks", "JSON list with the facts of each track, the same all through a run; empty list while not known"),
    PrimaryKeyConstraint("node", "id"),
    belongs("stream_id", "streams"),
    CheckConstraint("end_us >= start_us", name="span"),
    Index("uq_runs_run", "node", "stream_id", "run", unique=True),
    comment="Unbroken stretches from one connection with one set of parameters.",
)

segments = Table(
    "segments",
    metadata,
    node(),
    id_of("segment"),
    whole("stream_id", "id of the stream"),
    whole("run_id", "id of the run that the segment is a piece of"),
    whole("volume_id", "id of the volume that the file lies on"),
    words("file", "path of the file under its volume's root, with slashes, without .part while growing"),
    Column(
        "state",
        String(12),
        nullable=False,
        comment="growing (being written), interrupted (waits for recovery), sealed (finished), removed (file deleted)",
    ),
    Column(
        "origin",
        String(10),
        nullable=False,
        comment="what the row was made from: journal (a line) or file (the file alone, its line being lost)",
    ),
    whole("start_us", "wall time of the first picture, microseconds since the epoch, UTC"),
    whole(
        "end_us",
        "wall time at which the last picture ends, microseconds since the epoch, UTC;"
        " null while it is being written and reaches to now",
        null=True,
    ),
    words("boot", "id of the boot in which its line was written; empty for rows made from the file alone"),
    whole(
        "start_boot_us",
        "boot time that belongs to start_us, microseconds since boot; null where it is not known",
        null=True,
    ),
    whole("bytes", "size of the file in bytes; null until it is sealed", null=True),
    whole("media_bytes", "payload in the file in bytes; null until it is sealed", null=True),
    Column("sha256", String(64), nullable=True, comment="SHA-256 of the file in hex; null until it is sealed"),
    whole("video_samples", "pictures in it, a count; null until it is sealed", null=True),
    whole("audio_samples", "blocks of sound in it, a count; null until it is sealed", null=True),
    words("began", "why the segment began: cut inside a run, else a reason; empty until it is sealed"),
    words("ended", "why the segment ended: cut inside a run, else a reason; empty until it is sealed"),
    flag("recovered", "true where it was cut back to its last whole fragment after an interruption"),
    words("removed_why", "why its file was deleted (reserve, or a policy); null while it was not", null=True),
    whole(
        "missing_us",
        "when the file was first found to be gone although nobody removed it, microseconds since the epoch, UTC;"
        " null while it is not missing",
        null=True,
    ),
    PrimaryKeyConstraint("node", "id"),
    belongs("stream_id", "streams"),
    belongs("run_id", "runs"),
    belongs("volume_id", "volumes"),
    CheckConstraint("end_us >= start_us", name="span"),
    CheckConstraint("state IN ('growing', 'interrupted', 'sealed', 'removed')", name="state"),
    CheckConstraint("origin IN ('journal', 'file')", name="origin"),
    CheckConstraint("state = 'growing' OR end_us IS NOT NULL", name="end"),
    CheckConstraint(
        "state IN ('growing', 'interrupted') OR (bytes IS NOT NULL AND media_bytes IS NOT NULL AND sha256 IS NOT NULL)",
        name="sealed",
    ),
    CheckConstraint("(state = 'removed') = (removed_why IS NOT NULL)", name="removed"),
    CheckConstraint("bytes >= 0 AND media_bytes >= 0", name="bytes"),
    Index("uq_segments_file", "node", "volume_id", "file", unique=True),
    Index("ix_segments_start", "node", "stream_id", "start_us"),
    Index("ix_segments_end", "node", "stream_id", "end_us"),
    Index("ix_segments_run", "node", "run_id"),
    # What is not here any more is little beside what is, or old: timelines find it without looking at all of it.
    Index(
        "ix_segments_removed",
        "node",
        "stream_id",
        "start_us",
        sqlite_where=text("state = 'removed'"),
        postgresql_where=text("state = 'removed'"),
    ),
    Index(
        "ix_segments_missing",
        "node",
        "stream_id",
        "start_us",
        sqlite_where=text("missing_us IS NOT NULL"),
        postgresql_where=text("missing_us IS NOT NULL"),
    ),
    Index(
        "uq_segments_growing",
        "node",
        "stream_id",
        unique=True,
        sqlite_where=text("state = 'growing'"),
        postgresql_where=text("state = 'growing'"),
    ),
    comment="Files of footage, finished, growing or deleted.",
)

gaps = Table(
    "gaps",
    metadata,
    node(),
    id_of("gap"),
    whole("stream_id", "id of the stream"),
    whole("start_us", "when footage stopped, microseconds since the epoch, UTC"),
    whole(
        "end_us",
        "when footage or another reason began, microseconds since the epoch, UTC; null while it lasts",
        null=True,
    ),
    Column("reason", String(40), nullable=False, comment="why there is no footage, one of the gap reasons"),
    words("detail", "the reason in words for a person; empty where there is nothing to add"),
    PrimaryKeyConstraint("node", "id"),
    belongs("stream_id", "streams"),
    CheckConstraint("end_us >= start_us", name="span"),
    CheckConstraint("reason <> ''", name="reason"),
    Index("uq_gaps_start", "node", "stream_id", "start_us", unique=True),
    Index("ix_gaps_end", "node", "stream_id", "end_us"),
    Index(
        "uq_gaps_open",
        "node",
        "stream_id",
        unique=True,
        sqlite_where=text("end_us IS NULL"),
        postgresql_where=text("end_us IS NULL"),
    ),
    comment="Spans without footage, each with its reason.",
)

notes = Table(
    "notes",
    metadata,
    node(),
    id_of("note"),
    Column("uid", String(40), nullable=False, comment="name of the note in the notes file, unique"),
    Column("camera", String(50), nullable=True, comment="id of the camera that it is about; null for the whole site"),
    words("site", "id of the site that it is about; empty where there is only one"),
    whole("at_us", "instant on the timeline that it is about, microseconds since the epoch, UTC"),
    words("words", "what somebody wrote"),
    words("author", "who wrote it; empty where that is not known"),
    whole("created_us", "when it was written down, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("words <> ''", name="words"),
    Index("uq_notes_uid", "uid", unique=True),
    Index("ix_notes_at", "at_us"),
    comment="Free words of people, on the timeline.",
)
