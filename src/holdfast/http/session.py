"""Who asks: a signed cookie of a person, or the token of a program.

A cookie says user, generation and when it was made; it is signed with a key of this node. A new password, switching a
user off or signing out everywhere raises the generation, and with it ends every session. What the catalog says about a
user or token is remembered for a few seconds, so that a request costs at most one row and never a password's hash.

A catalog that is away must not close the eyes of whoever watches: what it confirmed within the last hour keeps the
right of a viewer, no more. Any thread.

Not here: passwords and tokens themselves (library.accounts), how often one may try (limits).
"""

import base64
import binascii
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import structlog
from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import HTTPConnection
from starlette.responses import Response

from holdfast.catalog.accounts import TokenRow, UserRow
from holdfast.core.errors import CatalogError, StorageError
from holdfast.core.timing import HOUR_US, SECOND_US
from holdfast.http.context import Context
from holdfast.http.limits import Attempts
from holdfast.http.rights import Identity, Right
from holdfast.library import accounts
from holdfast.library.accounts import TOKEN_PREFIX
from holdfast.storage.files import replace_atomically

COOKIE = "holdfast_session"
KEY_FILE = "session-key"
REMEMBER_US = 5 * SECOND_US  # chosen: a revoked token and a switched-off user are out within this; a page asks once
GRACE_US = HOUR_US  # chosen: a database is back within it, or somebody is there who does not need these pages
MOST = 1000  # chosen: people and programs at the same time; the one that was quiet longest is asked about again

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a cookie says. Believed, because it is signed; whether it still counts, the catalog knows."""

    user: str
    name: str
    generation: int
    issued_us: int


@dataclass(frozen=True, slots=True)
class _Known:
    row: UserRow | TokenRow | None
    at_us: int  # boot time


class Sessions:
    """Says who asks, begins sessions and ends them; one an application, `app.state.sessions`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.attempts = Attempts(context.clock)
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._signer = URLSafeSerializer(
            _key(context), salt="holdfast.session", signer_kwargs={"key_derivation": "hmac", "digest_method": sha256}
        )

    def identify(self, connection: HTTPConnection) -> Identity | None:
        """Return who asks; None for nobody, and for whoever shows something that does not count."""
        said = connection.headers.get("authorization")
        if said is not None:
            return self._by_token(shown_token(said))
        session = self.read(connection)
        return None if session is None else self._by_session(session)

    def read(self, connection: HTTPConnection) -> Session | None:
        """Return the session of a request's cookie while it is in time; whether it was ended is not looked at."""
        try:
            user, name, generation, issued_us = self._signer.loads(connection.cookies.get(COOKIE, ""))
        except (BadData, ValueError, TypeError):
            return None
        session = Session(user=user, name=name, generation=generation, issued_us=issued_us)
        return session if self._context.clock.wall_us() < self.expires_us(session) else None

    def expires_us(self, session: Session) -> int:
        """Return when a session ends by itself."""
        return session.issued_us + self._context.config.web.session_hours * HOUR_US

    def begin(self, connection: HTTPConnection, response: Response, user: UserRow) -> Session:
        """Give a user a session in place of the one that the request came with."""
        session = Session(
            user=str(user.id), name=user.name, generation=user.generation, issued_us=self._context.clock.wall_us()
        )
        value = self._signer.dumps([session.user, session.name, session.generation, session.issued_us])
        response.set_cookie(
            COOKIE, value if isinstance(value, str) else value.decode("ascii"),
            max_age=self._context.config.web.session_hours * 3600, **_flags(connection),
        )  # fmt: skip
        self.forget()
        return session

    def end(self, connection: HTTPConnection, response: Response) -> None:
        """Take a session's cookie away."""
        response.delete_cookie(COOKIE, **_flags(connection))

    def forget(self) -> None:
        """Ask the catalog about everybody anew: something about users or tokens was changed just now."""
        with self._lock:
            # What is kept still counts where the catalog is away, but no longer as news.
            for name, known in self._known.items():
                self._known[name] = _Known(known.row, known.at_us - REMEMBER_US)

    # --- looking up --------------------------------------------------------------------------------------------------

    def _by_session(self, session: Session) -> Identity | None:
        row, sure = self._look(
            f"user {session.name.lower()}", lambda: accounts.find_user(self._context.catalog(), session.name)
        )
        if not isinstance(row, UserRow):
            return None
        if not row.enabled or str(row.id) != session.user or row.generation != session.generation:
            return None
        return Identity(name=row.name, right=Right(row.role) if sure else Right.VIEWER)

    def _by_token(self, token: str | None) -> Identity | None:
        if token is None:
            return None
        hashed = accounts.token_hash(token)
        clock = self._context.clock
        row, sure = self._look(f"token {hashed}", lambda: accounts.find_token(self._context.catalog(), clock, hashed))
        if not isinstance(row, TokenRow) or not accounts.token_good(row, clock.wall_us()):
            return None
        return Identity(name=row.name, right=Right(row.role) if sure else Right.VIEWER, via="token", token=row.name)

    def _look(self, name: str, ask: Callable[[], UserRow | TokenRow | None]) -> tuple[UserRow | TokenRow | None, bool]:
        """Return what is known under a name, and whether it is news: asked for now or a moment ago."""
        now_us = self._context.clock.boot_us()
        known = self._known.get(name)
        if known is not None and now_us - known.at_us < REMEMBER_US:
            return known.row, True
        try:
            row = ask()
        except CatalogError as error:
            if known is None or now_us - known.at_us >= GRACE_US:
                raise
            _log.debug("session.unconfirmed", reason=str(error))
            return known.row, False
        with self._lock:
            self._known.pop(name, None)
            self._known[name] = _Known(row, now_us)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return row, True


def sessions_of(connection: HTTPConnection) -> Sessions:
    """Return the application's sessions, for use as a dependency."""
    sessions: Sessions = connection.app.state.sessions
    return sessions


def shown_token(said: str) -> str | None:
    """Return the token in an Authorization header; None where it holds none.

    `Bearer hf_…` is for programs; `Basic` with the token as password is for players, whose addresses can only carry
    `http://any:hf_…@host/…`. A person's password is not taken here: each request would cost its slow hash.
    """
    scheme, _, rest = said.partition(" ")
    token = rest.strip()
    if scheme.lower() == "basic":
        try:
            token = base64.b64decode(token, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    elif scheme.lower() != "bearer":
        return None
    return token if token.startswith(TOKEN_PREFIX) else None


def _flags(connection: HTTPConnection) -> dict[str, Any]:
    """Out of reach of scripts and of other sites; over TLS only, where this request came over it."""
    return {
        "path": "/", "httponly": True, "samesite": "strict", "secure": connection.url.scheme in {"https", "wss"},
    }  # fmt: skip


def _key(context: Context) -> str:
    """Return the key that signs cookies, making it at the first start."""
    path = context.state_dir / KEY_FILE
    try:
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    if len(kept) >= 64:  # noqa: PLR2004 - 32 bytes in hex; less was cut off by something
        return kept
    key = secrets.token_hex(32)
    try:
        replace_atomically(path, key.encode(), durable=True, mode=0o600)
    except StorageError as error:
        _log.warning("session.key_unsaved", reason=str(error), means="sign-ins end with this process")
    return key
