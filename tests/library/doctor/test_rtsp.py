import hashlib
import re
import socket
import threading

import pytest

from holdfast.core.errors import BadInput
from holdfast.library.doctor.rtsp import NoAnswer, converse
from support.recording import until
from support.rtsp_peer import peer
from support.sim import simulated, small_camera

_SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=control:trackID=1\r\n"
_DESCRIBED = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Base: rtsp://cam/base/\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_SDP), _SDP,
)  # fmt: skip


def _dialogue(*answers: bytes, username: str = "", password: str = "") -> tuple[int, list[str]]:
    """Converse with a peer that gives these answers; return the last status and the requests as they came."""
    requests: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for answer in answers:
                    requests.append(connection.recv(65_536).decode())
                    connection.sendall(answer)
                requests.append(connection.recv(65_536).decode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            url = f"rtsp://127.0.0.1:{server.getsockname()[1]}/main"
            heard = converse(url, username, password, deadline_s=60)
        finally:
            thread.join(60)
    return heard.answer.status, requests


def test_session_is_torn_down() -> None:
    """A session that was set up is given back, so that looking costs the camera nothing."""
    with simulated(small_camera("gate")) as sim:
        heard = converse(sim.url("gate"), "", "", deadline_s=60)
        until(lambda: sim.counts("gate").torn_down == 1)  # nobody waits for the answer to it
    assert (heard.request, heard.answer.status) == ("SETUP", 200)
    assert sim.counts("gate").torn_down == 1


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_both_ways_to_sign_in(auth: str) -> None:
    """Basic and digest sign-in are both understood, and a wrong password is a 401."""
    with simulated(small_camera("gate", user="viewer", password="sesame", auth=auth)) as sim:
        url = sim.url("gate", credentials=False)
        assert converse(url, "viewer", "sesame", deadline_s=60).answer.status == 200
        assert converse(url, "viewer", "wrong", deadline_s=60).answer.status == 401


def test_track_address_follows_the_base() -> None:
    """A relative control address is appended to the base that the camera named (RFC 2326, C.1.1)."""
    status, requests = _dialogue(_DESCRIBED, b"RTSP/1.0 200 OK\r\nSession: 12;timeout=60\r\n\r\n")
    assert status == 200
    assert requests[1].startswith("SETUP rtsp://cam/base/trackID=1 RTSP/1.0\r\n")
    assert "Session: 12\r\n" in requests[2]


def test_newer_digest_is_answered() -> None:
    """A challenge with SHA-256 and qop is answered as RFC 7616 says."""
    challenge = (
        b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256\r\n\r\n'
    )
    _, requests = _dialogue(challenge, b"RTSP/1.0 404 No\r\n\r\n", username="u", password="p")
    sent = dict(re.findall(r'(\w+)="?([^",\r]+)', requests[1].partition("Authorization: ")[2]))

    def hashed(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    proof = f"{hashed('u:r:p')}:n:00000001:{sent['cnonce']}:auth:{hashed('DESCRIBE:' + sent['uri'])}"
    assert sent["response"] == hashed(proof)


def test_password_is_not_sent_unasked() -> None:
    """A camera that asks for no password gets none."""
    _, requests = _dialogue(b"RTSP/1.0 404 No\r\n\r\n", username="u", password="p")
    assert "Authorization" not in requests[0]


@pytest.mark.parametrize("answer", [b"HTTP/1.0 200 OK\r\n\r\n", b"\x16\x03\x01", b"RTSP/1.0 what\r\n\r\n", b""])
def test_garbage_is_bad_input(answer: bytes) -> None:
    """Anything that is not RTSP, an early end included, is named instead of being waited for."""
    with peer(answer) as port, pytest.raises(BadInput):
        converse(f"rtsp://127.0.0.1:{port}/", "", "", deadline_s=60)


def test_half_an_answer_is_no_answer() -> None:
    """A peer that stops in the middle of its answer runs into our deadline."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(NoAnswer):
            converse(f"rtsp://127.0.0.1:{port}/", "", "", deadline_s=0.3)
