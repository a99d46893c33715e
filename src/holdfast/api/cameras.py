"""Cameras over HTTP: list, get, add, change, remove, switch, test; what the pages of cameras do, programs do here.

No answer waits for a camera but that of a test. A password goes one way. Not here: the roster (library.cameras), bodies
and answers (camera_body), addresses that are not saved yet (camera_trial), what streams do now in full (streams).
"""

from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Path, Query, Request

from holdfast.api.camera_body import (
    Camera,
    CameraInFull,
    CameraKeys,
    Cameras,
    NewCamera,
    VerdictOut,
    Verdicts,
    setting_out,
)
from holdfast.api.files import Node
from holdfast.api.streams import look
from holdfast.core.camera import CAMERA_ID
from holdfast.core.errors import Conflict, HoldfastError, NotFound
from holdfast.http.asking import ask
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.paging import PAGE, Cursor, Limit, Offset, page_of
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import cameras
from holdfast.library.camera_change import change_camera as change
from holdfast.library.camera_settings import settings_of
from holdfast.library.cameras import CameraEntry
from holdfast.library.status import Health, StreamNow

_ORDER = list(Health)

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])
Id = Annotated[str, Path(pattern=f"^{CAMERA_ID.pattern}$", description="The camera's id.")]
_log = structlog.get_logger("holdfast.web")


@router.get("", summary="List cameras", dependencies=[needs(Right.VIEWER)], responses=problems(400, 401, 403, 422))
def list_cameras(
    request: Request, context: Node,
    site: Annotated[str, Query(max_length=200)] = "", location: Annotated[str, Query(max_length=200)] = "",
    state: Annotated[str, Query(max_length=40, description="State or health.")] = "",
    limit: Limit = PAGE, offset: Offset = 0, cursor: Cursor = "",
) -> Cameras:  # fmt: skip
    """Return the cameras of file and catalog with what they are doing."""
    found = [
        one for one in _all(request, context)
        if (not site or one.site == site) and (not location or one.location == location)
        and (not state or state in {one.state, one.health})
    ]  # fmt: skip
    items, following = page_of(found, lambda one: one.id, limit, cursor, offset)
    return Cameras(items=items, total=len(found), cursor=following)


@router.get(
    "/{camera}", summary="Get a camera", dependencies=[needs(Right.VIEWER)], responses=problems(401, 403, 404, 422)
)
def get_camera(camera: Id, request: Request, context: Node) -> CameraInFull:
    """Return one camera; for an admin with every setting, who says it, and what would hold if it were taken back."""
    return _one(request, context, camera)


@router.post(
    "", summary="Add a camera", status_code=201, dependencies=[needs(Right.ADMIN)],
    responses=problems(400, 401, 403, 409, 422, 503),
)  # fmt: skip
def add_camera(body: NewCamera, request: Request, context: Node) -> CameraInFull:
    """Add a camera while everything runs; it is recorded within seconds, and no other one notices."""
    taken = {name.lower() for name in context.config.cameras}
    if body.id.lower() in taken:
        raise Conflict(f"there is a camera {body.id} already", hint="take another id")
    settings = {name: value for name, value in body.said().items() if name != "id" and value not in ("", None)}
    cameras.add_camera(context.catalog(), context.node, context.file, body.id, settings, context.clock, remote=True)
    context.changed()
    _log.info("camera.added", camera=body.id, by=identity_of(request).name)
    return _one(request, context, body.id)


@router.patch(
    "/{camera}", summary="Change a camera", dependencies=[needs(Right.ADMIN)],
    responses=problems(400, 401, 403, 404, 422, 503),
)  # fmt: skip
def change_camera(camera: Id, body: CameraKeys, request: Request, context: Node) -> CameraInFull:
    """Change keys of a camera wherever it stands; `null` takes one back to the file. No other camera is touched."""
    wanted = body.said()
    if change(context.catalog(), context.node, context.file, camera, wanted, context.clock, remote=True):
        context.changed()
        # Which keys, not what they say: addresses may hold what is none of a log's business.
        _log.info("camera.changed", camera=camera, keys=sorted(wanted), by=identity_of(request).name)
    return _one(request, context, camera)


