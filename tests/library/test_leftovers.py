"""Every class of file has an upper age, and what can be made again goes before footage (C079, F36)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.library.leftovers import clear, found
from support.kept_node import KeptNode


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path)
    yield node
    node.close()


def put(node: KeptNode, path: Path, *, days: float) -> Path:
    """A file of so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 10)
    at_s = node.clock.wall_us() / 1e6 - days * 86_400
    os.utime(path, (at_s, at_s))
    return path


def test_what_is_too_old_goes(node: KeptNode) -> None:
    """Half-written files go after a day, films and catalogs put aside after thirty, and nothing else ever does."""
    state = node.root / "state"
    half = put(node, state / ".volumes.json.new", days=2)
    put(node, state / ".plan.json.new", days=0.5)
    film = put(node, state / "timelapses/a.mp4", days=31)
    put(node, state / "timelapses/b.mp4", days=29)
    aside = put(node, state / "catalog.sqlite.before-0010", days=40)
    damaged = put(node, state / "catalog.sqlite.damaged-20260101T000000Z", days=40)
    for name in ("catalog.sqlite-wal", "session-key", "volumes.json", "notes.part.txt"):
        put(node, state / name, days=400)
    put(node, node.disk / "notes.journal", days=400)
    export = put(node, node.disk / "exports/.1-1_gate_export.zip.ab12cd34.part", days=2)
    put(node, node.disk / "exports/.1-2_gate_export.zip.ab12cd34.part", days=0.5)
    put(node, node.disk / "exports/1-3_gate_export.zip", days=400)
    going = found(node.config, node.clock.wall_us())
    assert [one.path for one in going] == [export, half, aside, damaged, film]
    assert [one.kind for one in going] == ["temp", "temp", "cache", "cache", "cache"]
    assert going[-1].why == "older than 30 days"
    gone, problems = clear(going)
    assert (gone, problems) == (going, [])
    assert found(node.config, node.clock.wall_us()) == []
    assert (state / "session-key").exists()


def test_old_logs_go(node: KeptNode) -> None:
    """Log files go two weeks after their last line, rotated or of roles that are gone, and none but ours (C080)."""
    logs = node.config.log_dir
    old = [put(node, logs / name, days=15) for name in ("recorder-7.log", "worker.log.3.gz", "worker.log.4")]
    for name in ("worker.log", "worker.log.5"):
        put(node, logs / name, days=13)
    for name in (".worker.lock", ".recorder-7.lock", "mail.log", "mail.log.1.gz", "worker.log.old"):
        put(node, logs / name, days=400)
    going = found(node.config, node.clock.wall_us())
    assert [(one.path, one.kind, one.why) for one in going] == [(one, "log", "older than 14 days") for one in old]
    assert found(node.config, node.clock.wall_us(), short=[logs]) == going, "no log goes for room"


def test_what_can_be_made_again_goes_before_footage(node: KeptNode) -> None:
    """On a disk that is short of room derived files go whatever their age, but for those of the last hour."""
    film = put(node, node.root / "state/timelapses/a.mp4", days=1)
    put(node, node.root / "state/timelapses/b.mp4", days=0.01)
    assert found(node.config, node.clock.wall_us()) == []
    going = found(node.config, node.clock.wall_us(), short=[node.disk])
    assert [(one.path, one.why) for one in going] == [(film, "room was needed")]
    assert found(node.config, node.clock.wall_us(), short=[node.root / "away"]) == []


def test_what_cannot_be_deleted_is_said(node: KeptNode) -> None:
    """A file in whose place there is a folder by now stays, and is named."""
    film = put(node, node.root / "state/timelapses/a.mp4", days=31)
    going = found(node.config, node.clock.wall_us())
    film.unlink()
    film.mkdir()
    gone, problems = clear(going)
    assert gone == []
    assert str(film) in problems[0]
