"""The gallery and an event in a real browser: keys, the lightbox, the player, and who cannot see."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from holdfast.catalog.rows import Id
from holdfast.core.objects import Box, Seen
from holdfast.core.timing import SECOND_US
from support.chromium import barriers
from support.events import moved, put, recognise
from support.films import moving, still
from support.watched_site import WatchedSite, looking, watched_site

pytestmark = [pytest.mark.needs("chromium")]


@pytest.fixture(name="spot", scope="module")
def _spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedSite]:
    """A node with footage, and two events in it."""
    root = tmp_path_factory.mktemp("events")
    picture = still(root / "a.jpg", moving(1)).read_bytes()
    with watched_site(root) as spot:
        for number in range(2):
            start_us = spot.began_us + (20 + 20 * number) * SECOND_US
            told = replace(
                moved(0)[0], start_us=start_us, from_us=start_us - 5 * SECOND_US, end_us=start_us + 5 * SECOND_US,
                to_us=start_us + 8 * SECOND_US,
            )  # fmt: skip
            put(spot.site, told, picture)
        yield spot


def test_the_gallery_by_keys(spot: WatchedSite) -> None:
    """Arrows go from card to card, Enter opens one; cards, table and filters are there for everybody (C116)."""
    with looking(spot, "/events") as page:
        assert not barriers(page)
        page.locator("#events .event").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_url("**/events/1-1")
        page.goto(page.url.replace("/1-1", "?view=list"))
        assert not barriers(page)


def test_frames_lie_over_what_they_name(spot: WatchedSite) -> None:
    """What was recognised is framed where it stands in the picture, and its name stays within it (C117)."""
    recognise(spot.site, Id(1, 2), {"a": [Seen("dog", 0.75, Box(0.5, 0.25, 1.0, 0.75))], "b": []})
    with looking(spot, "/events/1-2") as page:
        shown = page.locator("#pictures img").first.bounding_box()
        frame = page.locator("#pictures rect").bounding_box()
        name = page.locator("#pictures text").bounding_box()
        assert shown is not None
        assert frame is not None
        assert name is not None
        places = [
            (frame["x"] - shown["x"]) / shown["width"], (frame["y"] - shown["y"]) / shown["height"],
            frame["width"] / shown["width"], frame["height"] / shown["height"],
        ]  # fmt: skip
        assert places == pytest.approx([0.5, 0.25, 0.5, 0.5], abs=0.03)  # half the line lies outside
        assert shown["x"] <= name["x"] < name["x"] + name["width"] <= shown["x"] + shown["width"]
        assert not barriers(page)
        page.goto(page.url.replace("/1-2", "?label=dog"))
        expect(page.locator("#events .event")).to_have_count(1)
        expect(page.get_by_label("What it shows")).to_have_value("dog")
        assert not barriers(page)


def test_an_event_by_keys_and_swipes(spot: WatchedSite) -> None:
    """Arrows lead to the events beside it; in the lightbox they and swipes change pictures, Escape closes it (C117)."""
    with looking(spot, "/events/1-1") as page:
        assert not barriers(page)
        expect(page.locator("#place")).to_contain_text("of 10 s")
        page.locator("#pictures a").first.click()
        caption = page.locator("#caption")
        expect(caption).to_have_text("gate, its begin, 1 of 2")
        assert not barriers(page)
        page.keyboard.press("ArrowRight")
        expect(caption).to_have_text("gate, seconds later, 2 of 2")
        box = page.locator("#large").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 200, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 60, box["y"] + 50, steps=3)
        page.mouse.up()
        expect(caption).to_have_text("gate, its begin, 1 of 2")
        assert page.locator("#save").get_attribute("href") == page.locator("#large").get_attribute("src")
        page.keyboard.press("Escape")
        expect(page.locator("#lightbox")).not_to_be_visible()
        page.locator("h1").click()
        page.keyboard.press("ArrowLeft")
        page.wait_for_url("**/events/1-2")


def test_the_player_stops_at_the_end(spot: WatchedSite) -> None:
    """The footage of an event plays at the speed that is chosen, and pauses where it ends (C117)."""
    with looking(spot, "/events/1-1") as page:
        expect(page.locator("#place")).to_contain_text("of 10 s")
        page.locator("#speed").select_option("4")
        expect(page.locator("#toggle")).to_have_text("Play")
        assert int(page.locator("#place").inner_text().split()[0]) >= 10