@router.delete(
    "/{camera}", summary="Remove a camera", status_code=204, dependencies=[needs(Right.ADMIN)],
    responses=problems(400, 401, 403, 404, 422, 503),
)  # fmt: skip
def remove_camera(camera: Id, request: Request, context: Node) -> None:
    """Take away a camera that was added while running; its footage stays. One of the file is taken out there."""
    cameras.remove_camera(context.catalog(), context.node, context.file, camera, context.clock)
    context.changed()
    _log.info("camera.removed", camera=camera, by=identity_of(request).name)


@router.post(
    "/{camera}/{what}", summary="Switch a camera on or off", dependencies=[needs(Right.OPERATOR)],
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
def switch_camera(camera: Id, what: Literal["enable", "disable"], request: Request, context: Node) -> CameraInFull:
    """Switch recording on or off; off leaves a gap that says `disabled`."""
    cameras.switch_camera(
        context.catalog(), context.node, context.file, camera, context.clock, enabled=what == "enable"
    )
    context.changed()
    _log.info("camera.switched", camera=camera, what=what, by=identity_of(request).name)
    return _one(request, context, camera)


testing = APIRouter(prefix="/api/v1/cameras", tags=["cameras"], dependencies=[needs(Right.OPERATOR)])


@testing.post("/{camera}/test", summary="Ask a camera what it sends", responses=problems(401, 403, 404, 422))
def test_camera(camera: Id, request: Request, context: Node) -> Verdicts:
    """Connect to each stream once, hold what comes against what is expected, and say what to do."""
    return Verdicts(items=[VerdictOut(**verdict.to_dict()) for verdict in ask(request, context, camera)])


def runtime_of(context: Context) -> list[dict[str, Any]]:
    """Return what was said of cameras at run time; the last memory of it where the catalog is away."""
    try:
        return cameras.runtime_settings(context.catalog(), context.node)
    except HoldfastError:
        return cameras.recall(context.state_dir)


def _one(request: Request, context: Context, camera: str) -> CameraInFull:
    found = next((one for one in _all(request, context) if one.id.lower() == camera.lower()), None)
    if found is None:
        raise NotFound(f"there is no camera {camera}", hint="GET /api/v1/cameras lists all")
    admin = identity_of(request).right.covers(Right.ADMIN)
    settings = settings_of(context.file, runtime_of(context), found.id) if admin else None
    shown = None if settings is None else [setting_out(one) for one in settings]
    return CameraInFull(**found.model_dump(), settings=shown)


def _all(request: Request, context: Context) -> list[Camera]:
    runtime = runtime_of(context)
    by_camera: dict[str, list[StreamNow]] = {}
    for stream in look(context).streams:
        by_camera.setdefault(stream.status.camera, []).append(stream)
    admin = identity_of(request).right.covers(Right.ADMIN)
    return [
        _camera(context, entry, by_camera.get(entry.camera, []), admin=admin)
        for entry in cameras.list_cameras(context.file, runtime)
    ]


def _camera(context: Context, entry: CameraEntry, streams: list[StreamNow], *, admin: bool) -> Camera:
    settings = context.config.cameras.get(entry.camera)
    worst = max(streams, key=lambda one: _ORDER.index(one.health), default=None)
    main = streams[0] if streams else None
    tracks = main.status.tracks if main else []
    video: dict[str, Any] = next((dict(track) for track in tracks if track.get("kind") == "video"), {})
    return Camera(
        id=entry.camera, name=entry.name, enabled=entry.enabled, origin=entry.origin, volume=entry.volume,
        site=(settings.site if settings else "") or context.config.site_id,
        location=settings.location if settings else "", side=settings.side if settings else "",
        streams=list(entry.streams),
        address=entry.url if admin else None,
        state=worst.status.state.value if worst else "starting",
        health=(worst.health if worst else Health.SETTLING).value,
        words=worst.words if worst else "was just added", hint=worst.hint if worst else "",
        frame_age_s=main.frame_age_s if main else None, fps=main.status.fps if main else 0.0,
        bitrate_bps=main.status.bitrate_bps if main else 0, restarts=main.status.restarts if main else 0,
        width=video.get("width"), height=video.get("height"),
        codecs=[str(track.get("codec", "")) for track in tracks],
        gap_since_us=worst.gap_since_us if worst else None,
    )  # fmt: skip
