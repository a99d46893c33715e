"""The page of 24 hours in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from support.chromium import barriers
from support.watched_site import WatchedSite, looking, watched_site

pytestmark = [pytest.mark.needs("chromium")]


@pytest.fixture(name="spot", scope="module")
def _spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedSite]:
    with watched_site(tmp_path_factory.mktemp("day"), others=("dock",)) as spot:
        yield spot


def _rows(page: Page) -> None:
    """Wait until each row has what there is."""
    expect(page.locator("tr[data-camera][data-done]")).to_have_count(2)


def test_pictures_marks_and_reasons(spot: WatchedSite) -> None:
    """What was recorded shows its picture, what was not says why; pointing shows it larger, a click plays it."""
    with looking(spot, f"/day?at={spot.began_us}") as page:
        _rows(page)
        shown = page.locator('tr[data-camera="gate"] a[data-shown]')
        expect(shown).to_have_count(3)
        expect(shown.first).to_have_attribute("data-mark", "Black picture, Frozen picture")
        assert "sheet.jpg" in shown.first.evaluate("cell => cell.style.backgroundImage")
        shown.first.hover()
        expect(page.locator("#day-peek")).to_contain_text("Black picture")
        expect(page.locator("#day-peek .day-large")).to_be_visible()
        assert page.locator('tr[data-camera="gate"] a[data-reason]').count() > 10
        at_us = shown.first.get_attribute("data-us")
        shown.first.click()
        page.wait_for_url(f"**/cameras/gate?at={at_us}")


def test_by_keyboard(spot: WatchedSite) -> None:
    """One stop for Tab, arrows from picture to picture and camera to camera, Enter plays."""
    with looking(spot, "/day") as page:
        _rows(page)
        assert page.locator('a.day-cell[tabindex="0"]').count() == 1
        page.locator('a.day-cell[tabindex="0"]').focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#day-peek")).to_contain_text("dock, ")
        expect(page.locator("#day-peek")).to_contain_text("no picture")
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        page.wait_for_url("**/cameras/dock?at=*")


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("desk", "dark")])
def test_nothing_stands_in_anybodys_way(spot: WatchedSite, size: str, scheme: str) -> None:
    """Axe finds nothing serious, and only the table is wider than the window, which scrolls it."""
    with looking(spot, "/day", size, scheme) as page:
        _rows(page)
        assert not barriers(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.getElementById('day-box').scrollLeft > 0"), "the newest is in view"
