"""What other thresholds would have told of what was measured, before they are saved (C058).

Not here: judging (library.preview).
"""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node, Span
from holdfast.core.camera import CAMERA_ID
from holdfast.core.incident import IncidentType
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library.preview import Told, changed, preview

router = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["incidents"], dependencies=[needs(Right.VIEWER)])


class Draft(BaseModel):
    """Settings of `watch` as they would be; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"watch": {"black_percent": 90}}})

    watch: dict[str, Any] = Field(max_length=100)


class ToldOut(BaseModel):
    """An incident that there would have been."""

    incident_type: IncidentType
    start_us: int = Field(examples=[1_777_658_400_000_000])
    end_us: int | None = Field(description="null where it lasted to the end.", examples=[1_777_658_410_000_000])


class PreviewOut(BaseModel):
    """What the settings tell of stored measures as they are, and as they would be."""

    looks: int = Field(description="How many were judged.", examples=[1800])
    first_us: int | None = Field(examples=[1_777_658_400_000_000])
    last_us: int | None = Field(examples=[1_777_662_000_000_000])
    now: list[ToldOut]
    then: list[ToldOut]
    unseen: list[str] = Field(
        description="Changed keys whose effect stored measures do not show, such as another region.",
        examples=[["region"]],
    )
    more: bool = Field(description="There were more looks than are judged at once; ask for a shorter span.")


@router.post(
    "/watch/preview", summary="Say what other thresholds would have told",
    responses=problems(400, 401, 403, 404, 422, 503),
)  # fmt: skip
def preview_watch(
    context: Node,
    camera: Annotated[str, Path(pattern=f"^{CAMERA_ID.pattern}$", examples=["gate"])],
    span: Span,
    draft: Annotated[Draft, Body()],
) -> PreviewOut:
    """Judge the looks of a span again, which go back two days; nothing is saved, and no picture is decoded."""
    name = context.camera_id(camera)
    before = context.config.cameras[name].watch
    found = preview(context.catalog(), name, span, before, changed(before, draft.watch), node=context.node)
    return PreviewOut(
        looks=found.looks, first_us=found.first_us, last_us=found.last_us, now=_out(found.now), then=_out(found.then),
        unseen=list(found.unseen), more=found.more,
    )  # fmt: skip


def _out(told: Sequence[Told]) -> list[ToldOut]:
    return [ToldOut(incident_type=one.type, start_us=one.start_us, end_us=one.end_us) for one in told]
