"""A server that speaks PostgREST's protocol over a table in memory: inserts, filters, conflicts, and faults on request.

A fake of the database behind it, not of the protocol: requests come over a real socket.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class PostgRest:
    """The table, and how it answers.

    Attributes:
        rows: What is in it.
        unique: Column that two rows may not share; empty for none.
        answers: Status codes for the next requests that insert, first one first; then it is well.
        forbids: Says the status code for a row that a policy of the table refuses; 0 for the others.
        lost: How many inserts are done without an answer.
        asked: Method and headers of every request.
    """

    def __init__(self, unique: str = "") -> None:
        self.rows: list[dict[str, Any]] = []
        self.unique = unique
        self.answers: list[int] = []
        self.forbids: Callable[[dict[str, Any]], int] = lambda _row: 0
        self.lost = 0
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self.lock = threading.Lock()


@contextmanager
def postgrest(unique: str = "") -> Iterator[PostgRest]:
    """Serve one on a free port of loopback."""
    table = PostgRest(unique)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            table.asked.append(("GET", dict(self.headers)))
            wanted = {
                name: values[0].removeprefix("eq.")
                for name, values in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()
                if values[0].startswith("eq.")
            }
            found = [row for row in table.rows if all(str(row.get(name)) == value for name, value in wanted.items())]
            self._answer(200, found)

        def do_POST(self) -> None:
            table.asked.append(("POST", dict(self.headers)))
            row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with table.lock:
                code = table.answers.pop(0) if table.answers else table.forbids(row) or 201
                if code != 201:
                    self._answer(code, {"message": f"said {code}"})
                    return
                if table.unique and any(other[table.unique] == row[table.unique] for other in table.rows):
                    self._answer(409, {"message": "duplicate key value violates unique constraint"})
                    return
                table.rows.append(row)
                if table.lost:
                    table.lost -= 1
                    self.close_connection = True
                    self.connection.close()
                    return
            self._answer(201, None)

        def _answer(self, code: int, body: Any) -> None:
            raw = b"" if body is None else json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    table.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield table
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
