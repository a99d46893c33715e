"""Streams that are being converted now: which, for how many viewers, and whether this machine keeps up.

Not here: watching them (stream, hls), starting and ending them (library.tiers).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.http.watching import tiers_of
from holdfast.library.tiers import Tiers

router = APIRouter(prefix="/api/v1", tags=["pictures"], dependencies=[needs(Right.VIEWER)])


class Converted(BaseModel):
    """One process that converts one stream."""

    camera: str = Field(examples=["gate"])
    stream: str = Field(examples=["main"])
    tier: str = Field(examples=["sd"])
    source: str = Field(description="What is read: the sub stream where that is recorded.", examples=["gate/sub"])
    pid: int = Field(description="The process; 0 while it is being started again.")
    viewers: int = Field(description="How many watch; without any it ends after 10 s.")
    width: int = Field(description="Pixels; 0 before the first picture.")
    height: int
    keeps_up: bool = Field(description="False while, and shortly after, pictures are left out for want of time.")
    left_out: int = Field(description="Pictures that were left out since it began.")
    behind_s: float = Field(description="Seconds of footage that wait to be converted.")
    last_end: str = Field(description="Why the process before it ended; empty where there was none.")


class AllConverted(BaseModel):
    """Every stream that is being converted."""

    items: list[Converted]
    cursor: str | None = None


@router.get("/tiers", summary="List streams that are being converted", responses=problems(401, 403))
def list_tiers(tiers: Annotated[Tiers, Depends(tiers_of)]) -> AllConverted:
    """Return what is being converted now; `web.transcodes` limits how many there may be."""
    return AllConverted(items=[_converted(one) for one in tiers.running()])


def _converted(one: dict[str, Any]) -> Converted:
    blank: dict[str, Any] = {"width": 0, "height": 0, "keeps_up": True, "left_out": 0, "behind_s": 0.0}
    return Converted.model_validate({**blank, **one})
