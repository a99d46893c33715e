"""Whether the catalog still has the file that a row is about: conditions for rows of deliveries and of hand-overs.

Each costs a look into an index for a row, or one pass over a small table for a whole question. Of journals nothing is
said: they stay.

Not here: what follows from it (deliveries, handovers).
"""

from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select

from holdfast.catalog import schema
from holdfast.core.delivery import AssetKind
from holdfast.core.timing import HOUR_US

KINDS = (AssetKind.SEGMENT, AssetKind.STILL, AssetKind.EVENT, AssetKind.EVIDENCE, AssetKind.EXPORT)
"""Of these it can be said."""


def here(rows: Any, node: int) -> ColumnElement[bool]:
    """Whether the file of a row is here; False for what is none of `KINDS`.

    Args:
        rows: Columns of the table.
        node: Number of the node whose rows are asked about.
    """
    asked = (_segment(rows), _still(rows), _event(rows), _evidence(rows, node), _export(rows, node))
    return or_(*((rows.kind == kind.value) & one for kind, one in zip(KINDS, asked, strict=True)))


def _segment(rows: Any) -> ColumnElement[bool]:
    segments, volumes = schema.segments.c, schema.volumes.c
    return exists().where(
        segments.node == rows.node, volumes.node == rows.node, volumes.name == rows.volume,
        segments.volume_id == volumes.id, segments.file == rows.file, segments.state != "removed",
    )  # fmt: skip


def _still(rows: Any) -> ColumnElement[bool]:
    stills = schema.stills.c
    return exists().where(
        stills.node == rows.node, stills.camera == rows.camera, stills.volume == rows.volume,
        stills.slot_us.between(rows.start_us - HOUR_US, rows.start_us + HOUR_US), stills.file == rows.file,
    )  # fmt: skip


def _event(rows: Any) -> ColumnElement[bool]:
    events = schema.events.c
    return exists().where(
        events.node == rows.node, events.camera == rows.camera, events.start_us == rows.start_us,
        events.volume == rows.volume, (events.picture_a == rows.file) | (events.picture_b == rows.file),
    )  # fmt: skip


# No index leads to these by their file. Asked for all of them together the table is read once, not once for each row;
# a path that two volumes have is taken for here, which keeps a record for longer.


def _evidence(rows: Any, node: int) -> ColumnElement[bool]:
    evidence = schema.evidence.c
    file: ColumnElement[str] = rows.file
    return file.in_(select(evidence.file).where(evidence.node == node))


def _export(rows: Any, node: int) -> ColumnElement[bool]:
    exports = schema.exports.c
    file: ColumnElement[str] = rows.file
    return file.in_(select(exports.file).where(exports.node == node, exports.state == "done"))
