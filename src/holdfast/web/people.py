"""Who may sign in and which programs hold tokens: lists, and forms that work without scripts.

The same verbs as the API's users and tokens (C128). A token is shown once, in the answer to the form that made it.
Not here: signing in (doors), what rights mean (http.rights).
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.core.errors import BadInput, CatalogError, HoldfastError
from holdfast.core.timing import DAY_US
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.session import Sessions, sessions_of
from holdfast.library import accounts
from holdfast.library.accounts import Role
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page

router = APIRouter(prefix="/people", include_in_schema=False, dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]
Door = Annotated[Sessions, Depends(sessions_of)]

MOST_DAYS = 36_500  # as the API allows
_log = structlog.get_logger("holdfast.web")


@router.get("")
def people(request: Request, context: Node) -> Response:
    """List users and tokens, with the forms that change them."""
    return _show(request, context)


@router.post("/users")
def add_user(request: Request, context: Node, form: Form) -> Response:
    """Add a user."""
    try:
        role = _role(form)
        row = accounts.add_user(
            context.catalog(), context.clock, form.get("name", "").strip(), form.get("password", ""), role
        )
    except HoldfastError as error:
        return _show(request, context, error, {"user": form.get("name", "")})
    _log.info("user.added", user=row.name, role=row.role, by=identity_of(request).name)
    return go_to("/people")


@router.post("/users/change")
def change_user(request: Request, context: Node, door: Door, form: Form) -> Response:
    """Change one thing about a user: role, password, whether they may sign in; or remove them."""
    name, what = form.get("name", ""), form.get("what", "")
    catalog, clock = context.catalog(), context.clock
    try:
        if what == "role":
            accounts.change_user(catalog, clock, name, role=_role(form))
        elif what == "password":
            accounts.change_user(catalog, clock, name, password=form.get("password", ""))
        elif what in {"enable", "disable"}:
            accounts.change_user(catalog, clock, name, enabled=what == "enable")
        elif what == "sign-out":
            accounts.sign_out_everywhere(catalog, clock, name)
        elif what == "remove":
            accounts.remove_user(catalog, name)
        else:
            raise BadInput("there is no such change")
    except HoldfastError as error:
        return _show(request, context, error)
    door.forget()
    _log.info("user.changed", user=name, fields=[what], by=identity_of(request).name)
    return go_to("/people")


@router.post("/tokens")
def add_token(request: Request, context: Node, form: Form) -> Response:
    """Make a token, and show it this one time."""
    by = identity_of(request).name
    try:
        days = form.get("days", "").strip()
        if days and not (days.isascii() and days.isdigit() and 1 <= int(days[:9]) <= MOST_DAYS):
            raise BadInput("days are a whole number, or left out for a token that never expires")
        expires_us = context.clock.wall_us() + int(days) * DAY_US if days else None
        row, token = accounts.add_token(
            context.catalog(), context.clock, form.get("name", "").strip(), _role(form), expires_us=expires_us, by=by
        )
    except HoldfastError as error:
        return _show(request, context, error, {"token": form.get("name", "")})
    _log.info("token.added", name=row.name, role=row.role, by=by)
    return _show(request, context, made={"name": row.name, "token": token})


@router.post("/tokens/revoke")
def revoke_token(request: Request, context: Node, door: Door, form: Form) -> Response:
    """Revoke a token."""
    try:
        row = accounts.revoke_token(context.catalog(), context.clock, form.get("token", ""))
    except HoldfastError as error:
        return _show(request, context, error)
    door.forget()
    _log.info("token.revoked", name=row.name, by=identity_of(request).name)
    return go_to("/people")


def _role(form: dict[str, str]) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError as error:
        raise BadInput("a role is viewer, operator or admin") from error


def _show(
    request: Request,
    context: Context,
    error: HoldfastError | None = None,
    typed: dict[str, str] | None = None,
    made: dict[str, str] | None = None,
) -> Response:
    facts = {"error": error, "typed": typed or {}, "made": made, "roles": list(Role), "shortest": accounts.SHORTEST}
    try:
        catalog = context.catalog()
        users, tokens = accounts.users(catalog), accounts.tokens(catalog)
        tries = accounts.sign_ins(catalog, limit=20).rows
    except CatalogError as away:
        facts |= {"error": error or away}
        return page(request, "people.html", 503, users=None, tokens=(), tries=(), **facts)
    status = 200 if error is None else error.http_status
    return page(request, "people.html", status, users=users, tokens=tokens, tries=tries, **facts)
