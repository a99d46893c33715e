"""The buttons, the clock and the timeline's tip of a camera's page, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from support.player import begun, look, place, wait, watching
from support.recording import recording
from support.sim import small_camera

pytestmark = [pytest.mark.needs("chromium")]


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


def test_clock_and_tip_say_which_hour_it_is(tmp_path: Path) -> None:
    """The clock under the picture and the timeline's tip have the offset, and UTC beside it or on hover (C129)."""
    with place(tmp_path, small_camera("gate")) as spot, recording(spot.plan):
        begun(spot, 2)
        with watching(spot) as page:
            wait(page, "v.currentTime > 0.5")
            page.keyboard.press("k")
            assert page.locator("#date").inner_text().endswith(" +00:00")
            assert " UTC" in (page.locator("[data-act=goto]").get_attribute("title") or "")
            over(page, int(look(page)["us"]) - 1_000_000)
            tip = page.locator(".hf-tip").inner_text()
            assert " +00:00 · " in tip
            assert " UTC" in tip


def test_buttons_step_while_paused(tmp_path: Path) -> None:
    """Two buttons move a picture back and on while it is paused, on a phone too; else they are not there (C119)."""
    with place(tmp_path, small_camera("gate")) as spot, recording(spot.plan):
        begun(spot, 3)
        with watching(spot, size="phone") as page:
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
            page.wait_for_timeout(300)
            before_us = int(look(page)["us"])
            back.click()
            wait(page, f"p.wallUs < {before_us}")
            after_us = int(look(page)["us"])
            on.click()
            wait(page, f"p.wallUs > {after_us}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
