import base64

import pytest

from holdfast.sim import rtsp


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("rtsp://h:1/gate/main", rtsp.Place("gate", "main", None)),
        ("rtsp://h/gate", rtsp.Place("gate", "main", None)),
        ("rtsp://h/gate/sub/", rtsp.Place("gate", "sub", None)),
        ("rtsp://h/gate/sub/trackID=1", rtsp.Place("gate", "sub", 1)),
        ("rtsp://h/gate/main?x=y", rtsp.Place("gate", "main", None)),
        ("rtsp://h/gate/other", None),
        ("rtsp://h/", None),
        ("*", None),
    ],
)
def test_urls_point_to_streams_and_tracks(url: str, place: rtsp.Place | None) -> None:
    """A URL names camera, stream and track; the stream is main where it is left out."""
    assert rtsp.parse_url(url) == place


def test_requests_are_read() -> None:
    """Method, URL and headers are read, header names in any case; what is no RTSP is not."""
    request = rtsp.parse_request(b"PLAY rtsp://h/a RTSP/1.0\r\ncSeQ: 4\r\nRange: npt=0:1-")
    assert request == rtsp.Request("PLAY", "rtsp://h/a", {"cseq": "4", "range": "npt=0:1-"})
    assert rtsp.parse_request(b"GET / HTTP/1.1") is None
    assert rtsp.parse_request(b"\xff\xfe garbage") is None


@pytest.mark.parametrize(
    ("transport", "channel"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=4-5", 4),
        ("RTP/AVP/TCP;unicast", -1),
        ("RTP/AVP;unicast;client_port=1-2", None),
    ],
)
def test_only_tcp_is_agreed_to(transport: str, channel: int | None) -> None:
    """Interleaved transport is taken with or without channel numbers, UDP is not."""
    assert rtsp.interleaved_channel(transport) == channel


def test_digest_of_the_standard_is_admitted() -> None:
    """A digest computed as RFC 2617 says opens; another password, nonce, user or method does not."""
    nonce = "abc"
    one, two = rtsp._md5(f"u:{rtsp.REALM}:p"), rtsp._md5("PLAY:rtsp://h/a")
    response = rtsp._md5(f"{one}:{nonce}:{two}")
    value = f'Digest username="u", realm="{rtsp.REALM}", nonce="{nonce}", uri="rtsp://h/a", response="{response}"'
    request = rtsp.Request("PLAY", "rtsp://h/a", {"authorization": value})
    assert rtsp.admitted(request, "digest", nonce, "u", "p")
    assert not rtsp.admitted(request, "digest", nonce, "u", "q")
    assert not rtsp.admitted(request, "digest", "other", "u", "p")
    assert not rtsp.admitted(request, "digest", nonce, "v", "p")
    assert not rtsp.admitted(rtsp.Request("SETUP", request.url, request.headers), "digest", nonce, "u", "p")
    assert not rtsp.admitted(rtsp.Request("PLAY", request.url, {}), "digest", nonce, "u", "p")


def test_basic_is_admitted() -> None:
    """User name and password in Base64 open a camera with basic authentication, and no other."""
    value = "Basic " + base64.b64encode(b"u:p").decode()
    request = rtsp.Request("PLAY", "rtsp://h/a", {"authorization": value})
    assert rtsp.admitted(request, "basic", "", "u", "p")
    assert not rtsp.admitted(request, "basic", "", "u", "q")
    assert not rtsp.admitted(request, "digest", "", "u", "p")
