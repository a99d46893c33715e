"""Stands before every answer: who may talk to this server at all, how much, and what browsers may do with it.

In this order: what a trusted proxy says, the host that was asked for, how often, from which site, how large. Then the
application, and on every answer the headers that keep browsers from running, framing or guessing anything. A stream
whose viewer was signed out meanwhile is cut off within half a minute.

Runs on the event loop and never waits for anything but the network. Not here: who asks (session), rights (rights).
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from holdfast.core.config.model import WebConfig
from holdfast.core.errors import CatalogError, HoldfastError, NotAllowed, TooLarge, TooMany, TooSlow, WrongHost
from holdfast.http.context import Context
from holdfast.http.errors import PageFor, body_of, wants_page
from holdfast.http.limits import Buckets
from holdfast.http.proxy import Network, believed, networks

BODY_MAX = 1 << 20  # chosen: the longest that is sent here is a camera's settings, some kilobytes
BODY_S = 20.0  # chosen: a megabyte from a slow phone; who needs longer is holding a place
AGAIN_S = 15.0  # chosen: a stream asks about its viewer this often; with REMEMBER_US within half a minute
END_S = 0.5  # chosen: a viewer who reads has the end of a stream within this
FOLLOW_S = 1.0  # chosen: a changed setting counts within this, as everywhere

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_log = structlog.get_logger("holdfast.web")

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Names that only the local network can give: nobody can register them and point them here (RFC 6761, 6762, 8375, 9476).
_LOCAL_ENDS = (".localhost", ".local", ".home.arpa", ".internal", ".lan", ".home")
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# No Strict-Transport-Security: with a certificate of one's own that has run out, it would lock everybody out.
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What of `[web]` the guard goes by."""

    trusted: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, web: WebConfig) -> "Rules":
        """Read the settings."""
        return cls(
            trusted=networks(web.trusted_proxies),
            hosts=frozenset({*(host.lower() for host in web.hosts), socket.gethostname().lower(), web.listen.lower()}),
            origins=frozenset(origin.rstrip("/").lower() for origin in web.cors_origins),
        )


