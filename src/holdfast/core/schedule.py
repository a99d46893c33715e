"""When a stream is wanted: windows in the site's zone, booked spans, a person's override, the grid of a burst.

Instants are judged by range, never by the exact minute (F09): whoever asks late gets the right answer late. A window is
every instant whose local time lies between its start and its end; where clocks go back, from the first reading of the
start to the last reading of the end, so that nothing between is missed; where they go forward, hours that do not exist
take no time. `off` is a disabled camera: nothing but the configuration wakes it.

Pure: the clock is asked by the caller. Any thread.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from holdfast.core.plan import Capture
from holdfast.core.timing import DAY_US, MINUTE_US, SECOND_US, from_datetime, next_multiple, to_datetime

Span = tuple[int, int]

LEAD_US = MINUTE_US  # specified: a booked span is connected 60 s ahead, so that its first second is there
BURST_LATE_S = 20.0  # chosen: three tries of 5 s, 1 s apart, from 5 s before the instant on; then a keyframe must come
NEVER_US = 2**62  # an instant some 146,000 years away

_HORIZON_US = 16 * DAY_US  # chosen: windows repeat weekly, and one that a clock change swallowed is back a week later


def wanted(capture: Capture, now_us: int) -> bool:
    """Say whether the stream is to be recorded at an instant (for a burst: whether a picture then is)."""
    if _overridden(capture, now_us):
        return capture.override == "run"
    return _planned(capture, now_us)


def next_change_us(capture: Capture, now_us: int) -> int | None:
    """Return the first instant after `now_us` at which `wanted` changes its answer; None for never."""
    if not _overridden(capture, now_us):
        return _next_planned_us(capture, now_us)
    until_us = capture.override_until_us
    if until_us is None:
        return None
    after = _planned(capture, until_us)
    return until_us if after != (capture.override == "run") else _next_planned_us(capture, until_us)


def spans(capture: Capture, from_us: int, to_us: int) -> list[Span]:
    """Return the wanted spans between two instants: in order, cut to them, none touching another."""
    if not _overridden(capture, from_us):
        return _planned_spans(capture, from_us, to_us)
    until_us = to_us if capture.override_until_us is None else min(capture.override_until_us, to_us)
    head = [(from_us, until_us)] if capture.override == "run" else []
    return _merged([*head, *_planned_spans(capture, until_us, to_us)], from_us, to_us)


def next_burst_us(capture: Capture, now_us: int) -> int:
    """Return the first instant after `now_us` of the burst's grid at which a picture is wanted.

    The grid is the clock's multiples of `burst_s`, in UTC. `NEVER_US` where no picture is wanted within two weeks.
    """
    step_us = capture.burst_s * SECOND_US
    due_us = next_multiple(now_us, step_us)
    while not wanted(capture, due_us):
        change_us = next_change_us(capture, due_us)
        if change_us is None or change_us > now_us + _HORIZON_US:
            return NEVER_US
        due_us = next_multiple(change_us - 1, step_us)
    return due_us


def burst_late_us(burst_s: int) -> int:
    """Return how long after its instant the picture of a burst may still come; the next one is never held up by it."""
    return round(min(BURST_LATE_S, burst_s / 2) * SECOND_US)


def _overridden(capture: Capture, now_us: int) -> bool:
    until_us = capture.override_until_us
    return bool(capture.override) and capture.mode != "off" and (until_us is None or now_us < until_us)


def _planned(capture: Capture, now_us: int) -> bool:
    return bool(_planned_spans(capture, now_us, now_us + 1))


def _next_planned_us(capture: Capture, now_us: int) -> int | None:
    state = _planned(capture, now_us)
    at_us = now_us
    while True:
        end_us = at_us + _HORIZON_US
        found = _planned_spans(capture, at_us, end_us)
        edge_us = (found[0][1] if state else found[0][0]) if found else end_us
        if edge_us < end_us:
            return edge_us
        # Nothing changes for weeks, so the windows never will; only a booking that begins or ends later still can.
        later = [edge for span in _booked(capture) for edge in span if edge >= end_us]
        if not later:
            return None
        at_us = min(later)
        if _planned(capture, at_us) != state:
            return at_us


def _planned_spans(capture: Capture, from_us: int, to_us: int) -> list[Span]:
    """Return what is wanted when nobody overrides."""
    if capture.mode == "off" or to_us <= from_us:
        return []
    if capture.mode == "always" or (capture.mode == "burst" and not capture.windows):
        return [(from_us, to_us)]
    return _merged([*windows(capture, from_us, to_us), *_booked(capture)], from_us, to_us)


def _booked(capture: Capture) -> list[Span]:
    return [(start - LEAD_US, end) for start, end in capture.spans]


def windows(capture: Capture, from_us: int, to_us: int) -> Iterable[Span]:
    """Yield every window that touches a span, whole, and some beside it; where they overlap, each by itself."""
    zone = ZoneInfo(capture.zone)
    # A window that began on the day before may still run; a day more on each side is for zones that skip a whole day.
    day = to_datetime(from_us, zone).date() - timedelta(days=2)
    last = to_datetime(to_us, zone).date() + timedelta(days=1)
    while day <= last:
        for window in capture.windows:
            if day.weekday() in window.days:
                overnight = _minutes(window.end) <= _minutes(window.start)
                yield (
                    _start_us(capture.zone, day, _minutes(window.start)),
                    _end_us(capture.zone, day + timedelta(days=1) if overnight else day, _minutes(window.end)),
                )
        day += timedelta(days=1)


def _merged(found: Iterable[Span], from_us: int, to_us: int) -> list[Span]:
    """Sort spans, join those that touch, cut them to the range and drop what is empty."""
    merged: list[Span] = []
    for start, end in sorted((max(start, from_us), min(end, to_us)) for start, end in found):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


@lru_cache(maxsize=4096)
def _start_us(zone: str, day: date, minutes: int) -> int:
    """Return the first instant at which a clock on that day shows this time or, where it is skipped, a later one."""
    first, second = _readings(zone, _local(day, minutes))
    return first if first <= second else _jump_us(zone, second, first)


@lru_cache(maxsize=4096)
def _end_us(zone: str, day: date, minutes: int) -> int:
    """Return the instant after the last one at which a wall clock on that day shows an earlier time."""
    # The end itself is outside: an hour that is repeated from exactly here on does not belong to the window.
    first, second = _readings(zone, _local(day, minutes) - timedelta(microseconds=1))
    return second + 1 if first <= second else _jump_us(zone, second, first)


def _local(day: date, minutes: int) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - local by intent, its zone is applied by the caller


def _readings(zone: str, local: datetime) -> tuple[int, int]:
    """Return the instants that a local time names: equal; rising where it is repeated, falling where it is skipped."""
    aware = local.replace(tzinfo=ZoneInfo(zone))
    return from_datetime(aware.replace(fold=0)), from_datetime(aware.replace(fold=1))


def _jump_us(zone: str, before_us: int, after_us: int) -> int:
    """Find the instant, between two, at which the zone's clocks jump forward; they do so on whole seconds."""
    info = ZoneInfo(zone)
    offset = to_datetime(after_us, info).utcoffset()
    low, high = before_us // SECOND_US, -(-after_us // SECOND_US)
    while high - low > 1:
        middle = (low + high) // 2
        if to_datetime(middle * SECOND_US, info).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high * SECOND_US
