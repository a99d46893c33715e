"""The buttons, the clock and the timeline's tip of a camera's page, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from support.chromium import barriers
from support.player import Place, begun, look, place, settled, wait, watching
from support.recording import recording
from support.sim import small_camera

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.best_of_three]  # what is watched is recorded meanwhile


def over(page: Page, us: int) -> None:
    """Move the mouse to an instant of the timeline."""
    x = page.evaluate(
        "us => { const t = document.getElementById('timeline');"
        " return t.canvas.getBoundingClientRect().left + (us - t.from) / (t.to - t.from) * t.width; }",
        us,
    )
    box = page.locator("hf-timeline").bounding_box()
    assert box is not None
    page.mouse.move(x, box["y"] + 40)


def test_clock_and_tip_say_which_hour_it_is(recorded: Place) -> None:
    """The clock under the picture and the timeline's tip have the offset, and UTC beside it or on hover (C129)."""
    begun(recorded, 2)
    with watching(recorded) as page:
        wait(page, "v.currentTime > 0.5")
        page.keyboard.press("k")
        assert page.locator("#date").inner_text().endswith(" +00:00")
        assert " UTC" in (page.locator("[data-act=goto]").get_attribute("title") or "")
        over(page, int(look(page)["us"]) - 1_000_000)
        tip = page.locator(".hf-tip")
        expect(tip).to_contain_text(" +00:00 · ")
        expect(tip).to_contain_text(" UTC")


def test_buttons_step_while_paused(recorded: Place) -> None:
    """Two buttons move a picture back and on while it is paused, on a phone too; else they are not there (C119)."""
    begun(recorded, 3)
    with watching(recorded, size="phone") as page:
        wait(page, "v.currentTime > 0.5")
        back, on = (
            page.get_by_role("button", name="A picture back"),
            page.get_by_role("button", name="A picture on"),
        )
        assert not back.is_visible()
        page.keyboard.press("ArrowLeft")
        wait(page, "!p.live && !v.seeking")
        page.get_by_role("button", name="Pause").click()
        wait(page, "p.paused && !v.seeking")
        before_us = settled(page)
        back.click()
        wait(page, f"p.wallUs < {before_us}")
        after_us = int(look(page)["us"])
        on.click()
        wait(page, f"p.wallUs > {after_us}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_pictures_of_the_timeline_come_in_sheets(recorded: Place) -> None:
    """Moving over all of the timeline shows small pictures and asks for a few sheets, not for a picture a pixel."""
    begun(recorded, 4)
    with watching(recorded) as page:
        wait(page, "p.now && t.known.parts.segments.length")
        page.evaluate(
            "() => { const t = document.getElementById('timeline'), to = document.getElementById('player').wallUs;"
            " t.show(to - 60e6, to); }"
        )
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        box = page.locator("hf-timeline").bounding_box()
        assert box is not None
        over(page, int(look(page)["us"]) - 4_000_000)
        expect(page.locator(".hf-tip canvas")).to_be_visible()
        for x in range(0, int(box["width"]), 2):
            page.mouse.move(box["x"] + x, box["y"] + 40)
        over(page, int(look(page)["us"]) - 5_000_000)
        expect(page.locator(".hf-tip canvas")).to_be_visible()
        bright = page.evaluate(
            "() => { const c = document.querySelector('.hf-tip canvas');"
            " const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
            " return Math.max(...data.filter((v, n) => n % 4 < 3)); }"
        )
        assert bright > 50  # no black tile
        page.mouse.move(box["x"] + 5, box["y"] - 200)
        expect(page.locator(".hf-tip")).to_be_hidden()
        pictures = [url for url in asked if "/sheet.j" in url or "/still." in url]
        assert 2 <= len(pictures) <= 2 * 9, pictures  # six sheets, and what became newer


def test_who_looks_at_another_day_stays_there(recorded: Place) -> None:
    """While live goes on, a view moved to where nothing plays stays; one that live runs out of goes with it."""
    begun(recorded, 3)
    with watching(recorded) as page:
        wait(page, "p.live && v.currentTime > 0.5")
        page.evaluate("() => { const t = document.getElementById('timeline'); t.show(t.at - 2e6, t.at + 8e6); }")
        was = page.evaluate("document.getElementById('timeline').to")
        page.wait_for_function("was => document.getElementById('timeline').to > was", arg=was)
        page.evaluate(
            "() => { const t = document.getElementById('timeline'); t.show(t.at - 2 * 86400e6, t.at - 86400e6); }"
        )
        was = page.evaluate("document.getElementById('timeline').to")
        begun_s = page.evaluate("document.querySelector('video').currentTime")
        page.wait_for_function("s => document.querySelector('video').currentTime > s + 2.5", arg=begun_s)
        assert page.evaluate("document.getElementById('timeline').to") == was


def test_long_clips_are_offered_by_day(tmp_path: Path) -> None:
    """More than 24 hours between in and out is a list of the site's days, none of them longer than a clip may be."""
    with place(tmp_path, small_camera("gate"), more='[site]\ntime_zone = "Europe/Berlin"\n') as spot:
        with recording(spot.plan):
            begun(spot, 2)
        with watching(spot, f"?at={spot.site.clock.wall_us() - 3_000_000}") as page:
            # From noon before the day of 25 hours in autumn 2026 to the noon after it.
            page.evaluate(
                "() => { const p = document.getElementById('player');"
                " const press = (act) => document.querySelector(`[data-act=${act}]`).click();"
                " p.wallUs = 1792836000e6; press('in'); p.wallUs = 1793012400e6; press('out'); press('clip'); }"
            )
            box = page.get_by_role("dialog")
            expect(box).to_contain_text("4 clips")
            assert box.locator("li a").all_inner_texts() == [
                "24 Oct 2026, 12:00:00 to 24:00",
                "25 Oct 2026, 00:00:00 to 23:00:00",
                "25 Oct 2026, 23:00:00 to 24:00",
                "26 Oct 2026, 00:00:00 to 12:00:00",
            ]
            spans = [
                [int(part.split("=")[1]) for part in (link or "").split("?")[1].split("&")]
                for link in box.locator("li a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
            ]
            assert all(0 < to_us - from_us <= 86_400_000_000 for from_us, to_us in spans)
            assert [to_us for _, to_us in spans[:-1]] == [from_us for from_us, _ in spans[1:]]
            assert not barriers(page)
