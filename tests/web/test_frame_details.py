"""A camera's details from the strip, in a real browser, with a simulated camera that is asked for real."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from holdfast.core.timing import SECOND_US
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import barriers, chromium, signed_in, window
from support.pages import Site, silent_cameras, site
from support.sim import simulated, small_camera
from support.web import serving

pytestmark = [pytest.mark.needs("chromium")]

SECRET = "s3cret-of-the-gate"


@dataclass
class Spot:
    """A node with a camera that answers, one that does not, and where its pages are."""

    made: Site
    address: str


@pytest.fixture(name="spot")
def _spot(tmp_path: Path) -> Iterator[Spot]:
    with (
        simulated(small_camera("gate", user="root", password=SECRET)) as sim,
        silent_cameras(1) as (silent,),
    ):
        url = sim.url("gate", credentials=False)
        text = (
            '[site]\nid = "harbour"\n'
            f'[cameras.gate]\nurl = "{url}"\nusername = "root"\npassword = "{SECRET}"\nname = "North gate"\n'
            f'location = "North pier"\n[cameras.dock]\nurl = "rtsp://127.0.0.1:{silent.getsockname()[1]}/x"\n'
            "open_timeout_s = 1\n"
        )
        with site(tmp_path, SystemClock(), more=text) as made:
            for role in Role:
                made.home.user(role, role.value)
            now_us = made.clock.wall_us()
            made.says("gate", restarts=3, since_us=now_us - 125 * SECOND_US)
            made.says(
                "dock", StreamState.STALLED, reason="stalled", detail="no media for 12 s", hint="look at its cable"
            )
            with serving(made.home.app) as address:
                yield Spot(made, address)


SEEN = """() => { window.seen = []; new MutationObserver(() => seen.push(document.body.textContent))
  .observe(document.body, { childList: true, subtree: true, characterData: true }); }"""


def _open(page: Page, camera: str) -> str:
    """Open a camera's details by keyboard; what stands there once everything is there."""
    page.locator(f'#strip [data-camera="{camera}"]').focus()
    page.keyboard.press("Enter")
    box = page.get_by_role("dialog")
    box.get_by_text("harbour").wait_for()
    return box.inner_text()


def test_the_facts_of_a_camera(spot: Spot) -> None:
    """A dot's dialog has state and since when, rates, restarts, newest picture, place; the address for admins (C127).

    The address is without the password for everybody.
    """
    with chromium() as browser, window(browser) as page:
        signed_in(page, spot.address, "viewer", PASSWORD, "/")
        said = _open(page, "gate")
        for words in ("North gate", "recording", "for 2 min", "25.0 fps", "4.0 Mb/s", "3 times", "H.264"):
            assert words in said
        assert "North pier" in said
        assert "old" in said.partition("Newest picture")[2]
        assert "rtsp://" not in said
        assert page.get_by_role("button", name="Test now").count() == 0
        page.keyboard.press("Escape")
        assert page.get_by_role("dialog").count() == 0
        assert page.evaluate("document.activeElement.dataset.camera") == "gate"
        said = _open(page, "dock")
        assert "no media for 12 s" in said
        assert "Look at its cable" in said
    with chromium() as browser, window(browser) as page:
        signed_in(page, spot.address, "admin", PASSWORD, "/")
        said = _open(page, "gate")
        assert "rtsp://127.0.0.1" in said
        assert SECRET not in page.content()


def test_what_it_does_is_asked_for_anew(spot: Spot) -> None:
    """An open dialog follows the camera: from recording to not, without a click."""
    with chromium() as browser, window(browser) as page:
        signed_in(page, spot.address, "viewer", PASSWORD, "/")
        assert "Main stream\nrecording" in _open(page, "gate")
        spot.made.says("gate", StreamState.STALLED, reason="stalled", detail="no media for 9 s")
        page.get_by_role("dialog").get_by_text("no media for 9 s").wait_for()
        assert "Main stream\nstalled" in page.get_by_role("dialog").inner_text()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_test_on_demand(spot: Spot, scheme: str) -> None:
    """An operator has a camera asked now: progress, then what it sends, or why there is no answer and what to do."""
    with chromium() as browser, window(browser, color_scheme=scheme) as page:
        signed_in(page, spot.address, "operator", PASSWORD, "/")
        _open(page, "gate")
        box, button = page.get_by_role("dialog"), page.get_by_role("button", name="Test now")
        button.focus()
        page.evaluate(SEEN)  # a camera of this machine has answered before anybody can look
        page.keyboard.press("Enter")
        box.get_by_text("Tested at").wait_for()
        assert any("Asking the camera" in said for said in page.evaluate("seen"))
        said = box.inner_text()
        assert "Answers" in said
        assert "Sends H.264 320" in said
        assert not barriers(page)
        page.keyboard.press("Escape")
        _open(page, "gate")
        box.get_by_text("Answers").wait_for()
        page.keyboard.press("Escape")
        _open(page, "dock")
        page.get_by_role("button", name="Test now").click()
        box.get_by_text("No answer").wait_for()
        assert "What to do: " in box.inner_text()
        assert not barriers(page)


@pytest.mark.best_of_three
def test_an_open_dialog_and_a_dead_camera_delay_nothing(spot: Spot) -> None:
    """While a silent camera is asked, pages come as ever, and closing the dialog ends the wait (C127, F66)."""
    with chromium() as browser, window(browser) as page:
        signed_in(page, spot.address, "operator", PASSWORD, "/")
        _open(page, "dock")
        page.get_by_role("button", name="Test now").click()
        page.get_by_role("dialog").get_by_text("Asking the camera").wait_for()
        page.keyboard.press("Escape")
        took = page.evaluate(
            "(async () => { const began = performance.now();"
            " for (let n = 0; n < 3; n += 1) await (await fetch('/')).text();"
            " return performance.now() - began; })()"
        )
        assert took < 3000
        page.goto(f"{spot.address}/cameras")
        assert page.get_by_role("heading", name="Cameras", exact=True).is_visible()


def test_every_camera_from_a_phone(spot: Spot) -> None:
    """On a phone the count of the strip opens the list of cameras, and each one there its details."""
    with chromium() as browser, window(browser, "phone", has_touch=True, is_mobile=True) as page:
        signed_in(page, spot.address, "viewer", PASSWORD, "/")
        page.locator(".strip-count").tap()
        page.get_by_role("dialog", name="Cameras").get_by_text("dock").tap()
        assert "no media for 12 s" in page.get_by_role("dialog", name="dock").inner_text()
        assert not barriers(page)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
