"""A camera's page in browsers and behind proxies that take no stream: lists or single pictures, with a notice."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from holdfast.core.status import StreamState
from support.accounts import PASSWORD
from support.chromium import barriers, chromium, signed_in, window
from support.player import EVENTS, NUMBER, Place, begun, look, number, place, settled, wait, watching
from support.recording import recording, until
from support.sim import small_camera

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.best_of_three]  # what is watched is recorded meanwhile

NO_SOURCE = (
    "delete window.MediaSource; delete window.ManagedMediaSource;"
    " HTMLMediaElement.prototype.canPlayType = (type) => (type.includes('mpegurl') ? window.lists || '' : 'maybe');"
)
STILL_NUMBER = """async (address) => {
  const image = await createImageBitmap(await (await fetch(address)).blob()), { width, height } = image;
  const size = { width, height, videoWidth: width, videoHeight: height };
  const canvas = Object.assign(document.createElement("canvas"), size);
  canvas.getContext("2d").drawImage(image, 0, 0);
  return (NUMBER)(canvas); }""".replace("NUMBER", NUMBER)
SHOWN = "document.querySelector('hf-player img').naturalWidth"


def opened(page: Page, address: str, script: str, query: str = "") -> None:
    """Sign in and open the camera's page with a browser in which this script ran first."""
    page.add_init_script(script)
    signed_in(page, address, "alice", PASSWORD)
    page.goto(f"{address}/cameras/gate{query}")
    page.evaluate(EVENTS)


def test_single_pictures_without_a_media_source(tmp_path: Path) -> None:
    """Without MediaSource live is single pictures that say how old they are; so are the past and what goes wrong."""
    with place(tmp_path, small_camera("gate")) as spot, chromium() as browser, window(browser) as page:
        with recording(spot.plan):
            begun(spot, 3)
            opened(page, spot.address, NO_SOURCE)
            wait(page, f"p.now && {SHOWN} === 320")
            assert "single pictures instead" in look(page)["words"]
            expect(page.locator(".hf-live")).to_have_text(re.compile("^LIVE "))
            assert page.locator("hf-player video").is_hidden()
            assert not page.locator("#quality").is_visible()
            assert not barriers(page)
            first_us = int(look(page)["us"])
            wait(page, f"p.now && p.wallUs > {first_us + 1_000_000}")
            first_us = int(look(page)["us"])
            page.keyboard.press("ArrowLeft")
            wait(page, f"!p.live && p.wallUs < {first_us} && shown.length")
            past_us = int(look(page)["us"])
            wait(page, f"!p.live && p.wallUs > {past_us + 900_000}")
            page.keyboard.press("k")
            wait(page, "p.paused")
            page.keyboard.press("End")
            wait(page, "p.now")
            spot.wire.cut()
            wait(page, "!p.now && p.trouble && p.trouble.kind === 'away'")
            wait(page, "p.words === 'The server does not answer; trying again'")
            spot.wire.mend()
            wait(page, "p.now")

        spot.site.says("gate", StreamState.STALLED, reason="stalled")
        expect(page.locator(".hf-live")).to_have_text(re.compile("^Stalled since "))


def test_single_pictures_go_over_a_gap(tmp_path: Path) -> None:
    """Without MediaSource, too, a time without footage says why and goes on where there is some (C115)."""
    with place(tmp_path, small_camera("gate")) as spot, chromium() as browser, window(browser) as page:
        with recording(spot.plan, session="s1"):
            begun(spot, 2)
        stopped_us = spot.site.clock.wall_us()
        until(lambda: spot.site.clock.wall_us() > stopped_us + 2_500_000)
        with recording(spot.plan, session="s2"):
            begun(spot, 5)
            opened(page, spot.address, NO_SOURCE, f"?at={stopped_us + 1_000_000}")
            wait(
                page,
                "[...said, p.words].some((words) => words.startsWith('Nothing was recorded at ')"
                " && words.includes('the recorder was not running') && words.includes('; the next footage is at '))",
            )
            wait(page, f"{SHOWN} === 320 && p.wallUs > {stopped_us + 2_000_000}")


def test_lists_where_the_browser_plays_them(recorded: Place) -> None:
    """Without MediaSource but with HLS the browser's own player gets the lists, of live and from any instant on."""
    begun(recorded, 9)
    with chromium() as browser, window(browser) as page:
        opened(page, recorded.address, NO_SOURCE.split("HTMLMedia", maxsplit=1)[0])  # this Chromium plays lists, too
        source = page.locator("hf-player video")
        expect(source).to_have_attribute("src", "/api/v1/cameras/gate/live.m3u8")
        assert "some seconds late" in look(page)["words"]
        wait(page, "p.now && p.delayS > 2 && v.videoWidth === 320")
        at_us = recorded.site.clock.wall_us() - 15_000_000
        page.evaluate("us => document.getElementById('player').play(us)", at_us)
        expect(source).to_have_attribute("src", re.compile(rf"/gate/playback\.m3u8\?from={at_us}&to=\d+$"))
        wait(page, f"!p.live && went.some((us) => us > {at_us + 300_000} && us < {at_us + 3_000_000})")
        page.keyboard.press("k")
        wait(page, "v.paused && !v.seeking")
        shown = page.evaluate(STILL_NUMBER, f"/api/v1/cameras/gate/still.jpg?at={settled(page)}")
        assert abs((number(page) or 0) - shown) % 98 <= 2  # pictures; and it is the instant that it says
        page.keyboard.press("End")
        expect(source).to_have_attribute("src", "/api/v1/cameras/gate/live.m3u8")
        recorded.wire.cut()
        wait(page, "!p.now && p.trouble && p.trouble.kind === 'away'")
        recorded.wire.mend()
        wait(page, "p.now")


def test_a_list_that_has_fallen_behind_begins_anew(recorded: Place) -> None:
    """After a standstill live comes back to now, which a browser's own player of lists does not do by itself (C119)."""
    begun(recorded, 9)
    with chromium() as browser, window(browser) as page:
        opened(page, recorded.address, NO_SOURCE.split("HTMLMedia", maxsplit=1)[0])
        wait(page, "p.now && v.videoWidth === 320")
        slow = "window.slow = setInterval(() => { document.querySelector('hf-player video').playbackRate = 0.1; }, 100)"
        page.evaluate(slow)  # again and again: Chromium sets it back when it likes
        wait(page, "!p.now && !p.trouble && p.live")
        page.evaluate("clearInterval(window.slow)")
        wait(page, "p.now && v.playbackRate === 1")


def test_a_proxy_without_websockets(recorded: Place) -> None:
    """Where no WebSocket comes through, single pictures take over by themselves, and it is said (C119)."""
    begun(recorded, 1)
    recorded.wire.deaf = True
    with watching(recorded) as page:
        wait(page, f"p.now && {SHOWN} === 320")
        assert look(page)["words"] == "The live stream does not come through to this browser: single pictures instead"
