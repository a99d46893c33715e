"""A camera's page under fingers: a phone with a touch screen."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page

from support.chromium import barriers
from support.player import Place, begun, look, wait, watching

pytestmark = [pytest.mark.needs("chromium")]

PHONE: dict[str, Any] = {"size": "phone", "has_touch": True, "is_mobile": True, "device_scale_factor": 3}
VIEW = "(() => { const t = document.getElementById('timeline'); return [t.from, t.to]; })()"


def fingers(session: CDPSession, kind: str, *at: tuple[float, float]) -> None:
    """Put fingers down, move or lift them."""
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(at)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def moved(page: Page, session: CDPSession, begin: list[tuple[float, float]], end: list[tuple[float, float]]) -> None:
    """Move fingers from where they begin to where they end, in ten steps."""
    fingers(session, "touchStart", *begin)
    for n in range(1, 11):
        steps = [
            (x + (to_x - x) * n / 10, y + (to_y - y) * n / 10) for (x, y), (to_x, to_y) in zip(begin, end, strict=True)
        ]
        fingers(session, "touchMove", *steps)
        page.wait_for_timeout(16)
    fingers(session, "touchEnd")


def test_fingers_move_in_time(recorded: Place) -> None:
    """A drag pans the timeline, a pinch zooms it, a tap plays from there, the badge is live again (C118)."""
    begun(recorded, 4)
    with watching(recorded, **PHONE) as page:
        wait(page, "p.now && t.known.parts.segments.length")
        session = page.context.new_cdp_session(page)
        page.locator("hf-timeline").scroll_into_view_if_needed()
        box = page.locator("hf-timeline").bounding_box()
        assert box is not None
        y, left, wide = box["y"] + 36, box["x"], box["width"]
        page.evaluate("() => { const t = document.getElementById('timeline'); t.show(t.at - 50e6, t.at + 10e6); }")
        from_us, to_us = page.evaluate(VIEW)
        moved(page, session, [(left + wide * 0.3, y)], [(left + wide * 0.6, y)])
        earlier_us, until_us = page.evaluate(VIEW)
        assert abs((from_us - earlier_us) - 0.3 * (to_us - from_us)) < 0.05 * (to_us - from_us)
        assert abs((until_us - earlier_us) - (to_us - from_us)) < 1
        moved(
            page, session, [(left + wide * 0.4, y), (left + wide * 0.6, y)],
            [(left + wide * 0.1, y), (left + wide * 0.9, y)],
        )  # fmt: skip
        from_us, to_us = page.evaluate(VIEW)
        assert (to_us - from_us) < 0.4 * (until_us - earlier_us)
        assert look(page)["live"]  # nothing of that was a tap
        at_us = int(look(page)["us"]) - 5_000_000
        page.evaluate("us => document.getElementById('timeline').show(us - 30e6, us + 30e6)", at_us)
        page.evaluate("() => { went.length = 0; }")
        page.touchscreen.tap(left + wide / 2, y)
        # It plays on while nobody looks here: what counts is where it was at any time since.
        wait(page, f"!p.live && shown.length && went.some((us) => Math.abs(us - {at_us}) < 3e6)")
        page.locator(".hf-live").tap()
        wait(page, "p.now")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_everything_is_within_reach_of_a_finger(recorded: Place, scheme: str) -> None:
    """All buttons of the deck are on the screen and 40 pixels high, nothing is wider than the phone, axe is content."""
    begun(recorded, 1)
    with watching(recorded, color_scheme=scheme, **PHONE) as page:
        wait(page, "p.now")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("visualViewport.scale") == 1
        parts = page.evaluate(
            "() => [...document.querySelectorAll('#deck button, #deck select, #choice')]"
            ".filter((one) => one.offsetParent).map((one) => {"
            " const { left, right, height } = one.getBoundingClientRect();"
            " return [one.getAttribute('aria-label') || one.textContent, left, right, height]; })"
        )
        assert len(parts) > 10
        for name, left, right, height in parts:
            assert left >= 0, name
            assert right <= 390, name
            assert height >= 36, name
        assert not barriers(page)
        page.get_by_role("button", name="Pause").tap()
        wait(page, "p.paused")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("hf-player").tap(position={"x": 150, "y": 60})
        wait(page, "!p.paused")
