"""Notes on a camera's page in a real browser, and that all of the player is seen at once on small screens."""

from pathlib import Path

import pytest

from holdfast.library import notes
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import chromium, signed_in, window
from support.player import EVENTS, begun, place, settled, wait, watching
from support.recording import recording
from support.sim import small_camera

pytestmark = [pytest.mark.needs("chromium")]


def test_a_note_is_on_the_timeline_at_once(tmp_path: Path) -> None:
    """W asks for words about the picture on screen; once sent they are on the timeline without loading it (C012)."""
    with place(tmp_path, small_camera("gate"), Role.OPERATOR) as spot, recording(spot.plan):
        begun(spot, 2)
        with watching(spot) as page:
            wait(page, "v.currentTime > 0.5")
            page.keyboard.press("k")
            wait(page, "p.paused")
            at_us = settled(page)
            page.keyboard.press("w")
            page.keyboard.press("Control+Enter")
            assert page.get_by_text("Write what happened: a note needs words").is_visible()
            page.keyboard.type("lens <b>cleaned</b>")
            page.keyboard.press("Control+Enter")
            wait(page, "t.known.parts.notes.some((note) => note.words === 'lens <b>cleaned</b>')")
            (note,) = notes.read({"main": tmp_path / "vol"})
            assert (note.at_us, note.camera, note.author) == (at_us, "gate", "alice")
            assert "lens <b>cleaned</b>" in page.locator("#note-list").inner_text()
            page.get_by_label("About", exact=True).select_option("site")
            page.get_by_label("When", exact=True).select_option("now")
            page.get_by_label("What happened").fill("storm")
            page.get_by_role("button", name="Write").click()
            wait(page, "t.known.parts.notes.some((note) => note.words === 'storm' && note.camera === null)")
            page.keyboard.press("?")
            assert "Write a note about what is on screen" in page.get_by_role("dialog").inner_text()


def test_all_of_the_player_is_seen_at_once(tmp_path: Path) -> None:
    """Picture, buttons and timeline end above the strip on small laptops, without scrolling (C100)."""
    with place(tmp_path, small_camera("gate"), Role.OPERATOR) as spot, recording(spot.plan):
        begun(spot, 1)
        with chromium() as browser, window(browser) as page:
            signed_in(page, spot.address, "alice", PASSWORD)
            page.goto(f"{spot.address}/cameras/gate")
            page.evaluate(EVENTS)
            wait(page, "p.wallUs !== null")
            for width, height in ((1280, 720), (1366, 768), (1440, 900), (1024, 768)):
                page.set_viewport_size({"width": width, "height": height})
                wait(page, f"t.width === t.clientWidth && innerWidth === {width}")
                boxes = {name: page.locator(name).bounding_box() for name in ("hf-player", "#deck", "#line", "#strip")}
                ends = {name: box["y"] + box["height"] for name, box in boxes.items() if box}
                strip = boxes["#strip"]
                assert strip is not None
                assert ends["#line"] <= strip["y"], (width, height, boxes)
                assert boxes["hf-player"] is not None
                assert boxes["hf-player"]["height"] >= 200
            page.set_viewport_size({"width": 844, "height": 390})  # a phone that lies: one scrolls, nothing overlaps
            wait(page, "t.width === t.clientWidth && innerWidth === 844")
            box, line = page.locator("#watch").bounding_box(), page.locator("#line").bounding_box()
            assert box is not None
            assert line is not None
            assert line["y"] + line["height"] <= box["y"] + box["height"]
