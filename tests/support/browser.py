"""A real Chromium, driven over the WebDriver protocol with nothing but the standard library."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_ARGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
         "--autoplay-policy=no-user-gesture-required"]  # fmt: skip


class Browser:
    """One browser window."""

    def __init__(self, base: str) -> None:
        self._base = base
        wanted = {"alwaysMatch": {"goog:chromeOptions": {"args": _ARGS}, "timeouts": {"script": 90_000}}}
        self._session = self._call("POST", "/session", {"capabilities": wanted})["sessionId"]

    def go(self, url: str) -> None:
        self._call("POST", f"/session/{self._session}/url", {"url": url})

    def run(self, script: str) -> Any:
        """Run a script that calls its last argument with its result."""
        body = {"script": script, "args": []}
        return self._call("POST", f"/session/{self._session}/execute/async", body)

    def close(self) -> None:
        self._call("DELETE", f"/session/{self._session}", None)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - our own driver on this host
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
            return json.load(answer)["value"]


@contextmanager
def chromium(log: Path) -> Iterator[Browser]:
    """Start a browser for a while. `log` is where its driver writes; its port stands in its first lines."""
    with log.open("wb") as out:
        driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        browser = Browser(f"http://127.0.0.1:{_port(driver, log)}")
        try:
            yield browser
        finally:
            browser.close()
    finally:
        # The driver leads a process group of its own, so what it started goes with it and nothing else does.
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()


def _port(driver: "subprocess.Popen[bytes]", log: Path) -> int:
    pause = threading.Event()
    for _ in range(600):
        found = re.search(r"started successfully on port (\d+)", log.read_text(errors="replace"))
        if found:
            return int(found[1])
        assert driver.poll() is None, log.read_text(errors="replace")
        pause.wait(0.1)
    raise AssertionError(log.read_text(errors="replace"))


class _Files(BaseHTTPRequestHandler):
    """Serves one folder, ranges included, and a page with nothing but a video."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, root: Path, asked: list[str]) -> None:
        self._root = root
        self._asked = asked
        super().__init__(*args)

    def do_GET(self) -> None:
        if self.path.startswith("/page/"):
            name = self.path.removeprefix("/page")
            page = f'<!doctype html><video id="v" muted preload="auto" src="{name}"></video>'
            self._send(200, page.encode(), {"Content-Type": "text/html"})
            return
        path = self._root / self.path.lstrip("/")
        if not path.is_file():
            self._send(404, b"", {})
            return
        self._asked.append(self.headers.get("Range", ""))
        size = path.stat().st_size
        wanted = _RANGE.match(self.headers.get("Range", ""))
        first = int(wanted[1]) if wanted else 0
        last = min(int(wanted[2]) if wanted and wanted[2] else size - 1, size - 1)
        with path.open("rb") as file:
            file.seek(first)
            body = file.read(last - first + 1)
        headers = {"Content-Type": "video/mp4", "Accept-Ranges": "bytes"}
        if wanted:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self._send(206 if wanted else 200, body, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # a player drops what it no longer wants

    def log_message(self, *args: Any) -> None:
        """Keep the test's output clean."""


@contextmanager
def serve(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder over HTTP; gives its address and the list of ranges that were asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, root=root, asked=asked))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
