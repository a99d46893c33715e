"""Every page on a phone with touch: nothing is wider than the screen, and what is tapped can be hit."""

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from holdfast.library import accounts
from holdfast.library.accounts import Role
from holdfast.library.index import Indexer
from support.accounts import PASSWORD
from support.chromium import SIZES, barriers, chromium, signed_in, window
from support.clock import PushedClock
from support.journals import Told
from support.pages import Site, site
from support.web import serving

pytestmark = [pytest.mark.needs("chromium")]

TOOL = Path(__file__).resolve().parents[2] / "tools" / "screenshots.py"
LONG = "Northgate_of_the_third_warehouse_beside_the_old_p1"  # the longest id
NAME = "Donaudampfschifffahrtsgesellschaftsanlegestelle Nordnordwest, oberes Vorhafentor hinter Lagerhaus 3"
WHY = "rtsp://192.0.2.10:554/a/very/long/path/of/a/camera/that/nobody/wanted/to/type answers 503 to DESCRIBE"
SMALLEST = 40  # pixels; what a thumb hits without looking twice

WIDER = """width => [...document.querySelectorAll("body *")].filter((one) => {
  if (!one.checkVisibility() || one.closest(".table-box, .strip, .rail, svg") || one.querySelector("*")) return false;
  return one.getBoundingClientRect().right > width + 1;
}).slice(0, 5).map((one) => `${one.tagName}.${one.className} ${(one.textContent || "").trim().slice(0, 40)}`)"""

# The spans beside the timeline are its small change: they stay at 36.
TINY = """least => {
  const tapped = "main .button, main .input, .rail a, .rail summary, .bar .button, .strip a, dialog .button";
  const found = [...document.querySelectorAll(tapped)]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".line-tools"));
  return found.map((one) => [one, one.getBoundingClientRect()])
    .filter(([one, box]) => box.width && box.height && Math.min(box.width, box.height) < least - 0.5)
    .map(([one, box]) => `${one.className} ${(one.textContent || one.name || "").trim()} ${box.width}x${box.height}`);
}"""


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A node with long names, long reasons, footage, gaps, notes, people and tokens, and an admin called alice."""
    clock = SystemClock()
    text = (
        f'[site]\nname = "{NAME}"\ntime_zone = "Europe/Berlin"\n'
        f'[cameras.{LONG}]\nurl = "rtsp://192.0.2.10/{"x" * 200}"\nname = "{NAME.replace(" ", "-")}"\n'
        f'location = "{NAME}"\n[cameras.gate]\nurl = "rtsp://192.0.2.11/x"\nname = "{NAME}"\n'
    )
    with site(tmp_path, clock, more=text) as made:
        made.home.user(Role.ADMIN, "alice")
        catalog = made.home.context.catalog()
        accounts.add_token(catalog, clock, "a-token-with-a-name-of-a-program-that-is-long", Role.VIEWER)
        made.says("gate", notes=["the sound of this camera cannot be recorded because nobody knows its codec"])
        made.says(LONG, StreamState.STALLED, reason="stalled", detail=WHY, hint=f"look at {WHY}")
        past = PushedClock(clock.wall_us() - 300_000_000)
        for name in ("gate", LONG):
            told = Told(tmp_path / "vol", past, StreamKey(name, "main"))
            told.open()
            told.record(30)
            told.die()
        Indexer(catalog, {"main": tmp_path / "vol"}, clock).pass_once()
        with serving(made.home.app) as address:
            yield made, address


def _pages() -> dict[str, str]:
    pages: dict[str, str] = runpy.run_path(str(TOOL))["PAGES"]
    more = {
        "add": "/cameras/-/add", "edit": f"/cameras/{LONG}/edit", "long": f"/cameras/{LONG}", "password": "/password",
        "month": "/coverage?camera=gate", "missing": "/nowhere", "added": "/cameras?added=gate",
    }  # fmt: skip
    return {**pages, **more}


@pytest.mark.parametrize(("width", "height"), [(390, 844), (360, 740)])
def test_no_page_is_wider_than_a_phone(
    served: tuple[Site, str], monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    """Of all pages none is wider than the screen, whatever cameras are called, what is tapped is 40 pixels high.

    On the larger phone axe looks at each of them, too.
    """
    made, address = served
    monkeypatch.setitem(SIZES, "tested", (width, height))
    wide: list[str] = []
    with chromium() as browser, window(browser, "tested", has_touch=True, is_mobile=True) as page:
        page.goto(f"{address}/sign-in")
        wide += _looked_at(page, "sign-in", width)
        signed_in(page, address, "alice", PASSWORD)
        for name, path in _pages().items():
            made.says("gate")
            made.says(LONG, StreamState.STALLED, reason="stalled", detail=WHY)
            page.goto(address + path)
            page.wait_for_timeout(300)
            wide += _looked_at(page, name, width)
            if width == SIZES["phone"][0]:
                wide += [f"{name}: {barrier}" for barrier in barriers(page)]
        page.locator(".strip-count").tap()
        wide += _looked_at(page, "all cameras", width)
        page.get_by_role("dialog").locator(f'[data-camera="{LONG}"]').tap()
        wide += _looked_at(page, "details", width)
    assert not wide


def _looked_at(page: Page, name: str, width: int) -> list[str]:
    # Where a page is too wide, a phone makes its window wider: both are held against the screen.
    seen = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth, visualViewport.width]")
    found = [] if max(seen) <= width else [f"{name}: {seen} {page.evaluate(WIDER, width)}"]
    tiny = page.evaluate(TINY, SMALLEST)
    return found + [f"{name}: {tiny}"] * bool(tiny)
