"""Drawing masks and zones of motion on the camera's settings page, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from holdfast.core.area import read_polygons
from support.chromium import barriers
from support.pages import runtime_cameras
from support.watched_site import WatchedSite, looking, watched_site

pytestmark = [pytest.mark.needs("chromium")]


@pytest.fixture(name="spot", scope="module")
def _spot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedSite]:
    with watched_site(tmp_path_factory.mktemp("masks")) as spot:
        yield spot


def _click(page: Page, of: str, *places: tuple[float, float]) -> None:
    """Click these places of a drawing, in percent."""
    frame = page.locator(f'[data-of="{of}"]')
    frame.scroll_into_view_if_needed()
    frame.locator("img").evaluate("image => image.decode()")
    box = frame.locator(".draw").bounding_box()
    assert box is not None
    for x, y in places:
        page.mouse.click(box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100)


def test_masks_and_zones_are_drawn_and_saved(spot: WatchedSite) -> None:
    """A mask is clicked corner by corner, a zone added and moved by keys; both are saved as polygons (C047)."""
    with looking(spot, "/cameras/gate/edit") as page:
        _click(page, "motion.masks", (10, 10), (50, 12), (30, 60), (10, 10))
        mask = page.locator('[id="f-motion.masks"]')
        (polygon,) = read_polygons(mask.input_value())
        assert [part for corner in polygon.corners for part in corner] == pytest.approx(
            [0.1, 0.1, 0.5, 0.12, 0.3, 0.6], abs=0.01
        )
        page.get_by_role("button", name="Add a zone").click()
        page.keyboard.press("Shift+ArrowLeft")
        (zone,) = read_polygons(page.locator('[id="f-motion.zones"]').input_value())
        assert zone.corners[0] == pytest.approx((0.2, 0.25))
        assert not barriers(page)
        page.get_by_role("button", name="Save", exact=True).last.click()
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        saved = runtime_cameras(spot.site)["gate"]["motion"]
        assert isinstance(saved, dict)
        assert read_polygons(saved["masks"]) == (polygon,)
        assert read_polygons(saved["zones"]) == (zone,)
        page.get_by_role("button", name="What is left out: nothing").click()
        assert mask.input_value() == ""
