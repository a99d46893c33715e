"""Rows of durable work by state and lane, deliveries by kind: lists of few among many read only those."""

from alembic import op

revision = "0015"
down_revision = "0014"

_NOUNS = ("deliveries", "handovers", "exports", "chores")


def upgrade() -> None:
    """Make the indexes; the one on states takes the place of one by when rows were last worked on."""
    for noun in _NOUNS:
        op.drop_index(f"ix_{noun}_state", table_name=noun)
        op.create_index(f"ix_{noun}_state", noun, ["node", "state", "lane", "id"])
    op.create_index("ix_deliveries_kind", "deliveries", ["node", "target", "kind", "start_us", "id"])
