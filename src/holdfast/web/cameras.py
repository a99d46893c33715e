"""The list of cameras: what each one is doing, and forms to test, switch and remove them while everything runs.

The same verbs as `holdfast cameras` (C128). Rows are kept current by static/cameras.js.

Not here: a camera's own page (camera), adding one (camera_add), changing what it is (camera_edit), asking it what it
sends (library.camera_check).
"""

from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.core.errors import BadInput, HoldfastError, NotAllowed
from holdfast.http.app import context_of
from holdfast.http.asking import ask
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import cameras
from holdfast.library.camera_check import Verdict
from holdfast.library.cameras import CameraEntry
from holdfast.library.status import Health, read_now
from holdfast.web.forms import Form, go_to
from holdfast.web.frame import dots_of
from holdfast.web.render import page

router = APIRouter(prefix="/cameras", include_in_schema=False)

Node = Annotated[Context, Depends(context_of)]

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A camera as the list shows it."""

    entry: CameraEntry
    health: Health
    state: str
    words: str


@router.get("", dependencies=[needs(Right.VIEWER)])
def list_of_cameras(request: Request, context: Node, added: Annotated[str, Query(max_length=50)] = "") -> Response:
    """List all cameras; `added` is the one that somebody has just added."""
    return _show(request, context, added=added)


@router.post("/test", dependencies=[needs(Right.OPERATOR)])
def test(request: Request, context: Node, form: Form) -> Response:
    """Ask a camera what it sends, and hold it against what is expected."""
    return _show(request, context, verdicts=ask(request, context, form.get("camera", "")))


@router.post("/change", dependencies=[needs(Right.OPERATOR)])
def change(request: Request, context: Node, form: Form) -> Response:
    """Switch a camera on or off, or take one away that was added while running. Its footage stays."""
    camera, what = form.get("camera", ""), form.get("what", "")
    try:
        if what == "remove":
            if not identity_of(request).right.covers(Right.ADMIN):
                raise NotAllowed("cameras are removed by administrators")
            cameras.remove_camera(context.catalog(), context.node, context.file, camera, context.clock)
        elif what in {"enable", "disable"}:
            cameras.switch_camera(
                context.catalog(), context.node, context.file, camera, context.clock, enabled=what == "enable"
            )
        else:
            raise BadInput("there is no such change")
    except HoldfastError as error:
        return _show(request, context, error=error)
    context.changed()
    _log.info("camera.changed", camera=camera, what=what, by=identity_of(request).name)
    return go_to("/cameras")


def _rows(context: Context) -> list[Row]:
    now = read_now(context.plan(), context.runtime_dir, context.clock.wall_us())
    names = {camera: settings.name or camera for camera, settings in context.config.cameras.items()}
    dots = {dot.camera: dot for dot in dots_of(now, names)}
    runtime = runtime_of(context)
    found = []
    for entry in cameras.list_cameras(context.file, runtime):
        dot = dots.get(entry.camera)
        found.append(
            Row(
                entry=entry, health=dot.health if dot else Health.SETTLING, state=dot.state if dot else "connecting",
                words=dot.words if dot else "was just added",
            )
        )  # fmt: skip
    return found


def runtime_of(context: Context) -> list[dict[str, Any]]:
    """Return what was said of cameras at run time; the last memory of it where the catalog is away."""
    try:
        return cameras.runtime_settings(context.catalog(), context.node)
    except HoldfastError:
        return cameras.recall(context.state_dir)


def _show(
    request: Request,
    context: Context,
    *,
    error: HoldfastError | None = None,
    verdicts: list[Verdict] | None = None,
    added: str = "",
) -> Response:
    rows = _rows(context)
    name = next((row.entry.name for row in rows if row.entry.camera == added), "")
    return page(
        request, "cameras.html", 200 if error is None else error.http_status, rows=rows, error=error,
        verdicts=verdicts, added=name,
    )  # fmt: skip
