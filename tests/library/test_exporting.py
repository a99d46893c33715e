from pathlib import Path

import pytest

from holdfast.core import config
from holdfast.core.camera import StreamKey
from holdfast.core.errors import NotFound, StorageError, UsageError
from holdfast.library.export_write import FREE_BYTES
from holdfast.library.exporting import facts_of, reserve_at, site_of, streams_named
from support.clock import PushedClock
from support.journals import Told


def test_streams_are_named_as_people_do(tmp_path: Path) -> None:
    """A camera stands for its main stream, or the one that is chosen; a stream for itself; each comes once."""
    clock = PushedClock()
    for camera, stream in (("Gate", "main"), ("Gate", "sub"), ("yard", "main")):
        told = Told(tmp_path, clock, StreamKey(camera, stream))
        told.open()
        told.record(10)
        told.close()
    disks = {"main": tmp_path}
    main, sub, yard = StreamKey("Gate", "main"), StreamKey("Gate", "sub"), StreamKey("yard", "main")
    assert streams_named(disks, ["gate", "YARD", "gate/main"]) == (main, yard)
    assert streams_named(disks, ["gate", "yard"], "all") == (main, sub, yard)
    assert streams_named(disks, ["gate/sub"]) == (sub,)
    for wrong in (["attic"], ["yard/sub"]):
        with pytest.raises(NotFound):
            streams_named(disks, wrong)
    with pytest.raises(NotFound):
        streams_named(disks, ["yard"], "sub")
    with pytest.raises(UsageError):
        streams_named(disks, ["gate"], "third")


def test_what_is_known_comes_from_the_settings(tmp_path: Path) -> None:
    """Name, place and side of a camera, and the site's own facts; what nobody said is left out."""
    path = tmp_path / "holdfast.toml"
    path.write_text(
        'state_dir = "s"\n[site]\nname = "North Harbour"\ntime_zone = "Europe/Berlin"\n[volumes.main]\npath = "disk"\n'
        'reserve = "100 MB"\n[cameras.gate]\nname = "Gate"\nlocation = "pier"\nurl = "rtsp://camera.test/1"\n'
    )
    loaded = config.load(path, {}).config
    assert facts_of(loaded, "gate") == {"name": "Gate", "location": "pier", "site": "north-harbour"}
    assert facts_of(loaded, "gone") == {}
    assert site_of(loaded) == {"name": "North Harbour", "id": "north-harbour", "time_zone": "Europe/Berlin"}
    assert reserve_at(loaded, tmp_path) == FREE_BYTES
    (tmp_path / "disk").mkdir()
    assert reserve_at(loaded, tmp_path) == 100_000_000  # what retention keeps free beyond it is room for exports
    with pytest.raises(StorageError):
        reserve_at(loaded, tmp_path / "nowhere")
