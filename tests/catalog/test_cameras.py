"""Cameras and streams as rows."""

import pytest

from holdfast.catalog import cameras, nodes
from holdfast.catalog.cameras import Facts
from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.errors import NotFound, UsageError


def test_settings_come_back_as_they_were(catalog: Catalog) -> None:
    """A camera added while running keeps its source settings, its site and its location (C143)."""
    settings = {"url": "rtsp://camera.test/1", "main": {"path": "/ü"}, "stall": 5}
    facts = Facts(camera="gate", origin="runtime", site="north", location="4711", settings=settings)
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        added = cameras.put(tx, node, facts, 5)
        assert cameras.put(tx, node, facts, 6) == added
    with catalog.read() as tx:
        row = cameras.get(tx, "GATE")
    assert row is not None
    assert (row.settings, row.site, row.location, row.created_us) == (settings, "north", "4711", 5)


def test_lists_can_be_narrowed(catalog: Catalog) -> None:
    """Cameras are found by site and by location (C143)."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        for number in range(6):
            facts = Facts(camera=f"c{number}", origin="file", site=f"s{number % 2}", location=f"l{number % 3}")
            cameras.put(tx, node, facts, 1)
        assert [row.camera for row in cameras.page(tx, site="s1").rows] == ["c1", "c3", "c5"]
        assert [row.camera for row in cameras.page(tx, site="s1", location="l0").rows] == ["c3"]


def test_pages_show_every_camera_once(catalog: Catalog) -> None:
    """Following the cursor gives every camera once, also while others are added."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        for number in range(7):
            cameras.put(tx, node, Facts(camera=f"c{number}", origin="file"), 1)
        page = cameras.page(tx, limit=3)
        seen = [row.camera for row in page.rows]
        cameras.put(tx, node, Facts(camera="late", origin="file"), 1)
        while page.cursor is not None:
            page = cameras.page(tx, limit=3, cursor=page.cursor)
            seen += [row.camera for row in page.rows]
    assert seen == [f"c{n}" for n in range(7)] + ["late"]


def test_a_strange_cursor_is_refused(catalog: Catalog) -> None:
    """Text that is no cursor of ours is a mistake of the caller, not a failure."""
    with catalog.read() as tx:
        for cursor in ("x", "WzFd", "bm8", "é"):
            with pytest.raises(UsageError):
                cameras.page(tx, cursor=cursor)


def test_removed_cameras_come_back(catalog: Catalog) -> None:
    """A removed camera is out of the list, keeps its row, and is there again when it is added again."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        first = cameras.put(tx, node, Facts(camera="gate", origin="file"), 1)
        cameras.remove(tx, "gate", 9)
        assert cameras.page(tx).rows == ()
        assert [row.removed_us for row in cameras.page(tx, removed=True).rows] == [9]
        with pytest.raises(NotFound):
            cameras.remove(tx, "gate", 10)
        assert cameras.put(tx, node, Facts(camera="gate", origin="file"), 11) == first
        assert len(cameras.page(tx).rows) == 1


def test_streams_bring_their_camera(catalog: Catalog) -> None:
    """Footage of a camera that nobody configured has a camera row that says so."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        cameras.ensure_stream(tx, node, StreamKey("gate", "sub"), 1)
        cameras.ensure_stream(tx, node, StreamKey("gate", "main"), 1)
        assert [str(row.key) for row in cameras.streams(tx)] == ["gate/main", "gate/sub"]
        assert [row.origin for row in cameras.page(tx).rows] == ["found"]
