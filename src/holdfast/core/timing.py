"""Instants, spans and ticks as integers: arithmetic, reading and writing. Pure; asks no clock.

`_us` is microseconds since the epoch, UTC; `_s` seconds; `_ticks` counts in a stream's own time base.
"""

from datetime import UTC, datetime, timedelta, tzinfo

from holdfast.core.errors import UsageError

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ticks_to_us(ticks: int, timescale: int) -> int:
    """Convert a tick count to microseconds, rounded down; exact for any length because it stays in integers."""
    return ticks * SECOND_US // timescale


def us_to_ticks(us: int, timescale: int) -> int:
    """Convert microseconds to ticks, rounded down."""
    return us * timescale // SECOND_US


def next_multiple(us: int, step_us: int) -> int:
    """Return the first clock multiple of `step_us` strictly after `us` (…:00, :10, :20 for ten minutes, in UTC)."""
    return (us // step_us + 1) * step_us


def to_datetime(us: int, zone: tzinfo = UTC) -> datetime:
    """Turn an instant into an aware datetime without the rounding of a float."""
    return (_EPOCH + timedelta(microseconds=us)).astimezone(zone)


def from_datetime(moment: datetime) -> int:
    """Turn an aware datetime into an instant.

    Raises:
        UsageError: The datetime has no offset, so it names no instant.
    """
    if moment.tzinfo is None:
        raise UsageError(f"{moment.isoformat()} has no time zone", hint="append Z or an offset such as +01:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def day_of(us: int) -> str:
    """Return the UTC day that an instant falls in, as `YYYY-MM-DD`: the name of footage folders and journals."""
    return to_datetime(us).strftime("%Y-%m-%d")


def stamp(us: int) -> str:
    """Return an instant as `YYYYMMDDTHHMMSSZ`: the time in a segment's name."""
    return to_datetime(us).strftime("%Y%m%dT%H%M%SZ")


def iso(us: int, zone: tzinfo = UTC) -> str:
    """Return an instant as ISO 8601 with milliseconds and `Z` or an offset."""
    return to_datetime(us, zone).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(text: str, zone: tzinfo) -> int:
    """Read an ISO 8601 instant; without an offset it is local time of `zone` (the earlier one of a repeated hour).

    Raises:
        UsageError: The text is no such time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time", hint="write 2026-05-01T18:00, with Z or +01:00 if not local"
        ) from error
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def span_words(seconds: float) -> str:
    """Say a duration as people do: `12 s`, `3 min`, `2 h 05 min`, `4 days`."""
    whole = max(0, int(seconds))
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60:02d} min" if days < 2 else f"{days} days"  # noqa: PLR2004 - "1 days" reads badly
