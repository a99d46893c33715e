"""Indexes over the segments whose files are not here any more: what a timeline of a year asks for.

Without them each such question looked at every row of a stream.
"""

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"

_INDEXES = (("ix_segments_removed", "state = 'removed'"), ("ix_segments_missing", "missing_us IS NOT NULL"))


def upgrade() -> None:
    """Create the indexes."""
    for name, which in _INDEXES:
        op.create_index(
            name, "segments", ["node", "stream_id", "start_us"], sqlite_where=text(which), postgresql_where=text(which)
        )
