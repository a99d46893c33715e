"""The watcher: how far it came, what it measured, incidents and their pictures.

The tables are written out again, as they were then: `catalog.schema` will move on, this must not.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

revision = "0004"
down_revision = "0003"

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


def _flag(name: str, comment: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False, comment=comment)


def _real(name: str, comment: str) -> Column[Any]:
    return Column(name, Double, nullable=True, comment=comment)


def _node() -> Column[Any]:
    return _whole("node", "id of the node whose row this is; first half of the row's identity")


def _id(noun: str) -> Column[Any]:
    return _whole("id", f"number of the {noun} on its node, from 1, never used again; second half of its identity")


def _camera() -> Column[Any]:
    return Column("camera", String(50), nullable=False, comment="id of the camera as people and folders write it")


watches = Table(
    "watches",
    metadata,
    _node(),
    _camera(),
    _whole("taken_us", "wall time up to which its footage is judged, microseconds since the epoch, UTC"),
    _words("state", "JSON with the conditions that are being watched and their pictures, for whoever goes on"),
    _whole("updated_us", "when this was written, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "camera"),
    comment="How far the watcher came with each camera.",
)

measures = Table(
    "measures",
    metadata,
    _node(),
    _camera(),
    _whole("at_us", "wall time of the picture, microseconds since the epoch, UTC"),
    _real("black_percent", "black pixels in percent of the region; null without a picture"),
    _real("difference", "largest mean grey difference of three pictures in a row, 0 to 255; null where not known"),
    _real("drift", "mean grey difference to the picture that was looked at before, 0 to 255; null where not known"),
    _real("mean_db", "mean level of the newest sound in dB of full scale, -100 at least; null where not known"),
    _real("peak_db", "its loudest sample in dB of full scale, -100 at least; null where not known"),
    PrimaryKeyConstraint("node", "camera", "at_us"),
    comment="What was measured in the last days, look by look.",
)

minutes = Table(
    "measure_minutes",
    metadata,
    _node(),
    _camera(),
    _whole("minute_us", "begin of the minute, microseconds since the epoch, UTC"),
    _whole("looks", "looks in it, a count"),
    _real("black_most", "most black pixels in percent; null without a picture"),
    _real("black_sum", "sum of black pixels in percent over its looks; null without a picture"),
    _real("difference_least", "smallest of the differences; null where not known"),
    _real("db_sum", "sum of mean levels in dB over the looks with sound; null without sound"),
    _real("db_most", "highest mean level in dB; null without sound"),
    _whole("db_looks", "looks with sound, a count"),
    PrimaryKeyConstraint("node", "camera", "minute_us"),
    CheckConstraint("looks > 0 AND db_looks >= 0 AND db_looks <= looks", name="looks"),
    comment="What was measured, minute by minute.",
)

incidents = Table(
    "incidents",
    metadata,
    _node(),
    _id("incident"),
    _camera(),
    Column("type", String(20), nullable=False, comment="what is wrong: blackscreen, freeze, signal_lost and others"),
    _whole("start_us", "wall time of the first bad sample, microseconds since the epoch, UTC"),
    _whole(
        "end_us",
        "wall time of the first good sample after the last bad one, microseconds since the epoch, UTC;"
        " null while it lasts",
        null=True,
    ),
    _whole("count", "bad samples in it, a count"),
    _words("detail", "why, in words for a person; empty where there is nothing to add"),
    _words("seen", "JSON with what was measured when it began"),
    _flag("checked", "true where somebody has looked at it"),
    Column(
        "check_type",
        String(10),
        nullable=True,
        comment="who looked: manual (a person) or ai; null while nobody has",
    ),
    _words("checked_by", "name of the user or token; empty while nobody has looked"),
    _whole("checked_us", "when it was looked at, microseconds since the epoch, UTC; null while it was not", null=True),
    _flag("discarded", "true where it is none after all: it is left out of counts"),
    _words("discard_type", "why it is none, in a word or two; empty where nothing was said"),
    _words("discarded_by", "name of the user or token; empty while it stands"),
    _whole("discarded_us", "when it was discarded, microseconds since the epoch, UTC; null while it stands", null=True),
    _words("comment", "what somebody wrote about it; empty where nobody did"),
    _whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    _whole("updated_us", "when it was last changed, microseconds since the epoch, UTC"),
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
    _node(),
    _id("picture"),
    _whole("incident_id", "id of the incident that it shows"),
    _whole("number", "place among the pictures of its incident, from 1; the one of its end is 0"),
    _whole("at_us", "wall time of the picture, microseconds since the epoch, UTC"),
    _words("volume", "name of the volume that the file lies on"),
    _words("file", "path of the file under its volume's root, with slashes"),
    _whole("width", "pixels"),
    _whole("height", "pixels"),
    _whole("bytes", "size of the file in bytes"),
    PrimaryKeyConstraint("node", "id"),
    ForeignKeyConstraint(["node", "incident_id"], ["incidents.node", "incidents.id"]),
    CheckConstraint("number >= 0 AND bytes > 0", name="number"),
    Index("uq_evidence_number", "node", "incident_id", "number", unique=True),
    comment="Pictures of incidents, kept as long as those.",
)


def upgrade() -> None:
    """Create the tables."""
    metadata.create_all(op.get_bind())
