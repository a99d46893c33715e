"""The child process of a film: what it says, and how it ends."""

import json
from pathlib import Path

from holdfast.catalog.db import open_catalog
from holdfast.roles.timelapse import Said, main


def test_an_error_is_told_to_whoever_asked(tmp_path: Path) -> None:
    """Without stills it ends with the error's code, and its words stand in the status file."""
    (tmp_path / "state").mkdir()
    config = tmp_path / "holdfast.toml"
    config.write_text('state_dir = "state"\n[volumes.main]\npath = "vol"\n[cameras.gate]\nurl = "rtsp://192.0.2.1/"\n')
    open_catalog(f"sqlite:///{tmp_path}/state/catalog.sqlite").close()
    order = {
        "config": str(config), "target": str(tmp_path / "a.mp4"), "status": str(tmp_path / "a.json"), "camera": "gate",
        "from_us": 1, "to_us": 2, "rate": 25.0, "width": None,
    }  # fmt: skip
    assert main([json.dumps(order)]) == 66
    said = json.loads((tmp_path / "a.json").read_text())
    assert "no stills" in said["problem"]
    assert said["hint"]


def test_it_says_how_far_it_is(tmp_path: Path) -> None:
    """The first and the last word are always said, those between twice a second at most."""
    said = Said(tmp_path / "a.json")
    for done in range(1, 200):
        said(done, 200)
    assert json.loads((tmp_path / "a.json").read_text())["done"] < 150
    said(200, 200)
    assert json.loads((tmp_path / "a.json").read_text()) == {"done": 200, "total": 200}
    Said(tmp_path / "away" / "a.json")(1, 1)  # what cannot be said stops nothing
