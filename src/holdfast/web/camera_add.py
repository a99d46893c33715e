"""Adding a camera: an address, what is there and how it looks, a name, saved.

One form with two buttons, so that it works without scripts; with them (static/trial.js) trying leaves the form as it
is, with the password in it. A password is never written into a page.

Not here: the list (cameras), the verbs (library.cameras, library.camera_trial).
"""

import re
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.core.camera import CAMERA_ID
from holdfast.core.errors import BadInput, Conflict, HoldfastError
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import cameras
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page
from holdfast.web.trying import Attempt, Refused, attempt, in_form_words

# No camera's id begins with a dash, so no camera's page stands here.
router = APIRouter(prefix="/cameras/-/add", include_in_schema=False, dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]

_FIELDS = ("name", "url", "sub_url", "username", "password", "transport")
_log = structlog.get_logger("holdfast.web")


@router.get("")
def form_of_a_camera(request: Request) -> Response:
    """Show the empty form."""
    return _show(request, {})


@router.post("")
def add(request: Request, context: Node, form: Form) -> Response:
    """Try an address, or add a camera."""
    settings: dict[str, Any] = {name: form[name].strip() for name in _FIELDS if form.get(name, "").strip()}
    if form.get("password"):
        settings["password"] = form["password"]  # blanks are a part of it
    if form.get("what") == "try":
        return _show(request, form, attempt(request, context, "", settings))
    taken = {name.lower() for name in context.config.cameras}
    camera_id = form.get("id", "").strip() or suggested_id(settings.get("name", ""), taken)
    try:
        _check_id(context, camera_id)
        entry = cameras.add_camera(
            context.catalog(), context.node, context.file, camera_id, settings, context.clock, remote=True
        )
    except HoldfastError as error:
        return _show(request, form, error=in_form_words(error))
    context.changed()
    _log.info("camera.added", camera=entry.camera, by=identity_of(request).name)
    return go_to(f"/cameras?added={entry.camera}")


def _check_id(context: Context, camera_id: str) -> None:
    """Refuse an id in the words of this page, where it can be typed anew.

    Raises:
        BadInput: It is no id.
        Conflict: There is a camera of this id.
    """
    if not CAMERA_ID.fullmatch(camera_id):
        hint = "use 1 to 50 letters without accents, digits, _ and -, not beginning with -; or leave it empty"
        raise BadInput(f"{camera_id[:50]!r} will not do as an id", hint=hint)
    for one, known in context.config.cameras.items():
        if one.lower() == camera_id.lower():
            called = f", called {known.name}" if known.name and known.name != one else ""
            hint = (
                "choose another id, or leave it empty to have one made of the name; that camera's own page changes it"
            )
            raise Conflict(f"there is a camera with the id {one} already{called}", hint=hint)


def suggested_id(name: str, taken: set[str]) -> str:
    """Make an id of a name: `North gate 2` is `north-gate-2`, with a number where that is taken."""
    plain = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:40] or "camera"
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    return found


def _show(
    request: Request, form: dict[str, str], tried: Attempt | None = None, *, error: Refused | None = None
) -> Response:
    tried = tried or Attempt()
    typed = {name: value for name, value in form.items() if name != "password"}
    return page(
        request, "camera-add.html", error.http_status if error else tried.status, typed=typed, error=error,
        tried=tried.tried, picture=tried.picture, refused=tried.refused, retype=bool(form.get("password")),
    )  # fmt: skip
