"""Files go after their line, those that are what was recorded, from volumes that are there (K4, C077)."""

from pathlib import Path

from holdfast.catalog.removals import Removal
from holdfast.core.camera import StreamKey
from holdfast.library import kept
from holdfast.storage.volume import create_marker
from holdfast.work import removing

NOW = 1_790_000_000_000_000
DAY = "footage/gate/main/2026-01-01"


def removal(name: str, size: int, volume: str = "main") -> Removal:
    """The deletion of a file."""
    return Removal(volume=volume, file=f"{DAY}/{name}.mp4", sha256="a" * 64, bytes=size, camera="gate", why="age")


def test_each_file_goes_stays_or_waits(tmp_path: Path) -> None:
    """Gone is what was there or is gone already; another size stays, and a volume that is away is left as it is."""
    root = tmp_path / "disk"
    create_marker(root, 0)
    folder = root / DAY
    folder.mkdir(parents=True)
    for name in ("here", "other"):
        (folder / f"{name}.mp4").write_bytes(b"xx")
    here, gone, other = removal("here", 2), removal("gone", 2), removal("other", 3)
    problems: list[str] = []
    roots = {"main": root, "away": tmp_path / "away"}
    asked = [here, gone, other, removal("here", 2, "away")]
    assert removing.finish(asked, {"main": root}, roots, NOW, problems) == ([here, gone], [other])
    assert [path.name for path in folder.iterdir()] == ["other.mp4"]
    assert len(problems) == 1
    said = kept.deletions({"main": root}, StreamKey("gate", "main"))
    assert {instance.file for instance in said} == {here.file, gone.file}
    assert removing.is_done({"main": root}, here, problems)
    assert not removing.is_done({"main": root}, other, problems)
    assert not removing.is_done({}, here, problems)
    (folder / "other.mp4").unlink()
    assert not removing.is_done({"main": root}, other, problems)


def test_without_its_line_nothing_goes(tmp_path: Path) -> None:
    """Where the line cannot be written the file stays, and why is said."""
    folder = tmp_path / DAY
    folder.mkdir(parents=True)
    (folder / "here.mp4").write_bytes(b"xx")
    problems: list[str] = []
    assert removing.finish([removal("here", 2)], {"main": tmp_path}, {"main": tmp_path}, NOW, problems) == ([], [])
    assert (folder / "here.mp4").exists()
    assert "is its disk mounted?" in problems[0]
