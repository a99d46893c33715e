"""The conversation with a camera: requests and their answers, signing in, being sent elsewhere, staying alive.

On the stream's thread. Not here: bytes (wire, frames), what a refusal means (address, reader).
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from holdfast import __version__
from holdfast.media.source.address import answered
from holdfast.media.source.direct.frames import Frames
from holdfast.media.source.direct.login import Login
from holdfast.media.source.direct.message import Message, reply, request
from holdfast.media.source.direct.wire import Wire

_OK, _UNAUTHORIZED = 200, 401
_MOVED = frozenset({301, 302, 303, 305, 307, 308})
_MOST_TRIES = 3  # of one request: without credentials, with them, and once more with a fresh nonce
_DEFAULT_TIMEOUT_S = 60  # RFC 2326, 12.37
_LEAVING = frozenset({"TEARDOWN", "REDIRECT"})
_TIMEOUT = re.compile(r"timeout\s*=\s*(\d{1,6})", re.IGNORECASE)


class BadAnswer(Exception):
    """What came is not RTSP."""


class Moved(Exception):
    """The camera sends us to another address, which is the message."""


class Dialogue:
    """Asks and listens.

    Args:
        wire: The connection.
        frames: What is found in its buffer.
        login: How to sign in.
        place: How errors call the camera.

    Attributes:
        deadline_us: Boot time until which answers are waited for.
        session: The camera's id of our session, or empty.
        timeout_s: After how long without a request the camera forgets us.
        left: The camera has said that it ends the session.
    """

    def __init__(self, wire: Wire, frames: Frames, login: Login, place: str) -> None:
        self.deadline_us = 0
        self.session = ""
        self.timeout_s = _DEFAULT_TIMEOUT_S
        self.left = False
        self._wire, self._frames, self._login, self._place = wire, frames, login, place
        self._number = 0
        self._url = ""
        self._alive_by = "OPTIONS"
        self._asked = ""
        self._tries = 0

    def options(self, url: str) -> None:
        """Ask what the camera can do; one that does not know this question is asked the next one all the same."""
        answer = self.ask("OPTIONS", url, fatal=False)
        if answer.status == _OK and "GET_PARAMETER" in answer.headers.get("public", "").upper():
            self._alive_by = "GET_PARAMETER"

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, *, fatal: bool = True) -> Message:
        """Send a request and wait for its answer; sign in where that is asked for.

        Args:
            method: RTSP's.
            url: What it is about.
            headers: What it says besides.
            fatal: Whether an answer other than success is an error; 401 always is.

        Raises:
            SourceError: The camera refused.
            Moved: It sends us elsewhere.
            BadAnswer: It does not speak RTSP.
            TimeoutError, EOFError, OSError, Told: As in `Wire`.
        """
        for _ in range(_MOST_TRIES):
            number = self._send(method, url, headers or {})
            answer = self._answer(number)
            if answer.status == _UNAUTHORIZED and self._login.challenged(answer.challenges):
                continue
            break
        self._note(answer)
        if _OK <= answer.status < 300 or (not fatal and answer.status not in {_UNAUTHORIZED, 403}):  # noqa: PLR2004 - RFC 2326: 2xx are successes, 403 is about rights
            return answer
        if answer.status in _MOVED and urlsplit(answer.headers.get("location", "")).hostname:
            raise Moved(answer.headers["location"])
        raise answered(self._place, answer.status, answer.words)

    def begin(self, url: str) -> None:
        """Note the address of the whole session, once it plays."""
        self._url = url

    def stay(self) -> None:
        """Tell the camera that we are still here; the answer comes between packets."""
        self._tries = 0
        self._asked = self._send(self._alive_by, self._url, {})

    def hear(self) -> None:
        """Take the messages that came between packets.

        Raises:
            SourceError: The camera refuses to go on.
        """
        messages, self._frames.messages = self._frames.messages, []
        for message in messages:
            if message.method:
                self._wire.send(reply(message))
                self.left = self.left or message.method in _LEAVING
            elif message.number == self._asked:
                self._kept(message)

    def leave(self) -> bytes:
        """Return the words that end the session, or nothing where there is none."""
        return self._words("TEARDOWN", self._url, {}) if self.session and self._url else b""

    def _kept(self, answer: Message) -> None:
        """Take the answer to a request that should keep the session alive."""
        if answer.status == _UNAUTHORIZED and self._tries < _MOST_TRIES and self._login.challenged(answer.challenges):
            self._tries += 1
            self._asked = self._send(self._alive_by, self._url, {})
        elif answer.status == 454:  # noqa: PLR2004 - session not found
            raise answered(self._place, answer.status, answer.words)
        elif answer.status >= 400 and self._alive_by != "OPTIONS":  # noqa: PLR2004 - RFC 2326: errors
            self._alive_by = "OPTIONS"

    def _answer(self, number: str) -> Message:
        wire, frames = self._wire, self._frames
        while True:
            messages, frames.messages = frames.messages, []
            for place, message in enumerate(messages):
                if message.method:
                    wire.send(reply(message))
                elif message.number in {number, ""}:
                    frames.messages += messages[place + 1 :]
                    return message
            if frames.garbage_bytes and not frames.takers:
                raise BadAnswer
            wire.until(self.deadline_us)
            wire.read()
            frames.walk()

    def _note(self, answer: Message) -> None:
        session, _, rest = answer.headers.get("session", "").partition(";")
        if session.strip() and _OK <= answer.status < 300:  # noqa: PLR2004 - RFC 2326: successes
            self.session = session.strip()
            found = _TIMEOUT.search(rest)
            if found and int(found[1]):
                self.timeout_s = int(found[1])

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> str:
        words = self._words(method, url, headers)
        self._wire.send(words)
        return str(self._number)

    def _words(self, method: str, url: str, headers: Mapping[str, str]) -> bytes:
        self._number += 1
        said = {"CSeq": str(self._number), "User-Agent": f"holdfast/{__version__}", **headers}
        if self.session:
            said["Session"] = self.session
        authorization = self._login.header(method, url)
        if authorization:
            said["Authorization"] = authorization
        return request(method, url, said)
