import pytest

from holdfast.cli.common import bitrate, duration, local_time, read_duration, read_since, read_size, size
from holdfast.core.errors import UsageError
from holdfast.core.timing import HOUR_US, from_datetime, to_datetime


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (4.23, "4.2s"), (9.97, "10s"), (65, "1m05s"), (7620, "2h07m"), (273_600, "3d04h"), (-65, "-1m05s")],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    """A length of time is short, and never rounds into something impossible such as 60 s."""
    assert duration(seconds) == text


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


def test_sizes_and_rates() -> None:
    """Three digits at most, and a unit."""
    assert [size(n) for n in (0, 999, 1500, 999_999, 123_456_789, 2e12)] == [
        "0 B", "999 B", "1.5 kB", "1.0 MB", "123 MB", "2.0 TB",
    ]  # fmt: skip
    assert [bitrate(n) for n in (0, 64_000, 999_700, 2_140_000)] == ["0 kb/s", "64 kb/s", "1.0 Mb/s", "2.1 Mb/s"]
    assert read_size("1.5GiB") == 1_610_612_736
    assert read_size("100") == 100
    with pytest.raises(UsageError):
        read_size("much")


def test_since_knows_the_sites_days() -> None:
    """Today and yesterday are the site's, also where one of them has 25 hours (F15)."""
    zone = "Europe/Berlin"
    now_us = from_datetime(to_datetime(0).replace(year=2026, month=10, day=26, hour=12))
    assert local_time(read_since("today", zone, now_us), zone) == "2026-10-26 00:00:00"
    assert local_time(read_since("yesterday", zone, now_us), zone) == "2026-10-25 00:00:00"
    assert read_since("2h", zone, now_us) == now_us - 2 * HOUR_US
    assert local_time(read_since("2026-05-01T18:00", zone, now_us), zone, seconds=False) == "2026-05-01 18:00"
