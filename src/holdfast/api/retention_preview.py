"""What other settings of retention would mean, over HTTP, before anybody saves them (C080).

Not here: what goes now, and the forecast (storage), saving settings (settings, cameras).
"""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.cameras import runtime_of
from holdfast.api.files import Node
from holdfast.core.camera import CAMERA_ID
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library import settings
from holdfast.library.retention_preview import Outcome, outcome, with_camera

router = APIRouter(prefix="/api/v1/retention", tags=["storage"], dependencies=[needs(Right.ADMIN)])

Id = Annotated[str, Field(pattern=f"^({CAMERA_ID.pattern})?$")]


class Draft(BaseModel):
    """Settings that are not saved: those for all, or those of one camera."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"settings": {"defaults.retention.keep_days": 7}}}
    )

    settings: dict[str, Any] = Field(
        default={}, max_length=100, description="As for PATCH /api/v1/settings; null sets a key back."
    )
    camera: Id = Field(default="", description="A camera whose own settings are meant instead.")
    retention: dict[str, Any] = Field(
        default={}, max_length=20, description="With `camera`: keys of its `retention`; null takes one back."
    )


class LineOut(BaseModel):
    """What would go of a camera for one reason."""

    camera: str
    why: str = Field(examples=["older than 7 days"])
    files: int
    bytes: int


class FullOut(BaseModel):
    """When a volume would be full."""

    volume: str = Field(examples=["main"])
    full_us: int | None = Field(description="Null for not within a year.", examples=[None])
    stops: bool = Field(description="Recording would stop, then or later.")


class OutcomeOut(BaseModel):
    """What settings lead to."""

    enabled: bool = Field(description="Whether anything is deleted at all.")
    files: int
    bytes: int
    going: list[LineOut] = Field(description="What goes next, summed up.")
    volumes: list[FullOut]


class Preview(BaseModel):
    """What settings lead to as they are, and as they would be."""

    now: OutcomeOut
    then: OutcomeOut


@router.post(
    "/preview", summary="See what other settings would delete", responses=problems(400, 401, 403, 404, 409, 422, 503)
)
def preview(body: Draft, context: Node) -> Preview:
    """Return what would go next, and when volumes would be full, now and under a draft; saves and deletes nothing."""
    catalog, clock, node = context.catalog(), context.clock, context.node
    if body.camera:
        config = with_camera(context.file, runtime_of(context), body.camera, {"retention": body.retention})
    else:
        config = settings.would_be(catalog, node, context.toml, body.settings, runtime_of(context)).config
    return Preview(
        now=_out(outcome(catalog, context.config, clock, node=node)),
        then=_out(outcome(catalog, config, clock, node=node)),
    )


def _out(found: Outcome) -> OutcomeOut:
    lines: dict[tuple[str, str], LineOut] = {}
    for one in found.going:
        at = (one.piece.camera, one.why)
        line = lines.setdefault(at, LineOut(camera=at[0], why=at[1], files=0, bytes=0))
        line.files, line.bytes = line.files + 1, line.bytes + one.piece.bytes
    return OutcomeOut(
        enabled=found.enabled, files=len(found.going), bytes=found.bytes, going=list(lines.values()),
        volumes=[FullOut(volume=one.volume, full_us=one.full_us, stops=one.stops) for one in found.forecasts],
    )  # fmt: skip
