"""The tables of the watcher: how far it came, what it measured, incidents and their pictures.

They name cameras as people do, not by rows about footage: those are made anew by a reindex, these are not.
Part of `schema`, which names them too.
"""

from typing import Any

from sqlalchemy import CheckConstraint, Column, Double, Index, PrimaryKeyConstraint, String, Table, text

from holdfast.catalog.schema_base import belongs, flag, id_of, metadata, node, whole, words


def _camera() -> Column[Any]:
    return Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it")


def _real(name: str, comment: str) -> Column[Any]:
    return Column(name, Double, nullable=True, comment=comment)


watches = Table(
    "watches",
    metadata,
    node(),
    _camera(),
    whole("taken_us", "wall time up to which its footage is judged, microseconds since the epoch, UTC"),
    words("state", "JSON with the conditions that are being watched and their pictures, for whoever goes on"),
    whole("updated_us", "when this was written, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "camera"),
    comment="How far the watcher came with each camera.",
)

measures = Table(
    "measures",
    metadata,
    node(),
    _camera(),
    whole("at_us", "wall time of the picture, microseconds since the epoch, UTC"),
    _real("black_percent", "black pixels in percent of the region; null without a picture"),
    _real("difference", "largest mean grey difference of three pictures in a row, 0 to 255; null where not known"),
    *(
        _real(name, f"mean grey difference of the {pair} of those, 0 to 255; null where not known")
        for name, pair in (
            ("difference_12", "first and second"),
            ("difference_13", "first and third"),
            ("difference_23", "second and third"),
        )
    ),
    _real("drift", "mean grey difference to the picture that was looked at before, 0 to 255; null where not known"),
    _real("mean_db", "mean level of the newest sound in dB of full scale, -100 at least; null where not known"),
    _real("peak_db", "its loudest sample in dB of full scale, -100 at least; null where not known"),
    _real("clipped_percent", "its samples at full scale in percent; null where not known"),
    _real("loudness", "its loudest 400 ms in LUFS, EBU R128; null where it was not measured"),
    _real("blocks", "edges on a grid of blocks by those beside it, 1 without a grid; null where it was not measured"),
    whole(
        "damaged",
        "pictures since the look before that could not be decoded, or only in part; null where nobody counted",
        null=True,
    ),
    PrimaryKeyConstraint("node", "camera", "at_us"),
    comment="What was measured in the last days, look by look.",
)

minutes = Table(
    "measure_minutes",
    metadata,
    node(),
    _camera(),
    whole("minute_us", "begin of the minute, microseconds since the epoch, UTC"),
    whole("looks", "looks in it, a count"),
    _real("black_most", "most black pixels in percent; null without a picture"),
    _real("black_sum", "sum of black pixels in percent over its looks; null without a picture"),
    _real("difference_least", "smallest of the differences; null where not known"),
    _real("db_sum", "sum of mean levels in dB over the looks with sound; null without sound"),
    _real("db_most", "highest mean level in dB; null without sound"),
    whole("db_looks", "looks with sound, a count"),
    _real("clipped_most", "most samples at full scale in percent; null where not known"),
    _real("loudness_most", "loudest 400 ms in LUFS, EBU R128; null where it was not measured"),
    _real("blocks_most", "most blockiness, 1 without a grid; null where it was not measured"),
    whole("damaged", "pictures that could not be decoded, or only in part; null where nobody counted", null=True),
    PrimaryKeyConstraint("node", "camera", "minute_us"),
    CheckConstraint("looks > 0 AND db_looks >= 0 AND db_looks <= looks", name="looks"),
    comment="What was measured, minute by minute.",
)

incidents = Table(
    "incidents",
    metadata,
    node(),
    id_of("incident"),
    _camera(),
    Column("type", String(20), nullable=False, comment="what is wrong: blackscreen, freeze, signal_lost and others"),
    whole("start_us", "wall time of the first bad sample, microseconds since the epoch, UTC"),
    whole(
        "end_us",
        "wall time of the first good sample after the last bad one, microseconds since the epoch, UTC;"
        " null while it lasts",
        null=True,
    ),
    whole("count", "bad samples in it, a count"),
    words("detail", "why, in words for a person; empty where there is nothing to add"),
    words("seen", "JSON with what was measured when it began"),
    flag("checked", "true where somebody has looked at it"),
    Column(
        "check_type",
        String(10),
        nullable=True,
        comment="who looked: manual (a person) or ai; null while nobody has",
    ),
    words("checked_by", "name of the user or token; empty while nobody has looked"),
    whole("checked_us", "when it was looked at, microseconds since the epoch, UTC; null while it was not", null=True),
    flag("discarded", "true where it is none after all: it is left out of counts"),
    words("discard_type", "why it is none, in a word or two; empty where nothing was said"),
    words("discarded_by", "name of the user or token; empty while it stands"),
    whole("discarded_us", "when it was discarded, microseconds since the epoch, UTC; null while it stands", null=True),
    words("comment", "what somebody wrote about it; empty where nobody did"),
    whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    whole("updated_us", "when it was last changed, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("end_us >= start_us", name="span"),
    CheckConstraint('"count" > 0', name="count"),
    CheckConstraint("type <> ''", name="type"),
    CheckConstraint("check_type IN ('manual', 'ai')", name="check_type"),
    CheckConstraint("checked = (check_type IS NOT NULL)", name="checked"),
    CheckConstraint("discarded = (discarded_us IS NOT NULL)", name="discarded"),
    Index("uq_incidents_start", "node", "camera", "type", "start_us", unique=True),
    Index("ix_incidents_start", "start_us", "node", "id"),
    Index("ix_incidents_camera", "camera", "start_us"),
    Index("ix_incidents_type", "type", "start_us"),
    Index("ix_incidents_counted", "discarded", "type", "camera", "start_us", "end_us"),
    Index(
        "uq_incidents_open",
        "node",
        "camera",
        "type",
        unique=True,
        sqlite_where=text("end_us IS NULL"),
        postgresql_where=text("end_us IS NULL"),
    ),
    comment="What was wrong with cameras, and from when to when.",
)

evidence = Table(
    "evidence",
    metadata,
    node(),
    id_of("picture"),
    whole("incident_id", "id of the incident that it shows"),
    whole("number", "place among the pictures of its incident, from 1; the one of its end is 0"),
    whole("at_us", "wall time of the picture, microseconds since the epoch, UTC"),
    words("volume", "name of the volume that the file lies on"),
    words("file", "path of the file under its volume's root, with slashes"),
    whole("width", "pixels"),
    whole("height", "pixels"),
    whole("bytes", "size of the file in bytes"),
    PrimaryKeyConstraint("node", "id"),
    belongs("incident_id", "incidents"),
    CheckConstraint("number >= 0 AND bytes > 0", name="number"),
    Index("uq_evidence_number", "node", "incident_id", "number", unique=True),
    comment="Pictures of incidents, kept as long as those.",
)
