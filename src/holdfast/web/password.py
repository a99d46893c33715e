"""One's own password: a form that works without scripts, for whoever is signed in.

The same verb as `PUT /api/v1/session/password` (C128): this browser's session goes on, every other one ends.
Not here: other people's passwords (people), signing in (doors).
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.core.errors import BadInput, HoldfastError
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, needs
from holdfast.http.session import Sessions, sessions_of
from holdfast.http.sign_in import new_password
from holdfast.library import accounts
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page

PATH = "/password"

router = APIRouter(prefix=PATH, include_in_schema=False, dependencies=[needs(Right.VIEWER)])

Node = Annotated[Context, Depends(context_of)]
Door = Annotated[Sessions, Depends(sessions_of)]


@router.get("")
def form_of_password(request: Request, done: Annotated[str, Query(max_length=4)] = "") -> Response:
    """Ask for the password of now and the next one; `done` after it was changed."""
    return _ask(request, done=done == "yes")


@router.post("")
def change_password(request: Request, context: Node, door: Door, form: Form) -> Response:
    """Change it. What was typed is never sent back."""
    try:
        if form.get("new", "") != form.get("again", ""):
            raise BadInput("the new password was typed in two ways", hint="nothing was changed: type it once more")
        user = new_password(request, context, door, old=form.get("old", ""), new=form.get("new", ""))
    except HoldfastError as error:
        return _ask(request, error)
    answer = go_to(f"{PATH}?done=yes")
    door.begin(request, answer, user)
    return answer


def _ask(request: Request, error: HoldfastError | None = None, *, done: bool = False) -> Response:
    return page(
        request, "password.html", 200 if error is None else error.http_status, error=error, done=done,
        shortest=accounts.SHORTEST, longest=accounts.LONGEST,
    )  # fmt: skip
