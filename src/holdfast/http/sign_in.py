"""Coming in with a password or the setup token, within the limits: what the API's route and the sign-in page both do.

What is wrong with a name or password is not said; how often one may try is limited by address and name (limits).
Not here: the cookie (session), passwords themselves (library.accounts).
"""

import structlog
from starlette.requests import Request

from holdfast.catalog.accounts import UserRow
from holdfast.core.errors import CatalogError, TooMany
from holdfast.http.context import Context
from holdfast.http.session import Sessions
from holdfast.library import accounts

_SETUP = "(setup)"  # no user has this name: tries with the setup token are counted beside those with passwords
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


def address_of(request: Request) -> str:
    """Return where a request comes from, as the guard believes it; empty where nobody knows."""
    return request.client.host if request.client else ""
