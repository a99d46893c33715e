"""A peer that answers each request with what a test wrote down, or with nothing: for answers no sane camera gives."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

_POLL_S = 0.05


def free_port(count: int = 1) -> int:
    """Return a port on which nobody listens now, and which the system gives to nobody who asks for any.

    With a count it is the first of so many that follow each other.
    """
    while True:
        first = random.randrange(10_000, 32_000)
        with ExitStack() as probes, suppress(OSError):
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


@contextmanager
def unanswering() -> Iterator[int]:
    """Hand out a port that answers no connection at all, not even with a refusal: its queue is full."""
    with socket.socket() as server, ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        for _ in range(4):  # Linux lets one or two more into the queue than it was told
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)  # noqa: FBT003 - the library's signature
            with suppress(BlockingIOError):
                one.connect(address)
        yield int(address[1])


@contextmanager
def peer(*answers: bytes) -> Iterator[int]:
    """Listen on a free port, which is handed out; each request of a connection gets the next answer.

    After the last answer the connection is closed; without any it is kept open in silence.
    """
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_POLL_S)
        thread = threading.Thread(target=_serve, args=(server, answers, stop), name="rtsp peer", daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stop.set()
            thread.join(60)


def _serve(server: socket.socket, answers: tuple[bytes, ...], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            connection, _ = server.accept()
        except TimeoutError:
            continue
        with connection, suppress(OSError):
            if not answers:
                stop.wait()
            for answer in answers:
                connection.recv(65_536)
                connection.sendall(answer)
