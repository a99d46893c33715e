"""`retention`: how long footage and what belongs to it stay, and what a full disk may cost. Pure."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from holdfast.core.config.table import Table
from holdfast.core.config.units import format_bytes, parse_bytes
from holdfast.core.retention import DiskFull, Keep, KeepOnly
from holdfast.core.timing import DAY_US, HOUR_US

_Size = Annotated[int, BeforeValidator(parse_bytes), PlainSerializer(format_bytes)]
_Days = Annotated[float, Field(gt=0, le=36_500)]


class KeepConfig(Table):
    """`retention` of a camera: what stays of its footage."""

    keep_days: _Days | None = Field(
        default=None, description="Days after which footage is deleted; unset is as long as there is room."
    )
    keep_bytes: _Size | None = Field(
        default=None, description="Bytes that its footage may take; beyond them the oldest goes. Unset is no limit."
    )
    copies: int | None = Field(
        default=None, ge=0, le=9,
        description="Targets that must have verified a file before it is deleted; 0 is none, unset is every target "
        "that a rule of `[deliveries]` sends it to.",
    )  # fmt: skip
    only: Literal["always", "schedule", "events", "bookings", "live"] = Field(
        default="always",
        description="Which footage stays beyond `loose_hours`: all of it (`always`), that inside `capture.windows` "
        "(`schedule`), that of events, that of bookings, or none (`live`). Holds stay in any case.",
    )
    loose_hours: float = Field(
        default=24.0, ge=0.25, le=8760, description="Hours in which everything stays, whatever `only` says."
    )
    holds: tuple[Literal["events", "incidents"], ...] = Field(
        default=("incidents",), description="What holds the footage that it lies in: `events`, `incidents`, or neither."
    )
    hold_days: _Days = Field(default=30.0, description="Days that an event or incident holds its footage.")

    def keep(self) -> Keep:
        """Return it as the decision takes it."""
        return Keep(
            keep_us=None if self.keep_days is None else round(self.keep_days * DAY_US), keep_bytes=self.keep_bytes,
            copies=self.copies, only=KeepOnly(self.only), loose_us=round(self.loose_hours * HOUR_US),
        )  # fmt: skip


class RetentionConfig(Table):
    """`[retention]`: what is deleted on this node, and when."""

    enabled: bool = Field(
        default=True, description="Whether anything is deleted by age, size or for room; off, a full disk stops all."
    )
    disk_full: Literal["acknowledged", "oldest", "stop"] = Field(
        default="acknowledged",
        description="What a full disk may cost: `acknowledged` (files with their copies, and those that need none), "
        "`oldest` (after those also the oldest that wait for their copies), or `stop` (nothing: recording stops).",
    )
    newest_minutes: float = Field(
        default=10.0, ge=1, le=1440, description="Minutes of the newest footage that are never deleted."
    )
    headroom: _Size | None = Field(
        default=None,
        description="Space beyond a volume's `reserve` that is kept free; unset is half an hour of what comes in.",
    )
    warn_percent: float = Field(default=75.0, ge=1, le=100, description="Used space that is worth a word, in percent.")
    alert_percent: float = Field(default=85.0, ge=1, le=100, description="Used space that is an alert, in percent.")
    critical_percent: float = Field(default=90.0, ge=1, le=100, description="Used space that is critical, in percent.")
    least_free: _Size = Field(default=10**9, description="Free space below which a disk is critical in any case.")
    events_days: _Days = Field(default=30.0, description="Days that events and their pictures stay.")
    incidents_days: _Days = Field(default=90.0, description="Days that incidents that are over stay, with pictures.")
    cache_days: _Days = Field(default=30.0, description="Days that derived files stay that nobody asked for again.")
    temp_days: _Days = Field(default=1.0, description="Days that what a crash left unfinished stays.")
    files_per_pass: int = Field(
        default=200, ge=1, le=10_000, description="Files that are deleted at once, every ten minutes or as need be."
    )

    def disk_full_policy(self) -> DiskFull:
        """Return it as the decision takes it."""
        return DiskFull(self.disk_full)
