"""What the worker keeps beside the catalog."""

from pathlib import Path

import pytest

from holdfast.core.errors import StorageError
from holdfast.library import memory


def test_it_comes_back_and_is_for_this_user_alone(tmp_path: Path) -> None:
    """What was remembered is recalled, from a folder that is made, in a file that nobody else reads."""
    state = tmp_path / "state"
    memory.remember(state, "people.json", {"users": [1, "ä"]})
    assert memory.recall(state, "people.json") == {"users": [1, "ä"]}
    assert (state / "people.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("body", [None, b"", b"{", b"\xff\xfe\x00"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, body: bytes | None) -> None:
    """Without a file, and with one that a crash or a hand left torn, nothing is known and nobody fails."""
    if body is not None:
        (tmp_path / "people.json").write_bytes(body)
    assert memory.recall(tmp_path, "people.json") is None


def test_no_room_is_an_error(tmp_path: Path) -> None:
    """A state folder that is a file is said, not passed over."""
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(StorageError):
        memory.remember(tmp_path / "state", "people.json", {})
