"""A daemon of rsync that says nothing for long: one that works is waited for, one that is gone is noticed."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from holdfast.core.errors import TargetAway
from holdfast.storage.targets import contract, rsync
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.rsync_daemon import greet
from support.rtsp_peer import free_port
from support.target_places import MB, content_of
from support.target_rsync import DaemonPlace, rsync_daemon

pytestmark = pytest.mark.needs("rsync")


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[DaemonPlace]:
    with ExitStack() as stack:
        place = rsync_daemon(tmp_path, stack)
        assert isinstance(place, DaemonPlace)
        yield place


def _before_comparing(place: DaemonPlace, script: str) -> None:
    """Have the daemon do something first, in silence, each time that it is to compare checksums."""
    folder = place.root.parent.parent / "rsyncd"
    before = folder / "before"
    before.write_text(f'#!/bin/sh\ncase "$RSYNC_ARG1 $RSYNC_ARG2" in *-nrc*) {script} ;; esac\nexit 0\n')
    before.chmod(0o755)
    with (folder / "rsyncd.conf").open("a") as config:
        config.write(f"pre-xfer exec = {before}\n")


@pytest.mark.best_of_three
def test_a_large_file_is_compared_for_longer_than_silence(
    place: DaemonPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A daemon that compares a large file for longer than the limit of silence is waited for (F20)."""
    monkeypatch.setattr(rsync, "_MARGIN_S", 0.2)
    monkeypatch.setattr(contract, "SLOWEST_BYTES", 500)  # 5000 bytes may take ten seconds
    _before_comparing(place, "sleep 2.5")
    source, data = tmp_path / "a.mp4", b"x" * 5000
    source.write_bytes(data)
    assert place.make(1.5).put(source, "a.mp4", content_of(data), Going()).verified == "rsync checksum"


@pytest.mark.best_of_three
def test_a_daemon_that_is_gone_while_it_compares_is_noticed(
    place: DaemonPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A daemon that falls silent in the midst of a long comparison is away after the limit of silence."""
    monkeypatch.setattr(contract, "SLOWEST_BYTES", 5)  # 5000 bytes may take a quarter of an hour
    monkeypatch.setattr(rsync, "_MARGIN_S", 0.2)
    over, began = tmp_path / "over", tmp_path / "began"
    _before_comparing(place, f"touch {began}; until [ -e {over} ]; do sleep 0.1; done")
    source, data = tmp_path / "a.jpg", b"x" * 5000
    source.write_bytes(data)
    silent_s: list[float] = []

    def fall_silent() -> bool:
        if began.exists() and not silent_s:
            place.proxy.quiet_after = 0
            silent_s.append(time.monotonic())
        return False

    try:
        with pytest.raises(TargetAway, match="daemon says nothing more"):
            place.make(1.5).put(source, "a.jpg", content_of(data), Going(told_to_stop=fall_silent))
        assert time.monotonic() - silent_s[0] < 10
    finally:
        over.touch()


@pytest.mark.best_of_three
def test_a_large_file_is_looked_at_over_a_slow_link(
    place: DaemonPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A copy that takes longer to fetch than silence may last is looked at, because bytes are moving all the time."""
    monkeypatch.setattr(rsync, "_MARGIN_S", 0.2)
    data = bytes(range(256)) * 20_000
    place.plant("a.mp4", data)
    place.proxy.rate = 2 * MB
    assert place.make(1.5).look("a.mp4", content_of(data)) is not None


def test_who_greets_is_there(place: DaemonPlace) -> None:
    """A daemon that greets is there; nobody, silence, and what is no daemon are not."""
    greet("t", f"rsync://keeper@127.0.0.1:{place.proxy.port}/kept/site", 20)
    with pytest.raises(TargetAway, match="refused"):
        greet("t", f"rsync://127.0.0.1:{free_port()}/kept", 20)
    with place.silent(), pytest.raises(TargetAway, match="timed out"):
        greet("t", f"rsync://127.0.0.1:{place.proxy.port}/kept", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        thread = threading.Thread(target=_hang_up, args=(other,))
        thread.start()
        with pytest.raises(TargetAway, match="is none"):
            greet("t", f"rsync://127.0.0.1:{port}/kept", 20)
        thread.join()


def _hang_up(server: socket.socket) -> None:
    server.accept()[0].close()
