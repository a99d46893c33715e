"""A camera's web server for tests: MJPEG, single JPEGs, HLS, with passwords and bad manners. Real HTTP, on loopback.

Pictures are numbered: each is grey in a shade that says its number, so that a test can tell which one it sees.
"""

import base64
import functools
import hashlib
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np

BOUNDARY = "frame"
USER, PASSWORD = "viewer", "p@ss:w/rd%41"
SHADES = 16


@functools.cache
def jpeg(number: int, width: int = 320, height: int = 240) -> bytes:
    """Return the picture of a number."""
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    shade = 16 + number % SHADES * 14
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), shade, np.uint8), "rgb24")
    frame = frame.reformat(format="yuvj420p")
    frame.pts = 0
    packets = encoder.encode(frame) + encoder.encode(None)
    return b"".join(bytes(packet) for packet in packets)


class WebCamera:
    """What the server does; tests change it while it runs.

    Attributes:
        rate: Pictures a second.
        auth: Empty, `basic` or `digest`.
        manner: What it does wrong: `lengthless`, `mislabelled`, `stall`, `hang-up`, `drip`, `torn`, `html`, `error`.
        size: Of the pictures.
        asked: Paths that were asked for, with whether it was let in.
        heads: `Authorization` of each request.
    """

    def __init__(self, rate: float, auth: str, user: str, password: str, films: Path | None) -> None:
        self.rate, self.auth, self.user, self.password, self.films = rate, auth, user, password, films
        self.manner = ""
        self.size = (320, 240)
        self.asked: list[tuple[str, bool]] = []
        self.heads: list[str] = []
        self.nonce = secrets.token_hex(8)
        self.began_s = time.monotonic()
        self.stopping = threading.Event()
        self.port = 0

    def url(self, path: str) -> str:
        """Return an address without credentials."""
        return f"http://127.0.0.1:{self.port}{path}"

    def lets_in(self, method: str, header: str) -> bool:
        """Say whether an `Authorization` is right."""
        if not self.auth:
            return True
        if self.auth == "basic":
            return header == "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        given = {m[1]: m[2] or m[3] for m in re.finditer(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}
        who, what = (
            hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
            for text in (f"{self.user}:yard:{self.password}", f"{method}:{given.get('uri', '')}")
        )
        middle = f"{self.nonce}:{given.get('nc', '')}:{given.get('cnonce', '')}:auth"
        right = hashlib.md5(f"{who}:{middle}:{what}".encode(), usedforsecurity=False).hexdigest()
        return header.startswith("Digest ") and given.get("response") == right

    def challenge(self) -> str:
        """Return what is asked of who comes without."""
        digest = f'Digest realm="yard", nonce="{self.nonce}", qop="auth"'
        return digest if self.auth == "digest" else 'Basic realm="yard"'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    camera: WebCamera

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def do_GET(self) -> None:
        camera, path = self.camera, urlsplit(self.path).path
        header = self.headers.get("Authorization", "")
        right = camera.lets_in("GET", header)
        camera.asked.append((path, right))
        camera.heads.append(header)
        if not right:
            self._answer(401, "text/html", b"<h1>no</h1>", {"WWW-Authenticate": camera.challenge()})
            return
        with suppress(ConnectionError, TimeoutError):
            self._serve(path)

    def _serve(self, path: str) -> None:
        camera = self.camera
        if path == "/moved":
            self._answer(302, "text/plain", b"", {"Location": "/mjpeg"})
        elif path == "/around":
            self._answer(302, "text/plain", b"", {"Location": "/around"})
        elif camera.manner == "error":
            self._answer(503, "text/plain", b"busy")
        elif camera.manner == "html" or path == "/page":
            self._answer(200, "text/html", b"<html><img src=/mjpeg></html>")
        elif path == "/mjpeg":
            self._mjpeg()
        elif path == "/jpeg":
            body = b"this is no picture" if camera.manner == "torn" else self._picture()
            self._answer(200, "application/octet-stream" if camera.manner == "mislabelled" else "image/jpeg", body)
        elif path.startswith("/hls/") and camera.films is not None:
            self._hls(path.removeprefix("/hls/"))
        else:
            self._answer(404, "text/plain", b"not here")

    def _answer(self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _picture(self) -> bytes:
        number = int((time.monotonic() - self.camera.began_s) * self.camera.rate)
        return jpeg(number, *self.camera.size)

    def _mjpeg(self) -> None:
        camera = self.camera
        self.close_connection = True
        self.send_response(200)
        kind = "text/plain" if camera.manner == "mislabelled" else f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        self.send_header("Content-Type", kind)
        self.end_headers()
        due_s = time.monotonic()
        while not camera.stopping.is_set():
            body = self._picture()
            length = b"" if camera.manner == "lengthless" else b"Content-Length: %d\r\n" % len(body)
            if camera.manner == "stall":
                self.wfile.write(body[: len(body) // 2])
                camera.stopping.wait(60)
                return
            if camera.manner == "hang-up":
                return
            if camera.manner == "drip":
                self.wfile.write(b"x")
                camera.stopping.wait(0.05)
                continue
            if camera.manner == "torn":
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + body[:-200] + b"\r\n")
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n" + length + b"\r\n" + body + b"\r\n")
            due_s += 1 / camera.rate
            camera.stopping.wait(max(0.0, due_s - time.monotonic()))

    def _hls(self, name: str) -> None:
        films = self.camera.films
        if films is None:
            return
        form, _, file = name.partition("/")
        if file == "live.m3u8":
            self._answer(200, "application/vnd.apple.mpegurl", self._list(films / form).encode())
        elif file == "all.m3u8":
            text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100\ngone.m3u8\n"
            text += "#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1,BANDWIDTH=900\nlive.m3u8\n"
            self._answer(200, "application/octet-stream", text.encode())
        elif (films / form / file).is_file() and self.camera.manner != "gone":
            self._answer(200, "video/mp2t", (films / form / file).read_bytes())
        else:
            self._answer(404, "text/plain", b"gone")

    def _list(self, folder: Path) -> str:
        """Return a list that slides: one more file each second, the newest three of them."""
        files = sorted(path.name for path in folder.glob("s*"))
        newest = 3 + int(time.monotonic() - self.camera.began_s)
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{newest - 3}"]
        if (folder / "init.mp4").exists():
            lines.append('#EXT-X-MAP:URI="init.mp4"')
        for number in range(newest - 3, newest):
            if number and number % len(files) == 0:
                lines.append("#EXT-X-DISCONTINUITY")
            lines += ["#EXTINF:1.0,", files[number % len(files)]]
        return "\n".join(lines) + "\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a client that hung up."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


@contextmanager
def web_camera(
    *, rate: float = 20.0, auth: str = "", user: str = USER, password: str = PASSWORD, films: Path | None = None
) -> Iterator[WebCamera]:
    """Serve until left; every thread of it has ended then."""
    camera = WebCamera(rate, auth, user, password, films)
    handler = type("Handler", (_Handler,), {"camera": camera, "timeout": 5})
    server = _Server(("127.0.0.1", 0), handler)
    camera.port = server.server_address[1]
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.05))
    thread.start()
    try:
        yield camera
    finally:
        camera.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def films_of_hls(folder: Path) -> Path:
    """Lay down files of a second each, as MPEG-TS and as fragmented MP4, each long enough for a test."""
    picture = ["-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=40"]
    tone = ["-f", "lavfi", "-i", "sine=r=48000:d=40"]
    avc = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac"]
    kinds: dict[str, tuple[list[str], list[str]]] = {
        "ts": ([*picture, *tone, *avc], ["-hls_segment_filename", "s%03d.ts"]),
        "bframes": (
            [*picture, *avc, "-preset", "veryfast", "-bf", "2"],
            ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", "s%03d.m4s"],
        ),
    }
    for name, (made, form) in kinds.items():
        (folder / name).mkdir()
        argv = ["ffmpeg", "-v", "error", "-y", *made, "-f", "hls", "-hls_time", "1", "-hls_list_size", "0", *form]
        subprocess.run([*argv, "whole.m3u8"], check=True, cwd=folder / name)
    return folder
