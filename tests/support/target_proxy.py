"""A TCP proxy that breaks what goes through it: silence, cuts, flipped bits, answers that the server never gave.

Each connection has two threads. What goes through is counted.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

BLOCK = 65_536


class FaultProxy:
    """Listens on a free port of loopback and forwards to another.

    Attributes:
        port: Where it listens.
        sent: Bytes that clients have sent through it.
        quiet_after: Bytes of a connection after which neither side hears anything more; None lets all through.
        cut_after: Bytes from clients, over all connections, after which each one is closed.
        flip_at: Which byte from clients is changed, counted over all connections; each is changed once.
        answer: Given back to clients in place of the server's, and the connection closed.
        answers: How often `answer` is given; None is always.
        alter: Changes what the server answers.
        rate: Bytes a second that go through in each direction, all connections together; 0 is as fast as it can.
    """

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._closed = False
        self.rate = 0
        self._busy_until_s = {"up": 0.0, "down": 0.0}
        self.restore()

    def restore(self) -> None:
        """Be a good proxy again, for new connections."""
        self.sent = 0
        self.quiet_after: int | None = None
        self.cut_after: int | None = None
        self.flip_at: int | None = None
        self.answer: bytes = b""
        self.answers: int | None = None
        self.alter: Callable[[bytes], bytes] = lambda data: data

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.drop()
        for thread in self._threads:
            thread.join(60)

    def drop(self) -> None:
        """Close every connection."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self.answer and self.answers != 0:
                if self.answers is not None:
                    self.answers -= 1
                self._start(self._reply, client)
                continue
            try:
                server = socket.create_connection(self._to, 10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for one in (client, server):  # else what is passed on waits for acknowledgements that are late on purpose
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets += [client, server]
            state = [0]
            self._start(self._forward, client, server, state)
            self._start(self._back, server, client, state)

    def _reply(self, client: socket.socket) -> None:
        """Take a request's head, answer, and read on until the client has enough."""
        with contextlib.suppress(OSError), client:
            client.settimeout(5)
            head = b""
            while b"\r\n\r\n" not in head and (data := client.recv(BLOCK)):
                head += data
            client.sendall(self.answer)
            client.shutdown(socket.SHUT_WR)
            while client.recv(BLOCK):
                pass

    def _forward(self, client: socket.socket, server: socket.socket, state: list[int]) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(BLOCK):
                if self.quiet_after is not None and state[0] >= self.quiet_after:
                    continue  # read and forgotten, as a host does that has lost its way
                data = self._flipped(data)
                state[0] += len(data)
                with self._lock:
                    self.sent += len(data)
                if self.cut_after is not None and self.sent > self.cut_after:
                    break
                self._take("up", len(data))
                server.sendall(data)
        self._end(client, server)

    def _back(self, server: socket.socket, client: socket.socket, state: list[int]) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(BLOCK):
                if self.quiet_after is not None and state[0] >= self.quiet_after:
                    continue
                self._take("down", len(data))
                client.sendall(self.alter(data))
        if self.quiet_after is None or state[0] < self.quiet_after:
            self._end(client, server)

    def _take(self, way: str, count: int) -> None:
        """Be as slow as the link: wait until what is before these bytes, and they, have gone."""
        if not self.rate:
            return
        with self._lock:
            self._busy_until_s[way] = max(self._busy_until_s[way], time.monotonic()) + count / self.rate
            until_s = self._busy_until_s[way]
        time.sleep(max(0.0, until_s - time.monotonic()))

    def _flipped(self, data: bytes) -> bytes:
        at = None if self.flip_at is None else self.flip_at - self.sent
        if at is None or not 0 <= at < len(data):
            return data
        self.flip_at = None
        changed = bytearray(data)
        changed[at] ^= 1
        return bytes(changed)

    def _end(self, *ends: socket.socket) -> None:
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Proxied:
    """A target's place behind a proxy: falls silent when told, and knows what was sent through."""

    proxy: FaultProxy

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Let nothing through, in either direction."""
        self.proxy.quiet_after = 0
        try:
            yield
        finally:
            self.proxy.quiet_after = None
            self.proxy.drop()

    def sent(self) -> int | None:
        """Return the bytes that clients have sent."""
        return self.proxy.sent
