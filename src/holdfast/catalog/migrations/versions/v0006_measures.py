"""More of what is measured: clipping, loudness, blockiness and damaged pictures, look by look and minute by minute.

All of it may be null: nobody measured it in the looks that were there before.
"""

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Column, Double

revision = "0006"
down_revision = "0005"

_LOOKS = {
    "clipped_percent": "its samples at full scale in percent; null where not known",
    "loudness": "its loudest 400 ms in LUFS, EBU R128; null where it was not measured",
    "blocks": "edges on a grid of blocks by those beside it, 1 without a grid; null where it was not measured",
    "damaged": "pictures since the look before that could not be decoded, or only in part; null where nobody counted",
}
_MINUTES = {
    "clipped_most": "most samples at full scale in percent; null where not known",
    "loudness_most": "loudest 400 ms in LUFS, EBU R128; null where it was not measured",
    "blocks_most": "most blockiness, 1 without a grid; null where it was not measured",
    "damaged": "pictures that could not be decoded, or only in part; null where nobody counted",
}


def upgrade() -> None:
    """Add the columns."""
    for table, columns in (("measures", _LOOKS), ("measure_minutes", _MINUTES)):
        for name, comment in columns.items():
            kind: Any = BigInteger if name == "damaged" else Double
            op.add_column(table, Column(name, kind, nullable=True, comment=comment))
