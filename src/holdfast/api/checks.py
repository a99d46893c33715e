"""What came of asking cameras what they send, over HTTP, and asking many of them while nobody waits.

Not here: asking one and waiting for its answer (cameras.test_camera), doing it (http.asking).
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, Field

from holdfast.api.camera_body import VerdictOut
from holdfast.api.files import Node
from holdfast.core.camera import CAMERA_ID
from holdfast.http.asking import Asked, Progress, ask_many, round_of, verdicts_of
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs

MOST = 1000  # chosen: more cameras than a node has

router = APIRouter(prefix="/api/v1", tags=["cameras"])
_log = structlog.get_logger("holdfast.web")


class Check(BaseModel):
    """The newest answer of a camera."""

    camera: str = Field(examples=["gate"])
    at_us: int = Field(examples=[1777658400000000], description="When it was asked.")
    verdicts: list[VerdictOut] = Field(description="A verdict a stream.")


class RoundOut(BaseModel):
    """How far the newest round of questions is."""

    running: bool = Field(examples=[True])
    began_us: int | None = Field(examples=[1777658400000000], description="Null where there was none yet.")
    total: int = Field(examples=[8], description="Cameras that are asked in it.")
    done: int = Field(examples=[3])
    asking: list[str] = Field(examples=[["gate", "dock"]], description="Being asked now.")


class Checks(BaseModel):
    """The newest answer of every camera that was asked since the server began."""

    items: list[Check]
    cursor: str | None = None
    round: RoundOut


class Wanted(BaseModel):
    """Whom to ask."""

    cameras: list[Annotated[str, Field(pattern=f"^{CAMERA_ID.pattern}$")]] = Field(
        default=[], max_length=MOST, examples=[["gate"]], description="Ids; nothing means all."
    )


@router.get(
    "/checks", summary="What cameras answered when they were asked", dependencies=[needs(Right.VIEWER)],
    responses=problems(401, 403, 422),
)  # fmt: skip
def list_checks(
    request: Request, context: Node,
    camera: Annotated[
        str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Only this one.", examples=["gate"])
    ] = "",
) -> Checks:  # fmt: skip
    """Return what came of asking each camera last, and how far a round is that goes on; asks nobody."""
    known = verdicts_of(request).known()
    items = [_check(name, asked) for name, asked in sorted(known.items()) if camera.lower() in {"", name.lower()}]
    return Checks(items=items, round=_round(round_of(request, context).progress()))


@router.post(
    "/checks", summary="Ask cameras what they send", status_code=202, dependencies=[needs(Right.OPERATOR)],
    responses=problems(400, 401, 403, 404, 422),
)  # fmt: skip
def begin_checks(request: Request, context: Node, body: Annotated[Wanted | None, Body()] = None) -> RoundOut:
    """Have cameras asked, a few at once, and return at once: `GET /api/v1/checks` has what came of it."""
    progress = ask_many(request, context, [] if body is None else body.cameras)
    _log.info("cameras.asked", cameras=progress.total, by=identity_of(request).name)
    return _round(progress)


def _check(camera: str, asked: Asked) -> Check:
    verdicts = [VerdictOut(**verdict.to_dict()) for verdict in asked.verdicts]
    return Check(camera=camera, at_us=asked.at_us, verdicts=verdicts)


def _round(progress: Progress) -> RoundOut:
    return RoundOut(
        running=progress.running, began_us=progress.began_us, total=progress.total, done=progress.done,
        asking=list(progress.asking),
    )  # fmt: skip
