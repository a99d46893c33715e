"""Asking a camera's web server: connect, sign in, follow where it sends to, read with a deadline.

Not httpx: cameras answer with heads that strict clients refuse, and one connection that is read by one thread needs no
more than the standard library. In the source's own process, on its thread; `interrupt` from any.

Not here: what the bodies mean (http, jpegs, hls).
"""

import http.client
import socket
import ssl
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

from holdfast import __version__
from holdfast.core.clock import Clock
from holdfast.core.errors import AuthFailed, Refused, SourceEnded, SourceError, Stalled, Unreachable
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import SECOND_US
from holdfast.media.source.address import ENDED, Address, words_of
from holdfast.media.source.direct.login import Login

_MOST_MOVES = 5  # chosen: as browsers do, but sooner
_MOVED = frozenset({301, 302, 303, 307, 308})
_READ_BYTES = 64 * 1024
_KNOCK_S = 0.5  # chosen: short of what the recorder waits for us to say what went wrong
_HINTS = {
    404: "the path of the URL is wrong; compare it with the camera's manual",
    429: "the camera is asked too often; set a lower encode.frame_rate",
    503: "the camera is busy, still starting, or at its limit of viewers",
}


class Web:
    """One camera's web server, asked again and again over one connection where it keeps that open.

    Args:
        plan: Where it is, and who we are. Option `tls_verify`: `1` refuses certificates that are not trusted.
        clock: How long waits last.

    Attributes:
        address: Where it is; cleans texts of the password.
        status: Of the last answer.
        kind: Content type of the last answer, in small letters and without parameters.
        url: Where the last answer came from, without credentials.
    """

    def __init__(self, plan: StreamPlan, clock: Clock) -> None:
        self.address = Address(plan)
        self.status = 0
        self.kind = ""
        self.url = self.address.plain_url
        self._name = self.address.name
        self._verify = plan.options.get("tls_verify") == "1"
        self._clock = clock
        self._login = Login(self.address.username, self.address.password)
        self._connection: http.client.HTTPConnection | None = None
        self._answer: http.client.HTTPResponse | None = None
        self._there: tuple[str, str] = ("", "")
        self._told = False

    def get(self, within_s: float) -> None:
        """Ask for the address; afterwards `read` gives the body.

        Raises:
            Unreachable, AuthFailed, Refused, Stalled: It was not given; the text says why.
            SourceEnded: `interrupt` was called.
        """
        until_us = self._clock.boot_us() + int(within_s * SECOND_US)
        url, moves = self.address.plain_url, 0
        signed = False
        while True:
            answer = self._ask(url, until_us, within_s)
            self.status = answer.status
            if answer.status in _MOVED and answer.getheader("Location"):
                moves += 1
                if moves > _MOST_MOVES:
                    raise Refused(f"{self._place()} sends elsewhere again and again")
                url = self._moved(url, answer.getheader("Location") or "")
                signed = False
                self._finish(answer)
                continue
            if answer.status == http.HTTPStatus.UNAUTHORIZED and not signed:
                challenges = answer.headers.get_all("WWW-Authenticate") or []
                self._finish(answer)
                # A nonce that has grown stale is answered once more.
                signed = True
                if self._login.challenged(challenges):
                    continue
            self._judge(answer)
            self.url = url
            self.kind = answer.headers.get_content_type().lower() if answer.getheader("Content-Type") else ""
            self._answer = answer
            return

    def read(self, within_s: float) -> bytes:
        """Return some of the body, as it comes; empty at its end.

        Raises:
            Stalled: Nothing came within the time.
            SourceEnded: The connection broke, or `interrupt` was called.
        """
        answer, connection = self._answer, self._connection
        if answer is None or connection is None:
            raise SourceEnded(f"{self._name}: not open")
        if connection.sock is not None:
            connection.sock.settimeout(within_s)
        elif (sock := _socket_of(answer)) is not None:
            sock.settimeout(within_s)
        failure: SourceError | None = None
        data = b""
        try:
            data = answer.read1(_READ_BYTES)
        except TimeoutError:
            failure = Stalled(f"{self._name}: nothing arrived for {round(within_s, 1):g} s")
        except http.client.IncompleteRead:
            pass  # it broke off where a piece should have followed: that is an end, too
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            words = words_of(getattr(error, "errno", None))
            failure = SourceEnded(f"{self._place()} closed the connection ({words})")
        if self._told:
            raise self._stopped()
        if failure is not None:
            raise failure
        return data

    def body(self, within_s: float, most_bytes: int) -> bytes:
        """Return the whole body.

        Raises:
            Refused: It is longer than that.
            Stalled, SourceEnded: As `read`; slow drops are counted together.
        """
        until_us = self._clock.boot_us() + int(within_s * SECOND_US)
        data = bytearray()
        while more := self.read(max(0.001, (until_us - self._clock.boot_us()) / SECOND_US)):
            data += more
            if len(data) > most_bytes:
                raise Refused(f"{self._place()} sends more than {most_bytes >> 20} MiB at once")
            if self._clock.boot_us() >= until_us:
                raise Stalled(f"{self._name}: no whole answer within {round(within_s, 1):g} s")
        if self._answer is not None:
            self._finish(self._answer)
        return bytes(data)

    def interrupt(self) -> None:
        """End the present wait and every later one. From any thread."""
        self._told = True
        connection, answer = self._connection, self._answer
        sock = connection.sock if connection is not None else None
        if sock is None and answer is not None:
            sock = _socket_of(answer)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        answer, self._answer = self._answer, None
        connection, self._connection = self._connection, None
        for one in (answer, connection):
            if one is not None:
                with suppress(OSError, ValueError):
                    one.close()

    # --- one request -------------------------------------------------------------------------------------------------

    def _ask(self, url: str, until_us: int, within_s: float) -> http.client.HTTPResponse:
        """Send one request, over the connection that is open or another one, and return the head of its answer."""
        for _ in range(2):
            if self._told:
                raise self._stopped()
            left_s = (until_us - self._clock.boot_us()) / SECOND_US
            if left_s <= 0:
                raise self._late(within_s)
            kept = self._connect(url, left_s)
            try:
                return self._exchange(url)
            except TimeoutError:
                self.close()
                if self._told:
                    raise self._stopped() from None
                raise self._late(within_s) from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                # A connection that was kept may have been closed meanwhile: then another one is made, once.
                self.close()
                if self._told:
                    raise self._stopped() from None
                if not kept:
                    raise self._failed(error) from None
        raise Refused(f"{self._place()} closes its connections before it answers")

    def _connect(self, url: str, within_s: float) -> bool:
        """Have a connection to the host of a URL; returns whether it was there before."""
        parts = urlsplit(url)
        there = (parts.scheme, parts.netloc)
        if self._connection is not None and self._connection.sock is not None and there == self._there:
            self._connection.sock.settimeout(within_s)
            return True
        self.close()
        self._there = there
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            self._connection = http.client.HTTPSConnection(host, port, timeout=within_s, context=self._tls())
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=within_s)
        return False

    def _exchange(self, url: str) -> http.client.HTTPResponse:
        connection = self._connection
        if connection is None:
            raise ConnectionError
        if connection.sock is None:
            connection.connect()
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"User-Agent": f"holdfast/{__version__}", "Accept": "*/*"}
        signature = self._login.header("GET", target)
        if signature:
            headers["Authorization"] = signature
        connection.request("GET", target, headers=headers)
        return connection.getresponse()

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            # Cameras live long and are not updated: an old cipher is better than no picture.
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        return context

    def _finish(self, answer: http.client.HTTPResponse) -> None:
        """Read what is left of an answer, so that its connection can be used again; a long one is not waited for."""
        self._answer = None
        with suppress(OSError, http.client.HTTPException, ValueError):
            if len(answer.read(_READ_BYTES)) < _READ_BYTES and answer.isclosed():
                return
        self.close()

    # --- what answers and failures mean -------------------------------------------------------------------------------

    def _moved(self, url: str, location: str) -> str:
        """Return where it sends us; the password goes to another host only in a form that does not tell it."""
        after = urlsplit(urljoin(url, location))
        if after.scheme not in {"http", "https"} or not after.hostname:
            raise Refused(f"{self._place()} sends elsewhere, but not to a web address")
        first = urlsplit(self.address.plain_url)
        self._login.secretive = after.hostname != first.hostname or (first.scheme, after.scheme) == ("https", "http")
        if self._login.secretive:
            # What was learnt to answer to the first host is not for the second one.
            secretive, self._login = self._login, Login(self.address.username, self.address.password)
            self._login.secretive = secretive.secretive
        return after._replace(netloc=after.netloc.rpartition("@")[2], fragment="").geturl()

    def _judge(self, answer: http.client.HTTPResponse) -> None:
        status = answer.status
        if status == http.HTTPStatus.OK:
            return
        self.close()
        words = answer.reason
        if status in {401, 403}:
            raise AuthFailed(f"{self._place()} rejected the user name or password ({status} {words})")
        raise Refused(
            f"{self._place()} answered {status} {words}".rstrip(),
            hint=_HINTS.get(status, "the camera answered with an error; its own log may say why"),
        )

    def _failed(self, error: Exception) -> SourceError:
        place, code = self._place(), getattr(error, "errno", None)
        if isinstance(error, socket.gaierror):
            return Unreachable(
                f"{self._name}: the name {urlsplit(self.url).hostname} cannot be resolved", hint="check the host name"
            )
        if isinstance(error, ssl.SSLError):
            hint = "without tls_verify any certificate is taken; or the camera speaks http://, not https://"
            return Refused(f"{place} speaks no TLS that can be used: {error.reason or 'handshake failed'}", hint=hint)
        if isinstance(error, http.client.HTTPException | ValueError):
            if isinstance(error, http.client.RemoteDisconnected):
                return Refused(f"{place} closed the connection without an answer")
            return Refused(f"{place} gave an answer that is no HTTP", hint="is this the camera's web server?")
        if code in ENDED:
            return Refused(f"{place} closed the connection without an answer")
        return Unreachable(f"{place} cannot be reached: {words_of(code)}")

    def _late(self, within_s: float) -> SourceError:
        connection = self._connection
        if connection is None and not self.address.answers(_KNOCK_S):
            return Unreachable(f"{self._name}: no answer from {self._where()} within {within_s:g} s")
        return Stalled(f"{self._name}: connected to {self._where()}, but it said nothing for {within_s:g} s")

    def _stopped(self) -> SourceError:
        return SourceEnded(f"{self._name}: told to stop", hint="")

    def _where(self) -> str:
        return f"{self.address.host}:{self.address.port}"

    def _place(self) -> str:
        return f"{self._name}: {self._where()}"


def _socket_of(answer: http.client.HTTPResponse) -> socket.socket | None:
    """Return the socket of an answer that ends with its connection: http.client takes it from the connection then."""
    raw = getattr(answer.fp, "raw", None)
    found = getattr(raw, "_sock", None)
    return found if isinstance(found, socket.socket) else None
