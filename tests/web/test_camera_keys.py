"""The keys of a camera's page, in a real browser before footage with a gap in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

import pytest
from playwright.sync_api import Page

from holdfast.core.clock import SystemClock
from holdfast.core.timing import to_datetime
from support.player import Place, begun, look, number, place, settled, wait, watching
from support.recording import recording, until
from support.sim import small_camera

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.best_of_three]  # what is watched is recorded meanwhile

PICTURES = 100  # in the camera's clip: then its numbers begin anew


@contextmanager
def interrupted(root: Path) -> Iterator[tuple[Place, int]]:
    """A camera that was recorded, then not, and is recorded again; with the instant of the stop."""
    with place(root, small_camera("gate")) as spot:
        with recording(spot.plan, session="s1"):
            begun(spot, 2)
        stopped_us = SystemClock().wall_us()
        time.sleep(1.5)
        with recording(spot.plan, session="s2"):
            begun(spot, 5)
            yield spot, stopped_us


def paused_at(page: Page, us: int) -> int:
    """Go to an instant and pause there; returns the instant of the picture."""
    page.evaluate("us => { const p = document.getElementById('player'); shown.length = 0; p.play(us); p.pause(); }", us)
    wait(page, f"shown.length && p.paused && v.readyState > 1 && !v.seeking && Math.abs(p.wallUs - {us}) < 100000")
    return int(look(page)["us"])


def pressed(page: Page, key: str, by_s: float) -> None:
    """A key goes so many seconds from where the picture is, to the microsecond."""
    before_us = int(look(page)["us"])
    page.evaluate("() => { went.length = 0; }")
    page.keyboard.press(key)
    wait(page, f"went.includes({before_us + round(by_s * 1e6)})")


def lengths(us: int) -> set[str]:
    """What may be said of a length: scripts round half a tenth in their own way."""
    return {f"{(us + slack) / 1e6:.1f} s" for slack in (-1000, 1000)}


def shows(page: Page, wanted: int) -> None:
    """Wait until the picture with this number is on the screen."""
    until(lambda: number(page) == wanted % PICTURES)


def test_keys_move_in_time(tmp_path: Path) -> None:
    """Space, arrows with and without shift, and pictures back and on do what the list says, to the picture (C119)."""
    with place(tmp_path, small_camera("gate")) as spot, recording(spot.plan):
        begun(spot, 6)
        with watching(spot) as page:
            wait(page, "v.currentTime > 0.5")
            page.evaluate("() => { shown.length = 0; }")
            page.keyboard.press("ArrowLeft")
            page.keyboard.press(" ")  # before the picture has come: it is shown all the same
            wait(page, "p.paused && v.paused && shown.length === 1 && p.delayS > 4")
            page.keyboard.press(" ")
            wait(page, "!p.paused && !v.paused && v.readyState > 2")
            at_us = paused_at(page, int(look(page)["us"]) - 500_000)
            pressed(page, "ArrowLeft", -5)
            paused_at(page, at_us - 5_000_000)
            pressed(page, "ArrowRight", 5)
            us = paused_at(page, at_us)
            # There is no such footage: both at once, before what there is instead was shown.
            page.evaluate(
                "() => { went.length = 0; for (const key of ['ArrowLeft', 'ArrowRight']) document.body.dispatchEvent("
                "new KeyboardEvent('keydown', { key, shiftKey: true, bubbles: true })); }"
            )
            wait(page, f"went[0] === went[1] - 60e6 && went[1] === {us}")
            paused_at(page, at_us)
            settled(page)
            first = number(page) or 0
            for key, moved in ((",", -1), (",", -2), (".", -1), (".", 0), (".", 1)):
                page.keyboard.press(key)
                shows(page, first + moved)
            for _ in range(5):
                page.keyboard.press(".")  # faster than pictures are shown
            shows(page, first + 6)
            assert look(page)["paused"]


def test_pictures_left_out_do_not_lengthen_steps(recorded: Place) -> None:
    """A machine that shows one picture of thirty at first does not make a step thirty pictures long (C119)."""
    begun(recorded, 1)
    with watching(recorded) as page:
        lengths_s = page.evaluate(
            "() => { const steps = new (document.getElementById('player').way.steps.constructor)();"
            " return [1.32, 0.2, 0.2, 0.9, 0.2, 0.2].map((step_s) => { steps.paced(step_s); return steps.frame_s; }); }"
        )
    assert lengths_s == [0.04, 0.04, *[0.2] * 4]


def test_keys_shuttle_and_mark(recorded: Place) -> None:
    """J, k and l are a jog wheel, i and o mark a clip, d fetches it, s saves the picture; buttons keep their space."""
    begun(recorded, 5)
    with watching(recorded) as page:
        wait(page, "v.currentTime > 0.5")
        at_us = paused_at(page, int(look(page)["us"]) - 6_000_000)
        page.keyboard.press("i")
        page.keyboard.press("l")
        wait(page, f"!p.paused && v.playbackRate === 1 && p.wallUs > {at_us + 300_000}")
        page.keyboard.press("l")
        wait(page, "v.playbackRate === 2")
        page.keyboard.press("k")
        wait(page, "p.paused && v.paused && !v.seeking")
        page.keyboard.press("o")
        mark = page.evaluate("document.getElementById('timeline').mark")
        assert mark["from"] == at_us
        assert abs(mark["to"] - look(page)["us"]) < 100_000
        assert page.locator("#range").inner_text() in lengths(mark["to"] - mark["from"])
        with page.expect_download() as clip:
            page.keyboard.press("d")
        assert clip.value.path().read_bytes()[4:8] == b"ftyp"
        with page.expect_download() as still:
            page.keyboard.press("s")
        assert still.value.path().read_bytes()[:2] == b"\xff\xd8"
        assert still.value.suggested_filename.startswith("gate-")
        before_us = int(look(page)["us"])
        page.keyboard.press("j")
        wait(page, f"p.speed === -1 && p.wallUs < {before_us - 400_000}")
        page.keyboard.press("j")
        wait(page, "p.speed === -2")
        page.keyboard.press("k")
        wait(page, "p.paused && p.speed === 1")
        page.locator("#toggle").focus()
        page.keyboard.press(" ")
        wait(page, "!p.paused")
        page.locator("#toggle").blur()
        page.keyboard.press("m")
        wait(page, "!v.muted")
        page.keyboard.press("?")
        listed = page.get_by_role("dialog").inner_text()
        assert all(words in listed for words in ("5 s back, 60 s with shift", "A picture on", "Next gap or note"))


def test_keys_find_gaps_and_times(tmp_path: Path) -> None:
    """Playing goes over a gap and says why it was; n and p lead there, g goes to a time that is typed (C115, C119)."""
    with interrupted(tmp_path) as (spot, stopped_us), watching(spot, f"?at={stopped_us - 2_000_000}") as page:
        wait(page, f"p.wallUs > {stopped_us + 1_500_000}")
        said = page.evaluate("said")
        assert any("without footage" in words and "the recorder was not running" in words for words in said), said
        ours = f"t.known.parts.gaps.find((gap) => Math.abs(gap.start_us - {stopped_us}) < 1500000)"
        wait(page, ours)
        gap_us = int(
            page.evaluate(f"(() => {{ const t = document.getElementById('timeline'); return {ours}; }})()")["start_us"]
        )
        paused_at(page, gap_us + 5_000_000)
        # Nothing of it is loaded, as at a near zoom far away, or where gaps are so many that they come as sums.
        page.evaluate(
            "() => { went.length = 0; const t = document.getElementById('timeline');"
            " t.known.parts = { ...t.known.parts, gaps: [], notes: [] }; }"
        )
        page.keyboard.press("p")
        wait(page, f"went.includes({gap_us - 2_000_000})")  # what led to it
        paused_at(page, gap_us - 3_000_000)
        page.evaluate("() => { went.length = 0; }")
        page.keyboard.press("n")
        wait(page, f"went.includes({gap_us - 2_000_000})")
        page.keyboard.press("End")
        wait(page, "p.live && p.delayS < 2.5")
        page.keyboard.press("n")
        page.get_by_text("There is no later gap or note").wait_for()
        paused_at(page, gap_us - 3_000_000)
        page.keyboard.press("g")
        page.get_by_label("Time at the site").fill("tea time")
        page.keyboard.press("Enter")
        assert page.get_by_text("This is no time").is_visible()
        second_us = (gap_us // 1_000_000 - 2) * 1_000_000
        page.evaluate("() => { went.length = 0; }")
        page.get_by_label("Time at the site").fill(f"{to_datetime(second_us, UTC):%Y-%m-%d %H:%M:%S}")
        page.keyboard.press("Enter")
        wait(page, f"went.includes({second_us})")
        page.get_by_label("Time at the site").wait_for(state="detached")
        page.keyboard.press("g")
        page.get_by_label("Time at the site").fill("now")
        page.keyboard.press("Enter")
        wait(page, "p.live && p.delayS < 2.5")
        page.keyboard.press("ArrowLeft")
        wait(page, "!p.live")
        page.keyboard.press("End")
        wait(page, "p.live")
