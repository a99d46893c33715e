"""What every table of durable work has, and the tables about work itself: its kinds, what holds them back, its history.

A kind of work keeps its rows in a table of its own noun (`deliveries`, say): `work_columns` are the columns by which
rows are found, claimed and tried again, `work_rules` the constraints and indexes that belong to them. Invariants: a row
is claimed exactly while it is being worked on, each claim raises the fence, and the history has one line a fence.
Part of `schema`, which names the tables too.
"""

from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, PrimaryKeyConstraint, String, Table, text
from sqlalchemy.schema import SchemaItem

from holdfast.catalog.schema_base import metadata, node, whole, words

PENDING, FAILED = "pending", "failed"
"""States that every kind of work has; the words for a row that is worked on, or done, are its own."""


def work_columns() -> list[Column[Any]]:
    """Make the columns that every table of durable work has, beside `node()` and `id_of(noun)`."""
    return [
        Column("state", String(12), nullable=False, comment="pending, failed, or a word of the kind's own"),
        Column(
            "lane", String(60), nullable=False,
            comment="rows of one lane share a limit, a target's name for deliveries; empty where there is one lane",
        ),
        whole("priority", "0 for ordinary rows, higher ones first"),
        whole("due_us", "not before this, microseconds since the epoch, UTC"),
        whole("attempts", "times that somebody began with it, a count; from 0 again when a person has it tried anew"),
        whole("lost", "claims in a row that ended without a word, a count: whoever held them died"),
        words("worker", "who has claimed it; empty while nobody has"),
        whole("fence", "number of its newest claim, raised by each; results of an older one are refused"),
        whole("lease_us", "until when the claim holds, microseconds since the epoch, UTC; null while it is not claimed",
              null=True),
        whole("last_us", "when it was last worked on, microseconds since the epoch, UTC; null before the first time",
              null=True),
        words("error", "what went wrong last; empty where nothing did"),
        words("hint", "what a person can do about it; empty where nothing is known"),
    ]  # fmt: skip


def work_rules(noun: str, working: str) -> list[SchemaItem]:
    """Make the constraints and indexes that belong to `work_columns`.

    Args:
        noun: The table's name.
        working: The state of rows that somebody works on.
    """
    pending = text(f"state = '{PENDING}'")
    claimed = text("worker <> ''")
    return [
        CheckConstraint(f"(state = '{working}') = (worker <> '')", name="claimed"),
        CheckConstraint("(worker <> '') = (lease_us IS NOT NULL)", name="lease"),
        CheckConstraint("priority >= 0 AND attempts >= 0 AND lost >= 0 AND fence >= 0", name="counts"),
        Index(f"ix_{noun}_due", "node", "lane", "due_us", "id", sqlite_where=pending, postgresql_where=pending),
        Index(
            f"ix_{noun}_priority", "node", "lane", "priority", "due_us", "id",
            sqlite_where=pending, postgresql_where=pending,
        ),
        Index(f"ix_{noun}_claimed", "node", "lane", "lease_us", sqlite_where=claimed, postgresql_where=claimed),
        Index(f"ix_{noun}_state", "node", "state", "lane", "id"),
    ]  # fmt: skip


work_history = Table(
    "work_history",
    metadata,
    node(),
    Column("noun", String(40), nullable=False, comment="table of the row that this is about"),
    whole("row_id", "id of that row on its node"),
    whole("fence", "the claim that ended so, or the number that a person's deed took instead of one"),
    whole("at_us", "when it ended, microseconds since the epoch, UTC"),
    Column("what", String(12), nullable=False, comment="the state that it came to, or: again, later, lost, given-back"),
    words("worker", "who had claimed it, or the person who did something to it"),
    whole("attempt", "which attempt it was, from 1; 0 where it was none"),
    words("error", "what went wrong; empty where nothing did"),
    PrimaryKeyConstraint("node", "noun", "row_id", "fence"),
    CheckConstraint("what <> ''", name="what"),
    Index("ix_work_history_at", "at_us"),
    comment="How the last claims of each row of durable work ended.",
)

work_kinds = Table(
    "work_kinds",
    metadata,
    node(),
    Column("kind", String(40), nullable=False, comment="name of the kind of work"),
    Column("noun", String(40), nullable=False, comment="table that its rows are in"),
    Column("queue", String(20), nullable=False, comment="queue that carries it"),
    Column("working", String(12), nullable=False, comment="state of a row that somebody works on"),
    words("about", "what it does, in a few words"),
    whole("lane_limit", "rows of a lane that are worked on at once, a count"),
    whole("seen_us", "when a worker last began with this kind, microseconds since the epoch, UTC"),
    PrimaryKeyConstraint("node", "kind"),
    CheckConstraint("lane_limit > 0", name="limit"),
    comment="Kinds of work that workers of this node know.",
)

work_controls = Table(
    "work_controls",
    metadata,
    node(),
    Column("kind", String(40), nullable=False, comment="name of the kind of work"),
    Column("lane", String(60), nullable=False, comment="the lane that is meant; empty for all of the kind"),
    Column(
        "state", String(10), nullable=False,
        comment="running, paused (nothing new is begun), stopped (and what was begun is given back)",
    ),
    whole("turn", "raised by each stop and restart: what was begun before it is given back"),
    whole("since_us", "since when it is in this state, microseconds since the epoch, UTC"),
    words("by", "who said so; empty where that is not known"),
    PrimaryKeyConstraint("node", "kind", "lane"),
    CheckConstraint("state IN ('running', 'paused', 'stopped')", name="state"),
    comment="Kinds and lanes of work that somebody paused, stopped or began again.",
)  # fmt: skip
