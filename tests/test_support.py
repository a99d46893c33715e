"""What helpers of tests promise to whoever runs the tests."""

import random
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from support.rtsp_peer import free_port

_SESSION = """
from support.catalog import Postgres
from support.needs import postgres_bin

with Postgres(postgres_bin()) as server:
    print(server.port, server.folder, flush=True)
    input()
"""


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.needs("postgres")
def test_a_killed_session_leaves_no_database_server() -> None:
    """The PostgreSQL of a test session ends with it, however that ends."""
    argv = [sys.executable, "-c", _SESSION]
    with subprocess.Popen(argv, cwd=Path(__file__).parent, stdin=-1, stdout=-1, text=True) as session:
        assert session.stdout is not None
        port, folder = session.stdout.readline().split()
        try:
            assert _listens(int(port))
            session.kill()
            end = time.monotonic() + 60
            while _listens(int(port)):
                assert time.monotonic() < end
                time.sleep(0.02)
        finally:
            session.kill()
            shutil.rmtree(folder, ignore_errors=True)


def test_ports_that_follow_each_other_are_all_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two drills on one machine take no port of each other: where one of a stretch is taken another is looked for."""
    taken = free_port(3)
    with socket.create_server(("127.0.0.1", taken)):
        choices = [taken - 2, taken - 1, taken, free_port(3)]
        monkeypatch.setattr(random, "randrange", lambda *_: choices.pop(0))
        found = free_port(3)
    assert not {*range(found, found + 3)} & {taken}
    assert choices == []
