"""How complete the footage is, by the site's days."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from holdfast.catalog.db import Catalog
from holdfast.core.errors import CatalogUnavailable, UsageError
from holdfast.core.gap import GapReason
from holdfast.core.journal import LOST_MEMORY, Removed
from holdfast.core.timing import DAY_US, HOUR_US, SECOND_US, to_datetime
from holdfast.library.coverage import Coverage, day_span, from_catalog, from_journals, percent_of, read_day
from holdfast.library.index import Indexer
from holdfast.library.reindex import reconcile
from support.clock import PushedClock
from support.journals import Told

BERLIN = ZoneInfo("Europe/Berlin")
UTC = ZoneInfo("UTC")


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    return PushedClock()


@pytest.fixture(name="told")
def _told(tmp_path: Path, clock: PushedClock) -> Told:
    return Told(tmp_path / "disk", clock)


def both(catalog: Catalog, told: Told, day: date, zone: ZoneInfo = UTC) -> list[Coverage]:
    """Ask the catalog and the journals; they must answer alike."""
    roots = {"disk": told.root}
    Indexer(catalog, roots, told.clock).pass_once()
    reconcile(catalog, roots, told.clock)
    rows = from_catalog(catalog, [day], zone, told.clock.wall_us())
    assert rows == from_journals(roots, [day], zone, told.clock.wall_us())
    return rows


def test_losses_and_plans_are_told_apart(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """A planned gap does not lower the percentage, any other does, and all adds up to the time (C011)."""
    told.open()
    told.record(900)
    told.down("off-schedule", 3600)
    told.down("stalled", 100)
    told.record(0)
    told.close()
    (found,) = both(catalog, told, date(2026, 9, 21))
    assert (found.recorded_us, found.planned_us, found.lost_us) == (900 * SECOND_US, HOUR_US, 100 * SECOND_US)
    assert found.percent == 90.0
    assert [gap.reason for gap in found.gaps] == [GapReason.OFF_SCHEDULE, GapReason.STALLED]


def test_removed_and_missing_were_recorded(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """What was recorded stays recorded; whether it is still here, was removed, or is missing is another question."""
    told.open()
    pieces = [told.record(600) for _ in range(4)]
    told.remove(pieces[0])
    (told.root / pieces[1].file).unlink()
    (found,) = both(catalog, told, date(2026, 9, 21))
    told.die()
    minutes = [us // (600 * SECOND_US) for us in (found.recorded_us, found.removed_us, found.missing_us)]
    assert (minutes, found.available_us, found.percent) == ([4, 1, 1], 1200 * SECOND_US, 100.0)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)])
def test_a_site_day_has_its_own_length(day: date, hours: int) -> None:
    """A day is from midnight to midnight of the site: 23, 24 or 25 hours (F15)."""
    first_us, last_us = day_span(day, BERLIN)
    assert last_us - first_us == hours * HOUR_US


def test_the_day_with_25_hours(catalog: Catalog, tmp_path: Path) -> None:
    """Over the hour that autumn repeats nothing is counted twice or lost, and days border on each other (F15)."""
    clock = PushedClock(day_span(date(2026, 10, 24), BERLIN)[0])
    told = Told(tmp_path / "disk", clock)
    told.open()
    for _ in range(74):
        told.record(3600)
    (found,) = both(catalog, told, date(2026, 10, 25), BERLIN)
    told.die()
    assert (found.recorded_us, found.lost_us) == (25 * HOUR_US, 0)
    (next_one,) = both(catalog, told, date(2026, 10, 26), BERLIN)
    assert next_one.from_us == found.to_us


def test_the_day_begins_where_the_site_is(clock: PushedClock) -> None:
    """Today is the site's today, not UTC's (F15)."""
    assert clock.wall_us() % DAY_US == 51_200 * SECOND_US
    late_us = day_span(date(2026, 9, 22), UTC)[0] - HOUR_US
    assert read_day("today", BERLIN, late_us) == date(2026, 9, 22)
    assert read_day("today", UTC, late_us) == date(2026, 9, 21)
    assert read_day("Yesterday", BERLIN, late_us) == date(2026, 9, 21)
    with pytest.raises(UsageError):
        read_day("someday", UTC, late_us)


def test_a_gap_over_midnight_belongs_to_both_days(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """A gap that spans midnight is cut there, so that each day adds up."""
    told.open()
    told.record(600)
    told.down("auth", 86_400)
    (first,) = both(catalog, told, date(2026, 9, 21))
    (second,) = both(catalog, told, date(2026, 9, 22))
    told.die()
    assert first.gaps[0].end_us == second.gaps[0].start_us == day_span(date(2026, 9, 22), UTC)[0]
    assert first.lost_us + second.lost_us == DAY_US


def test_a_stale_catalog_does_not_answer(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """Where the indexer has not run for a minute the rows say nothing about now, and say so."""
    told.open()
    told.record(600)
    told.die()
    Indexer(catalog, {"disk": told.root}, clock).pass_once()
    clock.advance(61)
    with pytest.raises(CatalogUnavailable, match="not up to date"):
        from_catalog(catalog, [date(2026, 9, 21)], UTC, clock.wall_us())


def test_one_camera_ignoring_case(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """A camera is found however its letters are typed; another one has nothing."""
    told.open()
    told.record(600)
    told.die()
    Indexer(catalog, {"disk": told.root}, clock).pass_once()
    day, now_us = [date(2026, 9, 21)], clock.wall_us()
    assert len(from_catalog(catalog, day, UTC, now_us, camera="GATE")) == 1
    assert len(from_journals({"disk": told.root}, day, UTC, now_us, camera="GATE")) == 1
    assert from_catalog(catalog, day, UTC, now_us, camera="yard") == []


def test_a_hundred_means_nothing_is_lost() -> None:
    """A second lost in a month does not round up to 100, and where nothing was wanted there is no percentage."""
    assert percent_of(30 * DAY_US, SECOND_US) == 99.99
    assert percent_of(DAY_US, 0) == 100.0
    assert percent_of(0, 0) is None


def test_what_memory_lost_is_missing_and_not_removed(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """C081: a finished file that went with memory counts as missing in rows and journals; a removed one does not."""
    told.open()
    gone, lost, _ = (told.record(60) for _ in range(3))
    for one, why in ((gone, "reserve"), (lost, LOST_MEMORY)):
        (told.root / one.file).unlink()
        told.say(Removed(file=one.file, bytes=one.bytes, why=why))
    (found,) = both(catalog, told, to_datetime(clock.wall_us()).date())
    assert (found.removed_us, found.missing_us) == (60 * SECOND_US, 60 * SECOND_US)
    told.close()
