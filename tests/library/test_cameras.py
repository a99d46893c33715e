from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import cameras as rows
from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.rows import CameraRow
from holdfast.core.config import Loaded, load
from holdfast.core.errors import NotFound, UsageError
from holdfast.library import cameras
from support.clock import PushedClock

NODE = "pier"
CLOCK = PushedClock()
TEXT = """
state_dir = "state"
runtime_dir = "run"
[volumes.main]
path = "vol"
[cameras.gate]
url = "rtsp://192.0.2.1/gate"
location = "L1"
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """A configuration with one camera."""
    return load(tmp_path / "holdfast.toml", {}, text=TEXT)


@pytest.fixture
def catalog(loaded: Loaded) -> Iterator[Catalog]:
    """An empty catalog."""
    with open_catalog(loaded.config.catalog_url) as catalog:
        yield catalog


def row(catalog: Catalog, camera: str) -> CameraRow:
    """Return a camera's row."""
    with catalog.read() as tx:
        found = rows.get(tx, camera)
    assert found is not None
    return found


def test_rows_follow_the_file(catalog: Catalog, loaded: Loaded, tmp_path: Path) -> None:
    """Cameras of the file have rows, changed ones change, gone ones are marked, returning ones are there again."""
    cameras.sync_file_cameras(catalog, NODE, loaded, CLOCK)
    assert (row(catalog, "gate").origin, row(catalog, "gate").location) == ("file", "L1")
    cameras.sync_file_cameras(catalog, NODE, load(loaded.path, {}, text=TEXT.replace("L1", "L2")), CLOCK)
    assert row(catalog, "gate").location == "L2"
    cameras.sync_file_cameras(catalog, NODE, load(loaded.path, {}, text=TEXT.split("[cameras", maxsplit=1)[0]), CLOCK)
    assert row(catalog, "gate").removed_us is not None
    cameras.sync_file_cameras(catalog, NODE, loaded, CLOCK)
    assert row(catalog, "gate").removed_us is None


def test_override_survives_a_sync(catalog: Catalog, loaded: Loaded) -> None:
    """A camera that was switched off at run time stays off when the file is read again."""
    cameras.sync_file_cameras(catalog, NODE, loaded, CLOCK)
    cameras.switch_camera(catalog, NODE, loaded, "gate", CLOCK, enabled=False)
    cameras.sync_file_cameras(catalog, NODE, loaded, CLOCK)
    assert cameras.runtime_settings(catalog, NODE) == [{"id": "gate", "enabled": False}]
    merged = cameras.merged(loaded, cameras.runtime_settings(catalog, NODE))
    assert not merged.config.cameras["gate"].enabled


def test_credentials_leave_the_address(catalog: Catalog, loaded: Loaded) -> None:
    """A password in an address goes into a file for its owner alone; the row points at it, and it works (C131)."""
    entry = cameras.add_camera(catalog, NODE, loaded, "yard", {"url": "rtsp://bob:hunter2@192.0.2.2/y"}, CLOCK)
    assert entry.url == "rtsp://192.0.2.2/y"
    assert "hunter2" not in str(row(catalog, "yard").settings)
    assert (loaded.config.state_dir / "secrets").stat().st_mode & 0o777 == 0o700
    yard = cameras.merged(loaded, cameras.runtime_settings(catalog, NODE)).config.cameras["yard"]
    assert (yard.username, yard.password.reveal()) == ("bob", "hunter2")


def test_reference_stays_a_reference(catalog: Catalog, loaded: Loaded, tmp_path: Path) -> None:
    """A password that points at a file already is kept as it is."""
    (tmp_path / "pw").write_text("s3cret\n", encoding="utf-8")
    settings = {"url": "rtsp://192.0.2.2/y", "username": "bob", "password": {"file": str(tmp_path / "pw")}}
    cameras.add_camera(catalog, NODE, loaded, "yard", settings, CLOCK)
    assert row(catalog, "yard").settings == settings
    assert not (loaded.config.state_dir / "secrets").exists()


def test_nonsense_changes_nothing(catalog: Catalog, loaded: Loaded) -> None:
    """What the configuration would refuse is refused here, too, before any row is written."""
    for camera_id, settings in (
        ("yard", {"url": "rtsp://192.0.2.2/y", "colour": "red"}),
        ("yard", {}),
        ("Gate", {"url": "rtsp://192.0.2.2/y"}),
        ("no/way", {"url": "rtsp://192.0.2.2/y"}),
    ):
        with pytest.raises(UsageError):
            cameras.add_camera(catalog, NODE, loaded, camera_id, settings, CLOCK)
    assert cameras.runtime_settings(catalog, NODE) == []


def test_unknown_cameras(catalog: Catalog, loaded: Loaded) -> None:
    """Removing or switching a camera that is not there names those that are."""
    with pytest.raises(NotFound) as caught:
        cameras.remove_camera(catalog, NODE, loaded, "nobody", CLOCK)
    assert caught.value.hint == "known: gate"


def test_lost_cameras_are_put_back(catalog: Catalog, loaded: Loaded) -> None:
    """A camera that the catalog knows by its footage alone gets its settings back; a removed one stays away."""
    remembered = [{"id": "yard", "url": "rtsp://192.0.2.2/y"}, {"id": "dock", "url": "rtsp://192.0.2.3/d"}]
    with catalog.write() as tx:
        number = nodes.ensure(tx, NODE, CLOCK.wall_us())
        rows.put(tx, number, rows.Facts(camera="yard", origin="found"), CLOCK.wall_us())
    cameras.add_camera(catalog, NODE, loaded, "dock", {"url": "rtsp://192.0.2.3/d"}, CLOCK)
    cameras.remove_camera(catalog, NODE, loaded, "dock", CLOCK)
    assert cameras.restore_lost(catalog, NODE, remembered, CLOCK) == ["yard"]
    assert cameras.runtime_settings(catalog, NODE) == [remembered[0]]


def test_memory(tmp_path: Path) -> None:
    """What was remembered is recalled; a damaged or absent memory is an empty one."""
    assert cameras.recall(tmp_path) == []
    cameras.remember(tmp_path, [{"id": "yard"}])
    assert cameras.recall(tmp_path) == [{"id": "yard"}]
    (tmp_path / cameras.MEMORY).write_text("[", encoding="utf-8")
    assert cameras.recall(tmp_path) == []
