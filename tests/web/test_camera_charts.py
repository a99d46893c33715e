"""Charts of what was measured, below the timeline, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from holdfast.core.timing import SECOND_US
from support.chromium import barriers
from support.watched_site import WatchedSite, listen, looking, played_from, watched_site

pytestmark = [pytest.mark.needs("chromium")]


@pytest.fixture(name="spot", scope="module")
def _spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedSite]:
    with watched_site(tmp_path_factory.mktemp("charts")) as spot:
        yield spot


def _opened(page: Page, spot: WatchedSite) -> None:
    """Open them over the two minutes that were watched."""
    show = "([a, b]) => document.getElementById('timeline').show(a, b)"
    page.evaluate(show, [spot.began_us, spot.began_us + 120 * SECOND_US])
    page.locator("#charts summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".charts-plot canvas")).to_have_count(5)
    expect(page.locator(".charts-head").first).to_contain_text("looks over 95.0 %")


def test_nothing_is_asked_before_they_are_open(spot: WatchedSite) -> None:
    """Neither the library nor a measure is fetched until somebody opens the charts."""
    with looking(spot, "/cameras/gate") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.evaluate("us => document.getElementById('timeline').show(us, us + 60e6)", spot.began_us)
        expect(page.locator("#incident-list summary")).to_contain_text("in view")
        assert not [url for url in asked if "measures" in url or "uplot" in url]
        _opened(page, spot)
        assert len([url for url in asked if "/measures" in url]) == 1


def test_words_pointing_and_clicking(spot: WatchedSite) -> None:
    """Each chart is told in words; pointing says instant and values, a click plays from there."""
    with looking(spot, "/cameras/gate") as page:
        _opened(page, spot)
        heads = page.locator(".charts-head").all_inner_texts()
        assert heads[0].startswith("Black 0.0 % to 100.0 %; 10 of ")
        assert "under 0.50 of 255" in heads[1]
        assert "under -57 dB" in heads[2]
        assert re.fullmatch(r"Loudness -\d+\.\d LUFS to -\d+\.\d LUFS", heads[3])
        assert re.fullmatch(r"Blocks 1\.\d times to 1\.\d times; never over 2\.2 times", heads[4])
        plot = page.locator(".charts-plot").first
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box is not None
        x = box["x"] + box["width"] * 16 / 120
        page.mouse.move(x, box["y"] + 30)
        expect(page.locator(".charts-read")).to_contain_text("black 100.0 %, movement 0.00 of 255, sound -1")
        listen(page)
        page.mouse.click(x, box["y"] + 30)
        expect(page.locator("#to-live")).to_have_attribute("aria-pressed", "false")
        at_us = played_from(page)
        assert spot.began_us + 13 * SECOND_US < at_us < spot.began_us + 19 * SECOND_US


def test_by_keyboard(spot: WatchedSite) -> None:
    """Arrows go from look to look and say it, Enter plays it; the page's own arrows are left alone meanwhile."""
    with looking(spot, "/cameras/gate") as page:
        _opened(page, spot)
        page.locator(".charts-plots").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        said = page.locator(".charts-read").inner_text()
        assert "black 0.0 %" in said
        page.keyboard.press("ArrowRight")
        expect(page.locator(".charts-read")).not_to_have_text(said)
        expect(page.locator("#to-live")).to_have_attribute("aria-pressed", "true")
        listen(page)
        page.keyboard.press("Enter")
        expect(page.locator("#to-live")).to_have_attribute("aria-pressed", "false")
        at_us = played_from(page)
        assert spot.began_us < at_us < spot.began_us + 6 * SECOND_US


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("desk", "dark")])
def test_they_go_with_the_timeline(spot: WatchedSite, size: str, scheme: str) -> None:
    """Another span of the timeline is another span of the charts; nothing is wider than the window, axe is content."""
    with looking(spot, "/cameras/gate", size, scheme) as page:
        _opened(page, spot)
        assert not barriers(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate("us => document.getElementById('timeline').show(us, us + 10e6)", spot.began_us)
        expect(page.locator(".charts-head").first).to_contain_text("never over")
        page.evaluate(
            "us => document.getElementById('timeline').show(us, us + 86400e6)", spot.began_us - 2 * 86_400 * SECOND_US
        )
        expect(page.locator(".charts-head").first).to_contain_text("nothing was measured in this span")
        page.get_by_role("button", name="Day", exact=True).click()
        expect(page.locator(".charts-head").first).to_contain_text("minutes over 95.0 %")
