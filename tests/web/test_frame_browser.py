"""The frame in a real browser: news for any number of pages, keys in pairs."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import chromium, sign_in, signed_in, window
from support.pages import Site, site
from support.recording import until
from support.web import serving

pytestmark = [pytest.mark.needs("chromium")]


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A node with a gate and a dock, served on loopback, and a viewer called alice."""
    with site(tmp_path, SystemClock(), "gate", "dock") as made:
        made.home.user(Role.VIEWER, "alice")
        made.says("gate")
        made.says("dock")
        with serving(made.home.app) as address:
            yield made, address


def hear(made: Site, pages: list[Page], state: StreamState, word: str) -> None:
    """Let the gate change its state, and wait until every page says so."""
    end = time.monotonic() + 60
    for page in pages:
        badge = page.locator('#strip [data-camera="gate"] small')
        while badge.text_content() != word:
            made.says("dock")
            made.says("gate", state, reason="" if state is StreamState.RECORDING else "stalled")
            assert time.monotonic() < end, (page.url, badge.text_content())
            page.wait_for_timeout(100)


def listeners(made: Site) -> int:
    """How many connections for changes the server keeps."""
    return int(made.home.app.state.changes.listeners)


def test_eight_pages_are_open_at_once(served: tuple[Site, str]) -> None:
    """Any number of pages loads and hears of changes: one of them listens for all, and when it goes, another (C127)."""
    made, address = served
    with chromium() as browser, window(browser) as page:
        signed_in(page, address, "alice", PASSWORD)
        pages = [page, *(page.context.new_page() for _ in range(7))]
        for one in pages:
            one.goto(f"{address}/machine")
            assert one.get_by_role("heading", name="System", exact=True).is_visible()
        hear(made, pages, StreamState.STALLED, "stalled")
        until(lambda: listeners(made) == 1)
        for one in pages[:3]:
            one.close()
        hear(made, pages[3:], StreamState.RECORDING, "recording")
        pages[3].goto(f"{address}/coverage?source=journals")
        hear(made, pages[3:], StreamState.STALLED, "stalled")
        until(lambda: listeners(made) == 1)  # of a page that was left the server hears a moment later


def test_pages_without_locks_look_now_and_then(served: tuple[Site, str]) -> None:
    """By a name over plain HTTP browsers have no locks: pages look, and what one finds the others hear (C127)."""
    made, address = served
    named = address.replace("127.0.0.1", "recorder.lan")
    with chromium("--host-resolver-rules=MAP recorder.lan 127.0.0.1") as browser, window(browser) as page:
        sign_in(page, named, "alice", PASSWORD)
        pages = [page, *(page.context.new_page() for _ in range(7))]
        asked: list[str] = []
        page.context.on("request", lambda request: asked.append(request.url))
        for one in pages:
            one.goto(f"{named}/machine")
        assert page.evaluate("navigator.locks === undefined")
        hear(made, pages, StreamState.STALLED, "stalled")
        assert listeners(made) == 0
        asked.clear()
        began_s = time.monotonic()
        looks, took_s = 0, 0.0
        while took_s < 5 or (looks < 1 and took_s < 60):
            page.wait_for_timeout(500)
            looks = sum(url.endswith("/api/v1/streams") for url in asked)
            took_s = time.monotonic() - began_s
        assert 1 <= looks <= 1.6 * took_s, "one look serves all: eight pages on their own make 4 a second"


def test_signed_out_pages_come_back(served: tuple[Site, str]) -> None:
    """Pages of whoever was signed out say so, and are current again once they have signed in on one of them (C103)."""
    made, address = served
    with chromium() as browser, window(browser) as page:
        sign_in(page, address, "alice", PASSWORD)
        other = page.context.new_page()
        other.goto(f"{address}/machine")
        hear(made, [page, other], StreamState.STALLED, "stalled")
        page.context.clear_cookies()
        page.reload()
        other.locator("#sentence", has_text="You were signed out").wait_for()
        sign_in(page, address, "alice", PASSWORD)
        hear(made, [page, other], StreamState.RECORDING, "recording")
        assert not other.locator("#sentence", has_text="You were signed out").is_visible()
        page.goto("about:blank")
        hear(made, [other], StreamState.STALLED, "stalled")


@pytest.mark.best_of_three  # of `g` and a letter the second one comes within half a second
def test_pages_go_by_two_keys_where_one_means_a_time(served: tuple[Site, str]) -> None:
    """On a camera's page `g` and a letter go to a page as everywhere; `g` alone, or before digits, asks for a time."""
    _, address = served
    with chromium() as browser, window(browser) as page:
        signed_in(page, address, "alice", PASSWORD)
        for where in ("/cameras/gate", "/machine"):
            for key, path in (("o", "/"), ("c", "/cameras"), ("v", "/coverage"), ("s", "/stills")):
                page.goto(address + where)
                page.locator("html:not(.no-script)").wait_for()
                if where == "/cameras/gate":
                    page.locator("#deck").wait_for()  # its own keys come after those of the frame
                page.keyboard.press("?")
                listed = page.get_by_role("dialog", name="Keyboard").locator("dl div", has=page.locator("kbd"))
                pairs = [row.locator("kbd").all_inner_texts() for row in listed.all()]
                assert ["g", key] in pairs
                assert (["g"] in pairs) == (where == "/cameras/gate")
                page.keyboard.press("Escape")
                with page.expect_navigation(url=address + path):  # also where it is the page that is open already
                    page.keyboard.type(f"g{key}")
        page.goto(f"{address}/cameras/gate")
        page.locator("#deck").wait_for()
        page.keyboard.press("g")
        page.get_by_label("Time at the site").wait_for()
        page.keyboard.press("Escape")
        page.keyboard.type("g2026-")
        assert page.get_by_label("Time at the site").input_value() == "2026-"
