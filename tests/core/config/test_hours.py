import pytest

from holdfast.core.config import CaptureConfig
from holdfast.core.config.hours import format_hours, parse_hours


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("", ""),
        ("08:00-18:00", "08:00-18:00"),
        ("8:00 - 18:30", "08:00-18:30"),
        ("daily 00:00-24:00", "00:00-24:00"),
        ("mon-fri 08:00-18:00; sat 09:00-13:00", "mon-fri 08:00-18:00; sat 09:00-13:00"),
        ("Monday, Wed , fri 22:00 to 06:00", "mon,wed,fri 22:00-06:00"),
        ("sat-mon 10:00-11:00\n tue 1:00-2:00", "mon,sat,sun 10:00-11:00; tue 01:00-02:00"),
        ("sat,sun 10:00–11:00", "sat,sun 10:00-11:00"),  # noqa: RUF001 - as phones write it
        ("mon-sun 10:00-11:00", "10:00-11:00"),
    ],
)
def test_hours_are_read_and_written(text: str, again: str) -> None:
    """Windows as people type them are those of the file, and come back in one form (C013)."""
    windows = parse_hours(text)
    CaptureConfig.model_validate({"windows": windows})
    assert format_hours(windows) == again
    assert parse_hours(again) == parse_hours(format_hours(parse_hours(again)))


def test_midnight_is_passed() -> None:
    """Days that run over the end of the week are those that are meant."""
    assert parse_hours("fri-mon 22:00-06:00")[0]["days"] == ["fri", "sat", "sun", "mon"]


@pytest.mark.parametrize("text", ["always", "8-18", "mon 8:00", "moon-fri 08:00-18:00", "mon 08:00-18:00 tue"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The message names what was typed, the hint shows how it is written."""
    with pytest.raises(ValueError, match=r"is no time|are no days") as refused:
        parse_hours(text)
    assert "mon-fri 08:00-18:00" in refused.value.args[1]
