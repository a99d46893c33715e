from zoneinfo import ZoneInfo

import pytest

from holdfast.core.errors import UsageError
from holdfast.core.timing import HOUR_US, from_datetime, iso, to_datetime
from holdfast.library.instants import read_duration, read_instant

BERLIN = ZoneInfo("Europe/Berlin")
NOW_US = 1_774_771_200_000_000  # 2026-03-29T08:00Z, the day on which clocks go forward in Berlin


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1774771200000000", "2026-03-29T08:00:00.000Z"),
        ("now", "2026-03-29T08:00:00.000Z"),
        ("today", "2026-03-28T23:00:00.000Z"),
        ("tomorrow", "2026-03-29T22:00:00.000Z"),
        ("Yesterday", "2026-03-27T23:00:00.000Z"),
        ("2026-05-01", "2026-04-30T22:00:00.000Z"),
        ("2026-05-01T18:00", "2026-05-01T16:00:00.000Z"),
        ("2026-05-01T18:00:05.25Z", "2026-05-01T18:00:05.250Z"),
        ("2026-05-01T18:00+01:00", "2026-05-01T17:00:00.000Z"),
        ("2026-05-01T18:00 01:00", "2026-05-01T17:00:00.000Z"),
        ("2h", "2026-03-29T06:00:00.000Z"),
        ("1d12h", "2026-03-27T20:00:00.000Z"),
        ("90s", "2026-03-29T07:58:30.000Z"),
    ],
)
def test_instants(text: str, meant: str) -> None:
    """An instant is read in the site's time unless it says otherwise, also where clocks change."""
    assert iso(read_instant(text, BERLIN, NOW_US)) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "soon",
        "2026-13-01",
        "-99999999999999999",
        "99999999999999999999",
        "0001-01-01",
        "9999-12-31T23:59-09:00",
    ],
)
def test_what_is_none(text: str) -> None:
    """F55: what names no instant, or one that no calendar has, is the caller's mistake and not ours."""
    with pytest.raises(UsageError):
        read_instant(text, BERLIN, NOW_US)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5s", 1.5), ("1m30s", 90), ("2h", 7200), ("1d12h", 129_600)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    """People write 90s, 10m or 1d12h."""
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "1h1d", "5x"])
def test_what_is_no_duration(text: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(UsageError) as caught:
        read_duration(text)
    assert "90s" in caught.value.hint


def test_days_that_are_longer() -> None:
    """Yesterday is the site's, also where it had 25 hours (F15)."""
    after_us = from_datetime(to_datetime(0).replace(year=2026, month=10, day=26, hour=12))
    today_us, before_us = (read_instant(word, BERLIN, after_us) for word in ("today", "yesterday"))
    assert iso(today_us) == "2026-10-25T23:00:00.000Z"
    assert today_us - before_us == 25 * HOUR_US


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("13:41", "2026-10-26T12:41:00.000Z"),
        ("9:05:07.5", "2026-10-26T08:05:07.500Z"),
        ("Yesterday 23:59", "2026-10-25T22:59:00.000Z"),
        ("yesterday  01:30", "2026-10-24T23:30:00.000Z"),
        ("tomorrow 00:00", "2026-10-26T23:00:00.000Z"),
    ],
)
def test_times_of_days_near_now(text: str, meant: str) -> None:
    """A time alone is of today, the site's, whatever the clocks did in between (F15)."""
    now_us = from_datetime(to_datetime(0).replace(year=2026, month=10, day=26, hour=12))
    assert iso(read_instant(text, BERLIN, now_us)) == meant


@pytest.mark.parametrize("text", ["25:00", "12:60", "13:4", "13", "today13:41", "13:41Z"])
def test_what_is_no_time_of_a_day(text: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(UsageError) as caught:
        read_instant(text, BERLIN, 1_777_000_000_000_000)
    assert "2026-05-01T18:00" in caught.value.hint
