"""The server: pages, API and streams over HTTP. It reads what others wrote; recording never notices it.

The main thread waits for signals, rewrites `server.json` each second and looks after port and certificate; uvicorn's
event loop has a thread of its own. A port that somebody else has, or a certificate that cannot be used, is said and
tried again; changed addresses are moved to, and a renewed certificate is taken, without a restart.

Not here: routes (api, web), who may pass (http.guard, http.session).
"""

import asyncio
import errno
import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM

import structlog
import uvicorn
from fastapi import FastAPI

from holdfast.api.routes import ALIVE, ROUTERS
from holdfast.core.config.model import WebConfig
from holdfast.core.errors import AlreadyRunning, ConfigError, HoldfastError
from holdfast.http.app import build
from holdfast.http.context import Context
from holdfast.http.guard import Guard
from holdfast.http.line import PING_S, PONG_S, Line
from holdfast.http.session import Sessions
from holdfast.library import accounts
from holdfast.roles.signals import Signals
from holdfast.roles.supervisor import write_status
from holdfast.storage.errors import storage_errors
from holdfast.storage.lock import FileLock
from holdfast.web import pages

TICK_S = 1.0  # status files are rewritten in this rhythm, everywhere
RETRY_S = 5.0  # chosen: a port that became free is taken within this
SETUP_S = 10.0  # chosen: whether the setup token is still needed is one small row each time
GRACE_S = 4  # chosen: an answer in flight is finished by then; streams end at once where their viewers listen
STOP_S = 8.0  # a stop takes 10 s at most; what holds on to its thread longer than this ends with the process
WS_MAX_BYTES = 1 << 16  # chosen: what a viewer says is a few words; what it is sent knows no limit
LOCK_FILE = "server.lock"
STATUS_FILE = "server.json"

_log = structlog.stdlib.get_logger("holdfast.server")


def create_app(context: Context) -> FastAPI:
    """Put the whole application together over a node."""
    sessions, guard = Sessions(context), Guard(context, pages=pages.error_page)
    app = build(
        context, sessions.identify, [*ROUTERS, *pages.ROUTERS], pages=pages.error_page,
        alive=[guard.lifespan, *ALIVE], wrap=guard.around,
    )  # fmt: skip
    app.state.sessions = sessions
    app.state.guard = guard
    return app


