from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.errors import UsageError
from holdfast.core.timing import (
    day_of,
    from_datetime,
    iso,
    next_multiple,
    parse_instant,
    span_words,
    stamp,
    ticks_to_us,
    to_datetime,
    us_to_ticks,
)

ZURICH = ZoneInfo("Europe/Zurich")


@given(st.integers(0, 2**53), st.sampled_from([1000, 8000, 16000, 44100, 48000, 90000]))
def test_ticks_survive_the_way_through_microseconds(ticks: int, timescale: int) -> None:
    """A tick count turned into microseconds and back is off by at most one tick, however long the stream."""
    assert abs(us_to_ticks(ticks_to_us(ticks, timescale), timescale) - ticks) <= 1


def test_next_multiple_is_strictly_later() -> None:
    """A segment that begins on the boundary is cut at the next one, not at once (C002)."""
    ten_minutes = 600_000_000
    assert next_multiple(ten_minutes * 7, ten_minutes) == ten_minutes * 8
    assert next_multiple(ten_minutes * 7 - 1, ten_minutes) == ten_minutes * 7


def test_names_are_utc() -> None:
    """Folder and file names say UTC whatever zone the host is in (F15)."""
    us = from_datetime(datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH))
    assert (day_of(us), stamp(us)) == ("2026-10-25", "20261025T003000Z")


def test_the_repeated_hour_of_autumn_has_two_names() -> None:
    """Half past two happens twice when summer time ends; the two instants get different names (F14)."""
    first = from_datetime(datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH, fold=0))
    second = from_datetime(datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH, fold=1))
    assert second - first == 3_600_000_000
    assert stamp(first) != stamp(second)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-01T18:00:00Z", datetime(2026, 5, 1, 18, tzinfo=UTC)),
        ("2026-05-01T18:00:00+02:00", datetime(2026, 5, 1, 16, tzinfo=UTC)),
        ("2026-05-01T18:00", datetime(2026, 5, 1, 16, tzinfo=UTC)),
        ("2026-01-01 18:00", datetime(2026, 1, 1, 17, tzinfo=UTC)),
    ],
)
def test_instants_are_read_with_or_without_offset(text: str, moment: datetime) -> None:
    """Z and offsets are honoured, and a time without one is the site's (F15)."""
    assert parse_instant(text, ZURICH) == from_datetime(moment)


def test_a_wrong_time_says_how_to_write_it() -> None:
    """A time that cannot be read is refused with an example."""
    with pytest.raises(UsageError, match="'yesterday' is not a time") as caught:
        parse_instant("yesterday", ZURICH)
    assert "2026-05-01T18:00" in caught.value.hint


def test_a_naive_datetime_is_no_instant() -> None:
    """A datetime without a zone is refused instead of being taken for somebody's local time."""
    with pytest.raises(UsageError, match="no time zone"):
        from_datetime(datetime(2026, 5, 1, 18))  # noqa: DTZ001 - that is what is tested


@given(st.integers(0, 4_000_000_000_000_000))
def test_instants_keep_every_microsecond(us: int) -> None:
    """Going through a datetime loses nothing, as a float would."""
    assert from_datetime(to_datetime(us)) == us


def test_iso_shows_the_offset() -> None:
    """Local times carry their offset, UTC carries Z."""
    us = from_datetime(datetime(2026, 5, 1, 16, tzinfo=UTC))
    assert iso(us) == "2026-05-01T16:00:00.000Z"
    assert iso(us, ZURICH) == "2026-05-01T18:00:00.000+02:00"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (7500, "2 h 05 min"), (100_000, "27 h 46 min"), (200_000, "2 days")],
)
def test_span_words(seconds: float, words: str) -> None:
    """Durations are said with the units that matter at their size."""
    assert span_words(seconds) == words
