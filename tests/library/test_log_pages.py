import gzip
import json
from pathlib import Path

import pytest

from holdfast.core.errors import UsageError
from holdfast.core.timing import iso
from holdfast.library.log_pages import page
from holdfast.library.logs import Query
from support.clock import PushedClock

START_US = PushedClock().wall_us()


def _line(number: int, role: str = "worker", level: str = "info", at: int | None = None, **facts: str) -> bytes:
    """A line as roles write it; `at` is in milliseconds."""
    at_us = START_US + (number if at is None else at) * 1000
    body = {"at": iso(at_us), "level": level, "role": role, "event": f"e{number}", **facts}
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def _all(log_dir: Path, query: Query, limit: int, **more: int) -> tuple[list[str], int]:
    """Follow the cursors to the end; every line, and how many pages there were."""
    events: list[str] = []
    cursor, pages = "", 0
    while True:
        found = page(log_dir, query, limit, cursor, **more)
        events += [entry["event"] for entry in found.entries]
        pages += 1
        assert pages < 500, "the cursors go round in circles"
        if found.cursor is None:
            return events, pages
        assert len(found.entries) <= limit
        cursor = found.cursor


@pytest.fixture(name="log_dir")
def _log_dir(tmp_path: Path) -> Path:
    """Two roles that write by turns, one of them into files that were rotated and packed."""
    (tmp_path / "recorder-0.log").write_bytes(
        b"".join(_line(n, "recorder-0", camera="gate" if n % 3 else "Yard") for n in range(0, 60, 2))
    )
    odd = [_line(n, level="error" if n % 5 == 0 else "debug") for n in range(1, 60, 2)]
    (tmp_path / "worker.log.3.gz").write_bytes(gzip.compress(b"".join(odd[:10])))
    (tmp_path / "worker.log.4").write_bytes(b"".join(odd[10:20]))
    (tmp_path / "worker.log").write_bytes(b"".join(odd[20:]) + b'{"at": "torn')
    return tmp_path


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
def test_pages_hold_every_line_once(log_dir: Path, limit: int) -> None:
    """Whatever the size of a page, following the cursors gives each line of all roles once, newest first (C152)."""
    events, _ = _all(log_dir, Query(), limit)
    assert events == [f"e{n}" for n in range(59, -1, -1)]


def test_pages_hold_what_was_asked_for(log_dir: Path) -> None:
    """Role, camera, severity and begin are honoured on every page."""
    assert _all(log_dir, Query(who="worker", level="error"), 2)[0] == ["e55", "e45", "e35", "e25", "e15", "e5"]
    assert _all(log_dir, Query(camera="yard"), 3)[0] == [f"e{n}" for n in range(54, -1, -6)]
    assert _all(log_dir, Query(who="worker", camera="gate"), 3) == ([], 1)
    assert _all(log_dir, Query(since_us=START_US + 50_000), 4)[0] == [f"e{n}" for n in range(59, 49, -1)]


def test_lines_of_one_millisecond_are_not_lost_between_pages(tmp_path: Path) -> None:
    """A page may end between lines of the same instant, of one role or of several; the next one has the rest."""
    for role in ("recorder-0", "worker"):
        (tmp_path / f"{role}.log").write_bytes(b"".join(_line(n, role, at=7, level="info") for n in range(9)))
    events, _ = _all(tmp_path, Query(), 4)
    assert sorted(events) == sorted(f"e{n}" for n in range(9) for _ in range(2))


def test_a_page_looks_at_so_much_and_no_more(tmp_path: Path) -> None:
    """Where what is wanted is rare, a page is short and its cursor goes on; nothing is lost or out of order."""
    lines = [_line(n, level="error" if n in {3, 1500} else "info") for n in range(2000)]
    (tmp_path / "worker.log").write_bytes(b"".join(lines[:1990]))
    (tmp_path / "recorder-0.log").write_bytes(
        b"".join(_line(n, "recorder-0", level="error") for n in range(2000, 2003))
    )
    first = page(tmp_path, Query(level="error"), 10, look_bytes=10_000)
    assert [entry["event"] for entry in first.entries] == ["e2002", "e2001", "e2000"]
    events, pages = _all(tmp_path, Query(level="error"), 10, look_bytes=10_000)
    assert events == ["e2002", "e2001", "e2000", "e1500", "e3"]
    assert 10 < pages < 30


def test_a_cursor_that_is_none_is_refused(log_dir: Path) -> None:
    """What is not a cursor of ours is an error of whoever sent it, whatever stands in it."""
    for cursor in ("x", "W10", "bnVsbA", "WyJ4IiwgMV0", "WzEsIDFd", "…"):
        with pytest.raises(UsageError, match="not a cursor"):
            page(log_dir, Query(), 5, cursor)