class _Uvicorn(uvicorn.Server):
    """Uvicorn, which ends endless answers before it waits for answers to end."""

    def __init__(self, config: uvicorn.Config, guard: Guard) -> None:
        super().__init__(config)
        self._guard = guard

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving; on the event loop."""
        await self._guard.end_streams()
        await super().shutdown(sockets)


def _calm(record: logging.LogRecord) -> bool:
    """During a stop: keep out of the log what uvicorn says about viewers who do not read and are cut off."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, asyncio.CancelledError) and not str(record.msg).startswith(
        ("Cancel ", "ASGI callable")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to listen, and how; a changed one is moved to."""

    listen: str
    port: int
    cert: Path | None
    key: Path | None

    @classmethod
    def of(cls, web: WebConfig) -> "Place":
        """Read the settings."""
        return cls(listen=web.listen, port=web.port, cert=web.tls_cert, key=web.tls_key)

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken here, rather than by a proxy or not at all."""
        return self.cert is not None and self.key is not None

    def address(self, port: int) -> str:
        """Return what to type into a browser on this machine."""
        everywhere = self.listen in {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on
        host = "127.0.0.1" if everywhere else self.listen
        return f"http{'s' if self.secure else ''}://{f'[{host}]' if ':' in host else host}:{port}"

    def stamps(self) -> tuple[int, ...]:
        """Return what changes when the certificate is renewed."""
        found = []
        for path in (self.cert, self.key):
            with suppress(OSError):
                found.append(path.stat().st_mtime_ns if path else 0)
        return tuple(found)


class Server:
    """One node's server.

    Args:
        context: The node.
        patient: A port that is taken is waited for; without this it is an error.
        ready: Called once with the address and, while there is no user, the setup token; from the main thread.
    """

    def __init__(
        self, context: Context, *, patient: bool = False, ready: Callable[[str, str | None], None] | None = None
    ) -> None:
        self._context = context
        self._clock = context.clock
        self._patient = patient
        self._ready = ready
        self._state = "starting"
        self._since_us = context.clock.wall_us()
        self._address = ""
        self._port = 0
        self._problem = self._hint = ""
        self._setup: bool | None = None
        self._setup_us: int | None = None
        self._uvicorn: _Uvicorn | None = None

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; returns within 10 s of it.

        Raises:
            AlreadyRunning: This state folder has a server already, or, unless `patient`, the port is taken.
            ConfigError: The address or certificate cannot be used, unless `patient`.
        """
        state_dir = self._context.state_dir
        with storage_errors("making folder", state_dir):
            state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        lock = FileLock(state_dir / LOCK_FILE, what="holdfast serve for this state folder")
        with lock, Signals(SIGTERM, SIGINT, SIGHUP) as signals:
            _log.info("server.started", state_dir=str(state_dir))
            app = create_app(self._context)
            try:
                while self._once(app, signals):
                    pass
            finally:
                self._state, self._address, self._port = "stopped", "", 0
                self._write_status()
                _log.info("server.stopped")

    def _once(self, app: FastAPI, signals: Signals) -> bool:
        """Listen at one place until it changes or the end is asked for; returns whether to go on."""
        place = Place.of(self._context.config.web)
        try:
            listener = bind(place)
            config = _uvicorn_config(app, place, listener)
        except HoldfastError as error:
            if not self._patient:
                raise
            self._trouble(error)
            return not self._asked_to_stop(signals, RETRY_S, place)
        self._problem = self._hint = ""
        self._port = int(listener.getsockname()[1])
        self._address = place.address(self._port)
        self._uvicorn = _Uvicorn(config, app.state.guard)
        thread = threading.Thread(
            target=self._uvicorn.run, kwargs={"sockets": [listener]}, name="http", daemon=True
        )  # a viewer that hangs in its thread must not hold up the end of the process
        thread.start()
        again = self._serve(place, config, thread, signals)
        self._stop(thread, signals)
        return again

    def _serve(self, place: Place, config: uvicorn.Config, thread: threading.Thread, signals: Signals) -> bool:
        stamps = place.stamps()
        while True:
            if not thread.is_alive():
                raise HoldfastError("the server ended by itself", hint="its log says why; please report it with that")
            if self._uvicorn is not None and self._uvicorn.started and self._state != "running":
                self._state = "running"
                _log.info("server.listening", address=self._address, listen=place.listen)
            if self._state == "running":
                self._look_at_setup()
            self._write_status()
            if self._asked_to_stop(signals, TICK_S if self._state == "running" else 0.05):
                return False
            if Place.of(self._context.config.web) != place:
                _log.info("server.moving", why="its address or certificate was changed in the settings")
                return True
            if place.stamps() != stamps:
                stamps = place.stamps()
                _renew(config, place)

    def _asked_to_stop(self, signals: Signals, wait_s: float, place: Place | None = None) -> bool:
        """Wait; returns whether the end was asked for. A place that changed meanwhile ends the wait."""
        deadline_us = self._clock.boot_us() + round(wait_s * 1e6)
        while True:
            caught = signals.wait(min(wait_s, TICK_S))
            if SIGTERM in caught or SIGINT in caught:
                return True
            if SIGHUP in caught:
                self._context.changed()
            self._write_status()
            changed = place is not None and Place.of(self._context.config.web) != place
            if changed or self._clock.boot_us() >= deadline_us:
                return False

    def _stop(self, thread: threading.Thread, signals: Signals) -> None:
        """No new connections, answers in flight are finished, streams are told to end, then everything is cut off."""
        self._state = "stopping"
        server = self._uvicorn
        assert server is not None  # noqa: S101 - it was made where the thread was
        _log.info("server.stopping", viewers=len(server.server_state.connections))
        logging.getLogger("uvicorn.error").addFilter(_calm)
        server.should_exit = True
        deadline_us = self._clock.boot_us() + round(STOP_S * 1e6)
        while thread.is_alive() and self._clock.boot_us() < deadline_us:
            self._write_status()
            thread.join(0.1)
            if {SIGTERM, SIGINT} & set(signals.wait(0)):
                server.force_exit = True
        logging.getLogger("uvicorn.error").removeFilter(_calm)
        self._uvicorn = None
        if thread.is_alive():
            _log.warning("server.cut_off", after_s=STOP_S)

    def _trouble(self, error: HoldfastError) -> None:
        if str(error) != self._problem:
            _log.error("server.not_listening", reason=str(error), hint=error.hint)
        self._state, self._address, self._port = "waiting", "", 0
        self._problem, self._hint = str(error), error.hint

    def _look_at_setup(self) -> None:
        """Keep a setup token in the state folder while there is no user, and say once where to go."""
        now_us = self._clock.boot_us()
        if self._setup_us is not None and now_us - self._setup_us < SETUP_S * 1e6:
            return
        self._setup_us = now_us
        try:
            token = accounts.setup_token(self._context.catalog(), self._context.state_dir)
        except HoldfastError as error:
            _log.debug("setup.unknown", reason=str(error))
            return
        if token is not None and not self._setup:
            _log.info("setup.needed", hint=f"the setup token is in {accounts.SETUP_FILE} of the state folder")
        self._setup = token is not None
        if self._ready is not None:
            self._ready(self._address, token)
            self._ready = None

    def _write_status(self) -> None:
        connections = self._uvicorn.server_state.connections if self._uvicorn is not None else ()
        body: dict[str, object] = {
            "v": 1, "state": self._state, "pid": os.getpid(), "at_us": self._clock.wall_us(),
            "since_us": self._since_us, "address": self._address, "port": self._port, "problem": self._problem,
            "hint": self._hint,
            "setup_needed": self._setup, "connections": len(connections),
        }  # fmt: skip
        write_status(self._context.runtime_dir / STATUS_FILE, body)


def bind(place: Place) -> socket.socket:
    """Take the port.

    Raises:
        AlreadyRunning: Another program has it.
        ConfigError: It cannot be had at all.
    """
    where = f"port {place.port} of {place.listen or 'every address'}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            place.listen or None, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # TCP by name: asyncio sends small answers at once (TCP_NODELAY) only on sockets that say so; else each
        # answer on a kept connection waits 40 ms for the other side's acknowledgement (measured).
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise ConfigError(
            f"web.listen: {place.listen} is no address: {error.strerror}", hint="127.0.0.1, 0.0.0.0 or ::"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `::` is meant to be everything; what the host's default for it is, nobody remembers.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(place.listen not in {"", "::"}))
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)  # noqa: FBT003 - socket's own signature
    except OSError as error:
        listener.close()
        raise _refused(error, place, where) from error
    return listener


def _refused(error: OSError, place: Place, where: str) -> HoldfastError:
    if error.errno == errno.EADDRINUSE:
        return AlreadyRunning(
            f"{where} is taken by another program",
            hint=f"end that program (ss -ltnp 'sport = :{place.port}' names it), or set another port in [web]",
        )
    if error.errno == errno.EACCES:
        return ConfigError(f"{where} is for root alone", hint="set a port of 1024 or more in [web], behind a proxy")
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(
            f"this machine does not have the address {place.listen}", hint="set listen in [web] to one of its own"
        )
    return ConfigError(f"{where} cannot be listened on: {error.strerror}", hint="change listen and port in [web]")


def _uvicorn_config(app: FastAPI, place: Place, listener: socket.socket) -> uvicorn.Config:
    config = uvicorn.Config(
        app, loop="asyncio", http="h11", ws=Line, ws_max_size=WS_MAX_BYTES,
        ws_ping_interval=PING_S, ws_ping_timeout=PONG_S, ws_per_message_deflate=False, lifespan="on",
        log_config=None, access_log=False, server_header=False,
        proxy_headers=False, timeout_keep_alive=15, timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=str(place.cert) if place.secure else None, ssl_keyfile=str(place.key) if place.secure else None,
    )  # fmt: skip
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        listener.close()
        raise ConfigError(
            f"the certificate {place.cert} or its key {place.key} cannot be used: {error.strerror or error}",
            hint="tls_cert is the chain and tls_key its private key, both in PEM and readable for this user",
        ) from error
    return config


def _renew(config: uvicorn.Config, place: Place) -> None:
    """Take a renewed certificate for new connections; a bad one leaves the old one in force."""
    if config.ssl is None or place.cert is None or place.key is None:
        return
    try:
        config.ssl.load_cert_chain(place.cert, place.key)
    except (OSError, ssl.SSLError) as error:
        _log.error("certificate.refused", path=str(place.cert), reason=str(error))
        return
    _log.info("certificate.renewed", path=str(place.cert))
