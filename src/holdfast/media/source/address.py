"""Where a stream is, and what a failed connection to it means: shared by every reader of RTSP. Any thread.

Texts that leave here never hold the password (F61).

Not here: libav's errors (failures), the dialogue (rtsp, direct).
"""

import errno
import os
import socket
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from holdfast.core.errors import AuthFailed, Refused, SourceError, Stalled, Unreachable
from holdfast.core.plan import StreamPlan

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

UNREACHABLE = frozenset({
    errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
})  # fmt: skip
ENDED = frozenset({errno.ECONNRESET, errno.EPIPE, errno.EIO, errno.ECONNABORTED, errno.ENOTCONN})


class Address:
    """Where a stream is: the URL with and without credentials, and what may be said of it to others."""

    def __init__(self, plan: StreamPlan) -> None:
        parts = urlsplit(plan.url)
        self.host = parts.hostname or ""
        self.port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        username = plan.username or unquote(parts.username or "")
        password = plan.password or unquote(parts.password or "")
        self.username, self.password = username, password
        place = parts.netloc.rpartition("@")[2]
        self.plain_url = urlunsplit(parts._replace(netloc=place, fragment=""))
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


def answered(place: str, code: int, words: str) -> SourceError:
    """Say what an RTSP answer that is no success means."""
    if code in {401, 403}:
        return AuthFailed(f"{place} rejected the user name or password ({code} {words})")
    return Refused(f"{place} answered {code} {words}".rstrip(), hint=_HINTS.get(code, _ANSWERED))


def words_of(code: int | None) -> str:
    """Return the system's words for an error number."""
    return os.strerror(code).lower() if code is not None and code in errno.errorcode else "end of stream"
