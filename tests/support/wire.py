"""A line between a browser and a server that a test cuts, freezes or makes deaf to WebSockets, and mends again."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from support.rtsp_peer import free_port

_STEP_S = 0.05
_CHUNK = 65536


class Wire:
    """Hands bytes on in both directions.

    Attributes:
        frozen: Connections stand and new ones are taken, but nothing goes through: as a host that hangs.
        deaf: Who asks for a WebSocket is cut off, as by a proxy that knows none.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._to = (parts.hostname or "", parts.port or 0)
        self._port = free_port()  # it is left, and taken again
        self._listening: socket.socket | None = socket.create_server(("127.0.0.1", self._port))
        self.address = f"http://127.0.0.1:{self._port}"
        self.frozen = False
        self.deaf = False
        self._over = False
        self._ends: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, name="wire")]
        self._threads[0].start()

    def cut(self) -> None:
        """Nobody listens any more, and what was open ends."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Listen again, under the same address."""
        self._listening = socket.create_server(("127.0.0.1", self._port))

    def close(self) -> None:
        """End everything."""
        self._over = True
        self.cut()
        for thread in self._threads:
            thread.join(60)

    def _accept(self) -> None:
        pause = threading.Event()
        while not self._over:
            listening = self._listening
            if listening is None:
                pause.wait(_STEP_S)
                continue
            try:
                listening.settimeout(_STEP_S)
                near, _ = listening.accept()
            except OSError:
                continue
            far = socket.create_connection(self._to)
            for one, other in ((near, far), (far, near)):
                thread = threading.Thread(target=self._hand_on, args=(one, other, one is near), name="wire")
                self._threads.append(thread)
                self._ends.add(one)
                thread.start()
            if self._listening is not listening:  # it was cut while this one came in
                with suppress(OSError):
                    near.shutdown(socket.SHUT_RDWR)

    def _hand_on(self, one: socket.socket, other: socket.socket, asks: bool) -> None:  # noqa: FBT001 - which of the two
        pause = threading.Event()
        one.settimeout(_STEP_S)
        with one, suppress(OSError):
            while not self._over:
                try:
                    data = one.recv(_CHUNK)
                except TimeoutError:
                    continue
                if not data or (asks and self.deaf and b"pgrade: websocket" in data):
                    break
                while self.frozen and not self._over:
                    pause.wait(_STEP_S)
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        self._ends.discard(one)


@contextmanager
def wired(address: str) -> Iterator[Wire]:
    """Put a wire before a server for a while."""
    wire = Wire(address)
    try:
        yield wire
    finally:
        wire.close()
