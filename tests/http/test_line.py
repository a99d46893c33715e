"""Connections of viewers over real sockets: what is left of them when a session is over."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, WebSocket
from websockets.sync.client import connect

from holdfast.http import line
from support.recording import until
from support.web import serving

LENGTH = 1 << 16


def _app(patience_s: float) -> FastAPI:
    """Sends a hundred pieces, and gives up where that takes too long."""
    app = FastAPI()

    @app.websocket("/flood")
    async def flood(viewer: WebSocket) -> None:
        await viewer.accept()
        try:
            async with asyncio.timeout(patience_s):
                for _ in range(100):
                    await viewer.send_bytes(bytes(LENGTH))
                    await asyncio.sleep(0.001)
        except TimeoutError:
            return
        await viewer.send_text("the last words")
        await viewer.close()

    return app


@contextmanager
def _silent(base: str) -> Iterator[socket.socket]:
    """A viewer that shakes hands, and then reads nothing and says nothing."""
    place = base.removeprefix("http://")
    host, _, port = place.partition(":")
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mine.connect((host, int(port)))
        head = f"GET /flood HTTP/1.1\r\nHost: {place}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        mine.sendall((head + key).encode())
        assert b" 101 " in mine.recv(256)
        yield mine


def _held(mine: socket.socket) -> bool:
    ports = mine.getsockname()[1], mine.getpeername()[1]
    rows = [row.split() for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    ends = {(int(row[2].split(":")[1], 16), int(row[1].split(":")[1], 16)) for row in rows if row[9] != "0"}
    return ports in ends


@pytest.mark.best_of_three
@pytest.mark.needs("linux")
def test_who_takes_nothing_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server lets go of a connection soon after its session ended, although bytes for it wait (F59)."""
    monkeypatch.setattr(line, "CLOSE_S", 0.2)
    with serving(_app(1)) as base, _silent(base) as mine:
        assert _held(mine)
        until(lambda: not _held(mine), 5)


def test_who_reads_has_the_last_words() -> None:
    """A viewer that reads gets everything, the end included."""
    with (
        serving(_app(60)) as base,
        connect(f"ws{base.removeprefix('http')}/flood", proxy=None, max_size=None) as viewer,
    ):
        heard = list(viewer)
    assert heard[-1] == "the last words"
    assert viewer.close_code == 1000


def test_a_vanished_viewer_is_noticed_in_time() -> None:
    """Asking and waiting for an answer take less than 30 s together (F59)."""
    assert line.PING_S + line.PONG_S + line.CLOSE_S < 30
