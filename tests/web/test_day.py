"""The page of 24 hours: times, links and marks, without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import incidents, nodes
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.timing import HOUR_US, MINUTE_US
from support.clock import PushedClock
from support.pages import Site, site, words

ZONE = '[site]\ntime_zone = "Europe/Berlin"\n'
NOON_US = 1_777_629_600_000_000  # 2026-05-01 12:00 at the site


@pytest.fixture(name="spot")
def _spot(tmp_path: Path) -> Iterator[Site]:
    """A node in Berlin at 12:30 with a gate and a dock."""
    with site(tmp_path, PushedClock(NOON_US + 30 * MINUTE_US), "gate", "dock", more=ZONE) as made:
        yield made


def cells(html: str, camera: str) -> list[tuple[str, str]]:
    """Clock and mark of each part of a camera's row that is not still to come."""
    row = re.search(rf'<tr data-camera="{camera}">.*?</tr>', html, re.DOTALL)
    assert row is not None
    return [
        (clock, (re.findall(r'data-mark="([^"]*)"', more) or [""])[0])
        for clock, more in re.findall(r'data-clock="([^"]*)"([^>]*)>', row[0])
    ]


def test_the_last_24_hours(spot: Site) -> None:
    """Without a day each camera has a part for this hour and each of the 23 before it, which lead to its page."""
    html = spot.page("/day")
    found = cells(html, "gate")
    assert [clock for clock, _ in found] == [f"{(13 + n) % 24:02}:00" for n in range(24)]
    assert f'href="/cameras/dock?at={NOON_US}" data-us="{NOON_US}" data-clock="12:00" data-now' in html
    assert "The last 24 hours" in words(html)


def test_a_day_is_as_long_as_the_sites_clocks_say(spot: Site) -> None:
    """The day on which clocks go forward has 23 hours, and none is there twice."""
    found = [clock for clock, _ in cells(spot.page("/day?date=2026-03-29"), "gate")]
    assert found == [f"{n:02}:00" for n in range(24) if n != 2]
    assert len(cells(spot.page("/day?date=2026-03-30&each=15"), "gate")) == 96
    assert 'href="/day?date=2026-03-31&amp;each=15"' in spot.page("/day?date=2026-03-30&each=15")


def test_what_is_still_to_come_leads_nowhere(spot: Site) -> None:
    """Today has a part for each hour that has begun, room for the others, and no day after it."""
    html = spot.page("/day?date=2026-05-01")
    assert len(cells(html, "gate")) == 13
    assert html.count('class="day-cell later"') == 2 * 11
    assert "/day?date=2026-05-02" not in html
    assert spot.as_().get("/day?date=someday").status_code == 422


def test_an_hour_minute_by_minute(spot: Site) -> None:
    """An hour's own page has a part a minute, of the hour that holds the instant."""
    html = spot.page(f"/day?at={NOON_US - 20 * MINUTE_US}")
    found = [clock for clock, _ in cells(html, "gate")]
    assert (len(found), found[0], found[-1]) == (60, "11:00", "11:59")
    assert f'href="/day?at={NOON_US}" aria-label="Hour after"' in html
    assert f'href="/day?at={NOON_US + HOUR_US}"' not in spot.page(f"/day?at={NOON_US}")


def test_incidents_are_marked(spot: Site) -> None:
    """Each part in which something was wrong says what; what was discarded is not marked."""
    context = spot.home.context
    with context.catalog().write() as tx:
        node = nodes.ensure(tx, context.node, 1)
        begun = NOON_US - 3 * HOUR_US + 50 * MINUTE_US
        over = Case(IncidentType.BLACKSCREEN, Stage.RESOLVED, begun, 0, 5, begun + 20 * MINUTE_US)
        incidents.put(tx, node, "gate", over, now_us=7)
        incidents.put(
            tx, node, "dock", Case(IncidentType.STALLED, Stage.ACTIVE, NOON_US - 90 * HOUR_US, 0, 5), now_us=7
        )
        gone = incidents.put(
            tx, node, "gate", Case(IncidentType.FREEZE, Stage.RESOLVED, NOON_US, 0, 5, NOON_US + 9), now_us=7
        )
        incidents.review(tx, gone, {"discarded": True, "discarded_us": 5, "discard_type": "test"}, 9)
    html = spot.page("/day")
    assert [clock for clock, mark in cells(html, "gate") if mark == "Black picture"] == ["09:00", "10:00"]
    assert [mark for _, mark in cells(html, "gate")].count("Frozen picture") == 0
    assert {mark for _, mark in cells(html, "dock")} == {"Stalled"}


def test_without_its_catalog_there_are_pictures(spot: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the catalog is away the page stands, and says that incidents are not marked."""

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("it is gone")

    monkeypatch.setattr("holdfast.library.incidents.find", away)
    html = spot.page("/day")
    assert "cannot be marked just now" in words(html)
    assert len(cells(html, "gate")) == 24


def test_no_cameras(tmp_path: Path) -> None:
    """Before the first camera the page says what will stand there."""
    with site(tmp_path, PushedClock(NOON_US)) as made:
        assert "No cameras yet" in words(made.page("/day"))
