"""Our own reader against a camera made of a few lines, for what no ordinary server does."""

import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.camera import Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import Refused, SourceEnded, Stalled, Unreachable
from holdfast.core.plan import StreamPlan
from holdfast.media.source.direct.reader import DirectSource

SDP = (
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LADdoFB+wFqDAwNSgAAAMACAAAAwGUeKFV,aM48gA==\r\n"
    "a=control:track1\r\n"
)


def rtp(channel: int, number: int) -> bytes:
    """Write one keyframe in one packet."""
    body = struct.pack(">BBHII", 0x80, 96 | 0x80, number & 0xFFFF, number * 3600, 7) + b"\x65\x88" + b"\x01" * 40
    return struct.pack(">BBH", 0x24, channel, len(body)) + body


class Camera:
    """Answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.channel = 0
        self.timeout = 60
        self.location = ""
        self.before_play = b""
        self.between = b""
        self.refuses_get_parameter = False
        self.received = bytearray()

    def serve(self, connection: Any) -> None:
        """Go on until the other side has enough; after PLAY, send pictures."""
        playing, number = False, 0
        connection.settimeout(0.02)
        text = b""
        while True:
            try:
                got = connection.recv(4096)
                if not got:
                    return
                text += got
            except TimeoutError:
                pass
            text = self._packets(text)
            while b"\r\n\r\n" in text:
                request, text = text.split(b"\r\n\r\n", 1)
                playing = self._answer(connection, request.decode()) or playing
                text = self._packets(text)
            if playing:
                connection.sendall(rtp(self.channel, number) + self.between)
                number += 1

    def _packets(self, text: bytes) -> bytes:
        while text[:1] == b"$" and len(text) >= 4 + int.from_bytes(text[2:4], "big"):
            size = 4 + int.from_bytes(text[2:4], "big")
            self.received += text[:size]
            text = text[size:]
        return text

    def _answer(self, connection: Any, request: str) -> bool:
        method = request.split(" ", 1)[0]
        self.asked.append(request.split("\r\n", 1)[0])
        number = next((line[6:].strip() for line in request.split("\r\n") if line.startswith("CSeq: ")), "0")
        head, body = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 12;timeout={self.timeout}\r\n", ""
        if method == "OPTIONS":
            head += "Public: DESCRIBE, GET_PARAMETER\r\n"
        if method == "DESCRIBE" and self.location:
            head, self.location = f"RTSP/1.0 302 Moved\r\nCSeq: {number}\r\nLocation: {self.location}\r\n", ""
        elif method == "DESCRIBE":
            head, body = f"{head}Content-Length: {len(SDP)}\r\n", SDP
        if method == "SETUP":
            head += f"Transport: RTP/AVP/TCP;unicast;interleaved={self.channel}-{self.channel + 1}\r\n"
        if method == "GET_PARAMETER" and self.refuses_get_parameter:
            head = f"RTSP/1.0 501 Not Implemented\r\nCSeq: {number}\r\n"
        early = self.before_play if method == "PLAY" else b""
        connection.sendall(early + f"{head}\r\n{body}".encode())
        return method == "PLAY"


@contextmanager
def serving(camera: Camera, wrap: Callable[[socket.socket], Any] = lambda plain: plain) -> Iterator[int]:
    """Serve on a free port, one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                with suppress(OSError), wrap(connection) as ready:
                    camera.serve(ready)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(60)


def source(port: int, scheme: str = "rtsp", host: str = "127.0.0.1", **more: Any) -> DirectSource:
    """Make a reader with short deadlines."""
    given = {"open_timeout_s": 30.0, "stall_s": 30.0, **more}
    url = f"{scheme}://{host}:{port}/live"
    return DirectSource(StreamPlan(camera="gate", stream="main", url=url, volume="/nowhere", **given), SystemClock())