class Guard:
    """The outermost layer of the application.

    Args:
        context: The node; its settings are followed by `lifespan`.
        pages: Makes a page of an error, for people.
        buckets: Counts requests.
    """

    def __init__(self, context: Context, *, pages: PageFor | None = None, buckets: Buckets | None = None) -> None:
        self._app: App | None = None
        self._context = context
        self._pages = pages
        self._buckets = buckets or Buckets(context.clock)
        self._answering: set[_Dressed] = set()
        self.rules = Rules.of(context.config.web)

    def around(self, app: App) -> App:
        """Stand around this application; for `build(wrap=…)`."""
        self._app = app
        return self

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do it."""
        assert self._app is not None  # noqa: S101 - nothing calls it before it stands around something
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        rules = self.rules
        scope = believed(dict(scope), rules.trusted)
        dressed = _Dressed(scope, send, _cors(scope, rules), self._context)
        try:
            self._admit(scope, rules)
            if scope["type"] == "http":
                if _is_preflight(scope) and dressed.cors:
                    await Response(status_code=204)(scope, receive, dressed)
                    return
                receive = partial(dressed.hear, await _whole(scope, receive))
        except HoldfastError as error:
            await self._refuse(scope, receive, dressed, error)
            return
        self._answering.add(dressed)
        try:
            await self._app(scope, receive, dressed)
        finally:
            self._answering.discard(dressed)

    async def end_streams(self) -> None:
        """End every answer that would go on for ever, whole, so that a stop need not wait for it or cut it off."""
        ends = [asyncio.ensure_future(dressed.finish()) for dressed in self._answering]
        if ends:
            # Who does not read cannot be told either; the server cuts it off later.
            await asyncio.wait(ends, timeout=END_S)

    @asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Keep the rules current while the application lives; for `build(alive=…)`."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(FOLLOW_S)
                with suppress(HoldfastError):  # the last rules stand
                    await run_in_threadpool(self.follow)

        task = asyncio.create_task(keep())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def follow(self) -> None:
        """Go by the settings of now. Reads them, so not on the event loop."""
        self.rules = Rules.of(self._context.config.web)

    def _admit(self, scope: MutableMapping[str, Any], rules: Rules) -> None:
        """Let a request pass, or raise why not."""
        headers = HTTPConnection(scope).headers if scope["type"] == "websocket" else Request(scope).headers
        host = headers.get("host", "")
        if not host_allowed(host, rules.hosts):
            raise WrongHost(
                f"this recorder is not known as {host[:100]!r}",
                hint="if it is meant to be, add the name to hosts in [web] of the configuration; or use its address",
            )
        client = scope.get("client")
        if not self._buckets.take(client[0] if client else ""):
            raise TooMany("too many requests from this address", retry_after_s=2)
        if scope["type"] == "websocket" or scope["method"] not in _SAFE:
            site, origin = headers.get("sec-fetch-site"), headers.get("origin")
            if not same_site(site, origin, host, rules.origins):
                raise NotAllowed(
                    f"another site ({(origin or 'unknown')[:100]}) must not change anything here",
                    hint="behind a proxy, let it pass Host on and name it in trusted_proxies; another site's pages "
                    "are let in by cors_origins",
                )

    async def _refuse(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send, error: HoldfastError
    ) -> None:
        _log.debug("request.refused", code=error.code, path=scope["path"], client=(scope.get("client") or [""])[0])
        if scope["type"] == "websocket":
            await receive()  # the handshake; RFC 6455, 7.4.1: 1008 is a policy violation, answered as 403
            await send({"type": "websocket.close", "code": 1008, "reason": str(error)})
            return
        request, body = Request(scope, receive), body_of(error.code, str(error), error.hint)
        response: Response
        if self._pages is not None and wants_page(request) and not isinstance(error, TooMany):
            response = await self._pages(request, error.http_status, body)
        else:
            response = JSONResponse(body, error.http_status)
        if isinstance(error, TooMany):
            response.headers["Retry-After"] = str(error.retry_after_s)
        # What is left of a body that was refused must not be taken for the next request.
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


def host_allowed(host: str, hosts: Iterable[str]) -> bool:
    """Say whether a Host header may mean this server.

    Against DNS rebinding: a foreign page's name that suddenly points here. Addresses, names without a dot and those of
    the local network cannot be pointed anywhere by strangers; any other name must be listed.
    """
    name = _without_port(host).lower().rstrip(".")
    if not name or "." not in name or name.endswith(_LOCAL_ENDS):
        return True
    with suppress(ValueError):
        ipaddress.ip_address(name.strip("[]"))
        return True
    return any(entry in {name, "*"} or (entry[:2] == "*." and name.endswith(entry[1:])) for entry in hosts)


def same_site(fetch_site: str | None, origin: str | None, host: str, origins: Iterable[str]) -> bool:
    """Say whether a change or a WebSocket comes from our own pages, from no page at all, or from a site that may.

    Args:
        fetch_site: Sec-Fetch-Site, which no page can forge; older browsers, and all of them without TLS, leave it out.
        origin: Origin, which browsers send with every change; programs have none.
        host: The Host header.
        origins: Origins that may.
    """
    if origin is not None and origin.rstrip("/").lower() in origins:
        return True
    if fetch_site is not None:
        return fetch_site in {"same-origin", "none"}
    if origin is None:
        return True
    try:
        return _plain(urlsplit(origin).netloc) == _plain(host) != ""
    except ValueError:
        return False


def _plain(netloc: str) -> str:
    return netloc.lower().removesuffix(":80").removesuffix(":443")


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _header(scope: MutableMapping[str, Any], name: bytes) -> str | None:
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == name), None)


def _cors(scope: MutableMapping[str, Any], rules: Rules) -> dict[bytes, bytes]:
    """Return what lets a configured site's pages read the answer. Never with cookies: they use tokens."""
    origin = _header(scope, b"origin")
    if origin is None or origin.rstrip("/").lower() not in rules.origins:
        return {}
    headers = {b"access-control-allow-origin": origin.encode("latin-1"), b"vary": b"Origin"}
    if _is_preflight(scope):
        headers |= {
            b"access-control-allow-methods": b"GET, HEAD, POST, PUT, PATCH, DELETE",
            b"access-control-allow-headers": b"Authorization, Content-Type, Range, Last-Event-ID",
            b"access-control-max-age": b"600",
        }
    else:
        headers[b"access-control-expose-headers"] = b"Content-Range, Content-Disposition, Retry-After"
        headers[b"cross-origin-resource-policy"] = b"cross-origin"
    return headers


