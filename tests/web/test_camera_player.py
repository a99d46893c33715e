"""The player and the timeline in a real browser, before footage that a real recorder makes."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page

from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import SIZES, barriers, chromium, signed_in, window
from support.pages import site
from support.player import Place, begun, look, place, settled, wait, watching
from support.recording import recording
from support.sim import small_camera
from support.web import serving

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.best_of_three]  # what is watched is recorded meanwhile


def clicked(page: Page, us: int) -> float:
    """Click an instant of the timeline; returns how much time a pixel of it is, in microseconds."""
    page.evaluate("() => { shown.length = landed.length = 0; }")
    x, step_us = page.evaluate(
        "us => { const t = document.getElementById('timeline'), step = (t.to - t.from) / t.width;"
        " return [t.canvas.getBoundingClientRect().left + (us - t.from) / step, step]; }",
        us,
    )
    box = page.locator("hf-timeline").bounding_box()
    assert box is not None
    page.mouse.click(x, box["y"] + 40)
    return float(step_us)


def test_live_past_and_live_again(recorded: Place) -> None:
    """Live is about a second behind; a click plays that instant within 300 ms of quiet; End is live again (C119)."""
    begun(recorded, 3)
    with watching(recorded) as page:
        wait(page, "p.live && v.currentTime > 1.5 && p.delayS < 2.5")
        seen = look(page)
        assert seen["width"] == 320
        assert seen["delay"] >= 0
        assert page.locator(".hf-live").inner_text().startswith("LIVE")
        wait(page, "t.known.parts.segments.length > 0")
        took_ms = []
        for back_us in (4_000_000, 3_000_000, 5_000_000):
            wished_us = int(seen["us"]) - back_us
            step_us = clicked(page, wished_us)
            wait(page, "shown.length > 0 && !p.live")
            took, landed_us = page.evaluate("[Math.min(...shown), landed[0]]")
            assert -step_us < landed_us - wished_us < 2_000_000 + 2 * step_us
            took_ms.append(took)
        assert min(took_ms) < 1500  # 300 ms on a machine that does nothing else
        page.keyboard.press("End")
        wait(page, "p.live && p.delayS < 2.5")


def test_clip_and_still_are_downloaded(recorded: Place) -> None:
    """What lies between in and out comes as an MP4, what is on the screen as a JPEG."""
    begun(recorded, 3)
    with watching(recorded) as page:
        wait(page, "v.currentTime > 0.5")
        page.keyboard.press("i")
        wait(page, "p.wallUs > t.mark.from + 1500000")
        page.keyboard.press("o")
        with page.expect_download() as clip:
            page.keyboard.press("d")
        assert clip.value.path().read_bytes()[4:8] == b"ftyp"
        page.keyboard.press("ArrowLeft")
        with page.expect_download() as still:
            page.keyboard.press("s")
        assert still.value.path().read_bytes()[:2] == b"\xff\xd8"
        assert still.value.suggested_filename.startswith("gate-")


def test_nothing_comes_and_it_is_said(tmp_path: Path) -> None:
    """While the camera is away the player says since when and why; when it comes back, so does the picture (F12)."""
    with place(tmp_path, small_camera("gate")) as spot, ExitStack() as first:
        first.enter_context(recording(spot.plan, session="s1"))
        begun(spot, 1)
        with watching(spot) as page:
            wait(page, "p.live && v.currentTime > 0.5")
            first.close()
            spot.site.says(
                "gate", StreamState.WAITING, reason="auth", detail="401 Unauthorized", hint="check the password"
            )
            wait(page, "p.words.startsWith('Nothing comes from the camera since')")
            wait(page, "p.words.includes('(401 Unauthorized). Check the password')")
            assert page.locator(".hf-words").is_visible()
            with recording(spot.plan, session="s2"):
                wait(page, "p.words === '' || p.words.includes('without footage')")
                wait(page, "p.live && p.delayS < 3")


def test_a_lost_connection_comes_back(recorded: Place) -> None:
    """Who loses the server is told, and sees the same instant again once it answers (F59)."""
    begun(recorded, 3)
    with watching(recorded) as page:
        wait(page, "p.live && v.currentTime > 0.5")
        page.evaluate("document.getElementById('player').way.feed.socket.close()")
        wait(page, "said.some((words) => words.includes('The server does not answer'))")
        wait(page, "p.words === '' && p.live && p.delayS < 3")
        page.keyboard.press("ArrowLeft")
        wait(page, "!p.live && !p.way.busy")
        page.keyboard.press("k")
        before_us = settled(page)
        page.evaluate(
            "() => { const { feed } = document.getElementById('player').way; window.old = feed.socket; old.close(); }"
        )
        wait(page, "p.way.feed.socket !== old && p.way.feed.connected && !p.way.busy && v.readyState > 1")
        assert abs(settled(page) - before_us) < 200_000


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_stands_in_nobodys_way(recorded: Place, size: str, scheme: str) -> None:
    """Axe finds nothing serious, nothing is wider than its window, and on a phone the picture comes first (C118)."""
    begun(recorded, 1)
    with watching(recorded, size=size, color_scheme=scheme) as page:
        wait(page, "v.currentTime > 0.2")
        assert not barriers(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = page.locator("hf-player").bounding_box()
        assert box is not None
        assert box["y"] < 200
        line = page.locator("hf-timeline")
        assert line.get_attribute("role") == "slider"
        assert "Live, " in (line.get_attribute("aria-valuetext") or "")


def test_the_axis_is_the_sites(tmp_path: Path) -> None:
    """A day on which clocks change has 23 or 25 hours, each labelled once as the site's clocks show it."""
    with site(tmp_path, SystemClock(), "gate", more='[site]\ntime_zone = "Europe/Berlin"\n') as made:
        made.home.user(Role.VIEWER, "alice")
        made.says("gate")
        with serving(made.home.app) as address, chromium() as browser, window(browser) as page:
            signed_in(page, address, "alice", PASSWORD)
            page.goto(f"{address}/cameras/gate")
            found = page.evaluate(
                """async () => { const folder = [...document.scripts].find((one) => one.src.endsWith("camera.js")).src;
                const { midnight, ticks } = await import(new URL("timeline/scale.js", folder));
                return [1774738800e6, 1792879200e6].map((us) => { const to = midnight(us, 1);
                  const labels = ticks(us, to - 1, 2600).filter((tick) => tick.label).map((tick) => tick.label);
                  return { hours: (to - midnight(us)) / 3600e6, labels }; }); }"""
            )
    spring, autumn = found
    assert (spring["hours"], autumn["hours"]) == (23, 25)
    assert spring["labels"][:4] == ["29 Mar", "01:00", "03:00", "04:00"]
    assert autumn["labels"][:5] == ["25 Oct", "01:00", "02:00", "02:00", "03:00"]
