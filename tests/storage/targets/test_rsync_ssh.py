"""What is asked of a shell at the far side: hashes, synced before, of any size, at hosts that know little."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from holdfast.core.errors import TargetAway
from holdfast.storage.targets import contract
from holdfast.storage.targets.contract import Going, Receipt
from holdfast.storage.targets.many import Item
from holdfast.storage.targets.rsync import RsyncTarget
from support.target_places import content_of
from support.target_rsync import SshPlace, rsync_ssh

CONTENT = content_of(b"x" * 5000)
_SLOW = """case "$*" in *large*) echo hashing >> "$ASKED"; {wait} ;; esac
exec /usr/bin/sha256sum "$@" """
_TOLD = 'echo "sync done" >> "$ASKED"; exec /bin/sync "$@"'

pytestmark = pytest.mark.needs("rsync", "sshd")


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[SshPlace]:
    with ExitStack() as stack:
        yield rsync_ssh(tmp_path, stack)


def _put(target: RsyncTarget, place: SshPlace, data: bytes, name: str) -> Receipt:
    source = place.root.parent / name
    source.write_bytes(data)
    return target.put(source, f"gate/{name}", content_of(data), Going())


@pytest.mark.best_of_three
def test_a_large_file_is_hashed_for_longer_than_silence(place: SshPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that hashes a large file for longer than the limit of silence is waited for, and it is sent once (F20)."""
    asked = place.instead(sha256sum=_SLOW.format(wait="sleep 2.8"))
    monkeypatch.setattr(contract, "SLOWEST_BYTES", 500)  # 5000 bytes may take ten seconds
    with closing(RsyncTarget("t", place.config(1.5))) as target:
        assert _put(target, place, b"x" * 5000, "large.mp4").verified == "sha256"
    assert asked.read_text().count("hashing") == 1


@pytest.mark.best_of_three
def test_a_host_that_is_gone_while_it_hashes_is_noticed(place: SshPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that falls silent in the midst of a long hash is away after the limit of silence, not after the hash."""
    over = place.root.parent / "over"
    asked = place.instead(sha256sum=_SLOW.format(wait=f"until [ -e {over} ]; do sleep 0.1; done"))
    monkeypatch.setattr(contract, "SLOWEST_BYTES", 5)  # 5000 bytes may take a quarter of an hour
    fell_silent_s: list[float] = []

    def silence() -> None:
        until_s = time.monotonic() + 60
        while not (asked.exists() and "hashing" in asked.read_text()) and time.monotonic() < until_s:
            time.sleep(0.02)
        place.proxy.quiet_after = 0
        fell_silent_s.append(time.monotonic())

    thread = threading.Thread(target=silence)
    thread.start()
    try:
        with closing(RsyncTarget("t", place.config(1.5))) as target:
            with pytest.raises(TargetAway):
                _put(target, place, b"x" * 5000, "large.jpg")
            assert time.monotonic() - fell_silent_s[0] < 10
    finally:
        over.touch()
        thread.join()


def test_hosts_whose_xargs_knows_little(place: SshPlace) -> None:
    """A host whose xargs knows no -0, as an older Busybox, is verified by its own hashes, and synced before (U1)."""
    asked = place.instead(xargs='[ "$1" != -0 ] && exec /usr/bin/xargs "$@"; echo "bad option" >&2; exit 1', sync=_TOLD)
    with closing(RsyncTarget("t", place.config())) as target:
        assert _put(target, place, b"x" * 5000, "a b.jpg").verified == "sha256"
        assert asked.read_text().count("sync done") == 1


def test_a_host_without_sha256sum_is_synced_before_rsync_compares(place: SshPlace) -> None:
    """Where rsync's checksums verify, and there is a shell, what they read is on the disk there before (U1)."""
    asked = place.instead(sha256sum="exit 127", sync=_TOLD)
    with closing(RsyncTarget("t", place.config())) as target:
        for number in range(2):
            assert _put(target, place, b"x" * 5000, f"{number}.jpg").verified == "rsync checksum"
    said = ["sync" if line == "sync done" else line.split(" . ")[0][:22] for line in asked.read_text().splitlines()]
    once = ["rsync --server -Otre.i", "exec sh -c 'cd " + str(place.root)[:7], "sync", "rsync --server -nrce.i"]
    assert said == [*once, *once]


def test_many_with_any_names_are_hashed_by_one_command(place: SshPlace) -> None:
    """More files than one call of sha256sum takes, under any names, are hashed by one command; others are not there."""
    names = [f"gate/{number}.jpg" for number in range(130)] + ['a b/it\'s [1] {2}$*\\ "q".jpg', "-x/ lead and trail "]
    source = place.root.parent / "a.jpg"
    source.write_bytes(b"x" * 5000)
    with closing(RsyncTarget("t", place.config())) as target:
        sent = dict(target.put_many([Item(source, name, CONTENT) for name in names], Going()))
        assert {item.key: getattr(receipt, "verified", receipt) for item, receipt in sent.items()} == dict.fromkeys(
            names, "sha256"
        )
        assert all(place.read(name) == b"x" * 5000 for name in names)
        assert target.look("gate/gone.jpg", CONTENT) is None
