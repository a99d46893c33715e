"""Thresholds as the charts draw them."""

import pytest

from holdfast.core.config import CameraConfig
from holdfast.core.quality import volume_percent
from holdfast.web.measured import limits
from support.pages import Site


def test_thresholds_in_the_units_of_charts() -> None:
    """The level of sound is what volume_percent makes the threshold of; the others are as they are set (C058)."""
    settings = CameraConfig.model_validate({"url": "rtsp://127.0.0.1:9/x", "watch": {"sound_percent": 30}})
    found = limits(settings)
    assert found is not None
    assert (found.black, found.difference) == (95.0, 0.5)
    assert volume_percent(found.db) == pytest.approx(30)
    assert limits(None) is None


def test_the_page_hands_them_on(two: Site) -> None:
    """A camera's page says its thresholds, and which script draws."""
    html = two.page("/cameras/gate")
    assert 'data-black="95.0" data-difference="0.5" data-db="-57.0"' in html
    assert "vendor/uplot.js" in html
