import pytest

from holdfast.cli.common import bitrate, duration, local_time, read_size, size
from holdfast.core.errors import UsageError


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (4.23, "4.2s"), (9.97, "10s"), (65, "1m05s"), (7620, "2h07m"), (273_600, "3d04h"), (-65, "-1m05s")],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    """A length of time is short, and never rounds into something impossible such as 60 s."""
    assert duration(seconds) == text


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    """Where clocks go back an instant is written with its distance to UTC; at any other time it is not."""
    first_us = 1_792_888_200_000_000  # 2026-10-25 02:30 in Berlin, for the first time
    times = [local_time(first_us + hours * 3_600_000_000, "Europe/Berlin", seconds=False) for hours in (-1, 0, 1, 2)]
    assert times == [
        "2026-10-25 01:30", "2026-10-25 02:30 +0200", "2026-10-25 02:30 +0100", "2026-10-25 03:30",
    ]  # fmt: skip


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
