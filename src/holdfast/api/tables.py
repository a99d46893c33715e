"""What answers about targets, rules and hand-overs share: where a table comes from, who changed it, and what is wrong.

Not here: what is particular to each (targets, rules, handover_rules).
"""

from typing import Any

from pydantic import BaseModel, Field

from holdfast.library.saved_tables import TableNow


class ProblemOut(BaseModel):
    """Why a table is left out."""

    key: str = Field(examples=["deliveries.archive.target"])
    message: str = Field(examples=["there is no target 'nas'"])
    hint: str = Field(examples=["add [targets.nas]"])


class SavedTable(BaseModel):
    """A table as it is configured."""

    name: str = Field(examples=["nas"])
    origin: str = Field(
        description="`file:line` where the configuration file has it, else `saved settings`.",
        examples=["holdfast.toml:12"],
    )
    changed: bool = Field(description="It was added or changed while running; DELETE removes it or sets it back.")
    changed_us: int | None = Field(description="When, microseconds since the epoch, UTC.")
    changed_by: str = Field(examples=["ann"])
    table: dict[str, Any] = Field(description="Every key with what holds, secrets as `****`.")
    problems: list[ProblemOut] = Field(
        description="Why what was saved is left out; the file's own, if any, holds.", examples=[[]]
    )


def said_of(found: TableNow) -> dict[str, Any]:
    """Return the fields of a `SavedTable`."""
    return {
        "name": found.which.name, "origin": found.place or "saved settings", "changed": found.saved,
        "changed_us": found.changed_us, "changed_by": found.changed_by, "table": dict(found.table),
        "problems": [ProblemOut(key=one.key, message=one.message, hint=one.hint) for one in found.problems],
    }  # fmt: skip


def is_followed(found: TableNow) -> bool:
    """Say whether a rule is followed; what is left out, or switched off, is not."""
    return found.config is not None and bool(found.table.get("enabled", True))
