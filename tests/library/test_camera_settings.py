from pathlib import Path
from typing import Any

from holdfast.core.config import CameraConfig, load
from holdfast.library.camera_settings import settings_of

TEXT = """
state_dir = "state"
[volumes.main]
path = "vol"
[defaults]
segment_s = 300
[cameras.gate]
url = "rtsp://ann:s3cret@192.0.2.1/gate?token=abc"
capture.windows = [{ start = "08:00", end = "18:00" }]
expected.video.width = 1920
"""


def test_every_key_says_where_it_comes_from(tmp_path: Path) -> None:
    """File and line, defaults, run time or default stand beside each value, and what would hold if it were reset."""
    loaded = load(tmp_path / "holdfast.toml", {}, text=TEXT)
    runtime: list[dict[str, Any]] = [
        {"id": "gate", "name": "Gate", "capture": {"burst_s": 5}},
        {"id": "yard", "url": "rtsp://h/y"},
    ]
    gate = {one.about.key: one for one in settings_of(loaded, runtime, "gate")}
    assert {name.partition(".")[0] for name in gate} == set(CameraConfig.model_fields)
    assert (gate["url"].value, gate["url"].origin) == ("rtsp://192.0.2.1/gate?token=****", "holdfast.toml:8")
    assert (gate["segment_s"].value, gate["segment_s"].origin) == (300, "[defaults] holdfast.toml:6")
    assert (gate["name"].value, gate["name"].origin, gate["name"].below) == ("Gate", "run time", "")
    assert (gate["capture.burst_s"].value, gate["capture.burst_s"].saved, gate["capture.burst_s"].below) == (
        5, True, 300,
    )  # fmt: skip
    assert gate["capture.windows"].origin == "holdfast.toml:9"
    assert (gate["stall_s"].origin, gate["stall_s"].saved) == ("default", False)
    assert gate["expected.video.width"].value == 1920
    yard = {one.about.key: one for one in settings_of(loaded, runtime, "yard")}
    assert (yard["url"].saved, yard["url"].below, yard["segment_s"].origin) == (
        True, "", "[defaults] holdfast.toml:6",
    )  # fmt: skip
    assert settings_of(loaded, runtime, "nobody") == []


def test_no_secret_is_shown(tmp_path: Path) -> None:
    """A password is four stars where there is one, and nothing where there is none."""
    loaded = load(tmp_path / "holdfast.toml", {}, text=TEXT)
    found = settings_of(loaded, [{"id": "yard", "url": "rtsp://h/y"}], "gate")
    assert "s3cret" not in str(found)
    assert "abc" not in str(found)
    values = {one.about.key: one.value for one in found}
    assert (values["username"], values["password"]) == ("ann", "****")
    yard = settings_of(loaded, [{"id": "yard", "url": "rtsp://h/y"}], "yard")
    assert next(one.value for one in yard if one.about.key == "password") == ""
