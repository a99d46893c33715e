from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core import schedule
from holdfast.core.plan import Capture, Window
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US, SECOND_US, from_datetime, parse_instant

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca",
    "America/St_Johns", "Pacific/Apia", "Asia/Gaza", "America/Santiago", "Antarctica/Troll",
)  # fmt: skip


def _at(text: str) -> int:
    return parse_instant(text, BERLIN)


def _window(start: str, end: str, *days: int, **more: object) -> Capture:
    hours = Window(start=start, end=end, days=days or (0, 1, 2, 3, 4, 5, 6))
    return Capture(**{"mode": "window", "zone": "Europe/Berlin", "windows": (hours,), **more})  # type: ignore[arg-type]


def _lengths(capture: Capture, start: str, end: str) -> list[float]:
    return [(b - a) / HOUR_US for a, b in schedule.spans(capture, _at(start), _at(end))]


def test_window_is_a_range_in_the_sites_zone() -> None:
    """A window is wanted from its first instant to just before its end, in local time (C013, F15)."""
    capture = _window("11:00", "22:00")
    assert not schedule.wanted(capture, _at("2026-01-15T11:00") - 1)
    assert schedule.wanted(capture, _at("2026-01-15T11:00"))
    assert schedule.wanted(capture, _at("2026-01-15T22:00") - 1)
    assert not schedule.wanted(capture, _at("2026-01-15T22:00"))
    assert schedule.wanted(capture, _at("2026-07-15T19:59Z"))
    assert not schedule.wanted(capture, _at("2026-07-15T20:00Z"))


def test_an_end_that_was_slept_through_still_ends() -> None:
    """Whoever asks seven hours after the end is told that it is over, and when the next window begins (F09)."""
    capture = _window("11:00", "22:00")
    late = _at("2026-03-03T05:00")
    assert not schedule.wanted(capture, late)
    assert schedule.next_change_us(capture, late) == _at("2026-03-03T11:00")


def test_windows_that_touch_are_one() -> None:
    """A clock-cut schedule of touching windows wants 24 hours without a seam (F08)."""
    hours = tuple(Window(start=f"{h:02}:00", end=f"{h + 1:02}:00") for h in range(24))
    capture = Capture(mode="window", windows=hours, zone="Europe/Berlin")
    assert _lengths(capture, "2026-05-05T00:00", "2026-05-06T00:00") == [24.0]
    assert schedule.next_change_us(capture, _at("2026-05-05T10:59")) is None


def test_weekdays_are_those_of_the_site() -> None:
    """A Sunday window over midnight runs into Monday, and Monday night has none."""
    capture = _window("22:00", "02:00", 6)
    sunday = "2026-05-03"
    assert not schedule.wanted(capture, _at(f"{sunday}T01:00"))
    assert schedule.wanted(capture, _at(f"{sunday}T23:00"))
    assert schedule.wanted(capture, _at("2026-05-04T01:59"))
    assert not schedule.wanted(capture, _at("2026-05-04T23:00"))
    assert schedule.next_change_us(capture, _at("2026-05-04T02:00")) == _at("2026-05-10T22:00")


@pytest.mark.parametrize(
    ("start", "end", "day", "hours"),
    [
        ("00:00", "24:00", "2026-03-29", [23.0]),
        ("00:00", "24:00", "2026-10-25", [25.0]),
        ("02:15", "02:45", "2026-03-29", []),
        ("02:15", "04:00", "2026-03-29", [1.0]),
        ("01:00", "02:30", "2026-03-29", [1.0]),
        ("02:15", "02:45", "2026-10-25", [1.5]),
        ("02:30", "05:00", "2026-10-25", [3.5]),
        ("01:00", "02:00", "2026-10-25", [1.0]),
        ("11:00", "22:00", "2026-10-25", [11.0]),
    ],
)
def test_days_of_23_and_25_hours(start: str, end: str, day: str, hours: list[float]) -> None:
    """On the days when clocks change, a window misses no second that its hours name (C013, F15)."""
    following = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
    assert _lengths(_window(start, end), f"{day}T00:00", f"{following}T00:00") == hours


