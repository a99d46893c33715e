"""Stream checks on the system page, with simulated cameras that are asked for real."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.core.clock import SystemClock
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import barriers, chromium, signed_in, window
from support.pages import Site, silent_cameras, site, words
from support.recording import until
from support.sim import simulated, small_camera
from support.web import serving


@dataclass
class Spot:
    """A node with a camera that answers, one that sends something else, and one that says nothing until it hangs up."""

    made: Site
    address: str
    silent: socket.socket

    def hang_up(self) -> None:
        """Let the silent one end the connection on which it is asked."""
        self.silent.accept()[0].close()


@pytest.fixture(name="spot")
def _spot(tmp_path: Path) -> Iterator[Spot]:
    with simulated(small_camera("gate"), small_camera("roof")) as sim, silent_cameras(1) as (silent,):
        text = (
            f'[cameras.gate]\nurl = "{sim.url("gate")}"\nname = "North gate"\n'
            f'[cameras.roof]\nurl = "{sim.url("roof")}"\nexpected.video.width = 1920\n'
            f'[cameras.dock]\nurl = "rtsp://127.0.0.1:{silent.getsockname()[1]}/x"\nopen_timeout_s = 90\n'
        )
        with site(tmp_path, SystemClock(), more=text) as made:
            made.home.user(Role.OPERATOR, "alice")
            with serving(made.home.app) as address:
                yield Spot(made, address, silent)


def _part(html: str) -> str:
    return words(html.partition('id="checks"')[2].partition("</section>")[0])


def test_without_scripts(spot: Spot) -> None:
    """A form has one camera or all asked, the page follows by loading anew, and then says what each sends (C125)."""
    made = spot.made
    assert "not asked yet" in _part(made.page("/machine"))
    assert "Check all" not in made.page("/machine")
    assert made.as_(Role.VIEWER).post("/machine/checks").status_code == 403
    operator = made.as_(Role.OPERATOR)
    answer = operator.post("/machine/checks", data={"camera": ""})
    assert (answer.status_code, answer.headers["location"]) == (303, "/machine#checks")
    running = made.page("/machine", Role.OPERATOR)
    assert 'http-equiv="refresh"' in running
    assert "of 3 asked" in _part(running)
    assert "being asked" in _part(running)
    spot.hang_up()
    until(lambda: 'http-equiv="refresh"' not in made.page("/machine", Role.OPERATOR))
    said = _part(made.page("/machine"))
    assert "North gate answers h264 320" in said
    assert "roof not as expected" in said
    assert "Video.width" not in said
    assert "video.width: 320, expected 1920" in said
    assert "dock no answer" in said
    assert operator.post("/machine/checks", data={"camera": "attic"}).status_code == 404


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(("size", "scheme"), [("desk", "dark"), ("phone", "light")])
def test_progress_without_leaving(spot: Spot, size: str, scheme: str) -> None:
    """All cameras are asked while the page stays: progress, then results, the keyboard where it was; axe-clean."""
    with chromium() as browser, window(browser, size, color_scheme=scheme) as page:
        signed_in(page, spot.address, "alice", PASSWORD)
        page.goto(f"{spot.address}/machine")
        part = page.locator("#checks")
        page.locator("html:not(.no-script)").wait_for()
        page.get_by_role("button", name="Check all").focus()
        page.keyboard.press("Enter")
        part.get_by_text("of 3 asked").wait_for()
        assert part.get_by_role("progressbar").is_visible()
        part.get_by_text("answers", exact=True).first.wait_for()
        found = barriers(page)
        spot.hang_up()
        part.get_by_text("no answer").wait_for()
        page.locator("#checks:not([data-running])").wait_for()
        assert page.evaluate("document.activeElement.id") == "check-all"
        assert page.url == f"{spot.address}/machine"
        assert not found + barriers(page)
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Check dock").click()
        part.get_by_text("of 1 asked").wait_for()
        spot.hang_up()
        page.locator("#checks:not([data-running])").wait_for()
