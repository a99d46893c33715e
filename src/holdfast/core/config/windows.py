"""Daily hours: when to be connected, when to take stills. Pure."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from holdfast.core.config.table import Table
from holdfast.core.plan import Window

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _time(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise ValueError(f"{value!r} is no time of day", "write 00:00 to 23:59, or 24:00 for the end of a day")
    return value


TimeOfDay = Annotated[str, AfterValidator(_time)]


class WindowConfig(Table):
    """One entry of `capture.windows` or `stills.windows`: daily hours in the site's time zone."""

    days: tuple[Weekday, ...] = Field(
        default=WEEKDAYS, min_length=1, description="Weekdays on which the window starts."
    )
    start: TimeOfDay = Field(description="First minute, as HH:MM.")
    end: TimeOfDay = Field(description="End, as HH:MM; at or before the start it is meant on the next day.")


def windows_of(wanted: Sequence[WindowConfig]) -> tuple[Window, ...]:
    """Return daily hours as plans have them."""
    return tuple(
        Window(days=tuple(sorted({WEEKDAYS.index(day) for day in one.days})), start=one.start, end=one.end)
        for one in wanted
    )
