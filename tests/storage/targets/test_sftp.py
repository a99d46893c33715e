"""What only SFTP does; what every target does is in test_conformance."""

import random
import threading
import time
from contextlib import ExitStack, closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.core.errors import TargetAway
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.sftp import SftpTarget
from holdfast.storage.targets.sftp_link import Link
from support.target_places import MB, content_of
from support.target_sftp import SftpPlace, sftp


@pytest.mark.needs("sshd")
def test_while_one_file_is_read_back_the_next_one_is_sent(tmp_path: Path) -> None:
    """Of two large files one is sent first: the link is never idle because both are being read back (U2)."""
    data = random.Random(1).randbytes(2 * MB)
    source = tmp_path / "large.mp4"
    source.write_bytes(data)
    seen: list[set[str]] = []

    def growing(root: Path) -> set[str]:
        """Files of which some has come, and not all."""
        found = set()
        for path in root.glob(".holdfast-*.part"):
            with suppress(FileNotFoundError):  # whole by now, and renamed
                if 0 < path.stat().st_size < len(data):
                    found.add(str(path))
        return found

    with ExitStack() as stack:
        place = sftp(tmp_path, stack)
        assert isinstance(place, SftpPlace)
        place.proxy.rate = 8 * MB
        target = stack.enter_context(closing(place.make()))
        threads = [
            threading.Thread(target=target.put, args=(source, f"{name}.mp4", content_of(data), Going()))
            for name in "ab"
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            # Files are looked at one after the other: at once grow those that did in two looks.
            seen.append(growing(place.root) & growing(place.root))
            time.sleep(0.01)
        assert place.names() == {"a.mp4", "b.mp4"}
    assert any(seen)
    assert not [files for files in seen if len(files) > 1]


@pytest.mark.best_of_three
@pytest.mark.needs("sshd")
def test_a_large_file_is_synced_bit_by_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sync has more to write than the limit of silence allows, after an interruption, too; all bytes come (F20)."""
    data = random.Random(1).randbytes(5 * MB)
    source = tmp_path / "large.mp4"
    source.write_bytes(data)
    synced: list[int] = []
    sync = Link.sync
    with ExitStack() as stack:
        place = sftp(tmp_path, stack)
        assert isinstance(place, SftpPlace)

        def told(link: Link, handle: object) -> None:
            sync(link, handle)
            synced.append(max(path.stat().st_size for path in place.root.glob(".holdfast-*.part")))

        monkeypatch.setattr(Link, "sync", told)
        target = stack.enter_context(closing(place.make(1.0)))
        with pytest.raises(TargetAway):
            target.put(source, "a.mp4", content_of(data), Going(told_to_stop=lambda: len(synced) == 2))
        assert target.put(source, "a.mp4", content_of(data), Going()).verified == "sha256"
        assert place.read("a.mp4") == data
    steps = [after - before for before, after in pairwise([0, *synced])]
    assert max(steps) < 2 * MB
    assert synced[-1] == len(data)


@pytest.mark.best_of_three
@pytest.mark.needs("sshd")
def test_a_sync_that_is_not_answered_is_none(tmp_path: Path) -> None:
    """A server that does not answer in time has not synced: what it holds is not taken for durable."""
    with ExitStack() as stack:
        place = sftp(tmp_path, stack)
        assert isinstance(place, SftpPlace)
        target = place.make(1.0)
        assert isinstance(target, SftpTarget)
        link = stack.enter_context(closing(Link("t", target._config)))
        file = link.sftp.open(str(place.root / "a"), "wb")
        link.sync(file.handle)
        with place.silent(), pytest.raises(TimeoutError):
            link.sync(file.handle)
