"""Examples of the names that a rule would make."""

from pathlib import Path

import pytest

from holdfast.core.config import load
from holdfast.core.timing import HOUR_US, MINUTE_US
from holdfast.library.rule_names import examples
from support.clock import PushedClock

FILE = """
state_dir = "state"
[site]
name = "North pier"
time_zone = "Asia/Kolkata"
[volumes.main]
path = "vol"
[cameras.gate]
url = "rtsp://192.0.2.1/gate"
location = "r7"
[cameras.yard]
url = "rtsp://192.0.2.1/yard"
[targets.nas]
type = "folder"
path = "nas"
[targets.sealed]
type = "folder"
path = "nas"
encrypt = ["age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"]
[deliveries.it]
"""
AT_US = PushedClock().wall_us() // (24 * HOUR_US) * 24 * HOUR_US + 18 * HOUR_US + 3 * MINUTE_US


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ('target = "nas"', ["footage/gate/main/DAY/gate_STAMPT180000Z.mp4", "footage/gate/main/DAY.journal"]),
        ('target = "nas"\nname = "lab"\nassets = ["segments"]\ncameras = ["yard"]', ["yard/DAY/yard_STAMPT233000.mkv"]),
        ('target = "sealed"\nassets = ["segments"]\nname = "pitch"', ["r7/DAY/gate_STAMPT180000Z.mp4.age"]),
        ('target = "nas"\nassets = ["evidence"]\nname = "bench"', ["alerts/black/gate/STAMP233000/frame_1.jpg"]),
        ('target = "nas"\nassets = ["stills"]\nname = "shop"\nform = "webp"',
         ["camera_gate/STAMP_233000_1920_1080.webp"]),
        ('target = "nas"\nassets = ["segments"]\nstreams = ["sub"]', ["footage/gate/sub/DAY/gate_STAMPT180000Z.mp4"]),
    ],
)  # fmt: skip
def test_each_kind_of_asset_has_an_example(tmp_path: Path, rule: str, names: list[str]) -> None:
    """The example is what delivering would make of such a file, with form, sealing and the site's time in it."""
    config = load(tmp_path / "holdfast.toml", {}, text=FILE + rule).config
    found = examples(config, config.deliveries["it"], AT_US)
    day = found[0].file.partition("2026-")[2][:5] if "2026-" in found[0].file else ""
    told = [one.name.replace(f"2026-{day}", "DAY").replace(f"2026{day.replace('-', '')}", "STAMP") for one in found]
    assert told == names