def _is_preflight(scope: MutableMapping[str, Any]) -> bool:
    asked = _header(scope, b"access-control-request-method")
    return scope["type"] == "http" and scope["method"] == "OPTIONS" and asked is not None


async def _whole(scope: MutableMapping[str, Any], receive: Receive) -> Receive:
    """Take a request's body in whole, so that none is too large, too slow or half.

    Returns:
        What hands it to the application.

    Raises:
        TooLarge: It is longer than `BODY_MAX`.
        TooSlow: It did not come within `BODY_S`.
    """
    length, chunked = _header(scope, b"content-length"), _header(scope, b"transfer-encoding")
    if (length is None or length.strip() in {"", "0"}) and chunked is None:
        return receive
    if length is not None and length.isdigit() and int(length) > BODY_MAX:
        raise TooLarge(f"a request's body must not be larger than {BODY_MAX} bytes")
    body = bytearray()
    messages: list[Message] = []
    try:
        async with asyncio.timeout(BODY_S):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    messages.append(message)
                    break
                body += message.get("body", b"")
                if len(body) > BODY_MAX:
                    raise TooLarge(f"a request's body must not be larger than {BODY_MAX} bytes")
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise TooSlow("the request's body did not come in time") from error
    messages.insert(0, {"type": "http.request", "body": bytes(body), "more_body": False})

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return again


class _Dressed:
    """Sends an answer with the headers that every answer has, and ends it where its viewer was signed out."""

    def __init__(self, scope: MutableMapping[str, Any], send: Send, cors: dict[bytes, bytes], context: Context) -> None:
        self._scope = scope
        self._send = send
        self._clock = context.clock
        self._asked_us = context.clock.boot_us()
        self._endless = False
        self._over = asyncio.Event()
        self.cors = cors

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            message = {**message, "headers": self._headers(message)}
            # What says its length is a download: it ends by itself, and cut off it would be an error.
            self._endless = not any(name.lower() == b"content-length" for name, _ in message["headers"])
        elif self._clock.boot_us() - self._asked_us >= AGAIN_S * 1e6 and not await self._still_welcome():
            await self._cut(kind)
        if self._over.is_set():
            return
        if kind == "http.response.body" and not message.get("more_body", False):
            self._endless = False  # it ends by itself, now
        await self._send(message)

    async def hear(self, receive: Receive) -> Message:
        """Receive for the application; a viewer who was signed out is gone."""
        heard, over = asyncio.ensure_future(receive()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({heard, over}, return_when=asyncio.FIRST_COMPLETED)
            return heard.result() if heard.done() else {"type": "http.disconnect"}
        finally:
            heard.cancel()
            over.cancel()

    async def _still_welcome(self) -> bool:
        """Ask again about whoever watches; who was let in stays while nobody can be asked."""
        self._asked_us = self._clock.boot_us()
        if self._scope.get("state", {}).get("identity") is None:
            return True
        connection = HTTPConnection(self._scope)
        try:
            return await run_in_threadpool(connection.app.state.identify, connection) is not None
        except CatalogError:
            return True

    async def _cut(self, kind: str) -> None:
        """End an answer that would go on.

        Raises:
            OSError: It is a WebSocket: to the application as if its viewer had gone.
        """
        if kind == "websocket.send":
            await self._send({"type": "websocket.close", "code": 1008, "reason": "signed out"})
            raise OSError("signed out")
        if kind == "http.response.body":
            await self.finish()

    async def finish(self) -> None:
        """End an answer without a length, where it has begun and not ended."""
        if self._endless and not self._over.is_set():
            self._over.set()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        given = list(message.get("headers", []))
        names = {name.lower() for name, _ in given}
        added = {**_HEADERS, **self.cors}
        if self._scope["path"].startswith("/api/"):
            added[b"cache-control"] = b"no-store"
        if message["status"] == 401 and not (_header(self._scope, b"user-agent") or "").startswith("Mozilla/"):  # noqa: PLR2004 - RFC 9110
            # Players send a token in an address only when asked for it; a browser would open a window for a password.
            given.append((b"www-authenticate", b'Basic realm="Holdfast"'))
        return given + [(name, value) for name, value in added.items() if name not in names or name == b"vary"]
