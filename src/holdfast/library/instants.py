"""Instants and lengths of time as people and programs write them, in addresses and commands. Pure; any thread."""

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from holdfast.core.errors import UsageError
from holdfast.core.timing import DAY_US, SECOND_US, from_datetime, parse_instant, to_datetime

_MOST_US = 253_402_300_799_000_000  # the end of the year 9999: calendars know none later
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_NUMBER = re.compile(r"-?\d{11,20}")  # fewer digits would be a day in 1970, or a year
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_STEPS_S = (86_400, 3600, 60, 1)
_CLOCK = re.compile(r"(?:(today|yesterday|tomorrow) +)?(\d?\d)(:\d\d(?::\d\d(?:\.\d+)?)?)", re.IGNORECASE)
_LOST_PLUS = re.compile(r"(.*T.*\d) (\d\d:?\d\d)")


def read_instant(text: str, zone: ZoneInfo, now_us: int) -> int:
    """Read an instant: microseconds since the epoch, `now`, `today`, `yesterday`, `tomorrow`, `2h` (ago), or ISO 8601.

    Without an offset it is the site's time; a day is its first moment, `13:41` is of today, and `yesterday 13:41` is of
    yesterday. A plus that an address turned into a space, as in `2026-05-01T18:00 02:00`, is a plus again.

    Raises:
        UsageError: It is none of these.
    """
    word = text.strip()
    if _NUMBER.fullmatch(word):
        instant = int(word)
    elif word.lower() == "now":
        instant = now_us
    elif word.lower() in _DAYS:
        day = to_datetime(now_us, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        instant = from_datetime(day + timedelta(days=_DAYS[word.lower()]))  # as the calendar counts: 23 to 25 hours
    elif not word.isdigit() and _length_s(word):
        instant = now_us - round(read_duration(word) * SECOND_US)
    else:
        try:
            instant = parse_instant(_as_iso(word, to_datetime(now_us, zone).date()), zone)
        except OverflowError as error:
            raise UsageError(f"{word[:40]!r} lies outside the calendar") from error
    if not DAY_US <= instant <= _MOST_US:
        raise UsageError(f"{word[:40]!r} lies outside the calendar")
    return instant


def _as_iso(word: str, today: date) -> str:
    if clock := _CLOCK.fullmatch(word):
        day = today + timedelta(days=_DAYS[(clock[1] or "today").lower()])
        return f"{day.isoformat()}T{clock[2]:0>2}{clock[3]}"
    lost = _LOST_PLUS.fullmatch(word)
    return f"{lost[1]}+{lost[2]}" if lost else word


def read_duration(text: str) -> float:
    """Read a length of time in seconds: `90`, `90s`, `1m30s`, `2h`, `1d12h`.

    Raises:
        UsageError: It is none.
    """
    seconds = _length_s(text)
    if seconds is None:
        raise UsageError(f"{text!r} is not a length of time", hint="write 90s, 10m, 2h or 1d12h")
    return seconds


def _length_s(text: str) -> float | None:
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        return None
    return sum(float(part or 0) * step_s for part, step_s in zip(match.groups(), _STEPS_S, strict=True))
