import os
import signal
import tempfile
import threading
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest

from holdfast.core.config.secret import Secret
from holdfast.core.config.targets import RsyncTarget as RsyncConfig
from holdfast.core.errors import NameTaken, TargetAway, TargetBarred
from holdfast.storage.targets import marker
from holdfast.storage.targets.contract import Going, Receipt
from holdfast.storage.targets.many import Item
from holdfast.storage.targets.rsync import RsyncTarget
from support.rtsp_peer import free_port
from support.target_places import Place, content_of
from support.target_rsync import DaemonPlace, LocalPlace, SshPlace, rsync_daemon, rsync_local, rsync_ssh

CONTENT = content_of(b"x" * 5000)


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 5000)
    return path


@pytest.mark.needs("rsync", "sshd")
def test_a_key_that_may_only_run_rsync(source: Path, tmp_path: Path) -> None:
    """Where SSH leads to rsync alone, copies are verified by rsync's own checksums, and looked at by fetching them."""
    with ExitStack() as stack:
        place = rsync_ssh(tmp_path, stack)
        assert isinstance(place, SshPlace)
        only = tmp_path / "only-rsync"
        only.write_text(
            '#!/bin/sh\ncase "$SSH_ORIGINAL_COMMAND" in rsync*) exec $SSH_ORIGINAL_COMMAND ;; esac\nexit 1\n'
        )
        only.chmod(0o755)
        authorized = tmp_path / "ssh" / "authorized"
        authorized.write_text(f'command="{only}" {authorized.read_text()}')
        target = place.make()
        assert target.put(source, "gate/a.jpg", CONTENT, Going()).verified == "rsync checksum"
        assert target.put(source, "gate/a.jpg", CONTENT, Going()).already
        assert target.look("gate/a.jpg", CONTENT) is not None
        assert target.look("gate/b.jpg", CONTENT) is None
        assert "checksums" in target.facts().verifies


@pytest.mark.needs("rsync", "sshd")
def test_a_host_writes_to_its_disk_before_a_copy_counts(source: Path, tmp_path: Path) -> None:
    """What arrived is synced there, then hashed; a look alone makes nobody's disk busy (U1)."""
    with ExitStack() as stack:
        place = rsync_ssh(tmp_path, stack)
        assert isinstance(place, SshPlace)
        asked = place.instead()
        target = RsyncTarget("t", place.config())
        assert target.put(source, "gate/a.jpg", CONTENT, Going()).verified == "sha256"
        last = asked.read_text().splitlines()[-1]
        assert 0 < last.index("sync -f .") < last.index("sha256sum -b")
        assert target.look("gate/a.jpg", CONTENT) is not None
        assert "sync" not in asked.read_text().splitlines()[-1]
        asked.unlink()
        names = [f"gate/{number}-{'x' * 50}.jpg" for number in range(250)]
        sent = target.put_many([Item(source, name, CONTENT) for name in names], Going())
        assert {outcome.verified for _, outcome in sent if isinstance(outcome, Receipt)} == {"sha256"}
        assert asked.read_text().count("cd ") == 1, "one command, however many there are"


@pytest.mark.needs("rsync", "sshd")
def test_a_host_that_is_not_known_is_refused(source: Path, tmp_path: Path) -> None:
    """A host with another key gets nothing, and a key that the host does not know is said to be that."""
    with ExitStack() as stack:
        place = rsync_ssh(tmp_path, stack)
        assert isinstance(place, SshPlace)
        good = place.known_hosts.read_text()
        place.known_hosts.write_text("")
        with pytest.raises(TargetBarred) as caught:
            place.make().put(source, "a.jpg", CONTENT, Going())
        assert "known_hosts" in caught.value.hint
        place.known_hosts.write_text(good)
        (tmp_path / "ssh" / "authorized").write_text("")
        with pytest.raises(TargetBarred) as caught:
            place.make().put(source, "a.jpg", CONTENT, Going())
        assert "key" in caught.value.hint
        assert not place.names()


@pytest.mark.needs("rsync")
def test_a_daemon_that_refuses_says_why(source: Path, tmp_path: Path) -> None:
    """A wrong password and a module that is none are told apart; neither shows the password (F61)."""
    with ExitStack() as stack:
        place = rsync_daemon(tmp_path, stack)
        assert isinstance(place, DaemonPlace)
        base = f"rsync://127.0.0.1:{place.proxy.port}"
        for path, hint in ((f"{base}/kept", "password"), (f"{base}/none", "module")):
            wrong = RsyncConfig(type="rsync", path=path, user="keeper", password=Secret("wrong-word"))
            with pytest.raises(TargetBarred) as caught:
                RsyncTarget("t", wrong).put(source, "a.jpg", CONTENT, Going())
            assert hint in caught.value.hint
            assert "wrong-word" not in str(caught.value)


