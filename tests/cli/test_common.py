import pytest

from holdfast.cli.common import bitrate, duration, read_size, size
from holdfast.core.errors import UsageError


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (4.23, "4.2s"), (9.97, "10s"), (65, "1m05s"), (7620, "2h07m"), (273_600, "3d04h"), (-65, "-1m05s")],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    """A length of time is short, and never rounds into something impossible such as 60 s."""
    assert duration(seconds) == text


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
