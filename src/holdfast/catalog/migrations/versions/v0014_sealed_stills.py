"""Stills that are encrypted: what their pictures are, besides what lies on the disk."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text, text

revision = "0014"
down_revision = "0013"

_BYTES = "size of the picture in an encrypted file in bytes; 0 where the file is the picture itself"
_SHA256 = "SHA-256 of that picture in hexadecimal digits; empty where the file is the picture itself"


def upgrade() -> None:
    """Add the columns; every still of before is the picture itself."""
    op.add_column("stills", Column("plain_bytes", BigInteger, nullable=False, server_default="0", comment=_BYTES))
    op.add_column("stills", Column("plain_sha256", Text, nullable=False, server_default=text("''"), comment=_SHA256))
