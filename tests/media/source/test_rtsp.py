"""How an RTSP source fails: with the right class, within its deadline, and without the password. Both readers alike."""

import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from holdfast.core.clock import SystemClock
from holdfast.core.errors import AuthFailed, Refused, SourceEnded, SourceError, Stalled, Unreachable
from holdfast.core.plan import StreamPlan
from holdfast.media.source.contract import Source
from holdfast.media.source.make import make_source, tcp_answers
from support.rtsp_peer import free_port

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

PASSWORD = "s3cr3t/pass%word"
QUOTED = "s3cr3t%2Fpass%25word"
Handler = Callable[[socket.socket], None]

SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LADdoFB+wFqDAwNSgAAAMACAAAAwGUeKFV,aM48gA==\r\n"
    "a=control:track1\r\n"
)


@contextmanager
def server(handler: Handler) -> Iterator[int]:
    """Run one handler a connection on a free port; everything is closed at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = []
    threads = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_sockets.append(connection)
            thread = threading.Thread(target=guard, args=(connection,))
            threads.append(thread)
            thread.start()

    def guard(connection: socket.socket) -> None:
        try:
            handler(connection)
        except OSError:
            return

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(60)  # first: what it takes in its last moment must be closed, too
        for connection in open_sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            finally:
                connection.close()
        for thread in threads:
            thread.join(60)


def silent(connection: socket.socket) -> None:
    """Accept and never say a word."""
    while connection.recv(4096):
        pass


def garbage(connection: socket.socket) -> None:
    """Answer like something that is no camera."""
    connection.recv(4096)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n" * 20)
    connection.close()


def hang_up(connection: socket.socket) -> None:
    """Accept and close."""
    connection.close()


def answering(status: str) -> Handler:
    """Answer each request with a status line; OPTIONS with success."""

    def handle(connection: socket.socket) -> None:
        for request, number in requests(connection):
            good = request.startswith("OPTIONS")
            line = "200 OK" if good else status
            extra = 'WWW-Authenticate: Digest realm="cam", nonce="1"\r\n' if status.startswith("401") else ""
            connection.sendall(f"RTSP/1.0 {line}\r\nCSeq: {number}\r\n{extra}\r\n".encode())

    return handle


def playing(then: Handler) -> Handler:
    """Go through a whole handshake, then do as told instead of sending media."""

    def handle(connection: socket.socket) -> None:
        for request, number in requests(connection):
            head, body = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 7\r\n", ""
            if request.startswith("DESCRIBE"):
                body = SDP
                head += f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n"
            if request.startswith("SETUP"):
                head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            connection.sendall(f"{head}\r\n{body}".encode())
            if request.startswith("PLAY"):
                then(connection)
                return

    return handle


def requests(connection: socket.socket) -> Iterator[tuple[str, str]]:
    """Yield (request, CSeq) until the other side closes."""
    text = b""
    while data := connection.recv(4096):
        text += data
        while b"\r\n\r\n" in text:
            request, text = text.split(b"\r\n\r\n", 1)
            lines = request.decode().split("\r\n")
            yield lines[0], next(line.split(":")[1].strip() for line in lines if line.lower().startswith("cseq"))


OPTIONS: list[dict[str, str]] = [{}, {"max_delay": "500000"}]  # what libav alone understands is read by libav


@pytest.fixture(params=OPTIONS, ids=["own", "libav"], autouse=True)
def reader(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each reader in turn."""
    chosen.update(request.param)
    yield
    chosen.clear()


chosen: dict[str, str] = {}


def plan(port: int, **more: Any) -> StreamPlan:
    """Make a plan with short deadlines and a password full of traps."""
    return StreamPlan(
        camera="gate", stream="main", url=f"rtsp://127.0.0.1:{port}/live", username="viewer", password=PASSWORD,
        volume="/nowhere", options=dict(chosen), **{"open_timeout_s": 1.0, "stall_s": 1.0, **more},
    )  # fmt: skip


def run(source: Source) -> None:
    """Open and read until it ends."""
    source.open()
    deque(source.samples(), maxlen=0)


