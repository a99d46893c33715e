"""Tokens of programs: for administrators. A token is shown once, when it is made.

Not here: what a token is (library.accounts), how requests show it (http.session).
"""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.catalog.accounts import TokenRow
from holdfast.core.timing import DAY_US
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.paging import PAGE, Cursor, Limit, page_of
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.session import Sessions, sessions_of
from holdfast.library import accounts
from holdfast.library.accounts import Role

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"], dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]
Door = Annotated[Sessions, Depends(sessions_of)]

_log = structlog.get_logger("holdfast.web")


class Token(BaseModel):
    """A token, without what it is. Times in microseconds since the epoch, UTC."""

    id: str = Field(examples=["1-4"])
    name: str = Field(examples=["dashboard"])
    role: Role = Field(examples=["viewer"])
    created_by: str = Field(description="Who made it; empty where it was made on the command line.")
    created_us: int
    used_us: int | None = Field(description="When it was last used, to the minute; null before the first time.")
    expires_us: int | None = Field(description="From when on it is refused; null for never.")


class Tokens(BaseModel):
    """Tokens that were not revoked, the newest first."""

    items: list[Token]
    cursor: str | None = None


class NewToken(BaseModel):
    """A token to make."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "dashboard", "role": "viewer", "days": 365}}
    )

    name: str = Field(pattern=accounts.NAME, description="What it is for.")
    role: Role = Role.VIEWER
    days: int | None = Field(default=None, ge=1, le=36_500, description="Days until it expires; left out for never.")


class MadeToken(Token):
    """A token, this one time with what it is."""

    token: str = Field(description="Send it as `Authorization: Bearer …`. It is not shown again.")


@router.get("", summary="List tokens", responses=problems(400, 401, 403, 422, 503))
def list_tokens(context: Node, limit: Limit = PAGE, cursor: Cursor = "") -> Tokens:
    """Return the tokens that were not revoked, the newest first."""
    rows, following = page_of(accounts.tokens(context.catalog()), lambda row: str(row.id), limit, cursor)
    return Tokens(items=[Token(**_facts(row)) for row in rows], cursor=following)


@router.post(
    "", summary="Make a token", status_code=201, responses=problems(401, 403, 409, 422, 503),
)  # fmt: skip
def add_token(body: NewToken, request: Request, context: Node) -> MadeToken:
    """Make a token; the answer is the only place where it is ever shown."""
    by = identity_of(request).name
    expires_us = None if body.days is None else context.clock.wall_us() + body.days * DAY_US
    row, token = accounts.add_token(
        context.catalog(), context.clock, body.name, body.role, expires_us=expires_us, by=by
    )
    _log.info("token.added", name=row.name, role=row.role, by=by)
    return MadeToken(token=token, **_facts(row))


@router.delete("/{token}", summary="Revoke a token", status_code=204, responses=problems(401, 403, 404, 422, 503))
def revoke_token(
    token: Annotated[str, Path(pattern=r"^[0-9]{1,9}-[0-9]{1,18}$", description="The token's id.")],
    request: Request, context: Node, door: Door,
) -> None:  # fmt: skip
    """Revoke a token; from then on it opens nothing."""
    row = accounts.revoke_token(context.catalog(), context.clock, token)
    door.forget()
    _log.info("token.revoked", name=row.name, by=identity_of(request).name)


def _facts(row: TokenRow) -> dict[str, Any]:
    return {
        "id": str(row.id), "name": row.name, "role": row.role, "created_by": row.created_by,
        "created_us": row.created_us, "used_us": row.used_us, "expires_us": row.expires_us,
    }  # fmt: skip
