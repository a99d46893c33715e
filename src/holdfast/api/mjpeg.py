"""MJPEG: live view for whatever shows an image from an address, and the heartbeat that keeps it going.

A page that says `start` sends `heartbeat` every 10 s; without one for 30 s, and after 30 minutes, its pictures end. An
address that is simply opened needs none. A viewer who does not read for 30 s is let go.

Not here: decoding, and who keeps what going (library.mjpeg). The player of the pages uses the stream, which is sharper
and costs less.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from holdfast.api.files import Key, Node
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError, NotFound, UsageError
from holdfast.core.timing import SECOND_US
from holdfast.http.context import Context
from holdfast.http.errors import RETRY_AFTER_S, body_of, problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.watching import previews_of
from holdfast.library.mjpeg import Frame, Previews, Watch

DROP_S = 30.0  # F59: what does not read for this long is not there any more
LATE_US = SECOND_US  # chosen: a viewer this far behind jumps to now
_STEP_S = 0.03  # chosen: a picture's time at 25 a second, nearly
_EARLY = 0.95  # of the time between two pictures: cameras do not keep time to the tick

router = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["pictures"], dependencies=[needs(Right.VIEWER)])

Shows = Annotated[Previews, Depends(previews_of)]
Fps = Annotated[float, Query(ge=0.1, le=25, description="Pictures a second at most; up to 0.5 keyframes are enough.")]
Width = Annotated[int, Query(ge=16, le=1920, description="Pixels at most; never scaled up.")]

_log = structlog.get_logger("holdfast.mjpeg")


class Said(BaseModel):
    """What became of it."""

    success: bool = Field(examples=[True])
    message: str = Field(examples=["live view of gate runs; send a heartbeat every 10 s"])


_MULTIPART: dict[int | str, dict[str, Any]] = {
    200: {"content": {"multipart/x-mixed-replace": {}}, "description": "JPEGs, one after the other, without an end."}
}
_REFUSALS = problems(400, 401, 403, 404, 409, 429, 503)


@router.get(
    "/live.mjpeg", summary="Watch live as MJPEG", responses={**_MULTIPART, **_REFUSALS}, response_class=Response
)  # fmt: skip
def live_mjpeg(request: Request, context: Node, key: Key, shows: Shows, fps: Fps = 2.0, width: Width = 640) -> Response:
    """Send JPEGs until the viewer leaves, a started view ends, or 30 minutes are over; one decoder serves all viewers.

    Without `stream` the sub stream is shown where it is recorded and wide enough.
    """

    def begin() -> Response:
        _known(context, key)
        stream = key if "stream" in request.query_params else shows.stream_of(key.camera, width)
        watch = shows.watch(stream, _who(request), width=width, fps=fps)
        return _Endless(watch, context.clock)

    return _said(begin)


@router.post("/live/start", summary="Start a live view", response_model=Said, responses=_REFUSALS)
def start(request: Request, context: Node, key: Key, shows: Shows, fps: Fps = 2.0, width: Width = 640) -> Response:
    """Have the camera's pictures ready; `live.mjpeg` shows them. A `heartbeat` every 10 s keeps it going."""

    def begin() -> Response:
        _known(context, key)
        shows.start(key.camera, _who(request), width=width, fps=fps)
        return _good(f"live view of {key.camera} runs; send a heartbeat every 10 s")

    return _said(begin)


@router.post("/live/heartbeat", summary="Keep a live view going", response_model=Said, responses=_REFUSALS)
def heartbeat(request: Request, context: Node, key: Key, shows: Shows) -> Response:
    """Say that somebody still watches; without this for 30 s the view ends."""

    def begin() -> Response:
        _known(context, key)
        shows.heartbeat(key.camera, _who(request))
        return _good("still there")

    return _said(begin)


@router.post("/live/stop", summary="Stop a live view", response_model=Said, responses=_REFUSALS)
def stop(request: Request, context: Node, key: Key, shows: Shows) -> Response:
    """End a view that was started, and the pictures that are shown under it. Without one it is a success, too."""

    def begin() -> Response:
        _known(context, key)
        there = shows.stop(key.camera, _who(request))
        return _good(f"live view of {key.camera} {'stopped' if there else 'was not running'}")

    return _said(begin)


def _good(message: str) -> Response:
    return JSONResponse({"success": True, "message": message})


def _said(begin: Callable[[], Response]) -> Response:
    """Answer refusals in the shape of all errors, with what the callers of these addresses read beside it."""
    try:
        return begin()
    except HoldfastError as error:
        body = body_of(error.code, str(error), error.hint)
        headers = {"Retry-After": str(RETRY_AFTER_S)} if error.transient else {}
        return JSONResponse({**body, "success": False, "message": str(error)}, error.http_status, headers)


def _known(context: Context, key: StreamKey) -> None:
    cameras = context.config.cameras
    if key.camera in cameras:
        return
    if key.camera == "all":
        raise UsageError("live view is of one camera at a time", hint="name one")
    raise NotFound(f"there is no camera {key.camera}")


def _who(request: Request) -> str:
    identity = identity_of(request)
    return f"{identity.name}/{identity.token}"


class _Endless(StreamingResponse):
    """A multipart body that ends with its view, and lets go of who does not read."""

    def __init__(self, watch: Watch, clock: Clock) -> None:
        super().__init__(
            _parts(watch, clock), media_type="multipart/x-mixed-replace; boundary=frame",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )  # fmt: skip
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; whatever ends it, the view is over."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watch.ended = self._watch.ended or "the viewer left"

    async def stream_response(self, send: Send) -> None:
        """Send part by part, each within `DROP_S`."""

        async def timed(message: Any) -> None:
            await asyncio.wait_for(send(message), DROP_S)

        try:
            await super().stream_response(timed)
        except TimeoutError:
            _log.info("mjpeg.dropped", camera=self._watch.key.camera, reason=f"did not read for {DROP_S:.0f} s")


async def _parts(watch: Watch, clock: Clock) -> AsyncIterator[bytes]:
    """Yield pictures in the rhythm in which they were recorded, no more of them than were asked for."""
    base_us: int | None = None
    last_us: int | None = None
    while not watch.over(now_us := clock.boot_us()):
        frame = _next(watch)
        if frame is None:
            await asyncio.sleep(_STEP_S)
            continue
        if last_us is not None and 0 <= frame.at_us - last_us < _EARLY * SECOND_US / watch.fps:
            continue
        early_us = 0 if base_us is None else frame.at_us + base_us - now_us
        if not 0 <= early_us <= LATE_US:
            base_us = now_us - frame.at_us
        elif early_us:
            await asyncio.sleep(early_us / SECOND_US)
        last_us = frame.at_us
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame.body)}\r\n"
        yield f"{head}X-Holdfast-At-Us: {frame.at_us}\r\n\r\n".encode() + frame.body + b"\r\n"


def _next(watch: Watch) -> Frame | None:
    frames = watch.frames
    with suppress(IndexError):
        while len(frames) > 1 and frames[-1].at_us - frames[0].at_us > LATE_US:
            frames.popleft()
        return frames.popleft()
    return None
