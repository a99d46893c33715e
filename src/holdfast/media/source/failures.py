"""libav's errors into ours: the one place where it is decided what a failed connection means.

The status code of an RTSP answer is only in libav's log, never in its error, so the log is captured while a connection
opens. libav's own texts hold the address with the password in it: what leaves here is written anew, and the original
error is let go instead of being chained (F61). Any thread.
"""

import errno
import logging
import os
import re
import socket
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import av
import av.error
import av.logging

from holdfast.core.errors import AuthFailed, Refused, SourceEnded, SourceError, Stalled, Unreachable
from holdfast.core.plan import StreamPlan

_STATUS = re.compile(r"(?:method \w+ failed|reply): (\d{3})\s*\(?([^)\n]*)\)?")
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}

_HINTS = {
    400: "the camera did not understand the URL; compare its path with the camera's manual",
    404: "the path of the URL is wrong; compare it with the camera's manual (main and sub stream differ)",
    405: "this address does not serve RTSP streams",
    406: "the camera cannot describe this stream; look at its video settings",
    451: "the camera did not accept a parameter; a firmware update may help",
    453: "the camera has no bandwidth or sessions left: close other viewers, or raise its session limit",
    454: "the camera forgot the session; it may be restarting",
    461: "the camera does not offer this transport: set transport to the other of tcp and udp",
    503: "the camera is busy, still starting, or at its session limit",
}
_ANSWERED = "the camera answered with an error; its own log may say why"

_UNREACHABLE = frozenset({
    errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
})  # fmt: skip
_ENDED = frozenset({errno.ECONNRESET, errno.EPIPE, errno.EIO, errno.ECONNABORTED, errno.ENOTCONN})


def listen_to_libav() -> None:
    """Have libav's errors captured while connections open, and nothing of them printed or logged otherwise."""
    if av.logging.get_level() is None:
        av.logging.set_level(av.logging.ERROR)
        # Two cameras that fail alike must both be heard.
        av.logging.set_skip_repeated(False)
        logger = logging.getLogger("libav")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


class Address:
    """Where a stream is: the URL with credentials for libav, and what may be said of it to others."""

    def __init__(self, plan: StreamPlan) -> None:
        parts = urlsplit(plan.url)
        self.host = parts.hostname or ""
        self.port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        username = plan.username or unquote(parts.username or "")
        password = plan.password or unquote(parts.password or "")
        place = parts.netloc.rpartition("@")[2]
        self._secrets = sorted({s for s in (password, quote(password, safe="")) if s}, key=len, reverse=True)
        if username:
            place = f"{quote(username, safe='')}:{quote(password, safe='')}@{place}"
        self.secret_url = urlunsplit(parts._replace(netloc=place))
        self.name = str(plan.key)

    def __repr__(self) -> str:
        """Name host and port and nothing secret."""
        return f"Address({self.host}:{self.port})"

    def scrub(self, text: str) -> str:
        """Take the password out of a text."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def answers(self, timeout_s: float) -> bool:
        """Say whether anything accepts TCP connections there."""
        return tcp_connects(self.host, self.port, timeout_s)


def tcp_connects(host: str, port: int, timeout_s: float) -> bool:
    """Say whether a TCP connection can be made within the time; makes one and closes it."""
    try:
        with socket.create_connection((host, port), timeout_s):
            return True
    except (OSError, UnicodeError):
        return False


def address_of(url: str) -> tuple[str, int]:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def timed_out(address: Address, seconds: float, *, during: str) -> SourceError:
    """Say what silence while connecting means: no host there, or one that accepts and then says nothing."""
    if address.answers(1.0):
        return Stalled(f"{address.name}: connected to {address.host}:{address.port}, but {during} for {seconds:g} s")
    return Unreachable(f"{address.name}: no answer from {address.host}:{address.port} within {seconds:g} s")


def opening_failed(error: Exception, logs: list[Any], address: Address) -> SourceError:
    """Say what an error of libav means while a connection opens, most specific first."""
    place = f"{address.name}: {address.host}:{address.port}"
    answer = _answer(logs, str(error))
    if answer is not None:
        return _answered(place, *answer)
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return _answered(place, 401, "Unauthorized")
    code = getattr(error, "errno", None)
    if "resolve hostname" in _last(logs):
        return Unreachable(f"{address.name}: the name {address.host} cannot be resolved", hint="check the host name")
    if code in _UNREACHABLE or (code in _ENDED and not _connected(logs)):
        return Unreachable(f"{place} cannot be reached: {_words(code)}")
    if code in _ENDED or isinstance(error, EOFError):
        return Refused(f"{place} closed the connection while it was being opened")
    detail = address.scrub(_last(logs) or getattr(error, "strerror", None) or type(error).__name__)
    return Refused(f"{place} gave a bad answer: {detail}", hint="this may not be an RTSP camera, or its path is wrong")


def reading_failed(error: Exception, address: Address, stall_s: float) -> SourceError:
    """Say what an error of libav means in mid-flow."""
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return Stalled(f"{address.name}: nothing arrived for {stall_s:g} s")
    code = getattr(error, "errno", None)
    if code in _ENDED or isinstance(error, EOFError):
        return SourceEnded(f"{address.name}: {address.host}:{address.port} closed the connection ({_words(code)})")
    detail = address.scrub(getattr(error, "strerror", None) or type(error).__name__)
    return SourceEnded(f"{address.name}: the stream broke off: {detail}")


def _answer(logs: list[Any], text: str) -> tuple[int, str] | None:
    for line in [*(entry[2] for entry in reversed(logs)), text]:
        found = _STATUS.search(line)
        if found:
            return int(found[1]), found[2].strip()
    return None


def _answered(place: str, code: int, words: str) -> SourceError:
    if code in {401, 403}:
        return AuthFailed(f"{place} rejected the user name or password ({code} {words})")
    return Refused(f"{place} answered {code} {words}".rstrip(), hint=_HINTS.get(code, _ANSWERED))


def _connected(logs: list[Any]) -> bool:
    return not any("Connection to" in entry[2] for entry in logs)


def _last(logs: list[Any]) -> str:
    return str(logs[-1][2]).strip() if logs else ""


def _words(code: int | None) -> str:
    return os.strerror(code).lower() if code is not None and code in errno.errorcode else "end of stream"