@pytest.mark.needs("rsync")
def test_nobody_there_is_away(source: Path, tmp_path: Path) -> None:
    """A daemon that does not listen is away, and so is a local folder without its marker, which is not filled."""
    away = RsyncConfig(type="rsync", path=f"rsync://127.0.0.1:{free_port()}/kept", quiet_s=3)
    with pytest.raises(TargetAway):
        RsyncTarget("t", away).put(source, "a.jpg", CONTENT, Going())
    here = tmp_path / "mount-point"
    here.mkdir()
    with pytest.raises(TargetAway, match="mounted"):
        RsyncTarget("t", RsyncConfig(type="rsync", path=str(here))).put(source, "a.jpg", CONTENT, Going())
    assert not list(here.iterdir())


@pytest.mark.needs("rsync", "linux")
def test_a_full_temporary_folder_holds_up_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """What a run needs beside the files lies in memory: a disk without room is drained all the same (F18)."""
    marker.adopt("t", tmp_path / "there", 1)
    target = RsyncTarget("t", RsyncConfig(type="rsync", path=str(tmp_path / "there")))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    assert target.put(source, "gate/a.jpg", CONTENT, Going()).verified == "sha256"


@pytest.mark.needs("rsync")
@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_what_lies_in_the_place_of_a_folder_stays(source: Path, tmp_path: Path, kind: str) -> None:
    """A file or link where a folder is needed blocks its name alone; neither sending nor removing takes it (F23)."""
    with ExitStack() as stack:
        place = rsync_daemon(tmp_path, stack)
        assert isinstance(place, DaemonPlace)
        target = place.make()
        assert target.put(source, "other/a.jpg", CONTENT, Going()).verified
        gate, elsewhere = place.root / "gate", tmp_path / "elsewhere"
        if kind == "file":
            gate.write_bytes(b"theirs")
        else:
            gate.symlink_to(elsewhere)
        if kind == "link":
            elsewhere.mkdir()
            (elsewhere / "a.jpg").write_bytes(b"theirs")
        with pytest.raises(NameTaken):
            target.put(source, "gate/a.jpg", CONTENT, Going())
        # Below a link to nothing lies nothing, and to remove that is fine.
        with nullcontext() if kind == "dangling" else pytest.raises(NameTaken):
            target.remove("gate/a.jpg")
        assert gate.is_file() if kind == "file" else gate.is_symlink()
        assert kind != "link" or (elsewhere / "a.jpg").read_bytes() == b"theirs"
        target.remove("other/a.jpg")
        assert not (place.root / "other" / "a.jpg").exists()


@pytest.mark.needs("rsync", "linux")
@pytest.mark.parametrize("after", [0.3, 1.0], ids=["sending", "verifying"])
def test_a_kill_among_many_leaves_whole_files_alone(tmp_path: Path, after: float) -> None:
    """Killed among many, or before they are verified: what has a name is whole, and the next run counts each (F11)."""
    place = rsync_local(tmp_path, ExitStack())
    items = []
    for number in range(60):
        (path := tmp_path / f"{number}.jpg").write_bytes(data := f"{number}".encode() * 20_000)
        items.append(Item(path, f"gate/{number}.jpg", content_of(data)))
    due = sum(item.content.bytes for item in items) * after
    moved: list[int] = []

    def told() -> bool:
        if sum(moved) >= due:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    if (child := os.fork()) == 0:
        try:
            list(RsyncTarget("t", _local(place)).put_many(items, Going(moved=moved.append, told_to_stop=told)))
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    bodies = {item.key: item.source.read_bytes() for item in items}
    assert all(place.read(key) in {None, body} for key, body in bodies.items())
    outcomes = [outcome for _, outcome in RsyncTarget("t", _local(place)).put_many(items, Going())]
    assert all(isinstance(outcome, Receipt) and outcome.verified == "sha256" for outcome in outcomes)
    assert len(outcomes) == len(items)
    assert {key: place.read(key) for key in bodies} == bodies
    until = time.monotonic() + 60
    while place.names() != set(bodies):  # what the killed one had started removes its own
        assert time.monotonic() < until, place.names() - set(bodies)
        threading.Event().wait(0.02)


def _local(place: Place) -> RsyncConfig:
    assert isinstance(place, LocalPlace)
    return RsyncConfig(type="rsync", path=str(place.root))
