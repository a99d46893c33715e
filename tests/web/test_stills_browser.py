"""The page of stills in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from holdfast.core.timing import SECOND_US
from holdfast.library import kept_stills
from holdfast.library.still_taking import Means
from holdfast.media.keeping import Style
from holdfast.storage.volume import Volume
from support.chromium import barriers
from support.media import GATE
from support.still_films import order
from support.watched_site import WatchedSite, looking, watched_site

pytestmark = [pytest.mark.needs("chromium")]


@pytest.fixture(name="spot", scope="module")
def _spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedSite]:
    """A camera with a still each two seconds, and an outage."""
    with watched_site(tmp_path_factory.mktemp("stills")) as spot:
        context = spot.site.home.context
        volumes = dict(context.volumes)
        means = Means(
            volumes=volumes, volume="main", disk=Volume(volumes["main"]), clock=context.clock,
            catalog=context.catalog(), node=1,
        )  # fmt: skip
        span = (spot.began_us, spot.began_us + 110 * SECOND_US)
        # The outage is younger than a minute at the site: an hour later its cause is certain.
        spot.site.clock.advance(3600)  # type: ignore[attr-defined] # it is a pushed one
        spot.site.index()
        kept_stills.take(GATE, order(2, style=Style()), means, span, clock=context.clock)
        yield spot


def test_a_still_is_enlarged_and_followed(spot: WatchedSite) -> None:
    """A click opens it, arrows lead on, Escape gives the focus back, a link leads to its instant (C014)."""
    with looking(spot, "/stills") as page:
        expect(page.locator("a.still")).to_have_count(31)
        expect(page.locator(".still-missed")).to_contain_text("missed: no connection")
        first = page.locator("a.still").first
        expect(first.locator("img")).to_have_js_property("naturalWidth", 320)
        first.click()
        large = page.get_by_role("dialog")
        expect(large.locator("img")).to_have_js_property("naturalWidth", 320)
        when = large.get_by_role("heading").inner_text()
        expect(large.get_by_role("button", name="The one before")).to_be_disabled()
        page.keyboard.press("ArrowRight")
        expect(large.get_by_role("heading")).not_to_have_text(when)
        page.keyboard.press("End")
        expect(large.get_by_role("button", name="The next one")).to_be_disabled()
        with page.expect_download() as saving:
            large.get_by_role("link", name="Download").click()
        assert saving.value.suggested_filename.endswith("Z.jpg")
        page.keyboard.press("Escape")
        expect(page.locator("a.still").last).to_be_focused()
        page.keyboard.press("Enter")
        large.get_by_role("link", name="Watch").click()
        page.wait_for_url("**/cameras/gate?at=*")


@pytest.mark.parametrize(("size", "scheme"), [("desk", "dark"), ("phone", "light")])
def test_nobody_is_left_out(spot: WatchedSite, size: str, scheme: str) -> None:
    """For axe there is no barrier, with the dialog closed and open; on a phone nothing sticks out."""
    with looking(spot, "/stills", size, scheme) as page:
        expect(page.locator("a.still").first.locator("img")).to_have_js_property("naturalWidth", 320)
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("a.still").nth(3).click()
        expect(page.get_by_role("dialog").locator("img")).to_have_js_property("naturalWidth", 320)
        assert barriers(page) == []


def test_a_film_is_followed(spot: WatchedSite) -> None:
    """Asked for with two times and a rate, a film says how far it is and is there by itself when it is done (C014)."""
    with looking(spot, "/stills") as page:
        page.get_by_label("Pictures a second").fill("10")
        page.get_by_role("button", name="Make film").click()
        link = page.get_by_role("link", name="Download the film")
        expect(link).to_be_visible()
        assert barriers(page) == []
        with page.expect_download() as saving:
            link.click()
        assert saving.value.suggested_filename.endswith("_timelapse.mp4")