@given(
    zone=st.sampled_from(ZONES),
    moment=st.datetimes(datetime(2007, 1, 1), datetime(2033, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds of a strategy are naive
    start=st.integers(0, 1439),
    end=st.integers(1, 1440),
    days=st.sets(st.integers(0, 6), min_size=1),
)
@settings(max_examples=400, deadline=None)
def test_no_instant_that_a_window_names_is_missed(
    zone: str, moment: datetime, start: int, end: int, days: set[int]
) -> None:
    """In every zone, an instant is wanted if its local time lies in the window, and else only in a repeated hour."""
    overnight = end <= start
    hours = Window(
        start=f"{start // 60:02}:{start % 60:02}", end=f"{end // 60:02}:{end % 60:02}", days=tuple(sorted(days))
    )
    capture = Capture(mode="window", windows=(hours,), zone=zone)
    local = moment.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    today, yesterday = local.weekday() in days, (local.weekday() - 1) % 7 in days
    named = today and minute >= start and (overnight or minute < end)
    named = named or (overnight and yesterday and minute < end)
    said = schedule.wanted(capture, from_datetime(moment))
    assert said or not named
    if said and not named:
        shift = timedelta(hours=3)
        offsets = {(moment + step).astimezone(ZoneInfo(zone)).utcoffset() for step in (-shift, timedelta(0), shift)}
        assert len(offsets) > 1 or zone == "Pacific/Apia"


@given(
    zone=st.sampled_from(ZONES),
    moment=st.datetimes(datetime(2007, 1, 1), datetime(2033, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds of a strategy are naive
    start=st.integers(0, 1439),
    length=st.integers(1, 1439),
    days=st.sets(st.integers(0, 6), min_size=1),
    booked=st.lists(st.tuples(st.integers(-90, 90), st.integers(1, 40)), max_size=3),
    override=st.tuples(st.sampled_from(["", "run", "stop"]), st.one_of(st.none(), st.integers(-5, 20))),
    mode=st.sampled_from(["window", "burst", "always", "off"]),
)
@settings(max_examples=300, deadline=None)
def test_next_change_and_spans_agree_with_wanted(
    zone: str, moment: datetime, start: int, length: int, days: set[int], booked: list[tuple[int, int]],
    override: tuple[str, int | None], mode: str,
) -> None:  # fmt: skip
    """The answer holds up to the next change, flips there, and the spans say the same."""
    now_us = from_datetime(moment)
    end = (start + length) % 1440
    capture = Capture(
        mode=mode,
        windows=(
            Window(
                start=f"{start // 60:02}:{start % 60:02}", end=f"{end // 60:02}:{end % 60:02}", days=tuple(sorted(days))
            ),
        ),
        zone=zone,
        spans=tuple((now_us + a * DAY_US // 3, now_us + (a + b) * DAY_US // 3) for a, b in booked),
        override=override[0],
        override_until_us=None if override[1] is None else now_us + override[1] * DAY_US,
    )
    state = schedule.wanted(capture, now_us)
    change_us = schedule.next_change_us(capture, now_us)
    reach_us = change_us if change_us is not None else now_us + 200 * DAY_US
    assert change_us is None or change_us > now_us
    for part in range(17):
        assert schedule.wanted(capture, now_us + (reach_us - 1 - now_us) * part // 16) == state
    if change_us is not None:
        assert schedule.wanted(capture, change_us) != state
        inside = schedule.spans(capture, now_us, change_us + 1)
        assert inside == ([(now_us, change_us)] if state else [(change_us, change_us + 1)])
    assert schedule.spans(capture, now_us, reach_us) == ([(now_us, reach_us)] if state else [])


def test_a_booked_span_begins_a_minute_early() -> None:
    """Outside all windows a booking is wanted from 60 s before it, to its end."""
    start, end = _at("2026-02-02T03:00"), _at("2026-02-02T04:30")
    capture = _window("11:00", "22:00", spans=((start, end),))
    assert schedule.spans(capture, _at("2026-02-02T00:00"), _at("2026-02-02T10:00")) == [(start - MINUTE_US, end)]


def test_a_booking_months_away_is_the_next_change() -> None:
    """A camera that records bookings alone sleeps until the first of them, however far."""
    start = _at("2027-06-01T12:00")
    capture = Capture(mode="window", zone="Europe/Berlin", spans=((start, start + HOUR_US),))
    assert schedule.next_change_us(capture, _at("2026-01-01T00:00")) == start - MINUTE_US
    assert schedule.next_change_us(capture, start + HOUR_US) is None


@pytest.mark.parametrize(("override", "expected"), [("run", True), ("stop", False)])
def test_an_override_goes_before_the_schedule_and_ends_by_itself(override: str, *, expected: bool) -> None:
    """A person's run or stop holds until its end, and then the window decides again (C013)."""
    until = _at("2026-02-02T12:30" if override == "stop" else "2026-02-02T09:30")
    now = _at("2026-02-02T12:00" if override == "stop" else "2026-02-02T09:00")
    capture = _window("11:00", "22:00", override=override, override_until_us=until)
    assert schedule.wanted(capture, now) is expected
    assert schedule.next_change_us(capture, now) == until
    assert schedule.wanted(capture, until) is not expected


def test_an_override_that_meets_its_own_answer_changes_later() -> None:
    """An override to run that ends inside a window changes nothing until the window's end."""
    capture = _window("11:00", "22:00", override="run", override_until_us=_at("2026-02-02T12:30"))
    assert schedule.next_change_us(capture, _at("2026-02-02T09:00")) == _at("2026-02-02T22:00")
    assert _lengths(capture, "2026-02-02T09:00", "2026-02-03T00:00") == [13.0]


def test_a_disabled_camera_is_not_woken_by_an_override() -> None:
    """Off is off."""
    capture = Capture(mode="off", override="run")
    assert not schedule.wanted(capture, 0)
    assert schedule.next_change_us(capture, 0) is None


def test_the_bursts_grid_is_the_clocks() -> None:
    """Burst pictures are due on multiples of their interval, strictly after now."""
    capture = Capture(mode="burst", burst_s=300)
    assert schedule.next_burst_us(capture, _at("2026-02-02T10:00")) == _at("2026-02-02T10:05")
    assert schedule.next_burst_us(capture, _at("2026-02-02T10:04:59")) == _at("2026-02-02T10:05")


def test_bursts_keep_to_their_windows() -> None:
    """With windows, the next picture after the evening's last one is the first of the next day (C013)."""
    capture = _window("11:00", "22:00", mode="burst", burst_s=600)
    assert schedule.next_burst_us(capture, _at("2026-02-02T21:45")) == _at("2026-02-02T21:50")
    assert schedule.next_burst_us(capture, _at("2026-02-02T21:50")) == _at("2026-02-03T11:00")


def test_a_burst_that_no_window_meets_is_never() -> None:
    """A grid whose points all lie outside the windows gives no picture, instead of searching for ever."""
    capture = _window("11:10", "11:20", mode="burst", burst_s=86_400)
    assert schedule.next_burst_us(capture, _at("2026-02-02T10:00")) == schedule.NEVER_US
    assert schedule.next_burst_us(Capture(mode="off"), 5 * SECOND_US) == schedule.NEVER_US
