"""Objects: what is recognised in the pictures of events, and which events wait to be looked through."""

from alembic import op
from sqlalchemy import Boolean, Column, Text, false, text

revision = "0008"
down_revision = "0007"

_OBJECTS = "what each of its pictures shows, as JSON: label, confidence and place; null while nobody looked"
_SOUGHT = "true while its pictures wait to be looked through for objects"


def upgrade() -> None:
    """Add the columns, and an index over what waits."""
    op.add_column("events", Column("objects", Text, nullable=True, comment=_OBJECTS))
    op.add_column("events", Column("sought", Boolean, nullable=False, server_default=false(), comment=_SOUGHT))
    op.create_index(
        "ix_events_sought", "events", ["node", "start_us"], sqlite_where=text("sought = 1"),
        postgresql_where=text("sought"),
    )  # fmt: skip
