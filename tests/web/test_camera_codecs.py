"""Converted streams in a real Chromium: of codecs that it does not play, and because somebody wants less."""

import time
from pathlib import Path

import pytest

from holdfast.core.journal import Down
from support.player import begun, look, number, place, wait, watching
from support.recording import events, recording, until
from support.sim import small_camera

pytestmark = [pytest.mark.needs("chromium")]


@pytest.mark.best_of_three
def test_h265_plays_live_and_recorded_with_a_notice(tmp_path: Path) -> None:
    """A browser without H.265 gets H.264 by itself, live and from the past, and one sentence about it (C022)."""
    with place(tmp_path, small_camera("gate", codec="h265")) as spot, recording(spot.plan):
        begun(spot, 3)
        with watching(spot) as page:
            types = [f'video/mp4; codecs="{codec}"' for codec in ("hvc1.1.6.L120.B0", "hev1.1.6.L93.B0", "avc1.640028")]
            assert page.evaluate("types => types.map((one) => MediaSource.isTypeSupported(one))", types) == [
                False, False, True,
            ]  # fmt: skip
            wait(page, "said.includes('H.265 is converted for this browser')")
            wait(page, "p.live && v.currentTime > 1.5 && v.videoWidth === 320")
            seen = [number(page)]
            until(lambda: seen.append(number(page)) or len({*seen}) > 10)  # type: ignore[func-returns-value] # for its effect
            live = look(page)
            assert live["delay"] < 6
            page.evaluate("() => { said.length = 0; shown.length = 0; }")
            page.keyboard.press("ArrowLeft")
            wait(page, f"!p.live && shown.length && p.wallUs > {live['us'] - 8_000_000} && p.wallUs < {live['us']}")
            before_us = look(page)["us"]
            wait(page, f"p.wallUs > {before_us + 1_000_000} && v.readyState > 2")
            assert number(page) is not None
            wait(page, "said.includes('H.265 is converted for this browser')")
            page.goto(f"{spot.address}/cameras/gate?at={before_us}")  # a link into the past
            wait(page, f"p.wallUs !== null && !p.paused && Math.abs(p.wallUs - {before_us}) < 5e6 && v.readyState > 2")
            assert page.locator(".hf-words").inner_text() == "H.265 is converted for this browser"


@pytest.mark.best_of_three
def test_quality_is_switched_while_it_plays(tmp_path: Path) -> None:
    """From full to each tier and back within 5 s, at the same instant, while recording and stills go on (C022)."""
    with place(tmp_path, small_camera("gate")) as spot:
        with recording(spot.plan):
            begun(spot, 3)
            with watching(spot) as page:
                wait(page, "p.live && v.currentTime > 0.5")
                page.evaluate("() => { shown.length = 0; }")
                page.keyboard.press("ArrowLeft")
                wait(page, "!p.live && v.readyState > 2 && shown.length")
                took_s: dict[str, float] = {}
                for _ in range(3):  # the best of each: encoder, server and browser share the processor with others
                    for tier, words, height in (("hd", "HD", 240), ("low", "Low", 180), ("source", "Full", 240)):
                        before_us = look(page)["us"]
                        page.get_by_label("Quality").select_option(words)
                        switched = time.monotonic()
                        there = f"p.tier === '{tier}' && v.videoHeight === {height}"
                        wait(page, f"{there} && v.readyState > 2 && v.currentTime > 0")
                        took_s[tier] = min(time.monotonic() - switched, took_s.get(tier, 60.0))
                        wait(page, f"Math.abs(p.wallUs - {before_us}) < 6e6")
                        assert page.request.get(f"{spot.address}/api/v1/cameras/gate/still.jpg").ok
                    if max(took_s.values()) < 5:
                        break
                assert max(took_s.values()) < 5, took_s
        assert not [event for event in events(spot.plan) if isinstance(event, Down)]
