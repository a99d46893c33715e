"""Incidents on a camera's timeline and as a list below it, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from holdfast.catalog import incidents, nodes
from holdfast.core.incident import Case, IncidentType, Stage
from holdfast.core.timing import HOUR_US, SECOND_US
from holdfast.library.accounts import Role
from support.chromium import barriers
from support.clock import PushedClock
from support.events import moved, put
from support.pages import site
from support.watched_site import WatchedSite, listen, looking, played_from, watched_site
from support.web import serving

pytestmark = [pytest.mark.needs("chromium")]


@pytest.fixture(name="spot", scope="module")
def _spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedSite]:
    with watched_site(tmp_path_factory.mktemp("lanes")) as spot:
        yield spot


def _ready(page: Page, spot: WatchedSite) -> None:
    """Show the two minutes that were watched, and wait for their incidents."""
    show = "([a, b]) => document.getElementById('timeline').show(a, b)"
    page.evaluate(show, [spot.began_us, spot.began_us + 120 * SECOND_US])
    expect(page.locator("#incident-list summary")).to_contain_text("4 incidents in view")


def _point(page: Page, us: int, *, click: bool = False) -> None:
    """Point at an instant in the lane of incidents."""
    x, y = page.evaluate(
        "us => { const t = document.getElementById('timeline'), box = t.canvas.getBoundingClientRect();"
        " return [box.left + (us - t.from) / (t.to - t.from) * box.width, box.bottom - 8]; }",
        us,
    )
    page.mouse.move(x, y)
    if click:
        page.mouse.click(x, y)


def test_pointing_says_what_and_a_click_goes_there(spot: WatchedSite) -> None:
    """An incident says its type and how long it was when pointed at; a click plays it from just before it (C120)."""
    with looking(spot, "/cameras/gate") as page:
        _ready(page, spot)
        page.locator("hf-timeline").scroll_into_view_if_needed()
        _point(page, spot.began_us + 15 * SECOND_US)
        expect(page.locator(".hf-tip")).to_contain_text("Black picture, 10")
        _point(page, spot.began_us + 35 * SECOND_US)
        expect(page.locator(".hf-tip")).to_contain_text("Frozen picture")
        _point(page, spot.began_us + 80 * SECOND_US)
        expect(page.locator(".hf-tip")).to_contain_text("No signal, 50")
        listen(page)
        _point(page, spot.began_us + 15 * SECOND_US, click=True)
        expect(page.locator("#to-live")).to_have_attribute("aria-pressed", "false")
        at_us = played_from(page)
        assert spot.began_us + 9 * SECOND_US < at_us < spot.began_us + 13 * SECOND_US


def test_the_list_says_the_same(spot: WatchedSite) -> None:
    """What is in view stands in a list that keys open, newest first, with ways to the moment and the evidence."""
    with looking(spot, "/cameras/gate", "phone", "light") as page:
        _ready(page, spot)
        page.locator("#incident-list summary").focus()
        page.keyboard.press("Enter")
        lines = page.locator("#incident-list li")
        expect(lines).to_have_count(4)
        said = lines.all_inner_texts()
        for text, what in zip(said, ("No signal", "No sound", "Frozen picture", "Black picture"), strict=True):
            assert what in text
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not barriers(page)
        lines.last.get_by_role("link").first.click()
        expect(page.locator("#to-live")).to_have_attribute("aria-pressed", "false")


def test_what_lasts_reaches_to_now(spot: WatchedSite) -> None:
    """An incident that began days ago and lasts is in every view, and says that it lasts."""
    context = spot.site.home.context
    case = Case(IncidentType.STALLED, Stage.ACTIVE, spot.began_us - 50 * HOUR_US, spot.began_us, 60)
    with context.catalog().write() as tx:
        made = incidents.put(tx, nodes.ensure(tx, context.node, 1), "gate", case, now_us=7)
    try:
        with looking(spot, "/cameras/gate") as page:
            expect(page.locator("#incident-list summary")).to_contain_text("5 incidents in view")
            page.locator("#incident-list summary").click()
            expect(page.locator("#incident-list li").last).to_contain_text("Stalled, lasts 2 days")
    finally:
        with context.catalog().write() as tx:
            incidents.remove(tx, [made])


def test_events_have_a_lane_of_their_own(tmp_path: Path, spot: WatchedSite) -> None:
    """Where motion makes events they lie below the incidents, and in the list with their pictures (C116)."""
    with looking(spot, "/cameras/gate") as page:
        assert page.evaluate("document.getElementById('timeline').lanes.length") == 1
    clock = PushedClock()
    with site(tmp_path, clock, "gate", more="[cameras.gate.motion]\nenabled = true\n") as made:
        made.home.user(Role.VIEWER, "alice")
        (tmp_path / "vol/footage/gate/main").mkdir(parents=True)
        for told in moved(clock.wall_us()):
            put(made, told)
        with serving(made.home.app) as address, looking(WatchedSite(made, address, 0), "/cameras/gate") as page:
            page.evaluate("us => document.getElementById('timeline').show(us - 7200e6, us)", clock.wall_us())
            expect(page.locator("#incident-list summary")).to_contain_text("No incidents, 2 events in view")
            page.locator("#incident-list summary").click()
            first = page.locator("#incident-list li").first
            expect(first).to_contain_text("Something moved, 17 %, 1 min")
            expect(first.get_by_role("link", name="pictures")).to_have_attribute("href", "/events/1-2")
            assert not barriers(page)
