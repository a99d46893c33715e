"""Drawing on the camera's settings page in a real browser: by mouse and by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import barriers, chromium, signed_in, window
from support.pages import runtime_cameras
from support.watched_site import WatchedSite, looking, watched_site

pytestmark = [pytest.mark.needs("chromium")]

POLYGON = """async () => {
  const here = document.querySelector('script[src*="edit/region.js"]').src;
  const { Drawing } = await import(here.replace("edit/region.js", "draw.js"));
  const frame = document.querySelector("#region-draw .region-frame");
  frame.querySelector(".draw").remove();
  window.drawing = new Drawing(frame, { kind: "polygon", most: 2, noun: "Mask", label: "Masks" });
}"""


@pytest.fixture(name="spot", scope="module")
def _spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedSite]:
    with watched_site(tmp_path_factory.mktemp("region")) as spot:
        yield spot


def _drag(page: Page, *places: tuple[float, float]) -> None:
    """Press at the first of these places of the drawing, in percent, and let go at the last."""
    box = page.locator("#region-draw .draw").bounding_box()
    assert box is not None
    for number, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100, steps=3)
        if not number:
            page.mouse.down()
    page.mouse.up()


def _numbers(page: Page) -> list[float]:
    return [float(part) for part in page.get_by_label("Part of the picture", exact=True).input_value().split()]


def test_the_region_is_drawn_on_a_still(spot: WatchedSite) -> None:
    """A part of the picture is drawn with the mouse, moved by its corner and with the keys, and saved (C058)."""
    with looking(spot, "/cameras/gate/edit") as page:
        frame = page.locator("#region-draw .region-frame")
        frame.scroll_into_view_if_needed()
        frame.locator("img").evaluate("image => image.decode()")
        _drag(page, (20, 20), (60, 70))
        assert _numbers(page) == pytest.approx([20, 20, 60, 70], abs=0.5)
        _drag(page, (60, 70), (80, 90))
        assert _numbers(page) == pytest.approx([20, 20, 80, 90], abs=0.5)
        handle = page.get_by_role("button", name="Judged part, corner 1")
        handle.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
        assert _numbers(page)[:2] == pytest.approx([21, 25], abs=0.5)
        _drag(page, (2, 2), (2.5, 2.5))
        assert len(_numbers(page)) == 4, "a click is no box, and takes none away"
        page.get_by_role("button", name="Save", exact=True).last.click()
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        saved = runtime_cameras(spot.site)["gate"]["watch"]
        assert isinstance(saved, dict)
        assert [float(part) for part in saved["region"].split()] == pytest.approx([21, 25, 80, 90], abs=0.5)
        assert not barriers(page)
        page.get_by_role("button", name="Whole picture").click()
        assert page.get_by_label("Part of the picture", exact=True).input_value() == ""
        page.get_by_role("button", name="Draw it").click()
        page.keyboard.press("Delete")
        assert page.get_by_label("Part of the picture", exact=True).input_value() == ""


def test_polygons(spot: WatchedSite) -> None:
    """Clicks make corners, the first one again ends it; Insert and Delete change corners, Escape gives up (C047)."""
    with looking(spot, "/cameras/gate/edit") as page:
        page.locator("#region-draw .region-frame").scroll_into_view_if_needed()
        page.evaluate(POLYGON)
        for place in ((10, 10), (60, 10), (60, 60), (10, 10)):
            _drag(page, place)
        shapes = page.evaluate("drawing.shapes")
        assert [sum(corner) for corner in shapes[0]] == pytest.approx([20, 70, 120], abs=1)
        page.get_by_role("button", name="Mask 1, corner 2").focus()
        page.keyboard.press("Insert")
        assert page.evaluate("drawing.shapes[0]")[2] == pytest.approx([60, 35], abs=0.5)
        page.keyboard.press("Delete")
        assert [len(shape) for shape in page.evaluate("drawing.shapes")] == [3]
        page.keyboard.press("Delete")
        assert page.evaluate("drawing.shapes") == [], "two corners are no polygon: it goes as a whole"
        for place in ((20, 20), (40, 40)):
            _drag(page, place)
        page.keyboard.press("Escape")
        page.evaluate("drawing.add()")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("drawing.shapes")[0][0] == [24, 25]
        assert len(page.evaluate("drawing.shapes")) == 1


def test_without_a_picture_there_are_numbers(tmp_path: Path) -> None:
    """A camera without footage says that there is nothing to draw on, and the field takes numbers."""
    with watched_site(tmp_path, role=Role.ADMIN, others=("dock",)) as spot, looking(spot, "/cameras/dock/edit") as page:
        page.locator("#region-draw").scroll_into_view_if_needed()
        expect(page.locator("#region-draw .region-frame")).to_contain_text("There is no picture of this camera yet")
        assert not page.get_by_role("button", name="Draw it").is_visible()


def test_polygons_by_finger(spot: WatchedSite) -> None:
    """On a phone taps make corners, and a tap on the first one ends the polygon (C047)."""
    with chromium() as browser, window(browser, "phone", has_touch=True, is_mobile=True) as page:
        signed_in(page, spot.address, "alice", PASSWORD, "/cameras/gate/edit")
        page.locator("#region-draw .region-frame").scroll_into_view_if_needed()
        page.evaluate(POLYGON)
        box = page.locator("#region-draw .draw").bounding_box()
        assert box is not None
        for x, y in ((15, 15), (80, 20), (50, 80), (15, 15)):
            page.touchscreen.tap(box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100)
        ((first, second, third),) = page.evaluate("drawing.shapes")
        assert [*first, *second, *third] == pytest.approx([15, 15, 80, 20, 50, 80], abs=1)
