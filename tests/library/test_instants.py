from zoneinfo import ZoneInfo

import pytest

from holdfast.core.errors import UsageError
from holdfast.core.timing import iso
from holdfast.library.instants import read_instant

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
