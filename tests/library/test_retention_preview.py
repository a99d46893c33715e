"""What other settings of retention would mean, of one camera."""

from pathlib import Path

import pytest

from holdfast.core.config import load
from holdfast.core.errors import NotFound, UsageError
from holdfast.library.retention_preview import with_camera

FILE = """
state_dir = "state"
[volumes.main]
path = "vol"
[cameras.gate]
url = "rtsp://192.0.2.1/gate"
[cameras.gate.retention]
keep_days = 9
"""


def test_a_camera_as_it_would_be(tmp_path: Path) -> None:
    """Typed keys lie over what holds, null takes one back, and what holds stays what it was."""
    loaded = load(tmp_path / "holdfast.toml", {}, text=FILE)
    runtime = [{"id": "gate", "retention": {"copies": 2}}]
    config = with_camera(loaded, runtime, "GATE", {"retention": {"keep_days": 3, "copies": None}})
    assert (config.cameras["gate"].retention.keep_days, config.cameras["gate"].retention.copies) == (3, None)
    assert loaded.config.cameras["gate"].retention.keep_days == 9
    with pytest.raises(NotFound):
        with_camera(loaded, runtime, "yard", {})
    with pytest.raises(UsageError, match=r"retention.keep_days: must be more than 0"):
        with_camera(loaded, runtime, "gate", {"retention": {"keep_days": 0}})
