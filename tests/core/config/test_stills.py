"""Keys of stills: what they take and what they refuse."""

from pathlib import Path

import pytest

from holdfast.core.config import ConfigInvalid, Loaded, load
from holdfast.core.config.stills import StillsConfig

FILE = '[volumes.main]\npath = "vol"\n[cameras.gate]\nurl = "rtsp://192.0.2.1/a"\n'


def loaded(folder: Path, more: str) -> Loaded:
    """Load a file whose camera says more."""
    path = folder / "holdfast.toml"
    path.write_text(FILE + more, encoding="utf-8")
    return load(path, {})


def test_defaults() -> None:
    """Stills are off; switched on they are one picture in five minutes with a thumbnail of 498x280 (C014, C016)."""
    stills = StillsConfig()
    assert (stills.enabled, stills.every_s, stills.thumbnail_size(), stills.quality) == (False, 300, (498, 280), 85)
    assert StillsConfig(thumbnail="").thumbnail_size() is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("stills.every_s = 0.03", "0.04"),
        ('stills.name = "{camera}"', "overwrite"),
        ('stills.thumbnail = "big"', "498x280"),
        ('stills.encrypt = ["age1"]', "no recipient"),
        ('stills.encrypt = ["AGE-SECRET-KEY-1Q"]', "private key"),
        ('stills.windows = [{start = "24:00", end = "08:00"}]', "24:00"),
        ('stills.windows = [{start = "08:00", end = "08:00"}]', "a whole day"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, more: str, words: str) -> None:
    """A wrong value is refused with what to write instead (C013, C016)."""
    with pytest.raises(ConfigInvalid) as error:
        loaded(tmp_path, more)
    assert words in f"{error.value} {[problem.hint for problem in error.value.problems]}"
