"""Connections over SSH that are kept."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.errors import TargetAway
from holdfast.storage.targets import ssh_kept
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.rsync import RsyncTarget
from support.target_places import content_of
from support.target_rsync import SshPlace, rsync_ssh

CONTENT = content_of(b"x" * 5000)

pytestmark = pytest.mark.needs("rsync", "sshd")


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[SshPlace]:
    with ExitStack() as stack:
        (tmp_path / "a.jpg").write_bytes(b"x" * 5000)
        yield rsync_ssh(tmp_path, stack)


def _target(place: SshPlace, quiet_s: float = 60.0) -> RsyncTarget:
    return RsyncTarget("t", place.config(quiet_s))


def _put(target: RsyncTarget, place: SshPlace, number: int) -> None:
    assert target.put(place.root.parent / "a.jpg", f"gate/{number}.jpg", CONTENT, Going()).verified == "sha256"


def _signed_in(place: SshPlace) -> int:
    return (place.root.parent / "ssh" / "log").read_text().count("Accepted publickey")


def _left(place: SshPlace) -> bool:
    """Whether every connection to the server has ended."""
    log = (place.root.parent / "ssh" / "log").read_text()
    return log.count("Disconnected from user") == log.count("Accepted publickey")


def _until(true: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until_s
        threading.Event().wait(0.02)


def test_commands_go_through_one_connection(place: SshPlace, no_leaks: Any) -> None:
    """Once a host has answered, what follows signs in once, except large files; it ends with the target."""
    large = place.root.parent / "large.mp4"
    with closing(_target(place)) as target:
        _put(target, place, 0)
        before = _signed_in(place)
        _put(target, place, 1)
        _put(target, place, 2)
        assert target.look("gate/1.jpg", CONTENT) is not None
        assert target.facts().free_bytes
        assert _signed_in(place) == before + 1
        large.write_bytes(b"x" * ((1 << 20) + 1))
        target.put(large, "gate/3.jpg", content_of(large.read_bytes()), Going())
        assert _signed_in(place) == before + 2
        assert not _left(place)
    _until(lambda: _left(place))
    assert place.names() == {f"gate/{number}.jpg" for number in range(4)}


def test_it_ends_after_whoever_was_killed(place: SshPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection of a process that was killed ends by itself, and nobody is in its way (F11)."""
    monkeypatch.setattr(ssh_kept, "_IDLE_S", 1)
    if (child := os.fork()) == 0:
        try:
            target = _target(place)
            _put(target, place, 0)
            _put(target, place, 1)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with closing(_target(place)) as target:
        _put(target, place, 1)
    assert place.names() == {f"gate/{number}.jpg" for number in range(2)}
    _until(lambda: _left(place))


def test_a_connection_that_is_cut_is_made_anew(place: SshPlace) -> None:
    """A connection that the network ended holds up nothing that comes after."""
    with closing(_target(place)) as target:
        _put(target, place, 0)
        _put(target, place, 1)
        before = _signed_in(place)
        place.proxy.drop()
        assert target._shell is not None
        kept = target._shell.kept
        _until(lambda: not kept._answers())  # it hears of the cut a moment later
        _put(target, place, 2)
        assert _signed_in(place) > before


@pytest.mark.best_of_three
def test_a_host_that_falls_silent_is_away_within_its_limit(place: SshPlace) -> None:
    """Silence on a connection that is kept ends as on any other (F20), and the host is used again once it is back."""
    with closing(_target(place, 1.0)) as target:
        _put(target, place, 0)
        _put(target, place, 1)
        with place.silent():
            began_s = time.monotonic()
            with pytest.raises(TargetAway):
                _put(target, place, 2)
            assert time.monotonic() - began_s < 15
        _put(target, place, 3)
