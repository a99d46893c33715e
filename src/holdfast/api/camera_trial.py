"""Trying an address over HTTP before it is saved: what it sends, whether that can be recorded, and a picture.

For admins alone, because it connects to wherever it is told; one at a time each, within seconds. Not here: asking a
camera that is saved (cameras.test_camera), what an address may name (library.camera_reach).
"""

from base64 import b64encode
from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, Field

from holdfast.api.camera_body import Trial, VerdictOut
from holdfast.api.cameras import runtime_of
from holdfast.api.files import Node
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.trying import trials_of
from holdfast.library.camera_trial import Tried, try_camera

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"], dependencies=[needs(Right.ADMIN)])
_log = structlog.get_logger("holdfast.web")


class TriedOut(BaseModel):
    """What came of a try."""

    works: bool = Field(description="Whether the main stream can be recorded.")
    items: list[VerdictOut] = Field(description="A verdict a stream, main first.")
    warnings: list[str] = Field(description="What to know before saving it.")
    picture: str | None = Field(
        description="A picture of the main stream, at most 640 pixels wide, as a data URL; null where there is none.",
        examples=["data:image/jpeg;base64,/9j/4AAQ…"],
    )


@router.post("/try", summary="Try an address before saving it", responses=problems(400, 401, 403, 422, 429))
def try_address(body: Annotated[Trial, Body()], request: Request, context: Node) -> TriedOut:
    """Connect to an address for a few seconds; say what it sends, what is wrong and what to do, and show a picture."""
    who = identity_of(request)
    settings = {name: value for name, value in body.said().items() if name != "id"}
    with trials_of(request).turn(f"{who.via} {who.name}"):
        tried = try_camera(context.file, runtime_of(context), body.id, settings, context.clock)
    _log.info("camera.tried", outcome=tried.verdicts[0].outcome.value, by=who.name)
    return _out(tried, body.id)


def _out(tried: Tried, camera: str) -> TriedOut:
    picture = f"data:image/jpeg;base64,{b64encode(tried.picture).decode()}" if tried.picture else None
    return TriedOut(
        works=tried.works, items=[VerdictOut(**{**verdict.to_dict(), "camera": camera}) for verdict in tried.verdicts],
        warnings=list(tried.warnings), picture=picture,
    )  # fmt: skip
