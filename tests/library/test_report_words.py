"""C086: a report as text, as a letter and as JSON says the same."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

from holdfast.core.timing import HOUR_US, SECOND_US
from holdfast.library import report_words
from holdfast.library.reports import Line, Period, Report, ReportKind, summed
from holdfast.library.trends import Failed, Growth, Outage, Trends

DAY_US = 24 * HOUR_US
NAMES = {"gate": "North <gate>"}


def _report(kind: ReportKind = ReportKind.DAILY, *, lost_us: int = 90 * SECOND_US) -> Report:
    lines = [
        Line(
            camera="gate", stream="main", period="2026-05-01", got_us=DAY_US - lost_us, lost_us=lost_us,
            failures=2 if lost_us else 0, reasons=Counter({"unreachable": lost_us}), files=144, bytes=5_000_000_000,
            kept_bytes=4_000_000_000, stills_taken=287, stills_missed=1 if lost_us else 0,
            incidents=Counter({"freeze": 1} if lost_us else {}), events=12, deliveries=Counter(delivered=140, failed=4),
        ),
        Line(camera="dock", stream="sub", period="2026-05-01", planned_us=DAY_US),
    ]  # fmt: skip
    return Report(
        kind=kind, day=date(2026, 5, 1), from_us=1_777_586_400_000_000, to_us=1_777_586_400_000_000 + DAY_US,
        made_us=1_777_700_000_000_000, zone=ZoneInfo("Europe/Berlin"),
        periods=(Period("2026-05-01", 1_777_586_400_000_000, 1_777_586_400_000_000 + DAY_US),),
        lines=tuple(lines), cameras=tuple(lines), total=summed(lines, Line(camera="", stream="")),
    )  # fmt: skip


TRENDS = Trends(
    failures=(Failed(target="archive", error="no answer", count=3, hours=(0, 3, *[0] * 22)),),
    outages=(Outage(camera="gate", stream="main", count=2, lost_us=90 * SECOND_US, reason="unreachable"),),
    days=("2026-05-01",), storage=(Growth(name="footage", added=(5_000_000_000,), kept=(4_000_000_000,)),),
)  # fmt: skip


def test_text_names_cameras_numbers_and_reasons() -> None:
    """A line a camera, with its name, and a line for each that lost something, with why."""
    said = report_words.text(_report(), NAMES)
    assert said.startswith("Daily report, 2026-05-01\n====")
    row = next(line for line in said.splitlines() if line.startswith("North <gate>  "))
    assert row.split() == [
        "North", "<gate>", "99.90", "%", "24h00m", "1m30s", "2", "144", "5.0", "GB", "287/288", "1", "12", "140/144",
    ]  # fmt: skip
    assert "dock sub" in said
    assert "nothing expected" in said
    assert "North <gate>: 1m30s unreachable, 1 freeze, 1 still missed, 4 deliveries failed" in said


def test_nothing_lost_says_so() -> None:
    """A day without loss says that nothing was lost, and 100 % without places."""
    report = _report(lost_us=0)
    report.cameras[0].deliveries["failed"] = 0
    said = report_words.text(report, NAMES)
    assert "100 %" in said
    assert "Nothing was lost." in said


def test_nothing_known_is_said_alike() -> None:
    """Where nothing was expected, text and letter say so: not that nothing was lost."""
    empty = replace(_report(), lines=(), cameras=())
    for said in (report_words.text(empty, NAMES), report_words.html(empty, NAMES)):
        assert "Nothing was recorded, and nothing was expected." in said
        assert "lost" not in said


def test_a_month_tells_its_trends() -> None:
    """Outages, failed deliveries with their worst hour, and storage by class stand in a longer report."""
    said = report_words.text(_report(ReportKind.MONTHLY), NAMES, TRENDS)
    assert "North <gate>: 2, 1m30s in all, mostly unreachable" in said
    assert "archive: 3 times no answer (most from 01:00 on)" in said
    assert "footage 2026-05-01: 5.0 GB, 4.0 GB" in said


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's signature
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def test_a_letter_says_what_the_text_says() -> None:
    """The page holds every word of the text, nothing that is fetched, and names as words, not as markup."""
    read = _Words()
    page = report_words.html(_report(ReportKind.MONTHLY), NAMES, TRENDS)
    read.feed(page)
    text = report_words.text(_report(ReportKind.MONTHLY), NAMES, TRENDS)
    assert set(text.replace("=", "").split()) <= set(read.words)
    assert not {"script", "img", "link"} & set(read.tags)
    assert "gate>" not in page.replace("&lt;gate&gt;", "")


def test_json_holds_every_number() -> None:
    """Lengths are seconds, instants ISO 8601, and all of it survives being written."""
    body = json.loads(json.dumps(report_words.plain(_report(), TRENDS)))
    assert body["from"] == "2026-04-30T22:00:00.000Z"
    assert body["cameras"][0]["lost_s"] == 90.0
    assert body["cameras"][0]["reasons"] == {"unreachable": 90.0}
    assert body["periods"][0]["total"]["files"] == body["total"]["files"] == 144
    assert body["trends"]["failures"][0]["hours"][1] == 3
    assert report_words.subject(_report(), "Harbour") == "Harbour: Daily report, 2026-05-01: 99.90 %"
