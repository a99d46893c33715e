"""What only SFTP does; what every target does is in test_conformance."""

import random
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from holdfast.storage.targets.contract import Going
from support.target_places import MB, content_of
from support.target_sftp import SftpPlace, sftp


@pytest.mark.needs("sshd")
def test_while_one_file_is_read_back_the_next_one_is_sent(tmp_path: Path) -> None:
    """Of two large files one is sent first: the link is never idle because both are being read back (U2)."""
    data = random.Random(1).randbytes(2 * MB)
    source = tmp_path / "large.mp4"
    source.write_bytes(data)
    seen: list[dict[str, int]] = []
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
            seen.append({str(path): path.stat().st_size for path in place.root.glob(".holdfast-*.part")})
            time.sleep(0.01)
        assert place.names() == {"a.mp4", "b.mp4"}
    assert any(seen)
    assert not [sizes for sizes in seen if sum(0 < size < len(data) for size in sizes.values()) > 1]
