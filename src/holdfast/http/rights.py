"""Who asks, and what they may do. Every route says which right it needs: `dependencies=[needs(Right.VIEWER)]`.

A route that says nothing is refused by a test that walks all of them. Pure but for what `identify` does.

Not here: finding out who asks (session), users and tokens (library.accounts).
"""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from holdfast.core.errors import CatalogError, NotAllowed, SignInNeeded


class Right(StrEnum):
    """What somebody may do; each right contains those before it."""

    PUBLIC = "public"
    """Nobody need be signed in."""
    VIEWER = "viewer"
    """Look at cameras, footage and their state."""
    OPERATOR = "operator"
    """Also write notes, test and switch cameras, and hand footage on."""
    ADMIN = "admin"
    """Also change cameras, settings, users and tokens, and read logs."""

    def covers(self, other: "Right") -> bool:
        """Say whether whoever has this right has the other one too."""
        order = list(Right)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody who signed in. `via` is `session` or `token`; `token` names the token, empty for a session."""

    name: str
    right: Right
    via: str = "session"
    token: str = ""


Identify = Callable[[HTTPConnection], Identity | None]
"""Says who asks, None for nobody; kept as `app.state.identify`."""


class Needs:
    """The dependency behind `needs`; the test that walks all routes looks for it."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, connection: HTTPConnection) -> Identity | None:
        """Let pass who may.

        Raises:
            SignInNeeded: Nobody is signed in.
            NotAllowed: Somebody is, without the right.
        """
        identity: Identity | None = None
        # What is for everybody must answer while the catalog, which knows who this is, does not.
        with suppress(CatalogError) if self.right is Right.PUBLIC else nullcontext():
            identity = connection.app.state.identify(connection)
        connection.state.identity = identity
        if self.right is Right.PUBLIC:
            return identity
        if identity is None:
            raise SignInNeeded("this needs a sign-in")
        if not identity.right.covers(self.right):
            raise NotAllowed(f"this needs the right {self.right}; {identity.name} has {identity.right}")
        return identity


def needs(right: Right) -> Any:
    """Declare the right that a route, or all routes of a router, need."""
    return Depends(Needs(right))


def identity_of(connection: HTTPConnection) -> Identity:
    """Return who asks, on a route that needs more than `PUBLIC`."""
    identity: Identity | None = connection.state.identity
    if identity is None:
        raise SignInNeeded("this needs a sign-in")
    return identity
