"""The list of cameras: what each one is doing, and forms to try, add, switch and remove them while everything runs.

The same verbs as `holdfast cameras` (C128). Cameras of the configuration file can be switched here; what they are is
changed in the file. A password goes one way: into a secret file that only the recorder's user may read.

Not here: a camera's own page (camera), asking a camera what it sends (library.camera_check).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.core import config as configuration
from holdfast.core.camera import CAMERA_ID, Track
from holdfast.core.errors import BadInput, HoldfastError, NotFound, UsageError
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import cameras
from holdfast.library.camera_check import Verdict, check_streams
from holdfast.library.cameras import CameraEntry
from holdfast.library.desired import build_plan
from holdfast.library.status import Health, read_now
from holdfast.media.probe import compare, probe
from holdfast.web.forms import Form, go_to
from holdfast.web.frame import dots_of
from holdfast.web.render import page

router = APIRouter(prefix="/cameras", include_in_schema=False)

Node = Annotated[Context, Depends(context_of)]

ASK_S = 8.0  # chosen: slower than this a person takes a camera for dead; it may still be recorded
_FIELDS = ("name", "url", "username", "password", "transport")
_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A camera as the list shows it."""

    entry: CameraEntry
    health: Health
    state: str
    words: str
    removable: bool


@router.get("", dependencies=[needs(Right.VIEWER)])
def list_of_cameras(request: Request, context: Node) -> Response:
    """List all cameras, with the form that adds one."""
    return _show(request, context)


@router.post("", dependencies=[needs(Right.ADMIN)])
def add(request: Request, context: Node, form: Form) -> Response:
    """Try an address, or add a camera."""
    camera_id, settings = _typed(form, context)
    try:
        if form.get("what") == "try":
            return _show(request, context, form=form, verdicts=_try(context, camera_id, settings))
        entry = cameras.add_camera(context.catalog(), context.node, context.file, camera_id, settings, context.clock)
    except HoldfastError as error:
        return _show(request, context, error=error, form=form)
    context.changed()
    _log.info("camera.added", camera=entry.camera, by=identity_of(request).name)
    return go_to("/cameras")


@router.post("/test", dependencies=[needs(Right.OPERATOR)])
def test(request: Request, context: Node, form: Form) -> Response:
    """Ask a camera what it sends, and hold it against what is expected."""
    camera = form.get("camera", "")
    plan = build_plan(context.loaded)
    asked = [stream for stream in plan.streams if stream.camera.lower() == camera.lower()]
    if not asked:
        raise NotFound(f"there is no camera {camera[:50]!r}")
    verdicts = check_streams(asked, probe=probe, compare=_compare, clock=context.clock)
    return _show(request, context, verdicts=verdicts)


@router.post("/change", dependencies=[needs(Right.ADMIN)])
def change(request: Request, context: Node, form: Form) -> Response:
    """Switch a camera on or off, or take one away that was added while running. Its footage stays."""
    camera, what = form.get("camera", ""), form.get("what", "")
    try:
        if what == "remove":
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


def suggested_id(name: str, taken: set[str]) -> str:
    """Make an id of a name: `North gate 2` is `north-gate-2`, with a number where that is taken."""
    plain = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:40] or "camera"
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    return found


def _typed(form: dict[str, str], context: Context) -> tuple[str, dict[str, Any]]:
    settings = {name: form[name].strip() for name in _FIELDS if form.get(name, "").strip()}
    taken = {name.lower() for name in context.config.cameras}
    return form.get("id", "").strip() or suggested_id(settings.get("name", ""), taken), settings


def _try(context: Context, camera_id: str, settings: dict[str, Any]) -> list[Verdict]:
    """Ask an address that is not saved, within a few seconds.

    Raises:
        UsageError: It makes no sense as a camera.
    """
    if not CAMERA_ID.fullmatch(camera_id):
        raise UsageError(f"{camera_id!r} is not a camera id", hint="use 1 to 50 of A-Z a-z 0-9 _ -; - not first")
    table = {**settings, "id": camera_id, "open_timeout_s": ASK_S}
    loaded, problems = configuration.with_cameras(context.file, [table])
    if problems:
        raise UsageError(problems[0].message, hint=problems[0].hint)
    asked = [stream for stream in build_plan(loaded).streams if stream.camera == camera_id]
    return check_streams(asked, probe=probe, compare=_compare, clock=context.clock)


def _compare(expected: dict[str, dict[str, str | int | float]], tracks: Sequence[Track], audio: str) -> list[str]:
    return compare(expected, tuple(tracks), audio)


def _rows(context: Context) -> list[Row]:
    now = read_now(context.plan(), context.runtime_dir, context.clock.wall_us())
    names = {camera: settings.name or camera for camera, settings in context.config.cameras.items()}
    dots = {dot.camera: dot for dot in dots_of(now, names)}
    runtime = _runtime(context)
    found = []
    for entry in cameras.list_cameras(context.file, runtime):
        dot = dots.get(entry.camera)
        found.append(
            Row(
                entry=entry, health=dot.health if dot else Health.SETTLING, state=dot.state if dot else "connecting",
                words=dot.words if dot else "was just added", removable=entry.origin == cameras.RUNTIME,
            )
        )  # fmt: skip
    return found


def _runtime(context: Context) -> list[dict[str, Any]]:
    try:
        return cameras.runtime_settings(context.catalog(), context.node)
    except HoldfastError:
        return cameras.recall(context.state_dir)


def _show(
    request: Request,
    context: Context,
    *,
    error: HoldfastError | None = None,
    form: dict[str, str] | None = None,
    verdicts: list[Verdict] | None = None,
) -> Response:
    typed = {name: value for name, value in (form or {}).items() if name != "password"}
    return page(
        request, "cameras.html", 200 if error is None else error.http_status, rows=_rows(context), error=error,
        typed=typed, verdicts=verdicts, tried=form is not None and verdicts is not None,
    )  # fmt: skip
