"""A short conversation with a camera, to hear its own words: DESCRIBE and SETUP, answered or refused.

The media library folds many answers into one error; a person who looks for the cause needs the status line. Nothing is
played, and a session that was set up is torn down again. Blocking, with one deadline for all of it; no third-party
library. Not here: recording (media.source).
"""

import hashlib
import re
import secrets
import socket
import ssl
import time
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from holdfast import __version__
from holdfast.core.errors import BadInput

_MAX_ANSWER_BYTES = 64 * 1024  # chosen: many times a usual SDP; more is no answer to our question
_CHALLENGE = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_MD5 = {"", "md5"}

PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status line, its headers (names in small letters, later ones win, challenges kept apart) and its body."""

    status: int
    words: str
    headers: dict[str, str] = field(default_factory=dict)
    challenges: tuple[str, ...] = ()
    body: str = ""

    def __str__(self) -> str:
        return f"{self.status} {self.words}".strip()


@dataclass(frozen=True, slots=True)
class Heard:
    """How far the conversation came: the request that ended it, its answer, and who spoke."""

    request: str
    answer: Answer
    asked_for_password: bool = False

    @property
    def server(self) -> str:
        """What the camera calls itself, or nothing."""
        return self.answer.headers.get("server", "")


def converse(url: str, username: str, password: str, *, deadline_s: float) -> Heard:
    """Ask a camera to describe and to set up its first track.

    Args:
        url: `rtsp://` or `rtsps://`, without credentials.
        username: Empty where there is none.
        password: Sent only when the camera asks for it, and only as its challenge demands.
        deadline_s: For all of it together.

    Returns:
        The last request and its answer. Status 200 on SETUP means that the camera would serve us.

    Raises:
        OSError: No connection, or it broke; `socket.gaierror` where the name does not resolve.
        TimeoutError: No connection in time.
        NoAnswer: A connection, but no answer in time.
        BadInput: What came is not RTSP.
    """
    with _Talk(url, username, password, time.monotonic() + deadline_s) as talk:
        answer = talk.ask("DESCRIBE", url, {"Accept": "application/sdp"})
        if answer.status != 200:  # noqa: PLR2004 - RFC 2326: OK
            return Heard("DESCRIBE", answer, talk.challenged)
        control = _first_control(url, answer)
        answer = talk.ask("SETUP", control, {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"})
        if "session" in answer.headers:
            talk.say("TEARDOWN", url, {"Session": answer.headers["session"].partition(";")[0]})
        return Heard("SETUP", answer, talk.challenged)


class NoAnswer(Exception):
    """The connection stands, and nothing comes."""


class _Talk:
    """One connection: requests go out, answers come in, a challenge is met once."""

    def __init__(self, url: str, username: str, password: str, deadline: float) -> None:
        self._parts = urlsplit(url)
        self._credentials = (username, password)
        self._deadline = deadline
        self._challenge = ""
        self._sequence = 0
        self._buffer = b""
        self.challenged = False

    def __enter__(self) -> Self:
        port = self._parts.port or PORTS.get(self._parts.scheme, 554)
        raw = socket.create_connection((self._parts.hostname or "", port), timeout=self._left())
        self._socket = raw
        if self._parts.scheme == "rtsps":
            try:
                # Cameras sign their own certificates. Nothing is trusted here: we only listen to what it says.
                context = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above; there is no public name
                self._socket = context.wrap_socket(raw, server_hostname=self._parts.hostname)
            except BaseException:
                raw.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        """Send a request and wait for its answer; where the camera wants a password, give it and ask again."""
        self.say(method, url, headers)
        answer = self._answer()
        if answer.status != 401 or self._challenge or not self._credentials[0]:  # noqa: PLR2004 - RFC 2326: Unauthorized
            self.challenged |= answer.status == 401  # noqa: PLR2004 - the same
            return answer
        self.challenged = True
        # Digest before Basic: the password itself goes over the wire only where nothing better is offered.
        self._challenge = min(answer.challenges, key=lambda c: not c.lower().startswith("digest"), default="")
        self.say(method, url, headers)
        return self._answer()

    def say(self, method: str, url: str, headers: dict[str, str]) -> None:
        """Send a request."""
        self._sequence += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}", f"User-Agent: holdfast/{__version__} (doctor)"]
        if self._challenge:
            lines.append(f"Authorization: {self._authorization(method, url)}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.settimeout(self._left())
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def _answer(self) -> Answer:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        answer = _parse(head.decode("utf-8", "replace"))
        length = int(answer.headers.get("content-length", "0") or 0)
        while len(self._buffer) < length:
            self._more()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Answer(answer.status, answer.words, answer.headers, answer.challenges, body.decode("utf-8", "replace"))

    def _more(self) -> None:
        self._socket.settimeout(self._left())
        try:
            piece = self._socket.recv(4096)
        except TimeoutError as error:
            raise NoAnswer("connected, but no answer") from error
        if not piece:
            said = self._buffer[:40]
            raise BadInput(f"the connection was closed after {said!r}" if said else "the connection was closed")
        self._buffer += piece
        if len(self._buffer) > _MAX_ANSWER_BYTES or not b"RTSP/1.".startswith(self._buffer[:7]):
            raise BadInput(f"the answer begins with {self._buffer[:24]!r}")

    def _left(self) -> float:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no answer in time")
        return left_s

    def _authorization(self, method: str, url: str) -> str:
        user, password = self._credentials
        if not self._challenge.lower().startswith("digest"):
            return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
        asked = {k.lower(): a or b for k, a, b in _CHALLENGE.findall(self._challenge)}
        hashed = _sha256 if asked.get("algorithm", "").lower() not in _MD5 else _md5
        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        first, second = hashed(f"{user}:{realm}:{password}"), hashed(f"{method}:{url}")
        fields = f'username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}"'
        if "auth" in asked.get("qop", "").split(","):
            own = secrets.token_hex(8)
            response = hashed(f"{first}:{nonce}:00000001:{own}:auth:{second}")
            fields += f', qop=auth, nc=00000001, cnonce="{own}"'
        else:
            response = hashed(f"{first}:{nonce}:{second}")
        if asked.get("algorithm"):
            fields += f", algorithm={asked['algorithm']}"
        return f'Digest {fields}, response="{response}"'


def _md5(text: str) -> str:
    # RFC 2617 prescribes MD5 for digest authentication; cameras know nothing else.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _parse(head: str) -> Answer:
    first, *rest = head.split("\r\n")
    match = re.fullmatch(r"RTSP/1\.\d (\d{3}) ?(.*)", first)
    if match is None:
        raise BadInput(f"the answer begins with {first[:40]!r}")
    pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in rest)]
    challenges = tuple(value for name, value in pairs if name == "www-authenticate")
    return Answer(int(match[1]), match[2].strip(), dict(pairs), challenges)


def _first_control(url: str, described: Answer) -> str:
    """Return the address of the first track: its `a=control`, which may be absolute or relative to the base."""
    base = described.headers.get("content-base") or described.headers.get("content-location") or url
    media = described.body.partition("\nm=")[2]
    found = re.search(r"a=control:(\S+)", media)
    if found is None or found[1] == "*":
        return base
    return found[1] if "://" in found[1] else f"{base.rstrip('/')}/{found[1]}"
