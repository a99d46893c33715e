"""Whoever takes a file off the list may rely on it, whatever goes on at the same time (C080)."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.core.errors import AlreadyRunning
from holdfast.storage import expendable
from holdfast.storage.expendable import Entry, decode, empty, encode, publish, reading, removing, strike

DAY = "footage/gate/main/2026-01-01"
A, B, C = (Entry("vol", f"{DAY}/{name}.mp4", 10, number, number + 1) for number, name in enumerate("abc"))


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / expendable.NAME
    publish(path, lambda: [A, B, C])
    return path


def named(path: Path) -> list[Entry]:
    """What may go."""
    return [one for raw in path.read_bytes().splitlines() if (one := decode(raw)) is not None]


def test_a_line_says_what_it_means_or_nothing() -> None:
    """A line comes back as it was written; one that is garbled, or names no finished footage, clears nothing."""
    assert [decode(raw) for raw in encode([A, B]).splitlines()] == [A, B]
    assert decode(b'{"volume": "v", "file": "footage/gate/main/2026-01-01/a.mp4", "bytes": 1}') is not None
    later = Entry("vol", f"{DAY}/d.mp4", 10, 1, 2, "boot-1", 7)
    assert decode(encode([later])) == later
    wrong = [
        b'{"volume": "v", "file": "footage/gate/main/2026-01-01/a.mp4", "bytes": 1, "boot_us": "x"}',
        b'{"volume": "v", "file": "footage/gate/main/2026-01-01/a.mp4", "bytes": 1, "unless": "it rains"}',
        b'{"file": "footage/gate/main/2026-01-01/a.mp4", "bytes": 1}',
        b"", b"  ", b"[]", b"\0\xff{", b'{"volume": "v", "file": "x.mp4", "bytes": 1}',
        b'{"volume": "v", "file": "footage/gate/main/2026-01-01/a.mp4", "bytes": true}',
        b'{"volume": "v", "file": "footage/gate/main/2026-01-01/a.mp4", "bytes": 1, "from_us": "x"}',
    ]  # fmt: skip
    assert [decode(raw) for raw in wrong] == [None] * len(wrong)


def test_what_is_struck_is_named_no_more(path: Path) -> None:
    """Files are taken off in their place; the others stay in their order, and lines that nobody can read go."""
    with path.open("ab") as file:
        file.write(b'{"torn')
    size = path.stat().st_size
    assert strike(path, lambda one: one == B) == 1
    assert named(path) == [A, C]
    assert path.stat().st_size == size
    assert b"torn" not in path.read_bytes()
    assert strike(path, lambda one: one == B) == 0
    empty(path)
    assert named(path) == []
    assert strike(path.with_name("absent"), lambda _: True) == 0


def test_a_file_system_that_has_no_room_to_write_over_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be struck because the disk is full, nothing at all is named any more."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", full)
    assert strike(path, lambda one: one == B) == 0
    assert named(path) == []


@pytest.mark.parametrize("hold", [reading, removing], ids=["recorder", "pass"])
def test_who_strikes_waits_for_who_removes(path: Path, hold: Callable[[Path], object]) -> None:
    """A file that is taken off the list is not removed any more once that is done, by nobody."""
    order: list[str] = []

    def set_a_hold() -> None:
        begun.set()
        strike(path, lambda one: one == A)
        order.append("struck")

    begun = threading.Event()
    other = threading.Thread(target=set_a_hold)
    with hold(path):  # type: ignore[attr-defined]
        other.start()
        assert begun.wait(60)
        order.append("removed")
    other.join(60)
    assert order == ["removed", "struck"]
    with reading(path) as said:
        assert [decode(raw) for raw in said.splitlines() if raw.strip()] == [B, C]


def test_who_publishes_asks_while_nobody_else_has_the_list(path: Path) -> None:
    """What is struck after a list was thought of and before it is there is struck from the new one (C080)."""
    other = threading.Thread(target=strike, args=(path, lambda one: one == A))

    def thought() -> list[Entry]:
        other.start()
        return [A, B]

    publish(path, thought)
    other.join(60)
    assert named(path) == [B]


def test_what_hangs_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a removal hangs, files are struck without waiting, and whoever does it is told; no new list is made."""
    monkeypatch.setattr(expendable, "WAIT_S", 0.0)
    with removing(path):
        with pytest.raises(AlreadyRunning):
            strike(path, lambda one: one == A)
        with pytest.raises(AlreadyRunning):
            publish(path, lambda: [A])
    assert named(path) == [B, C]


def test_a_recorder_does_not_wait_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a list is being made a recorder removes nothing, nor where there is none or it cannot be read."""
    monkeypatch.setattr(expendable, "READ_WAIT_S", 0.0)

    def thought() -> list[Entry]:
        with pytest.raises(AlreadyRunning), reading(path):
            raise AssertionError
        return []

    publish(path, thought)
    for other in (path.with_name("absent"), path.parent):
        with reading(other) as said:
            assert said == b""
