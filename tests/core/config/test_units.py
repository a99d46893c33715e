import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.config.units import format_bytes, parse_bytes


@pytest.mark.parametrize(
    ("text", "count"),
    [("256MB", 256_000_000), ("1.5GiB", 1_610_612_736), ("64 kB", 64_000), ("4096", 4096), (12, 12), ("1M", 1_048_576)],
)
def test_sizes_are_read(text: object, count: int) -> None:
    """Decimal and binary units and bare numbers mean bytes."""
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1.2.3GB", "12 parsecs", True, -1, 1.5, None])
def test_what_is_no_size_is_refused(text: object) -> None:
    """Anything else is refused with an example of what to write."""
    with pytest.raises(ValueError, match="is not a size"):
        parse_bytes(text)


@given(st.integers(0, 2**50))
def test_what_is_written_reads_back(count: int) -> None:
    """A size survives being shown."""
    assert parse_bytes(int(text) if (text := format_bytes(count)).isdigit() else text) == count
