"""A fake of Supabase Storage: a small HTTP server that speaks the documented REST interface from memory.

It is a fake: nothing here shows how the real service behaves beyond its documentation (status in the body, `Duplicate`,
`InvalidKey`, a bucket that is missing).
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

from holdfast.core.config.secret import Secret
from holdfast.core.config.targets import SupabaseTarget as SupabaseConfig
from holdfast.storage.targets.contract import Target
from holdfast.storage.targets.supabase import SupabaseTarget
from support.target_places import Place
from support.target_proxy import FaultProxy, Proxied

KEY = "sb_secret_that-nobody-may-see"
BUCKET = "stills"
_TAKEN = re.compile(r"[\w/!\-.*'() &$@=;:+,?]+", re.ASCII)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: ClassVar[dict[str, bytes]]
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        data = self.rfile.read(length)
        name = self._name("object")
        if len(data) < length or name is None:
            self.close_connection = True
        elif not _TAKEN.fullmatch(name):
            self._fail(400, "InvalidKey", f"Invalid key: {name}")
        elif self.headers["x-upsert"] != "true" and self.objects.setdefault(name, data) is not data:
            self._fail(409, "Duplicate", "The resource already exists")
        else:
            self.objects[name] = data
            self._say(200, {"Key": f"{BUCKET}/{name}", "Id": "1"})

    def do_GET(self) -> None:
        info = "/object/info/" in self.path
        name = self._name("object/info/authenticated" if info else "object/authenticated")
        if name is None:
            return
        data = self.objects.get(name)
        if data is None:
            self._fail(404, "not_found", "Object not found")
        elif info:
            self._say(200, {"name": name, "size": len(data)})
        else:
            self._send(200, data, "application/octet-stream")

    def do_DELETE(self) -> None:
        name = self._name("object")
        if name is None:
            return
        if self.objects.pop(name, None) is None:
            self._fail(404, "not_found", "Object not found")
        else:
            self._say(200, {"message": "Successfully deleted"})

    def _name(self, under: str) -> str | None:
        if self.headers["authorization"] != f"Bearer {KEY}":
            self._fail(403, "Unauthorized", "invalid signature")
            return None
        bucket, _, name = unquote(self.path.removeprefix(f"/storage/v1/{under}/")).partition("/")
        if bucket != BUCKET:
            self._fail(404, "Bucket not found", "Bucket not found")
            return None
        return name

    def _fail(self, status: int, error: str, message: str) -> None:
        self._say(400, {"statusCode": str(status), "error": error, "message": message})

    def _say(self, status: int, body: object) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are what the tests do."""


@contextmanager
def supabase_server() -> Iterator[tuple[int, dict[str, bytes]]]:
    """Run the fake; yield its port and its objects by name."""
    objects: dict[str, bytes] = {}
    handler = type("Handler", (_Handler,), {"objects": objects})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1], objects
        finally:
            server.shutdown()
            thread.join()


class SupabasePlace(Proxied):
    """The bucket of a running fake."""

    resumes = False
    secrets: tuple[str, ...] = (KEY,)

    def __init__(self, proxy: FaultProxy, objects: dict[str, bytes]) -> None:
        self.proxy = proxy
        self._objects = objects

    def make(self, quiet_s: float = 60.0, bandwidth: int = 0) -> Target:  # noqa: ARG002 - it paces where it is told to
        return SupabaseTarget("t", self.config(quiet_s=quiet_s))

    def config(self, **changes: Any) -> SupabaseConfig:
        known: dict[str, Any] = {
            "type": "supabase", "url": f"http://127.0.0.1:{self.proxy.port}", "key": Secret(KEY), "bucket": BUCKET,
            "prefix": "site",
        }  # fmt: skip
        return SupabaseConfig(**(known | changes))

    def takes(self, key: str) -> bool:
        return bool(_TAKEN.fullmatch(key))

    def read(self, key: str) -> bytes | None:
        return self._objects.get(f"site/{key}")

    def size(self, key: str) -> int | None:
        data = self._objects.get(f"site/{key}")
        return None if data is None else len(data)

    def plant(self, key: str, data: bytes) -> None:
        self._objects[f"site/{key}"] = data

    def names(self) -> set[str]:
        return {name.removeprefix("site/") for name in self._objects}

    @contextmanager
    def refusing(self) -> Iterator[None]:
        with self._answering(400, '{"statusCode":"403","error":"Unauthorized","message":"row-level security"}'):
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        with self._answering(507, '{"statusCode":"507","error":"Full","message":"no room"}'):
            yield

    @contextmanager
    def _answering(self, status: int, body: str) -> Iterator[None]:
        head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.proxy.answer = f"{head}\r\nConnection: close\r\n\r\n{body}".encode()
        try:
            yield
        finally:
            self.proxy.answer = b""


def supabase(_tmp: Path, stack: ExitStack) -> Place:
    """Return the bucket of a fake behind a proxy."""
    port, objects = stack.enter_context(supabase_server())
    return SupabasePlace(stack.enter_context(FaultProxy(port)), objects)
