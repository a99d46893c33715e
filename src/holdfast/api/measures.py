"""What was measured in pictures and sound, look by look or minute by minute.

Not here: what is wrong by it (incidents).
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from holdfast.api.files import Node, Span
from holdfast.catalog.measures import Measure
from holdfast.core.camera import CAMERA_ID
from holdfast.core.quality import Thresholds, has_sound, is_black, is_frozen, volume_percent
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library import measuring

router = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["incidents"], dependencies=[needs(Right.VIEWER)])


class Looked(BaseModel):
    """What one look brought; null where it is not known."""

    at_us: int
    blackscreen: bool | None = Field(description="By the camera's thresholds of now.", examples=[False])
    blackscreen_percentage: float | None = Field(description="Black pixels.", examples=[2.1])
    freeze: bool | None = Field(description="Whether the three pictures are the same.", examples=[False])
    freeze_diffs: list[float] = Field(
        description="Their mean grey differences: first and second, first and third, second and third; empty where not "
        "known.",
        examples=[[3.1, 3.42, 2.9]],
    )
    difference: float | None = Field(
        description="Largest mean grey difference of three pictures in a row, of 255.", examples=[3.42]
    )
    drift: float | None = Field(description="The same to the look before, of squares of pixels.", examples=[1.07])
    audio: bool | None = Field(description="Whether there is sound; null where that is not known.", examples=[True])
    mean_volume_db: float | None = Field(examples=[-31.5])
    volume_percentage: float | None = Field(description="0 for -60 dB, 100 for 0 dB.", examples=[47.5])
    peak_db: float | None = Field(examples=[-12.0])
    clipped_percent: float | None = Field(description="Samples at full scale.", examples=[0.0])
    loudness: float | None = Field(description="The loudest 400 ms in LUFS, where it is measured.", examples=[-23.4])
    blocks: float | None = Field(
        description="Edges on a grid of blocks by those beside it, where it is measured; 1 without a grid.",
        examples=[1.3],
    )
    damaged: int | None = Field(
        description="Pictures since the look before that could not be decoded, or only in part.", examples=[0]
    )


class MinuteOut(BaseModel):
    """What the looks of a minute brought; null where it is not known."""

    minute_us: int = Field(examples=[1_777_658_400_000_000])
    looks: int = Field(examples=[30])
    black_mean: float | None = Field(examples=[2.1])
    black_most: float | None = Field(examples=[2.4])
    difference_least: float | None = Field(examples=[2.9])
    db_mean: float | None = Field(examples=[-31.5])
    db_most: float | None = Field(examples=[-28.0])
    clipped_most: float | None = Field(examples=[0.0])
    loudness_most: float | None = Field(examples=[-21.0])
    blocks_most: float | None = Field(examples=[1.4])
    damaged: int | None = Field(examples=[0])


class Measures(BaseModel):
    """Measures in the order of time: looks, or minutes."""

    looks: list[Looked]
    minutes: list[MinuteOut]
    more: bool = Field(description="There were more; ask for a shorter span.")


@router.get("/measures", summary="What was measured in a camera", responses=problems(400, 401, 403, 404, 422, 503))
def list_measures(
    context: Node,
    camera: Annotated[str, Path(pattern=f"^{CAMERA_ID.pattern}$", examples=["gate"])],
    span: Span,
    by: Annotated[Literal["", "look", "minute"], Query(description="Empty: looks up to two hours.")] = "",
) -> Measures:
    """Return what was measured in a span."""
    found = measuring.measured(
        context.catalog(), context.camera_id(camera), *span, by_minutes={"": None, "look": False, "minute": True}[by],
        node=context.node,
    )  # fmt: skip
    settings = context.config.cameras.get(context.camera_id(camera))
    limits = Thresholds() if settings is None else settings.watch.thresholds()
    looks = [_looked(one, limits) for one in found.looks]
    minutes = [MinuteOut(**{name: getattr(one, name) for name in MinuteOut.model_fields}) for one in found.minutes]
    return Measures(looks=looks, minutes=minutes, more=found.more)


def _looked(one: Measure, limits: Thresholds) -> Looked:
    seen = measuring.seen_of(one, one.at_us)
    return Looked(
        at_us=one.at_us, blackscreen=is_black(seen, limits), blackscreen_percentage=one.black_percent,
        freeze=is_frozen(seen, limits), freeze_diffs=list(one.differences or ()), difference=one.difference,
        drift=one.drift, audio=has_sound(seen, limits), mean_volume_db=one.mean_db, peak_db=one.peak_db,
        clipped_percent=one.clipped_percent, loudness=one.loudness, blocks=one.blocks, damaged=one.damaged,
        volume_percentage=None if one.mean_db is None else round(volume_percent(one.mean_db), 1),
    )  # fmt: skip
