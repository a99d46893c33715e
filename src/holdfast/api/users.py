"""Users, and tries to sign in: for administrators.

Not here: one's own password (session), what a user may be (library.accounts).
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.catalog.accounts import UserRow
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.paging import PAGE, Cursor, Limit, page_of
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.session import Sessions, sessions_of
from holdfast.library import accounts
from holdfast.library.accounts import Role

router = APIRouter(prefix="/api/v1", tags=["users"], dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]
Door = Annotated[Sessions, Depends(sessions_of)]
Name = Annotated[str, Path(pattern=accounts.NAME, description="The user's name.")]

_log = structlog.get_logger("holdfast.web")


class User(BaseModel):
    """A user. Times in microseconds since the epoch, UTC."""

    name: str = Field(examples=["alice"])
    role: Role = Field(examples=["operator"])
    enabled: bool = Field(description="False while the user may not sign in.")
    created_us: int
    changed_us: int
    signed_in_us: int | None = Field(description="When the password was last used; null before the first time.")


class Users(BaseModel):
    """All users, by name."""

    items: list[User]
    cursor: str | None = None


class NewUser(BaseModel):
    """A user to add."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "bob", "password": "…", "role": "viewer"}}
    )

    name: str = Field(pattern=accounts.NAME)
    password: str = Field(min_length=accounts.SHORTEST, max_length=accounts.LONGEST)
    role: Role = Role.VIEWER


class UserChange(BaseModel):
    """What to change about a user; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"role": "operator"}})

    role: Role | None = None
    enabled: bool | None = None
    password: str | None = Field(default=None, min_length=accounts.SHORTEST, max_length=accounts.LONGEST)


class Try(BaseModel):
    """Somebody who signed in, or tried to."""

    at_us: int
    name: str = Field(description="The user's name; `(unknown)` where nobody has the name that was given.")
    address: str
    outcome: str = Field(description="`ok`, `refused` (wrong) or `limited` (too many tries).", examples=["ok"])


class Tries(BaseModel):
    """Tries to sign in, the newest first."""

    items: list[Try]
    cursor: str | None


@router.get("/users", summary="List users", responses=problems(400, 401, 403, 422, 503))
def list_users(context: Node, limit: Limit = PAGE, cursor: Cursor = "") -> Users:
    """Return the users by name."""
    rows, following = page_of(accounts.users(context.catalog()), lambda row: row.name, limit, cursor)
    return Users(items=[_user(row) for row in rows], cursor=following)


@router.post("/users", summary="Add a user", status_code=201, responses=problems(401, 403, 409, 422, 503))
def add_user(body: NewUser, request: Request, context: Node) -> User:
    """Add a user, who may sign in at once."""
    row = accounts.add_user(context.catalog(), context.clock, body.name, body.password, body.role)
    _log.info("user.added", user=row.name, role=row.role, by=identity_of(request).name)
    return _user(row)


@router.get("/users/{name}", summary="Get a user", responses=problems(401, 403, 404, 422, 503))
def get_user(name: Name, context: Node) -> User:
    """Return one user."""
    return _user(accounts.the_user(context.catalog(), name))


@router.patch("/users/{name}", summary="Change a user", responses=problems(401, 403, 404, 409, 422, 503))
def change_user(name: Name, body: UserChange, request: Request, context: Node, door: Door) -> User:
    """Change role or password, switch on or off. A new password, and switching off, end all sessions of the user."""
    row = accounts.change_user(
        context.catalog(), context.clock, name, role=body.role, enabled=body.enabled, password=body.password
    )
    door.forget()
    _log.info("user.changed", user=row.name, fields=sorted(body.model_fields_set), by=identity_of(request).name)
    return _user(row)


@router.delete(
    "/users/{name}", summary="Remove a user", status_code=204, responses=problems(401, 403, 404, 409, 422, 503)
)
def remove_user(name: Name, request: Request, context: Node, door: Door) -> None:
    """Remove a user and end all sessions; the last one who may administer stays."""
    accounts.remove_user(context.catalog(), name)
    door.forget()
    _log.info("user.removed", user=name, by=identity_of(request).name)


@router.delete(
    "/users/{name}/sessions", summary="Sign a user out everywhere", status_code=204,
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
def sign_out_user(name: Name, request: Request, context: Node, door: Door) -> None:
    """End all sessions of a user, on every device."""
    accounts.sign_out_everywhere(context.catalog(), context.clock, name)
    door.forget()
    _log.info("user.signed_out", user=name, by=identity_of(request).name)


@router.get("/sign-ins", summary="List tries to sign in", responses=problems(400, 401, 403, 422, 503))
def list_sign_ins(context: Node, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Tries:
    """Return who signed in and who tried to, the newest first; the newest ten thousand are kept."""
    page = accounts.sign_ins(context.catalog(), limit=limit, cursor=cursor)
    items = [Try(at_us=row.at_us, name=row.name, address=row.address, outcome=row.outcome) for row in page.rows]
    return Tries(items=items, cursor=page.cursor)


def _user(row: UserRow) -> User:
    return User(
        name=row.name, role=Role(row.role), enabled=row.enabled, created_us=row.created_us, changed_us=row.changed_us,
        signed_in_us=row.signed_in_us,
    )  # fmt: skip
