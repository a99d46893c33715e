"""A camera's page does not go on saying LIVE when it is not: what it says instead, and how it picks up again."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from holdfast.core.status import StreamState
from support.accounts import PASSWORD
from support.chromium import barriers, sign_in
from support.player import Place, begun, look, place, wait, watching
from support.recording import recording, until
from support.sim import small_camera

pytestmark = [pytest.mark.needs("chromium")]

BADGE = "document.querySelector('.hf-live').textContent"


def acts(page: Page, name: str) -> None:
    """The sentence over the picture has this button, and presses it."""
    page.locator(".hf-words").get_by_role("button", name=name).click()


def signed_out(page: Page, other: Page) -> None:
    """The session ends in another window; the server ends live within half a minute, or the network does before."""
    other.evaluate("fetch('/api/v1/session', { method: 'DELETE' })")
    page.evaluate("document.getElementById('player').way.feed.socket.close()")


def test_a_server_that_is_gone_is_not_live(recorded: Place) -> None:
    """Without the server the badge says since when, the sentence what is tried, and live comes back by itself (F59)."""
    begun(recorded, 1)
    with watching(recorded) as page:
        wait(page, "p.now")
        recorded.wire.cut()
        wait(page, f"!p.now && {BADGE}.startsWith('No answer since ')")
        wait(page, "p.words === 'The server does not answer; trying again'")
        expect(page.locator("#to-live .dot")).to_have_attribute("data-health", "degraded")
        assert not barriers(page)
        acts(page, "Try again")
        wait(page, "p.trouble && p.trouble.kind === 'away'")
        recorded.wire.mend()
        wait(page, f"p.now && p.words === '' && {BADGE}.startsWith('LIVE ')")


@pytest.mark.best_of_three
def test_a_server_that_hangs_is_not_live(recorded: Place) -> None:
    """A connection over which nothing comes counts as lost after some seconds, though nobody closed it (F59)."""
    begun(recorded, 1)
    with watching(recorded) as page:
        wait(page, "p.now")
        recorded.wire.frozen = True
        frozen_us = recorded.site.clock.wall_us()
        wait(page, f"!p.now && {BADGE}.startsWith('No answer since ')")
        wait(page, f"Math.abs(p.trouble.since_us - {frozen_us}) < 3e6")  # and not since it was noticed
        recorded.wire.frozen = False
        wait(page, "p.now && p.words === ''")


def test_a_camera_that_stalls_is_not_live(tmp_path: Path) -> None:
    """While the camera stalls the badge says since when; once it sends again, it says LIVE again (F12)."""
    with place(tmp_path, small_camera("gate")) as spot, ExitStack() as first:
        first.enter_context(recording(spot.plan, session="s1"))
        begun(spot, 1)
        with watching(spot) as page:
            wait(page, "p.now")
            first.close()
            spot.site.says("gate", StreamState.STALLED, reason="stalled", last_sample_us=int(look(page)["us"]))
            wait(page, f"!p.now && p.live && {BADGE}.startsWith('Stalled since ')")
            wait(page, "p.words.includes('connected, but nothing arrived')")
            for place_of in (".hf-live", ".hf-words p"):
                assert (page.locator(place_of).get_attribute("title") or "").endswith(" UTC")  # C129
            acts(page, "Try again")
            wait(page, f"!p.now && {BADGE}.startsWith('Stalled since ')")
            with recording(spot.plan, session="s2"):
                wait(page, "p.now")


def test_the_end_of_the_footage_is_said(tmp_path: Path) -> None:
    """The past that comes to where footage ends waits for live, and says why nothing comes (F12)."""
    with place(tmp_path, small_camera("gate")) as spot:
        with recording(spot.plan):
            begun(spot, 2)
        spot.site.says("gate", StreamState.WAITING, reason="unreachable", detail="no route")
        with watching(spot, f"?at={spot.site.clock.wall_us() - 4_000_000}") as page:
            wait(page, f"p.live && !p.now && {BADGE}.startsWith('No picture since ')")
            wait(page, "p.words.includes('no connection to the camera could be made (no route)')")


def test_whoever_is_signed_out_is_told(recorded: Place) -> None:
    """A session that ended ends live: it is said, a button leads to signing in, and from there back to the camera."""
    begun(recorded, 1)
    with watching(recorded) as page:
        wait(page, "p.now")
        other = page.context.new_page()
        other.goto(f"{recorded.address}/")
        signed_out(page, other)
        wait(page, f"!p.now && {BADGE} === 'Signed out'")
        wait(page, "p.words === 'You were signed out'")
        # Whoever signs in elsewhere need not do it here.
        sign_in(other, recorded.address, "alice", PASSWORD)
        page.evaluate("document.getElementById('player').again()")
        wait(page, "p.now && p.words === ''")
        signed_out(page, other)
        wait(page, f"!p.now && {BADGE} === 'Signed out'")
        acts(page, "Sign in")
        page.wait_for_url("**/sign-in?next=%2Fcameras%2Fgate")
        page.get_by_label("Name").fill("alice")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/cameras/gate")


def test_no_footage_there_is_said(tmp_path: Path) -> None:
    """Going to a time without footage says so, why, and when the next one begins (C115, C118)."""
    with place(tmp_path, small_camera("gate")) as spot:
        with recording(spot.plan, session="s1"):
            begun(spot, 2)
        stopped_us = spot.site.clock.wall_us()
        until(lambda: spot.site.clock.wall_us() > stopped_us + 3_000_000)  # as long as nothing is recorded
        with recording(spot.plan, session="s2"):
            begun(spot, 4)
            with watching(spot) as page:
                page.evaluate("us => document.getElementById('player').play(us)", stopped_us + 1_000_000)
                said = (
                    "words.startsWith('Nothing was recorded at ') && words.includes('the recorder was not running')"
                    " && words.includes('; the next footage is at ')"
                )
                wait(page, f"said.some((words) => {said})")
                wait(page, f"p.wallUs > {stopped_us + 1_500_000}")
                page.evaluate("us => document.getElementById('player').play(us)", stopped_us - 86_400_000_000)
                wait(page, "said.some((words) => /^There is no footage of .*: recording began later; /.test(words))")