def failing(source: Source) -> SourceError:
    """Open and read until it fails; check that it kept to its time and kept the secret (F61)."""
    began = time.monotonic()
    with pytest.raises(SourceError) as caught:
        run(source)
    assert time.monotonic() - began < 4
    source.close()
    error: BaseException | None = caught.value
    text = "".join(traceback.format_exception(caught.value)) + caught.value.hint + repr(source)
    while error is not None:
        text += str(error) + repr(error) + repr(getattr(error, "args", ""))
        error = error.__cause__ or error.__context__
    assert PASSWORD not in text
    assert QUOTED not in text
    assert "gate/main" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("handler", "kind", "word"),
    [
        (silent, Stalled, "said nothing"),
        (garbage, Refused, "bad answer"),
        (hang_up, Refused, ""),
        (answering("401 Unauthorized"), AuthFailed, "401"),
        (answering("403 Forbidden"), AuthFailed, "403"),
        (answering("404 Not Found"), Refused, "404"),
        (answering("453 Not Enough Bandwidth"), Refused, "453"),
        (answering("454 Session Not Found"), Refused, "454"),
        (answering("461 Unsupported Transport"), Refused, "461"),
        (answering("500 Internal Server Error"), Refused, "500"),
        (answering("503 Service Unavailable"), Refused, "503"),
    ],
)
def test_each_failure_has_its_name(handler: Handler, kind: type[SourceError], word: str) -> None:
    """A camera's refusal is told apart from its silence, in time and without the password (F01, F61, C007)."""
    with server(handler) as port:
        error = failing(make_source(plan(port, open_timeout_s=1.0 if handler is silent else 30.0), SystemClock()))
    assert isinstance(error, kind), repr(error)
    assert word in str(error)


def test_hints_fit_the_answer() -> None:
    """A session limit and a wrong path want different things done, and say so."""
    hints = set()
    for status in ("404 Not Found", "453 Not Enough Bandwidth", "461 Unsupported Transport"):
        with server(answering(status)) as port:
            hints.add(failing(make_source(plan(port, open_timeout_s=30.0), SystemClock())).hint)
    assert len(hints) == 3


def test_a_closed_port_is_unreachable() -> None:
    """Nothing listens there: unreachable, at once."""
    port = free_port()
    assert isinstance(failing(make_source(plan(port), SystemClock())), Unreachable)
    assert not tcp_answers(f"rtsp://127.0.0.1:{port}/live", 1.0)


def test_a_listening_port_answers() -> None:
    """The probe for an unreachable camera sees it come back before any RTSP is spoken."""
    with server(silent) as port:
        assert tcp_answers(f"rtsp://u:p@127.0.0.1:{port}/live", 1.0)


def test_an_unknown_host_is_unreachable() -> None:
    """A name that cannot be resolved is no answer of a camera."""
    error = failing(
        make_source(StreamPlan(camera="gate", stream="main", url="rtsp://no.such.host.invalid/x", volume="/",
                               options=dict(chosen)),
                    SystemClock())
    )  # fmt: skip
    assert isinstance(error, Unreachable)
    assert not tcp_answers("rtsp://no.such.host.invalid/x", 1.0)


def test_silence_after_play_is_a_stall() -> None:
    """A camera that promises a stream and sends nothing is stalled when its time is up, not later (F01)."""
    with server(playing(silent)) as port:
        assert isinstance(failing(make_source(plan(port), SystemClock())), Stalled)


def test_a_closed_connection_after_play_is_an_end() -> None:
    """A camera that closes in mid-flow ended the stream; nothing was wrong with the request."""
    with server(playing(hang_up)) as port:
        assert isinstance(failing(make_source(plan(port), SystemClock())), SourceEnded)


def test_opening_can_be_interrupted() -> None:
    """Another thread ends an `open` that waits for a silent camera, long before its deadline."""
    with server(silent) as port:
        source = make_source(plan(port, open_timeout_s=30.0), SystemClock())
        timer = threading.Timer(0.2, source.interrupt)
        timer.start()
        assert isinstance(failing(source), SourceEnded)
        timer.join()


def test_deadline_covers_the_whole_of_opening() -> None:
    """A camera that drips its answer byte by byte does not stretch the time to open."""

    def drip(connection: socket.socket) -> None:
        connection.recv(4096)
        for byte in b"RTSP/1.0 200 OK\r\n" * 10:
            connection.sendall(bytes([byte]))
            time.sleep(0.1)  # what is tested is real time that passes in libav

    with server(drip) as port:
        assert isinstance(failing(make_source(plan(port), SystemClock())), Stalled)
