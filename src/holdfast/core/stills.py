"""The grid of stills: which instants are planned. It never drifts: each one is counted from a fixed instant.

Without windows that is the epoch, so 300 s are the clock's multiples of five minutes. Within a window it is the
window's start: a picture is taken as it opens, and at each multiple after it, its end not included. Where windows
overlap, the one that began last counts. Windows are in the site's time zone, and DST is as for recording (schedule).

Pure: the clock is asked by the caller. Any thread.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.core import schedule
from holdfast.core.plan import Capture, Window
from holdfast.core.timing import DAY_US

_STEP_US = 7 * DAY_US  # chosen: how much of the calendar is laid out at once


@dataclass(frozen=True, slots=True)
class Grid:
    """When stills are taken: each `every_us` microseconds, within `windows` in the time zone `zone`."""

    every_us: int
    windows: tuple[Window, ...] = ()
    zone: str = "UTC"


def slots(grid: Grid, after_us: int, until_us: int) -> Iterator[int]:
    """Yield the planned instants after `after_us` and up to `until_us`, in order."""
    if not grid.windows:
        yield from _counted(0, grid.every_us, after_us, until_us)
        return
    capture = Capture(mode="window", windows=grid.windows, zone=grid.zone)
    while after_us < until_us:
        step_us = min(until_us, after_us + _STEP_US)
        spans = sorted(schedule.windows(capture, after_us, step_us))
        for number, (start_us, end_us) in enumerate(spans):
            next_us = spans[number + 1][0] if number + 1 < len(spans) else end_us
            last_us = min(end_us, next_us) - 1
            yield from _counted(start_us, grid.every_us, max(after_us, start_us - 1), min(step_us, last_us))
        after_us = step_us


def _counted(start_us: int, every_us: int, after_us: int, until_us: int) -> Iterator[int]:
    number = (after_us - start_us) // every_us + 1
    while (slot_us := start_us + number * every_us) <= until_us:
        yield slot_us
        number += 1
