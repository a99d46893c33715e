import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.errors import Refused
from holdfast.media.source.folder_watch import FolderWatch
from holdfast.media.source.make import tcp_answers
from support.patients import ordinary_user
from support.rtsp_peer import free_port


@pytest.mark.best_of_three
def test_a_name_that_nobody_resolves_costs_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """F04: while a name server drops what it is asked, a knock is over in time; a hundred leave one thread."""
    goes_on = threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        goes_on.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    before, began = threading.active_count(), time.monotonic()
    try:
        assert not any(tcp_answers("rtsp://slow.example.invalid/x", 0.01) for _ in range(100))
        assert time.monotonic() - began < 10
        assert threading.active_count() == before + 1
    finally:
        goes_on.set()


def test_each_host_is_knocked_at_by_itself() -> None:
    """A host that answers is found while another one's name is still being looked up, and found again later."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert tcp_answers(f"rtsp://127.0.0.1:{port}/x", 5.0)
        assert tcp_answers(f"rtsp://127.0.0.1:{port}/x", 5.0)
    assert not tcp_answers(f"rtsp://127.0.0.1:{port}/x", 5.0)


def test_a_folder_behind_one_that_may_not_be_entered_tells_what_is_wrong(tmp_path: Path) -> None:
    """It counts as there, so that it is opened, which says that it may not be read and what to do."""
    folder = tmp_path / "closed" / "captures"
    folder.mkdir(parents=True)
    with ordinary_user(tmp_path):
        folder.parent.chmod(0)
        assert tcp_answers(f"folder://{folder}", 1)
        with pytest.raises(Refused, match="may not be read"):
            FolderWatch(folder, "bench/main")
        folder.parent.chmod(0o700)
        assert tcp_answers(f"folder://{folder}", 1)
        assert not tcp_answers(f"folder://{folder}/gone", 1)
