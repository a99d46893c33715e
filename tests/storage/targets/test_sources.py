import os
from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, NotFound, TargetAway, TargetRefused
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.sources import BLOCK_BYTES, blocks, checked_key, meant
from support.target_places import content_of

DATA = os.urandom(BLOCK_BYTES * 3 + 7)


def test_every_block_waits_for_leave_and_is_counted(tmp_path: Path) -> None:
    """A file comes whole, each block after its leave, and counts once it has gone."""
    path = tmp_path / "a"
    path.write_bytes(DATA)
    told: list[tuple[str, int]] = []
    going = Going(pace=lambda count: told.append(("pace", count)), moved=lambda count: told.append(("moved", count)))
    assert b"".join(blocks(path, content_of(DATA), going, target="t")) == DATA
    assert [what for what, _ in told] == ["pace", "moved"] * 4
    assert sum(count for what, count in told if what == "moved") == len(DATA)


def test_the_last_block_of_a_changed_file_never_comes(tmp_path: Path) -> None:
    """A file that holds something else is known before it is whole anywhere (F21); a pipe holds nobody."""
    path = tmp_path / "a"
    path.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    seen: list[bytes] = []
    with pytest.raises(BadInput):
        seen.extend(blocks(path, content_of(DATA), Going(), target="t"))
    path.write_bytes(b"")
    with pytest.raises(BadInput):
        list(blocks(path, content_of(DATA), Going(), target="t"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput):
        list(blocks(tmp_path / "pipe", content_of(DATA), Going(), target="t"))
    with pytest.raises(NotFound):
        list(blocks(tmp_path / "gone", content_of(DATA), Going(), target="t"))


def test_being_told_to_stop_ends_it(tmp_path: Path) -> None:
    """Nothing more is read once the transfer is told to stop."""
    path = tmp_path / "a"
    path.write_bytes(DATA)
    moved: list[int] = []
    with pytest.raises(TargetAway):
        list(blocks(path, content_of(DATA), Going(moved=moved.append, told_to_stop=lambda: bool(moved)), target="t"))
    assert len(moved) == 1


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a\tb", "a\0b"])
def test_keys_that_are_no_names(key: str) -> None:
    """A key that leads elsewhere, or holds what no name may, is refused (C140)."""
    with pytest.raises(TargetRefused):
        checked_key("t", key)
    assert checked_key("t", "a/b c.d") == "a/b c.d"


@pytest.mark.parametrize("size", [0, 5000, len(DATA)])
def test_a_file_is_what_was_meant_or_not(tmp_path: Path, size: int) -> None:
    """A file of any size is held against its hash without a word about bandwidth; one that differs is told (F21)."""
    path, content = tmp_path / "a", content_of(DATA[:size])
    path.write_bytes(DATA[:size])
    told: list[int] = []
    meant(path, content, Going(pace=told.append, moved=told.append), target="t")
    assert not told
    with pytest.raises(TargetAway):
        meant(path, content_of(DATA[:5000]), Going(told_to_stop=lambda: True), target="t")
    for other in (DATA[:size] + b"x", DATA[:size][:-1] + b"?"):
        path.write_bytes(other)
        with pytest.raises(BadInput):
            meant(path, content, Going(), target="t")
