"""Marker files: whole or not there, ours alone, and a folder that is away says nothing against a file."""

import json
from pathlib import Path

import pytest

from holdfast.core.errors import NameTaken, TargetAway
from holdfast.storage.markers import Markers

BODY = b'{"id":"ho_1","file":"a/b.mp4"}\n'


def names(folder: Path) -> list[str]:
    """Names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_marker_is_there_whole(tmp_path: Path) -> None:
    """It has its content and rights, folders below its root are made, and no temporary name stays."""
    path = Markers("r").put(tmp_path, "x/y/b.done", BODY, file="a/b.mp4")
    assert (path, path.read_bytes()) == (tmp_path / "x/y/b.done", BODY)
    assert names(path.parent) == ["b.done"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_again_is_success(tmp_path: Path) -> None:
    """The same marker, an empty one, and one of an older content of the same file are ours; it stays one file (F23)."""
    markers = Markers("r")
    older = json.dumps({"id": "ho_0", "file": "a/b.mp4"}).encode()
    for known in (BODY, b"", older):
        (tmp_path / "b.done").write_bytes(known)
        assert markers.put(tmp_path, "b.done", BODY, file="a/b.mp4").read_bytes() == BODY
    (tmp_path / "c.done").touch()
    assert markers.put(tmp_path, "c.done", b"", file="a/c.mp4").read_bytes() == b""


@pytest.mark.parametrize("known", [b"mine", b'{"id":"ho_1","file":"other.mp4"}', b'["ho_1"]', b"x" * 100_000])
def test_what_others_have_is_left_alone(tmp_path: Path, known: bytes) -> None:
    """A name that somebody else's file has is refused, and neither replaced nor removed (F14)."""
    path = tmp_path / "b.done"
    path.write_bytes(known)
    markers = Markers("r")
    with pytest.raises(NameTaken):
        markers.put(tmp_path, "b.done", BODY, file="a/b.mp4")
    markers.remove(path, "a/b.mp4")
    assert path.read_bytes() == known


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link under a marker's name leads nobody to another file."""
    (tmp_path / "victim").write_bytes(b"")
    (tmp_path / "b.done").symlink_to(tmp_path / "victim")
    with pytest.raises(NameTaken):
        Markers("r").put(tmp_path, "b.done", BODY, file="a/b.mp4")
    assert (tmp_path / "victim").read_bytes() == b""


def test_a_leftover_of_a_kill_is_no_obstacle(tmp_path: Path) -> None:
    """What a kill left under the temporary name is written over."""
    (tmp_path / ".b.done.new").write_bytes(b"half")
    Markers("r").put(tmp_path, "b.done", BODY, file="a/b.mp4")
    assert names(tmp_path) == ["b.done"]


def test_a_folder_that_is_away_is_not_made(tmp_path: Path) -> None:
    """A folder that is not there is not made: it may be a disk that is not mounted (C072)."""
    with pytest.raises(TargetAway, match="away"):
        Markers("r").put(tmp_path / "away", "b.done", BODY, file="a/b.mp4")
    assert not (tmp_path / "away").exists()


def test_our_markers_are_removed(tmp_path: Path) -> None:
    """One that tells of the file, and an empty one, go; one that is not there is none."""
    markers, path = Markers("r"), tmp_path / "b.done"
    for known in (BODY, b""):
        path.write_bytes(known)
        markers.remove(path, "a/b.mp4")
        assert not path.exists()
    markers.remove(path, "a/b.mp4")
    assert names(tmp_path) == []
