"""Coming in with a password or the setup token, and a new password of one's own: what API and pages both do.

What is wrong with a name or password is not said; how often one may try is limited by address and name (limits).
Not here: the cookie (session), passwords themselves (library.accounts).
"""

import structlog
from starlette.requests import Request

from holdfast.catalog.accounts import UserRow
from holdfast.core.errors import CatalogError, NotAllowed, SignInNeeded, TooMany
from holdfast.http.context import Context
from holdfast.http.rights import identity_of
from holdfast.http.session import Sessions
from holdfast.library import accounts

_SETUP = "(setup)"  # no user has this name: tries with the setup token are counted beside those with passwords
_AGAIN = (
    "check both, capital letters too; an administrator gives you a new password under People, or on the recorder: "
    "holdfast users password NAME"
)
_log = structlog.get_logger("holdfast.web")


def checked(request: Request, context: Context, door: Sessions, name: str, password: str) -> UserRow:
    """Check a name and a password within the limits.

    Raises:
        SignInNeeded: They are wrong.
        TooMany: There were too many tries.
        CatalogUnavailable: Nobody could look; the try does not count.
    """
    address = address_of(request)
    catalog = context.catalog()
    try:
        door.attempts.begin(address, name)
    except TooMany:
        if door.attempts.first_refusal(address, name):
            _log.warning("sign_in.limited", client=address)
            accounts.note_limited(catalog, context.clock, name, address)
        raise
    try:
        user = accounts.sign_in(catalog, context.clock, name, password, address=address)
    except CatalogError:
        # The try was not looked at: a database that is away must not make a person wait.
        door.attempts.withdrawn(address, name)
        raise
    except SignInNeeded as error:
        raise SignInNeeded(str(error), hint=_AGAIN) from error
    door.attempts.succeeded(address, name)
    _log.info("sign_in", user=user.name, client=address)
    return user


def first_admin(
    request: Request, context: Context, door: Sessions, *, token: str, name: str, password: str
) -> UserRow:  # fmt: skip
    """Make the first admin with the setup token, which is used up by it.

    Raises:
        SignInNeeded: The token is wrong.
        Conflict: There is a user already.
        BadInput: Name or password will not do.
        TooMany: There were too many tries.
    """
    address = address_of(request)
    door.attempts.begin(address, _SETUP)
    user = accounts.set_up(context.catalog(), context.clock, context.state_dir, token, name, password)
    door.attempts.succeeded(address, _SETUP)
    _log.info("setup.done", user=user.name, client=address)
    return user


def new_password(request: Request, context: Context, door: Sessions, *, old: str, new: str) -> UserRow:
    """Change the password of whoever is signed in. Every session of theirs ends: begin one anew for this browser.

    Raises:
        NotAllowed: A program asks; a token has no password.
        SignInNeeded: The old one is wrong.
        BadInput: The new one will not do.
        TooMany: There were too many tries.
    """
    name = person(request)
    checked(request, context, door, name, old)
    user = accounts.change_user(context.catalog(), context.clock, name, password=new)
    _log.info("password.changed", user=name, by=name)
    return user


def person(request: Request) -> str:
    """Return the name of whoever is signed in.

    Raises:
        NotAllowed: A program asks, with a token.
    """
    identity = identity_of(request)
    if identity.via != "session":
        raise NotAllowed("a token has no password and no sessions", hint="sign in with name and password")
    return identity.name


def address_of(request: Request) -> str:
    """Return where a request comes from, as the guard believes it; empty where nobody knows."""
    return request.client.host if request.client else ""
