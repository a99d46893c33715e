"""What was found is gone through in the order in which it was written, to be written down beside its pictures."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Index rows by when they were written last."""
    op.create_index("ix_stills_created", "stills", ["node", "created_us", "id"])
    op.create_index("ix_events_updated", "events", ["node", "updated_us", "id"])
    op.create_index("ix_incidents_updated", "incidents", ["node", "updated_us", "id"])
