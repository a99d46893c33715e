import gzip
import json
from pathlib import Path

import pytest

from holdfast.core.timing import iso
from holdfast.library.logs import Entry, Follower, Query, roles, tail
from holdfast.roles.log_file import RotatingFile
from support.clock import PushedClock

START_US = PushedClock().wall_us()


def _line(number: int, role: str = "worker", level: str = "info", **facts: str) -> bytes:
    body = {"at": iso(START_US + number * 1000), "level": level, "role": role, "event": f"e{number}", **facts}
    return json.dumps(body).encode() + b"\n"


def _events(entries: list[Entry]) -> list[str]:
    return [entry["event"] for entry in entries]


@pytest.fixture(name="log_dir")
def _log_dir(tmp_path: Path) -> Path:
    (tmp_path / "worker.log").write_bytes(_line(2) + b'{"torn": ' + b"\n" + _line(5, level="error") + _line(7)[:20])
    (tmp_path / "recorder-0.log").write_bytes(
        _line(3, "recorder-0", camera="gate") + _line(6, "recorder-0", camera="door")
    )
    (tmp_path / "recorder-1.log").write_bytes(_line(4, "recorder-1", level="debug", camera="Yard"))
    (tmp_path / "worker.log.8").write_bytes(_line(1))
    (tmp_path / "worker.log.7.gz").write_bytes(gzip.compress(_line(0)))
    (tmp_path / "worker.log.6.gz").write_bytes(b"damaged")
    (tmp_path / "other.txt").write_text("not ours")
    return tmp_path


@pytest.mark.parametrize(
    ("query", "count", "events"),
    [
        (Query(), None, ["e0", "e1", "e2", "e3", "e4", "e5", "e6"]),
        (Query(), 3, ["e4", "e5", "e6"]),
        (Query(), 0, []),
        (Query(level="info"), 4, ["e2", "e3", "e5", "e6"]),
        (Query(level="error"), None, ["e5"]),
        (Query(who="worker"), None, ["e0", "e1", "e2", "e5"]),
        (Query(who="recorder"), None, ["e3", "e4", "e6"]),
        (Query(who="recorder-1"), None, ["e4"]),
        (Query(who="yard"), None, ["e4"]),
        (Query(since_us=START_US + 5000), None, ["e5", "e6"]),
    ],
)
def test_lines_of_all_roles_in_order_of_time(log_dir: Path, query: Query, count: int | None, events: list[str]) -> None:
    """Roles, rotated and compressed files are one log: filtered, in order, whatever is torn passed over (C152)."""
    assert _events(tail(log_dir, query, count)) == events


def test_roles_are_those_with_files(log_dir: Path) -> None:
    """Every role that ever logged is known; other files are not ours."""
    assert roles(log_dir) == ["recorder-0", "recorder-1", "worker"]
    assert roles(log_dir / "nowhere") == []


def test_the_last_lines_of_a_large_file(tmp_path: Path) -> None:
    """Reading from the end crosses block borders without losing or doubling a line."""
    (tmp_path / "worker.log").write_bytes(b"".join(_line(n, text="x" * (n % 700)) for n in range(2000)))
    assert _events(tail(tmp_path, Query(), 1500)) == [f"e{n}" for n in range(500, 2000)]
    assert len(tail(tmp_path, Query(), None)) == 2000


def test_following_a_file_that_grows_and_rotates(tmp_path: Path) -> None:
    """A follower gets each new line once, across rotation, compression, half-written lines and new roles."""
    file = RotatingFile(tmp_path / "worker.log", 100_000, 5)
    file.write(_line(0))
    follower = Follower(tmp_path, Query())
    assert follower.poll() == []
    file.write(_line(1))
    file.write(_line(2)[:10])
    assert _events(follower.poll()) == ["e1"]
    file.write(_line(2)[10:])
    file.write(_line(3))
    file.rotate()
    file.write(_line(4))
    (tmp_path / "recorder-0.log").write_bytes(_line(5, "recorder-0"))
    assert _events(follower.poll()) == ["e2", "e3", "e4", "e5"]
    file.write(_line(6))
    file.rotate()
    file.pack()
    file.write(_line(7))
    assert _events(follower.poll()) == ["e6", "e7"]
    assert follower.poll() == []
    file.close()
