"""A service that is told of files over HTTP: it remembers every request, and answers as a test wants.

It speaks HTTP over a real socket of loopback; what it does with what it is told is nothing.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request: its method, headers with small names, and body."""

    method: str
    headers: dict[str, str]
    body: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """What was told."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def uid(self) -> str:
        """Id of the hand-over."""
        return self.headers.get("webhook-id", "")


class Receiver:
    """The service.

    Attributes:
        asked: Every request, in order.
        answers: Status codes of the next requests, first one first; then `code`.
        code: What is answered otherwise.
        bad: Answers by file name: a poisoned one is refused whenever it comes.
        headers: Sent with every answer.
        held: Cleared, nobody gets an answer until it is set.
        trickle: Whether an answer comes a letter at a time, and never to its end.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: list[int] = []
        self.code = 204
        self.bad: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.held = threading.Event()
        self.held.set()
        self.trickle = False
        self.url = ""
        self.over = threading.Event()

    def uids(self) -> list[str]:
        """Ids in the order in which they came."""
        return [one.uid for one in self.asked if one.method == "POST"]

    def answer_to(self, asked: Asked) -> int:
        """Return what a request is answered."""
        if self.bad and (code := self.bad.get(asked.facts["file"])):
            return code
        return self.answers.pop(0) if self.answers else self.code


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """Serve one on loopback; port 0 takes a free one."""
    service = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self._take("HEAD")

        def do_POST(self) -> None:
            self._take("POST")

        def _take(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked = Asked(method, {name.lower(): value for name, value in self.headers.items()}, body)
            service.asked.append(asked)
            service.held.wait(60)
            if service.trickle:
                while not service.over.wait(0.05):
                    self.wfile.write(b"H")
                return
            self.send_response(service.answer_to(asked))
            for name, value in {"Content-Length": "0", **service.headers}.items():
                self.send_header(name, value)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}/told/7f3a9c"
    try:
        yield service
    finally:
        service.held.set()
        service.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
