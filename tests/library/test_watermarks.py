"""How full disks are, in levels that are reached at once and left a little below (C078)."""

import threading
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.config.retention import RetentionConfig
from holdfast.library import watermarks
from holdfast.library.watermarks import Fill, Mark, look, mark_of, places
from support.dead_disk import dead_disk
from support.kept_node import KEPT, KeptNode
from support.recording import until
from support.small_disk import small_disk

GB = 10**9


@pytest.mark.parametrize(
    ("free_percent", "before", "mark"),
    [
        (26, Mark.NORMAL, Mark.NORMAL),
        (25, Mark.NORMAL, Mark.WARNING),
        (15, Mark.WARNING, Mark.ALERT),
        (10, Mark.NORMAL, Mark.CRITICAL),
        (10.5, Mark.CRITICAL, Mark.CRITICAL),
        (11.5, Mark.CRITICAL, Mark.ALERT),
        (25.5, Mark.WARNING, Mark.WARNING),
        (26.5, Mark.CRITICAL, Mark.NORMAL),
    ],
)
def test_levels_are_reached_at_once_and_left_below(free_percent: float, before: Mark, mark: Mark) -> None:
    """A disk at the edge of a level stays in it until it is a percent below."""
    assert mark_of(RetentionConfig(), 1000 * GB, round(free_percent * 10 * GB), before) is mark


def test_little_room_is_critical_whatever_the_percent() -> None:
    """Less than a gigabyte is critical on a large disk, and nothing special on one that is hardly larger."""
    settings = RetentionConfig(warn_percent=99, alert_percent=99.9, critical_percent=100)
    assert mark_of(settings, 20 * GB, GB - 1) is Mark.CRITICAL
    assert mark_of(settings, 20 * GB, GB + 10**7, Mark.CRITICAL) is Mark.CRITICAL
    assert mark_of(settings, 20 * GB, 2 * GB, Mark.CRITICAL) is Mark.NORMAL
    assert mark_of(settings, 2 * GB, GB - 1) is Mark.NORMAL


@pytest.mark.needs("mount")
def test_a_small_disk_is_told_in_megabytes() -> None:
    """A disk of less than a gigabyte is not said to have 0.0 GB free of 0.0."""
    fill = Fill(name="nas", path=Path("/mnt/nas"), total_bytes=6_300_000, free_bytes=400_000, mark=Mark.CRITICAL)
    assert fill.words == "nas is 94 % full (critical): 0.4 of 6.3 MB are free"


def test_every_disk_that_is_used_is_looked_at(tmp_path: Path) -> None:
    """Footage and folders that are delivered to have a level each, a disk that serves for both has one."""
    nas = tmp_path / "nas"
    node = KeptNode(tmp_path, KEPT + f"[targets.nas]\ntype = 'folder'\npath = '{nas}'\n")
    try:
        with small_disk(nas, size_bytes=1 << 20):
            found = {fill.name: fill for fill in look(node.config).fills}
            assert set(found) == {"main", "target nas"}
            assert found["target nas"].total_bytes == 1 << 20
            assert found["main"].free_bytes > 0
            assert 0 <= found["main"].percent <= 100
        assert {fill.name for fill in look(node.config).fills} == {"main"}
        assert "target nas" not in look(node.config).away
        nas.rmdir()
        assert {fill.name for fill in look(node.config).fills} == {"main"}
        assert "target nas" in look(node.config).away
    finally:
        node.close()


def test_no_disk_that_is_used_is_left_out(tmp_path: Path) -> None:
    """Footage, state, catalog, logs, runtime files, and targets that are folders here are looked at, each by name."""
    node = KeptNode(
        tmp_path,
        f"[log]\ndir = 'words'\n[catalog]\nurl = 'sqlite:///{tmp_path}/rows/catalog.sqlite'\n{KEPT}"
        "[targets.nas]\ntype = 'folder'\npath = 'nas'\n[targets.far]\ntype = 'rsync'\npath = '/srv/far'\n"
        "[targets.office]\ntype = 'rsync'\npath = 'keeper@office.example.org:/srv'\n",
    )
    node.close()
    assert places(node.config) == {
        "main": node.disk, "(state)": node.state, "(catalog)": tmp_path / "rows", "(logs)": tmp_path / "words",
        "(runtime)": tmp_path / "run", "target nas": tmp_path / "nas", "target far": Path("/srv/far"),
    }  # fmt: skip


@pytest.mark.needs("mount")
def test_a_file_server_that_went_away_holds_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_leaks: Any
) -> None:
    """A target whose folder answers nobody is away, all other disks are seen, and one thread at most waits (F20)."""
    monkeypatch.setattr(watermarks, "ANSWER_S", 0.1)
    nas = tmp_path / "nas"
    node = KeptNode(tmp_path, KEPT + f"[targets.nas]\ntype = 'folder'\npath = '{nas}'\n")
    try:
        with dead_disk(nas):
            for _ in range(3):
                found = look(node.config)
                assert ({fill.name for fill in found.fills}, "target nas" in found.away) == ({"main"}, True)
            assert sum(thread.name == f"target-{nas}" for thread in threading.enumerate()) == 1
        until(lambda: "target nas" not in look(node.config).away)
    finally:
        node.close()
