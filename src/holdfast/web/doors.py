"""Signing in and out, the first admin, and the choice between dark and light: pages that need no script.

Not here: passwords and limits (http.sign_in), the cookie (http.session).
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.core.errors import CatalogError, HoldfastError
from holdfast.core.timing import DAY_US, SECOND_US
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, needs
from holdfast.http.session import Sessions, sessions_of
from holdfast.http.sign_in import checked, first_admin
from holdfast.library import accounts
from holdfast.web.forms import Form, came_from, go_to, here_only
from holdfast.web.frame import THEME_COOKIE, THEMES
from holdfast.web.render import bare

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.PUBLIC)])

Node = Annotated[Context, Depends(context_of)]
Door = Annotated[Sessions, Depends(sessions_of)]

PATH = "/sign-in"


@router.get(PATH)
def sign_in_page(request: Request, context: Node, where: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Ask for name and password; while there is no user, for the setup token."""
    if request.state.identity is not None:
        return go_to(where)
    return _ask(request, context, {"next": where})


@router.post(PATH)
def sign_in(request: Request, context: Node, door: Door, form: Form) -> Response:
    """Sign in, and go on to where somebody was going."""
    try:
        if "token" in form:
            user = first_admin(
                request, context, door, token=form["token"].strip(), name=form.get("name", "").strip(),
                password=form.get("password", ""),
            )  # fmt: skip
        else:
            user = checked(request, context, door, form.get("name", "").strip(), form.get("password", ""))
    except HoldfastError as error:
        return _ask(request, context, form, error)
    answer = go_to(form.get("next", "/"))
    door.begin(request, answer, user)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, door: Door) -> Response:
    """End this browser's session."""
    answer = go_to(PATH)
    door.end(request, answer)
    return answer


@router.post("/theme")
def choose_theme(request: Request, form: Form) -> Response:
    """Remember dark or light in this browser; anything else follows the system again."""
    answer = go_to(came_from(request))
    if form.get("theme") in THEMES:
        answer.set_cookie(THEME_COOKIE, form["theme"], max_age=365 * DAY_US // SECOND_US, path="/", samesite="lax")
    else:
        answer.delete_cookie(THEME_COOKIE, path="/", samesite="lax")
    return answer


def _ask(request: Request, context: Context, form: dict[str, str], error: HoldfastError | None = None) -> Response:
    """Show the form: anew, or again with what was wrong about it. A password is never sent back."""
    try:
        first = accounts.setup_needed(context.catalog())
    except CatalogError as away:
        first, error = "token" in form, error or away
    return bare(
        request, "sign-in.html", 200 if error is None else error.http_status, first=first, error=error,
        site=context.config.site.name, name=form.get("name", "")[:64], where=here_only(form.get("next")),
        shortest=accounts.SHORTEST,
    )  # fmt: skip