def pictures(reader: DirectSource, count: int) -> list[Sample]:
    """Open, read so many pictures, close."""
    try:
        reader.open()
        return [item for item in islice(reader.samples(), count) if isinstance(item, Sample)]
    finally:
        reader.close()


def test_the_channel_is_the_cameras_choice() -> None:
    """Cameras answer with channels of their own, and send on those."""
    camera = Camera()
    camera.channel = 8
    with serving(camera) as port:
        assert len(pictures(source(port), 3)) == 3


def test_pictures_before_the_answer_to_play_are_not_lost() -> None:
    """Some cameras send before they answer."""
    camera = Camera()
    camera.before_play = rtp(0, 0)
    with serving(camera) as port:
        assert pictures(source(port), 1)[0].keyframe


def test_a_redirect_is_followed_once() -> None:
    """The camera may name another path; one that sends in circles is refused."""
    camera = Camera()
    with serving(camera) as port:
        camera.location = f"rtsp://127.0.0.1:{port}/elsewhere"
        assert pictures(source(port), 1)
        assert any("/elsewhere" in line for line in camera.asked)


def test_messages_between_packets_are_answered() -> None:
    """A camera that asks in mid-flow is answered, and its pictures go on."""
    camera = Camera()
    camera.between = b"OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n"
    with serving(camera) as port:
        assert len(pictures(source(port), 5)) == 5
        assert any("200 OK" in line for line in camera.asked)


def test_a_camera_that_takes_its_leave_ends_the_stream() -> None:
    """TEARDOWN from the camera is an end, not a stall."""
    camera = Camera()
    camera.between = b"TEARDOWN rtsp://x RTSP/1.0\r\nCSeq: 78\r\n\r\n"
    with serving(camera) as port, pytest.raises(SourceEnded, match="ended the stream"):
        pictures(source(port), 1000)


@pytest.mark.best_of_three
def test_the_session_is_kept_alive_and_reported_on() -> None:
    """Requests go out within half of the session's time, in another way where the first is refused, and reports too."""
    camera = Camera()
    camera.timeout, camera.refuses_get_parameter = 1, True
    with serving(camera) as port:
        reader = source(port)
        reader.open()
        began = time.monotonic()
        for _ in reader.samples():
            if time.monotonic() - began > 1.8:
                break
        reader.close()
    methods = [line.split(" ")[0] for line in camera.asked]
    assert "GET_PARAMETER" in methods
    assert methods.count("OPTIONS") >= 2
    assert methods[-1] == "TEARDOWN"
    assert camera.received[:2] == b"$\x01"
    assert camera.received[5] == 201


def test_a_stall_is_noticed_although_the_camera_answers() -> None:
    """Answers to our signs of life are no media (F01)."""
    camera = Camera()
    camera.timeout = 1
    camera.channel = 4
    with serving(camera) as port:
        reader = source(port, stall_s=1.0)
        reader.open()
        reader._frames.takers.clear()  # as if the pictures went to channels that nobody was told of
        with pytest.raises(Stalled):
            list(reader.samples())
        reader.close()


@pytest.mark.needs("openssl")
def test_rtsps_is_spoken(tmp_path: Path) -> None:
    """TLS with a certificate that the camera signed itself; it is refused where trust is demanded."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate),
         "-days", "1", "-subj", "/CN=camera"], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(Camera(), lambda plain: context.wrap_socket(plain, server_side=True)) as port:
        assert len(pictures(source(port, "rtsps"), 3)) == 3
        with pytest.raises(Refused, match="bad answer"):
            source(port, "rtsps", options={"tls_verify": "1"}).open()


@pytest.mark.best_of_three
def test_a_resolver_that_hangs_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking a name up is bounded by the time to open, like everything else."""
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(60) and [])
    began = time.monotonic()
    with pytest.raises(Unreachable):
        source(554, host="slow.invalid", open_timeout_s=0.5).open()
    assert time.monotonic() - began < 2
    release.set()
