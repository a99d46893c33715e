"""Daily hours as the file has them."""

import pytest
from pydantic import ValidationError

from holdfast.core.config.windows import WindowConfig, windows_of
from holdfast.core.plan import Window


def test_days_are_numbers_in_plans() -> None:
    """Days are counted from Monday, each once."""
    wanted = [
        WindowConfig(days=("sun", "mon", "mon"), start="11:00", end="22:00"),
        WindowConfig(start="00:00", end="24:00"),
    ]
    assert windows_of(wanted) == (Window(days=(0, 6), start="11:00", end="22:00"), Window(start="00:00", end="24:00"))


def test_what_is_no_time_is_refused() -> None:
    """A time of day is HH:MM."""
    with pytest.raises(ValidationError, match="no time of day"):
        WindowConfig(start="25:00", end="26:00")
