"""The coverage page."""

import re
from datetime import date
from pathlib import Path

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import UsageError
from holdfast.library.index import Indexer
from holdfast.web.coverage import days_of, level_of, percent_words, read_month
from support.clock import PushedClock
from support.journals import Told
from support.pages import Site, words


def told(made: Site, camera: str = "gate") -> Told:
    """A recorder's journal of a camera, open."""
    assert isinstance(made.clock, PushedClock)
    journal = Told(made.root / "vol", made.clock, StreamKey(camera, "main"))
    journal.open()
    return journal


def index(made: Site) -> None:
    """Do what the worker does: read the journals into the catalog."""
    Indexer(made.home.context.catalog(), dict(made.home.context.volumes), made.clock).pass_once()


@pytest.fixture(name="recorded")
def _recorded(two: Site) -> Site:
    """A gate with a gap of 100 s within 1000 s, and a dock that was not wanted half of the time."""
    journal = told(two)
    journal.record(600)
    journal.down("stalled", 100)
    journal.record(300)
    journal.close()
    index(two)
    return two


def test_a_month_of_all_cameras(recorded: Site) -> None:
    """The page has a row a camera and a square a day, with percent, and the gaps with their reasons."""
    html = recorded.page("/coverage")
    assert "September 2026" in words(html)
    square = re.search(r'<a class="heat" data-level="2" href="([^"]+)" title="21 September 2026: ([^"]+)">90</a>', html)
    assert square
    assert square[2] == "90.00 %, 1 gap"
    assert square[1] == "/coverage?month=2026-09&amp;camera=gate&amp;day=2026-09-21&amp;source="
    assert re.search(r"stalled.*it was stalled", words(html))
    assert "1 min" in words(html)


def test_a_cameras_calendar_and_a_day(recorded: Site) -> None:
    """One camera is a calendar; a day shows the gaps of that day alone, and leads to their place in the footage."""
    html = recorded.page("/coverage?month=2026-09&camera=gate&day=2026-09-21")
    assert 'aria-current="date"' in html
    assert re.search(r'href="/cameras/gate\?at=\d{16}"', html)
    assert "it was stalled" not in words(recorded.page("/coverage?month=2026-09&camera=gate&day=2026-09-22"))


def test_planned_is_no_loss(two: Site) -> None:
    """Time that nobody wanted is shown as such and lowers nothing."""
    journal = told(two)
    journal.record(600)
    journal.down("off-schedule", 3600)
    journal.record(600)
    journal.close()
    index(two)
    text = words(two.page("/coverage"))
    assert "100 % of what was wanted · no gap · 1 h 00 min not wanted" in text
    assert "off-schedule" in text


def test_missing_footage_is_said_loudly(two: Site) -> None:
    """Files that are gone although nobody removed them are a banner, and removed ones are told apart."""
    journal = told(two)
    pieces = [journal.record(600) for _ in range(3)]
    journal.remove(pieces[0])
    (two.root / "vol" / pieces[1].file).unlink()
    journal.close()
    text = words(two.page("/coverage?source=journals"))
    assert "10 min of footage are missing although nobody removed them" in text
    assert "10 min removed by policy" in text
    assert "from the journals" in text


def test_the_catalog_away(two: Site) -> None:
    """Where the catalog does not answer the page says so with 503 and offers the journals, which do."""
    journal = told(two)
    journal.record(600)
    journal.close()
    html = two.page("/coverage", status=503)
    assert "Coverage is not known just now" in words(html)
    (address,) = re.findall(r'href="([^"]+source=journals)"', html)
    assert 'data-level="5"' in two.page(address.replace("&amp;", "&"))


def test_today_in_the_bar(recorded: Site, clock: PushedClock) -> None:
    """The bar's figure is that of today over all cameras, and is left out where nobody knows."""
    answer = recorded.as_().get("/coverage/today")
    assert (answer.status_code, answer.text) == (200, "90.00 % today")
    clock.advance(120)
    assert recorded.as_().get("/coverage/today").status_code == 204


def test_an_empty_month(recorded: Site) -> None:
    """A month without footage says what would be there, and the next months are not offered before they begin."""
    html = recorded.page("/coverage?month=2026-01")
    assert "Nothing was recorded in January 2026" in words(html)
    assert 'href="/coverage?month=2026-02' in html
    assert re.search(r'id="month-after" role="link" aria-disabled', recorded.page("/coverage"))


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-00", "0000-01", "x", "2026-1", "9999-12", "1969-01"])
def test_what_is_no_month(month: str) -> None:
    """Anything but a month is refused with the way to write one."""
    with pytest.raises(UsageError, match="is no month"):
        read_month(month, date(2026, 9, 21))


def test_months_of_every_length() -> None:
    """A month has the days that it has."""
    assert [len(days_of(read_month(month, date(2026, 1, 1)))) for month in ("2024-02", "2026-02", "", "9998-12")] == [
        29, 28, 31, 31,
    ]  # fmt: skip


def test_all_is_only_all() -> None:
    """A hundred percent stands only where nothing is lost."""
    assert [percent_words(p) for p in (100.0, 99.99, 0.0, None)] == ["100 %", "99.99 %", "0.00 %", "nothing wanted"]
    assert [level_of(p) for p in (100.0, 99.99, 99.0, 90.0, 50.0, 1.0, None)] == [
        "5",
        "4",
        "3",
        "2",
        "1",
        "0",
        "planned",
    ]


def test_the_file_of_the_same(recorded: Site, tmp_path: Path, clock: PushedClock) -> None:
    """The page leads to the same as CSV, from the API, for the same month and camera."""
    html = recorded.page("/coverage?month=2026-09&camera=gate")
    assert 'href="/api/v1/coverage?from=2026-09-01&amp;to=2026-09-30&amp;format=csv&amp;camera=gate"' in html
