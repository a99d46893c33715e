"""All three differences that freeze is judged by are kept of each look; incidents are counted by an index."""

from alembic import op
from sqlalchemy import Column, Double

revision = "0017"
down_revision = "0016"

_PAIRS = {"difference_12": "first and second", "difference_13": "first and third", "difference_23": "second and third"}


def upgrade() -> None:
    """Add the columns, of which looks from before know nothing, and the index."""
    for name, pair in _PAIRS.items():
        said = f"mean grey difference of the {pair} of those, 0 to 255; null where not known"
        op.add_column("measures", Column(name, Double, nullable=True, comment=said))
    op.create_index("ix_incidents_counted", "incidents", ["discarded", "type", "camera", "start_us", "end_us"])
