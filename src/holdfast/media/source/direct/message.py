"""RTSP as text: answers and requests apart, requests together. Pure.

Source: RFC 2326. Cameras are lenient writers, so this is a lenient reader: line ends, blanks and case do not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_HEAD_BYTES = 16_384  # chosen: the longest head seen had 900; what has no end by then is no message
MOST_BODY_BYTES = 65_536  # chosen: the longest description seen had 3,000


@dataclass(slots=True)
class Message:
    """An answer (`status` above 0) or a request of the other side (`method`).

    Attributes:
        status: Of an answer, else 0.
        words: What stands behind the status.
        method: Of a request, else empty.
        headers: By name in lower case; a repeated one has its values in `repeated`.
        challenges: Every `WWW-Authenticate`.
        body: What came with it.
    """

    status: int = 0
    words: str = ""
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    challenges: list[str] = field(default_factory=list)
    body: bytes = b""

    @property
    def number(self) -> str:
        """Its `CSeq`, as text."""
        return self.headers.get("cseq", "")


def read_head(head: bytes) -> Message | None:
    """Read a message up to its empty line; None where it is not RTSP."""
    first, *lines = head.decode("utf-8", "replace").strip("\r\n").splitlines() or [""]
    parts = first.split(None, 2)
    message = Message()
    if parts and parts[0].startswith("RTSP/"):
        if len(parts) < 2 or not (parts[1].isascii() and parts[1].isdecimal() and len(parts[1]) == 3):  # noqa: PLR2004 - RFC 2326, 7.1.1: three digits
            return None
        message.status = int(parts[1])
        message.words = parts[2].strip() if len(parts) > 2 else ""  # noqa: PLR2004 - version, status, words
    elif len(parts) == 3 and parts[2].startswith("RTSP/"):  # noqa: PLR2004 - method, URL, version
        message.method = parts[0]
    else:
        return None
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            continue
        name, value = name.strip().lower(), value.strip()
        if name == "www-authenticate":
            message.challenges.append(value)
        message.headers.setdefault(name, value)
    return message


def body_bytes(message: Message) -> int:
    """Return how many bytes of body follow the head."""
    length = message.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 10 else 0  # noqa: PLR2004 - longer numbers are no lengths


def request(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    """Write a request; line ends inside what is written cannot begin another header."""
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(line.replace("\r", "").replace("\n", "") for line in lines) + "\r\n\r\n").encode()


def reply(message: Message) -> bytes:
    """Answer a request of the camera: it may ask whether we are there, and tell what it likes."""
    known = message.method in {"OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE", "TEARDOWN", "REDIRECT"}
    line = "200 OK" if known else "405 Method Not Allowed"
    number = message.number.replace("\r", "").replace("\n", "")
    return f"RTSP/1.0 {line}\r\nCSeq: {number}\r\n\r\n".encode()
