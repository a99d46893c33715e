"""The table of hand-overs: one row for each file instance and rule, and whether whoever waits for it was told.

A row names the file, as those of deliveries do; how far rules have looked stands in `delivery_positions`. Invariant: of
an instance of a file a rule has one row. Part of `schema`, which names the tables too.
"""

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, String, Table

from holdfast.catalog.schema_base import id_of, metadata, node, whole, words
from holdfast.catalog.schema_deliveries import asset_columns
from holdfast.catalog.schema_work import work_columns, work_rules

handovers = Table(
    "handovers",
    metadata,
    node(),
    id_of("hand-over"),
    *work_columns(),
    Column("rule", String(50), nullable=False, comment="name of the rule that asked for it"),
    *asset_columns(),
    words("made", "path of the marker, or what the receiver answered; empty until it was told"),
    whole("created_us", "when the row was made, microseconds since the epoch, UTC"),
    whole("done_us", "when it was told, microseconds since the epoch, UTC; null until then", null=True),
    PrimaryKeyConstraint("node", "id"),
    *work_rules("handovers", "handing"),
    CheckConstraint("state IN ('pending', 'handing', 'done', 'failed', 'missing')", name="state"),
    CheckConstraint("(state = 'done') = (done_us IS NOT NULL)", name="done"),
    CheckConstraint("(state = 'done') = (made <> '')", name="made"),
    CheckConstraint("bytes >= 0 AND end_us >= start_us", name="asset"),
    CheckConstraint("rule <> '' AND file <> '' AND volume <> ''", name="names"),
    Index("ix_handovers_rule", "node", "rule", "state", "last_us"),
    Index("uq_handovers_asset", "node", "rule", "volume", "file", "sha256", unique=True),
    comment="Files of which scripts and services are told.",
)
