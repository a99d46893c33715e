"""What a camera's page says beside the picture while it is open, which camera it shows, and for how long."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from holdfast.core.status import StreamState
from support.chromium import barriers
from support.pages import Site, words
from support.player import Place, begun, look, place, wait, watching
from support.recording import recording
from support.sim import small_camera

pytestmark = [pytest.mark.needs("chromium")]


def state(page: Page, word: str) -> None:
    """Badge, panel and strip say the same."""
    expect(page.locator("#camera-state")).to_have_text(word)
    expect(page.locator("#camera-facts .badge").first).to_have_text(word)
    expect(page.locator('#strip [data-camera="gate"] small')).to_have_text(word)


def test_page_and_strip_say_the_same(tmp_path: Path) -> None:
    """State, picture, bit rate and today's percent change on the open page as the recorder says them (C117, C119)."""
    with place(tmp_path, small_camera("gate")) as spot, recording(spot.plan):
        begun(spot, 2)
        spot.site.says("gate")
        with watching(spot) as page:
            state(page, "recording")
            spot.site.index()
            spot.site.says("gate", StreamState.STALLED, reason="stalled", hint="look at its cable", fps=0.0)
            state(page, "stalled")
            panel = page.locator("#camera-facts")
            expect(panel).to_contain_text("Look at its cable")
            expect(panel).to_contain_text(re.compile(r"\d+(\.\d+)? %"))
            page.locator("#camera-facts a").first.focus()
            spot.site.says("gate", fps=12.0, bitrate_bps=2_000_000)
            state(page, "recording")
            expect(panel).to_contain_text("12 fps")
            expect(panel).to_contain_text("2.0 Mb/s")
            assert page.evaluate("document.activeElement.closest('#camera-facts') !== null")  # nobody lost their place
            spot.wire.cut()
            expect(page.locator("#facts-old")).to_contain_text("the server does not answer")
            spot.wire.mend()
            expect(page.locator("#facts-old")).to_be_hidden()


def test_another_camera_at_the_same_instant(tmp_path: Path) -> None:
    """The list of cameras leads from the past to the same instant of another one, and from live to live (C119)."""
    more = '[cameras.dock]\nname = "Dock & yard"\nurl = "rtsp://127.0.0.1:9/x"\nenabled = false\n'
    with place(tmp_path, small_camera("gate"), more=more) as spot, recording(spot.plan):
        begun(spot, 3)
        with watching(spot) as page:
            wait(page, "p.now")
            choice = page.get_by_label("Camera", exact=True)
            assert choice.locator("option").all_inner_texts() == ["gate", "Dock & yard"]
            page.keyboard.press("ArrowLeft")
            wait(page, "!p.live && !v.seeking")
            page.keyboard.press("k")
            wait(page, "p.paused && !v.seeking")
            at_us = int(look(page)["us"])
            page.keyboard.press("c")
            assert page.evaluate("document.activeElement.id") == "choice"
            choice.select_option("Dock & yard")
            page.wait_for_url(re.compile(r"/cameras/dock\?at=\d+"))
            assert abs(int(page.url.split("=")[1]) - at_us) < 1_000_000
            expect(choice).to_have_value("dock")
            page.goto(f"{spot.address}/cameras/gate")
            wait(page, "p.now")
            choice.select_option("Dock & yard")
            page.wait_for_url(re.compile(r"/cameras/dock$"))


def test_a_camera_is_chosen_without_scripts(two: Site) -> None:
    """The list is a form: it leads to the camera and keeps the instant; what is no camera is refused (C119)."""
    client = two.as_()
    answer = client.get("/cameras/-/show?camera=dock&at=1777665600000000")
    assert (answer.status_code, answer.headers["location"]) == (303, "/cameras/dock?at=1777665600000000")
    assert client.get("/cameras/-/show?camera=dock").headers["location"] == "/cameras/dock"
    assert client.get("/cameras/-/show?camera=//evil.example").status_code == 404
    facts = two.page("/cameras/gate/facts")
    assert "<html" not in facts
    assert "Today" in words(facts)
    two.page("/cameras/attic/facts", status=404)


def test_still_watching(recorded: Place) -> None:
    """Live says how long it has played; untouched for as long as the page allows it stops, asks, and goes on (C119)."""
    begun(recorded, 1)
    opened_s = time.monotonic()
    with watching(recorded) as page:
        assert page.locator("#camera").get_attribute("data-limit-s") == "1800"
        wait(page, "p.now")
        expect(page.locator("#live-for")).to_have_text(re.compile(r"live for \d+:\d\d"))
        minutes, seconds = page.locator("#live-for").inner_text().removeprefix("live for ").split(":")
        assert int(minutes) * 60 + int(seconds) <= time.monotonic() - opened_s + 1
        page.evaluate("document.getElementById('camera').dataset.limitS = '2'")
        wait(page, "!p.now && p.words.startsWith('Still watching?')")
        assert "nobody has touched this page for 2 s" in look(page)["words"]
        wait(page, "!p.way.feed.connected")  # nothing is transferred
        assert look(page)["badge"] == "Stopped"
        assert not barriers(page)
        page.evaluate("document.getElementById('camera').dataset.limitS = '1800'")
        page.get_by_role("button", name="Go on").click()
        wait(page, "p.now && p.words === ''")
