"""Instants as pages show them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US, parse_instant
from holdfast.web.times import offset_words, time_tag, time_words

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("instant", "shown", "utc"),
    [
        ("2026-07-01T12:00:00Z", "1 Jul 2026 14:00:00 +02:00", "1 Jul 2026 12:00:00 UTC"),
        ("2026-10-25T00:30:00Z", "25 Oct 2026 02:30:00 +02:00", "25 Oct 2026 00:30:00 UTC"),
        ("2026-10-25T01:30:00Z", "25 Oct 2026 02:30:00 +01:00", "25 Oct 2026 01:30:00 UTC"),
    ],
)
def test_the_sites_time_with_its_offset_and_utc_beneath(instant: str, shown: str, utc: str) -> None:
    """A time stands in the site's zone with its offset, UTC on hover; the hour that autumn repeats stays two (C129)."""
    tag = str(time_tag(parse_instant(instant, BERLIN), BERLIN))
    assert (f">{shown}</time>" in tag, f'title="{utc}"' in tag) == (True, True)
    assert f'datetime="{instant[:-1]}.000Z"' in tag


def test_relative_for_a_day() -> None:
    """A time is relative up to a day, with the absolute one on hover, and absolute after that."""
    now_us = 1_790_000_000_000_000
    assert ">3 min ago</time>" in str(time_tag(now_us - 3 * MINUTE_US, BERLIN, "ago", now_us))
    assert 'title="21 Sep 2026 ' in str(time_tag(now_us - 3 * MINUTE_US, BERLIN, "ago", now_us))
    assert time_words(now_us - DAY_US, BERLIN, "ago", now_us).startswith("20 Sep 2026")
    assert time_words(now_us + HOUR_US, BERLIN, "ago", now_us).startswith("21 Sep 2026")


def test_no_time_is_a_dash() -> None:
    """Where there is no instant there is a dash, not the year 1970."""
    assert "1970" not in time_tag(None, BERLIN)


def test_offsets_west_of_greenwich() -> None:
    """An offset has its sign and its minutes."""
    moment = parse_instant("2026-07-01T12:00:00Z", BERLIN)
    assert time_words(moment, ZoneInfo("America/St_Johns")).endswith("-02:30")
    assert time_words(moment, ZoneInfo("UTC"), "minute") == "12:00"
    assert time_words(moment, BERLIN, "day") == "1 Jul 2026"
    assert offset_words(datetime(2026, 1, 1, tzinfo=BERLIN)) == "+01:00"
