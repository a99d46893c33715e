"""Exports say the hash of their file: what is delivered, or told of, must be this very one."""

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0016"
down_revision = "0015"

_SHA256 = "SHA-256 of its file in hexadecimal digits; empty until it is done"


def upgrade() -> None:
    """Add the column; the hash of an export of before is not known."""
    op.add_column("exports", Column("sha256", Text, nullable=False, server_default=text("''"), comment=_SHA256))
