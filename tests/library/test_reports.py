"""C086: reports say what was expected of each camera, what came of it, and why the rest did not."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogUnavailable, UsageError
from holdfast.core.timing import HOUR_US, SECOND_US, from_datetime
from holdfast.library.index import Indexer
from holdfast.library.reports import Report, ReportKind, make, periods_of
from support.clock import PushedClock
from support.journals import Told

BERLIN = ZoneInfo("Europe/Berlin")


class Site:
    """A catalog over one disk whose journals are written by hand."""

    def __init__(self, root: Path, catalog: Catalog, begin: datetime) -> None:
        self.catalog = catalog
        self.clock = PushedClock(from_datetime(begin))
        self.root = root / "disk"
        self.told = self.stream("gate", "main")

    def stream(self, camera: str, stream: str) -> Told:
        """Another stream's journal."""
        return Told(self.root, self.clock, StreamKey(camera, stream))

    def report(self, kind: ReportKind, day: date, *, camera: str | None = None) -> Report:
        """Index, and report."""
        Indexer(self.catalog, {"disk": self.root}, self.clock).pass_once()
        return make(self.catalog, kind, day, BERLIN, self.clock.wall_us(), camera=camera)


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


def test_a_day_counts_what_was_got_and_lost(tmp_path: Path, catalog: Catalog) -> None:
    """C086: footage, outages by reason, hours that nobody wanted, files and bytes of a day; no more than the day."""
    site = Site(tmp_path, catalog, datetime(2026, 4, 30, 22, tzinfo=UTC))  # midnight at the site
    site.told.open()
    pieces = [site.told.record(3600) for _ in range(10)]
    site.told.down("unreachable", 1800)
    pieces.append(site.told.record(1800, "r2"))
    site.told.down("off-schedule", 5 * 3600)
    site.told.down("auth", 60)
    pieces += [site.told.record(3600 - 60 if n == 0 else 3600, "r3") for n in range(10)]
    site.told.die()
    line = site.report(ReportKind.DAILY, date(2026, 5, 1)).total
    assert line.expected_us == 19 * HOUR_US
    assert line.lost_us == 1860 * SECOND_US
    assert line.planned_us == 5 * HOUR_US
    assert dict(line.reasons) == {"unreachable": 1800 * SECOND_US, "auth": 60 * SECOND_US}
    assert line.failures == 2
    mine = pieces[:-2]
    assert (line.files, line.bytes) == (len(mine), sum(piece.bytes for piece in mine))
    assert line.percent == 97.28


@pytest.mark.parametrize(
    ("day", "hours", "labels"),
    [
        (date(2026, 3, 29), 23, ["01:00", "03:00"]), (date(2026, 10, 25), 25, ["02:00", "02:00 +0100"]),
        (date(2026, 5, 1), 24, ["02:00", "03:00"]),
    ],
)  # fmt: skip
def test_days_are_as_long_as_the_clocks_make_them(
    tmp_path: Path, catalog: Catalog, day: date, hours: int, labels: list[str]
) -> None:
    """A day of 23 or 25 hours expects as many, and each hour of it stands there once, under a name of its own."""
    begin = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
    site = Site(tmp_path, catalog, begin)
    site.told.open()
    for _ in range(26):
        site.told.record(3600)
    site.told.die()
    report = site.report(ReportKind.HOURLY, day)
    assert len(report.periods) == hours
    assert len({period.label for period in report.periods}) == hours
    assert set(labels) <= {period.label for period in report.periods}
    assert report.total.expected_us == report.total.got_us == hours * HOUR_US
    assert {line.got_us for line in report.lines} == {HOUR_US}
    assert site.report(ReportKind.DAILY, day).total.expected_us == hours * HOUR_US


