"""RTSP as text: requests apart, answers together, SDP, and who may come in. Pure; no sockets.

Sources: RFC 2326 (RTSP 1.0), RFC 4566 (SDP), RFC 2617 (Basic, Digest), RFC 6184 8.2, RFC 7798 7.1, RFC 3640 4.1.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.sim.packets import AUDIO_TYPES, VIDEO_TYPE, AudioReel, VideoReel

REALM = "holdfast-sim"
METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_PHRASES = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 453: "Not Enough Bandwidth",
    454: "Session Not Found", 455: "Method Not Valid in This State", 461: "Unsupported Transport",
    501: "Not Implemented",
}  # fmt: skip
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_PATH = re.compile(r"rtsps?://[^/]+/(?P<camera>[^/?]+)(/(?P<stream>main|sub))?(/trackID=(?P<track>\d+))?/?(\?.*)?")
_AAC_MODE = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
_INTERLEAVED = re.compile(r"interleaved=(\d+)")


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL points to; `track` is None for the stream as a whole."""

    camera: str
    stream: str
    track: int | None


def parse_request(head: bytes) -> Request | None:
    """Read a request's lines, without the empty one; None where it is not RTSP."""
    first, *rest = head.decode("utf-8", "replace").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("RTSP/"):  # noqa: PLR2004 - method, URL, version
        return None
    pairs = (line.partition(":") for line in rest)
    return Request(parts[0], parts[1], {name.strip().lower(): value.strip() for name, _, value in pairs})


def parse_url(url: str) -> Place | None:
    """Read `rtsp://host:port/camera/stream[/trackID=n]`; None where it is no such URL."""
    match = _PATH.fullmatch(url)
    if match is None:
        return None
    track = match["track"]
    return Place(match["camera"], match["stream"] or "main", int(track) if track else None)


def interleaved_channel(transport: str) -> int | None:
    """Return the RTP channel that a Transport header asks for (-1: any); None where it does not want TCP."""
    if "RTP/AVP/TCP" not in transport:
        return None
    match = _INTERLEAVED.search(transport)
    return int(match[1]) if match else -1


def answer(request: Request, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """Write a response."""
    lines = [
        f"RTSP/1.0 {status} {_PHRASES[status]}",
        f"CSeq: {request.headers.get('cseq', '0')}",
        "Server: holdfast-sim",
    ]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def describe(name: str, video: VideoReel, audio: AudioReel | None) -> bytes:
    """Write the SDP of a stream."""
    spec = video.clip.spec
    sets = [base64.b64encode(unit).decode() for unit in video.clip.parameter_sets]
    if spec.codec == "h264":
        profile = video.clip.parameter_sets[0][1:4].hex().upper()
        codec = "H264"
        parameters = f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={','.join(sets)}"
    else:
        codec = "H265"
        parameters = ";".join(f"sprop-{kind}={unit}" for kind, unit in zip(("vps", "sps", "pps"), sets, strict=True))
    lines = [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", f"s={name}", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*", "a=range:npt=now-",
        f"m=video 0 RTP/AVP {VIDEO_TYPE}", f"b=AS:{spec.bitrate_bps // 1000}", f"a=rtpmap:{VIDEO_TYPE} {codec}/90000",
        f"a=fmtp:{VIDEO_TYPE} {parameters}", f"a=framerate:{float(spec.rate):.3f}",
        f"a=framesize:{VIDEO_TYPE} {spec.width}-{spec.height}", "a=control:trackID=0",
    ]  # fmt: skip
    if audio is not None:
        lines += _describe_audio(audio)
    return ("\r\n".join(lines) + "\r\n").encode()


def _describe_audio(audio: AudioReel) -> list[str]:
    spec = audio.clip.spec
    number = AUDIO_TYPES[spec.codec]
    if spec.codec != "aac":
        return [f"m=audio 0 RTP/AVP {number}", f"a=rtpmap:{number} {spec.codec.upper()}/8000", "a=control:trackID=1"]
    return [
        f"m=audio 0 RTP/AVP {number}",
        f"a=rtpmap:{number} mpeg4-generic/{spec.rate}/{spec.channels}",
        f"a=fmtp:{number} {_AAC_MODE};config={audio.clip.config.hex()}",
        "a=control:trackID=1",
    ]


def challenge(kind: str, nonce: str) -> str:
    """Return the value of WWW-Authenticate."""
    return f'Basic realm="{REALM}"' if kind == "basic" else f'Digest realm="{REALM}", nonce="{nonce}"'


def admitted(request: Request, kind: str, nonce: str, user: str, password: str) -> bool:
    """Say whether a request carries the right credentials for this kind of authentication."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if kind == "basic":
        wanted = base64.b64encode(f"{user}:{password}".encode()).decode()
        return scheme.lower() == "basic" and hmac.compare_digest(value.strip().encode(), wanted.encode())
    given = dict(_PARAMETER.findall(value))
    if scheme.lower() != "digest" or given.get("nonce") != nonce or given.get("username") != user:
        return False
    secret = _md5(f"{user}:{REALM}:{password}")
    question = _md5(f"{request.method}:{given.get('uri', '')}")
    expected = _md5(f"{secret}:{nonce}:{question}")
    return hmac.compare_digest(given.get("response", "").encode(), expected.encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
