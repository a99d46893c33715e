"""What thresholds would have told, beside them on the settings page, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from support.chromium import barriers
from support.pages import runtime_cameras
from support.watched_site import looking, watched_site

pytestmark = [pytest.mark.needs("chromium")]


def test_thresholds_show_what_they_would_have_told(tmp_path: Path) -> None:
    """Changing a threshold says what it would have made of what was measured, and saves nothing (C058)."""
    with watched_site(tmp_path) as spot, looking(spot, "/cameras/gate/edit") as page:
        told = page.locator("#told")
        told.scroll_into_view_if_needed()
        expect(told).to_contain_text("looks from")
        for name in ("Black picture", "Frozen picture", "No sound"):
            expect(told.locator("li").filter(has_text=name)).to_contain_text("1, ")
        assert "as it is saved" not in told.inner_text()
        page.get_by_label("An incident after, in seconds").fill("9.5")
        expect(told.locator("li").filter(has_text="No sound")).to_contain_text("none")
        expect(told.locator("li").filter(has_text="No sound")).to_contain_text("as it is saved: 1")
        page.get_by_label("A black picture has more, in percent").fill("much")
        expect(told).to_contain_text("watch.black_percent: must be a number")
        page.get_by_label("A black picture has more, in percent").fill("95")
        page.get_by_label("Part of the picture", exact=True).fill("0 0 50 50")
        expect(told).to_contain_text("Part of the picture: shows in what is measured from now on")
        assert not barriers(page)
        assert runtime_cameras(spot.site).get("gate", {}) == {}
