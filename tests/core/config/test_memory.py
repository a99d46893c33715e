"""`[memory]`: where footage lies first."""

from pathlib import Path

import pytest

from holdfast.core.config import Config, ConfigInvalid, load


def loaded(tmp_path: Path, text: str) -> Config:
    """Read a file with this `[memory]` table."""
    return load(tmp_path / "holdfast.toml", {}, text=f"state_dir = 's'\n[memory]\n{text}\n").config


def test_what_is_said_holds(tmp_path: Path) -> None:
    """A folder is meant from the file's own, sizes are written as people write them; unset is /dev/shm (C081)."""
    memory = loaded(tmp_path, "dir = 'ram'\ncap = '1.5GiB'\nsegment_s = 30").memory
    assert (memory.dir, memory.cap, memory.segment_s) == (tmp_path / "ram", 3 << 29, 30)
    assert loaded(tmp_path, "").memory.dir is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cap = '1 MB'", 'memory.cap: is less than a few seconds of footage (give it at least "16 MB"'),
        ("cap = 'lots'", "memory.cap: 'lots' is not a size"),
        ("dir = 7", "memory.dir: must be a path in quotes"),
        ("segment_s = 0", "memory.segment_s: must be 1 or more, not 0"),
        ("most = '1 GB'", "memory.most: unknown key"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """Each mistake is named with its key and what to write instead."""
    with pytest.raises(ConfigInvalid) as refused:
        loaded(tmp_path, text)
    assert says in str(refused.value.problems[0])
