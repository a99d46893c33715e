"""Pages in a real browser: with and without scripts, by keyboard, on a phone, for axe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import SIZES, barriers, chromium, sign_in, signed_in, window
from support.pages import Site, site
from support.web import serving

pytestmark = [pytest.mark.needs("chromium")]


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A node with three cameras in different states, served on loopback, and a viewer called alice."""
    clock = SystemClock()
    with site(tmp_path, clock, "gate", "dock", "roof", more='[site]\ntime_zone = "Asia/Kolkata"\n') as made:
        made.home.user(Role.VIEWER, "alice")
        made.says("gate")
        made.says("dock", StreamState.STALLED, reason="stalled", detail="no media for 12 s")
        made.says("roof", StreamState.DISABLED)
        with serving(made.home.app) as address:
            yield made, address


def test_a_person_looks_around(served: tuple[Site, str]) -> None:
    """Signing in, the wall, the filter, a camera's details, keys and the theme work, and the theme is remembered."""
    _, address = served
    with chromium() as browser, window(browser, color_scheme="dark") as page:
        sign_in(page, address, "alice", PASSWORD)
        assert page.locator(".tile:visible").count() == 3
        page.get_by_label("Find a camera").fill("GA")
        assert page.locator(".tile:visible .tile-name").all_inner_texts() == ["gate"]
        page.reload()
        assert page.locator(".tile:visible").count() == 1
        page.get_by_label("Find a camera").fill("attic")
        page.get_by_role("link", name="Show all cameras").click()
        assert page.locator(".tile:visible").count() == 3

        page.locator("#strip").get_by_text("dock").click()
        assert "no media for 12 s" in page.get_by_role("dialog").inner_text()
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        listed = page.get_by_role("dialog", name="Keyboard")
        assert "Dark or light" in listed.inner_text()
        to_coverage = listed.locator("dl div", has_text="Coverage").locator("kbd").all_inner_texts()
        page.keyboard.press("Escape")
        page.keyboard.press("t")
        assert page.locator("html").get_attribute("data-theme") == "light"
        page.keyboard.type("".join(to_coverage))  # at once: a pair ends by itself after a while
        page.wait_for_url(f"{address}/coverage")
        assert page.locator("html").get_attribute("data-theme") == "light"
        assert page.locator("#clock").inner_text().endswith("+05:30")
        page.get_by_label("Menu").click()
        page.get_by_role("button", name="Sign out").last.click()
        page.wait_for_url(f"{address}/sign-in")


def test_without_scripts(served: tuple[Site, str]) -> None:
    """Everything but liveness is there without scripts: signing in, the wall, the filter, the theme, the menu."""
    _, address = served
    with chromium() as browser, window(browser, java_script_enabled=False) as page:
        sign_in(page, address, "alice", PASSWORD)
        page.get_by_label("Find a camera").fill("dock")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".tile:visible .tile-name")).to_have_text(["dock"])
        page.get_by_label("Switch between dark and light").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        page.get_by_label("Menu").click()
        page.get_by_role("button", name="Sign out").last.click()
        page.wait_for_url(f"{address}/sign-in")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_nothing_stands_in_anybodys_way(served: tuple[Site, str], size: str, scheme: str) -> None:
    """Axe finds nothing serious on any page, in three sizes and both themes, and no page is wider than its window."""
    _, address = served
    with chromium() as browser, window(browser, size, color_scheme=scheme) as page:
        page.goto(f"{address}/sign-in")
        found = barriers(page)
        signed_in(page, address, "alice", PASSWORD)
        for path in ("/", "/coverage?source=journals", "/coverage", "/nowhere"):
            page.goto(address + path)
            found += [f"{path} {barrier}" for barrier in barriers(page)]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert not found


def test_the_phones_bar(served: tuple[Site, str]) -> None:
    """On a phone the rail is a bar at the bottom with at most four places, and the strip is a count."""
    _, address = served
    with chromium() as browser, window(browser, "phone", has_touch=True) as page:
        sign_in(page, address, "alice", PASSWORD)
        box = page.locator(".rail").bounding_box()
        assert box is not None
        assert box["y"] > 700
        assert page.locator(".rail-link:visible, .rail-more:visible").count() <= 4
        assert page.locator(".strip-count").inner_text().split() == [
            "Cameras:",
            "1",
            "lost",
            "1",
            "recording",
            "1",
            "off",
        ]
        page.locator(".rail-more summary").click()
        assert page.locator(".rail-more").get_by_role("button", name="Sign out").is_visible()


def test_a_link_from_elsewhere_needs_no_second_sign_in(served: tuple[Site, str]) -> None:
    """Who is signed in and comes by a link of another site arrives, though browsers hide the cookie then."""
    _, address = served
    with chromium() as browser, window(browser) as page:
        signed_in(page, address, "alice", PASSWORD)
        page.goto("data:text/html,<a href='" + address + "/coverage'>look</a>")
        page.get_by_role("link").click()
        page.wait_for_url(f"{address}/coverage")
        assert page.get_by_role("heading", name="Coverage", exact=True).is_visible()
