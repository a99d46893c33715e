"""What is judged in a camera, as the file says it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from holdfast.core import config
from holdfast.core.config.watch import WatchConfig
from holdfast.core.incident import IncidentType
from holdfast.core.quality import Region, Thresholds
from holdfast.core.timing import SECOND_US


def test_defaults_are_benchs() -> None:
    """Without a word the thresholds are the documented ones, and an incident opens after 3 s (C051-C054, C060)."""
    watch = WatchConfig()
    assert watch.thresholds() == Thresholds()
    rules = watch.rules()
    assert (rules[IncidentType.FREEZE].open_after_us, rules[IncidentType.FREEZE].close_after_us) == (
        3_000_000,
        3_000_000,
    )
    assert rules[IncidentType.SIGNAL_LOST].open_after_us == 30 * SECOND_US
    assert watch.wanted() >= {IncidentType.BLACKSCREEN, IncidentType.AUDIO_LOSS, IncidentType.DISK}


def test_a_camera_has_its_own(tmp_path: Path) -> None:
    """Each camera may differ from the defaults: thresholds, region, what is told at all (C058)."""
    path = tmp_path / "holdfast.toml"
    path.write_text(
        '[volumes.main]\npath = "v"\n[defaults.watch]\nblack_level = 16\nopen_after_s = 30\n'
        '[cameras.a]\nurl = "rtsp://192.0.2.1/"\n[cameras.b]\nurl = "rtsp://192.0.2.2/"\n'
        '[cameras.b.watch]\nregion = "0 5 100 70"\nsilence = false\nopen_after_s = 0\n'
    )
    cameras = config.load(path, {}).config.cameras
    first, second = cameras["a"].watch, cameras["b"].watch
    assert (first.thresholds().black_level, second.thresholds().black_level) == (16, 16)
    assert second.thresholds().region == Region(0.0, 0.05, 1.0, 0.7)
    assert IncidentType.AUDIO_LOSS not in second.wanted()
    assert first.rules()[IncidentType.BLACKSCREEN].open_after_us == 30 * SECOND_US
    assert second.rules()[IncidentType.BLACKSCREEN].open_after_us == 0


@pytest.mark.parametrize("region", ["0 0 100", "0 0 0 0", "10 10 5 100", "a b c d", "0 0 101 100"])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    """Four numbers in order, in percent, or nothing."""
    with pytest.raises(ValidationError, match="is no region"):
        WatchConfig(region=region)