def test_the_rest_of_today_is_not_expected_yet(tmp_path: Path, catalog: Catalog) -> None:
    """What has not come yet is no loss, and neither is what was before the first word of a camera."""
    site = Site(tmp_path, catalog, datetime(2026, 5, 1, 10, tzinfo=UTC))
    site.told.open()
    site.told.record(3600)
    report = site.report(ReportKind.DAILY, date(2026, 5, 1))
    assert (report.total.expected_us, report.total.percent) == (HOUR_US, 100.0)
    assert report.to_us > report.made_us
    assert site.report(ReportKind.DAILY, date(2026, 4, 1)).cameras == ()
    site.told.die()


def test_weeks_and_months_are_days_added_up(tmp_path: Path, catalog: Catalog) -> None:
    """A week from Monday and a whole month count each day once, and each camera has its line."""
    site = Site(tmp_path, catalog, datetime(2026, 4, 26, 22, tzinfo=UTC))  # Monday, 27 April
    dock = site.stream("dock", "sub")
    for told in (site.told, dock):
        told.open()
    for day in range(7):
        began_us = site.clock.wall_us()
        site.told.record(86_400 - 600 * (day == 3), f"r{day}")
        dock.seal(dock.begin(f"r{day}"), began_us, f"r{day}")
        if day == 3:
            site.told.down("stalled", 600)
    for told in (site.told, dock):
        told.die()
    week = site.report(ReportKind.WEEKLY, date(2026, 4, 29))
    assert [period.label for period in week.periods] == [f"2026-04-{day}" for day in range(27, 31)] + [
        f"2026-05-0{day}" for day in (1, 2, 3)
    ]
    gate = next(line for line in week.cameras if line.camera == "gate")
    assert (gate.expected_us, gate.lost_us) == (7 * 24 * HOUR_US, 600 * SECOND_US)
    assert week.of_period("2026-04-30").lost_us == 2 * 600 * SECOND_US
    assert {(line.camera, line.stream) for line in week.cameras} == {("gate", "main"), ("dock", "sub")}
    month = site.report(ReportKind.MONTHLY, date(2026, 5, 20), camera="GATE")
    assert len(month.periods) == 31
    assert month.total.files == 3
    assert {line.camera for line in month.cameras} == {"gate"}


def test_months_have_their_length() -> None:
    """February of a leap year has 29 periods, December ends with the year."""
    assert len(periods_of(ReportKind.MONTHLY, date(2028, 2, 3), BERLIN)) == 29
    assert periods_of(ReportKind.MONTHLY, date(2026, 12, 31), BERLIN)[-1].label == "2026-12-31"


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
@pytest.mark.parametrize("kind", list(ReportKind))
def test_the_edges_of_the_calendar_are_refused(day: date, kind: ReportKind) -> None:
    """A day that has none before or after it is refused in words."""
    with pytest.raises(UsageError, match="outside the calendar"):
        periods_of(kind, day, BERLIN)


def test_an_old_catalog_is_not_asked(tmp_path: Path, catalog: Catalog) -> None:
    """Where journals have not been indexed for a minute, a report would be too good: it says so instead."""
    site = Site(tmp_path, catalog, datetime(2026, 5, 1, tzinfo=UTC))
    site.told.open()
    site.told.record(600)
    site.report(ReportKind.DAILY, date(2026, 5, 1))
    site.clock.advance(3600)
    with pytest.raises(CatalogUnavailable, match="not up to date"):
        make(catalog, ReportKind.DAILY, date(2026, 5, 1), BERLIN, site.clock.wall_us())
    site.told.die()


def test_a_day_that_was_left_out_has_no_report() -> None:
    """Where clocks went on by a whole day there is nothing to report of it; the week around it has six days."""
    zone = ZoneInfo("Pacific/Apia")
    for kind in (ReportKind.HOURLY, ReportKind.DAILY):
        with pytest.raises(UsageError, match="no 2011-12-30 in Pacific/Apia"):
            periods_of(kind, date(2011, 12, 30), zone)
    week = periods_of(ReportKind.WEEKLY, date(2011, 12, 30), zone)
    assert [round((one.to_us - one.from_us) / HOUR_US) for one in week] == [24, 24, 24, 24, 0, 24, 24]
