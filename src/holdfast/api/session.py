"""Signing in and out, one's own password, and the first admin.

Not here: checking passwords within the limits (http.sign_in), users and tokens of others (users, tokens), cookies
(http.session).
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.catalog.accounts import UserRow
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.session import Sessions, sessions_of
from holdfast.http.sign_in import checked, first_admin, new_password, person
from holdfast.library import accounts

router = APIRouter(prefix="/api/v1", tags=["sign-in"])

Node = Annotated[Context, Depends(context_of)]
Door = Annotated[Sessions, Depends(sessions_of)]


class SignIn(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "alice", "password": "…"}})

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class SetUp(SignIn):
    """The setup token, and who the first admin will be."""

    model_config = ConfigDict(json_schema_extra={"example": {"token": "…", "name": "alice", "password": "…"}})

    token: str = Field(max_length=200, description="Printed by `holdfast run` while there is no user.")


class NewPassword(BaseModel):
    """The password of now, and the next one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"old": "…", "new": "…"}})

    old: str = Field(max_length=1024)
    new: str = Field(max_length=1024)


class WhoAmI(BaseModel):
    """Who is signed in."""

    name: str = Field(examples=["alice"])
    right: Right = Field(examples=["operator"])
    via: str = Field(description="`session` or `token`.", examples=["session"])
    expires_us: int | None = Field(description="When the session ends by itself; null for a token.")


class SetupState(BaseModel):
    """Whether there is no user yet."""

    needed: bool


@router.post(
    "/session", summary="Sign in", dependencies=[needs(Right.PUBLIC)], responses=problems(401, 422, 429, 503),
)  # fmt: skip
def sign_in(body: SignIn, request: Request, response: Response, context: Node, door: Door) -> WhoAmI:
    """Check name and password, and begin a session: a cookie that only this server can read."""
    user = checked(request, context, door, body.name, body.password)
    return _begun(request, response, door, user)


@router.get(
    "/session", summary="Who is signed in", dependencies=[needs(Right.VIEWER)], responses=problems(401, 503),
)  # fmt: skip
def who_am_i(request: Request, door: Door) -> WhoAmI:
    """Say who asks, by session or token."""
    identity = identity_of(request)
    session = door.read(request) if identity.via == "session" else None
    expires_us = None if session is None else door.expires_us(session)
    return WhoAmI(name=identity.name, right=identity.right, via=identity.via, expires_us=expires_us)


@router.delete(
    "/session", summary="Sign out", dependencies=[needs(Right.VIEWER)], status_code=204,
    responses=problems(401, 403, 503),
)  # fmt: skip
def sign_out(
    request: Request, context: Node, door: Door,
    *, everywhere: Annotated[bool, Query(description="End all sessions of this user, on every device.")] = False,
) -> Response:  # fmt: skip
    """End the session of this browser, or all of this user."""
    response = Response(status_code=204)
    if everywhere:
        accounts.sign_out_everywhere(context.catalog(), context.clock, person(request))
        door.forget()
    door.end(request, response)
    return response


@router.put(
    "/session/password", summary="Change one's own password", dependencies=[needs(Right.VIEWER)],
    responses=problems(401, 403, 422, 429, 503),
)  # fmt: skip
def change_password(body: NewPassword, request: Request, response: Response, context: Node, door: Door) -> WhoAmI:
    """Change the password of whoever is signed in; every other session of theirs ends."""
    user = new_password(request, context, door, old=body.old, new=body.new)
    return _begun(request, response, door, user)


@router.get(
    "/setup", summary="Whether the first admin is still to be made", dependencies=[needs(Right.PUBLIC)],
    responses=problems(503),
)  # fmt: skip
def setup_state(context: Node) -> SetupState:
    """Say whether there is no user yet, so that a page can ask for the setup token."""
    return SetupState(needed=accounts.setup_needed(context.catalog()))


@router.post(
    "/setup", summary="Make the first admin", dependencies=[needs(Right.PUBLIC)],
    responses=problems(401, 409, 422, 429, 503),
)  # fmt: skip
def set_up(body: SetUp, request: Request, response: Response, context: Node, door: Door) -> WhoAmI:
    """Make the first admin with the setup token, which is used up by it, and sign them in."""
    user = first_admin(request, context, door, token=body.token, name=body.name, password=body.password)
    return _begun(request, response, door, user)


def _begun(request: Request, response: Response, door: Sessions, user: UserRow) -> WhoAmI:
    session = door.begin(request, response, user)
    return WhoAmI(name=user.name, right=Right(user.role), via="session", expires_us=door.expires_us(session))
