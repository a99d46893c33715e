"""Volumes over HTTP: how much room there is, what lies there of which stream, and who writes (C110).

Not here: looking at disks (library.volumes), counting footage (library.holdings).
"""

from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from holdfast.api.files import Node
from holdfast.api.status import disks_of
from holdfast.api.streams import look
from holdfast.catalog.segments import Usage
from holdfast.core.errors import CatalogError, HoldfastError
from holdfast.core.status import StreamState
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.host import holdings_of
from holdfast.http.rights import Right, needs
from holdfast.library.holdings import Holdings
from holdfast.library.host import Level, used_percent, volume_level
from holdfast.library.volumes import VolumeState

router = APIRouter(prefix="/api/v1", tags=["node"], dependencies=[needs(Right.VIEWER)])


class UsageOut(BaseModel):
    """Finished footage of one stream on one volume."""

    camera: str = Field(examples=["gate"])
    stream: str = Field(examples=["main"])
    class_: Literal["footage"] = Field(default="footage", serialization_alias="class", description="What it is.")
    tier: Literal["hot"] = Field(default="hot", description="`hot`: on a volume of this node, played at once.")
    files: int
    bytes: int


class VolumeOut(BaseModel):
    """A volume."""

    name: str = Field(examples=["main"])
    path: str
    id: str = Field(description="What its marker file says; empty where it has none yet.")
    state: str = Field(description="`ready`, `full`, or `missing` where footage cannot go there.")
    level: Level | None = Field(description="`alert` from 75 % used, `warning` from 80 %, `critical` from 90 %.")
    total_bytes: int | None = Field(description="Size of the disk; null where it does not answer.")
    free_bytes: int | None
    reserve_bytes: int = Field(description="What is kept free.")
    percent: float | None = Field(description="Used.")
    problem: str | None
    hint: str | None
    planned: list[str] = Field(description="Streams that are to be recorded here.", examples=[["gate", "gate/sub"]])
    writing: list[str] = Field(description="Those that are being recorded now.", examples=[["gate"]])
    usage: list[UsageOut] | None = Field(
        description="What lies here, `removed` and unfinished files left out; null while the catalog does not answer."
    )


class VolumesOut(BaseModel):
    """Every volume, in the order of the configuration."""

    items: list[VolumeOut]
    cursor: str | None = None
    usage_at_us: int | None = Field(
        description="When usage was counted: once a minute, or less often where there is much to count."
    )


@router.get("/volumes", summary="List volumes", responses=problems(401, 403, 422))
def list_volumes(context: Node, holdings: Annotated[Holdings, Depends(holdings_of)]) -> VolumesOut:
    """Return each volume with its room, its state and the footage on it, by camera and stream."""
    disks = disks_of(context)
    if isinstance(disks, HoldfastError):
        raise disks
    used: tuple[Usage, ...] | None = None
    at_us: int | None = None
    with suppress(CatalogError):  # the disks themselves can still be told of
        used, at_us = holdings.usage()
    planned, writing = _writers(context)
    items = [_volume(disk, planned.get(str(disk.root), []), writing, used) for disk in disks]
    return VolumesOut(items=items, usage_at_us=at_us)


def _writers(context: Context) -> tuple[dict[str, list[str]], set[str]]:
    """Return the streams that are planned for each root, and those that are being recorded."""
    plan = context.plan()
    planned: dict[str, list[str]] = {}
    for stream in () if plan is None else plan.streams:
        name = stream.camera if stream.stream == "main" else f"{stream.camera}/{stream.stream}"
        planned.setdefault(stream.volume, []).append(name)
    now = look(context)
    return planned, {one.name for one in now.streams if one.fresh and one.status.state is StreamState.RECORDING}


def _volume(disk: VolumeState, planned: list[str], writing: set[str], used: tuple[Usage, ...] | None) -> VolumeOut:
    full = disk.free_bytes is not None and disk.free_bytes <= disk.reserve_bytes
    own = None
    if used is not None:
        own = [
            UsageOut(camera=one.key.camera, stream=one.key.stream, files=one.files, bytes=one.bytes)
            for one in used if one.volume == disk.name
        ]  # fmt: skip
    return VolumeOut(
        name=disk.name, path=str(disk.root), id=disk.volume_id, level=volume_level(disk), total_bytes=disk.total_bytes,
        state="missing" if disk.problem is not None else "full" if full else "ready", free_bytes=disk.free_bytes,
        reserve_bytes=disk.reserve_bytes, percent=used_percent(disk.total_bytes, disk.free_bytes),
        problem=None if disk.problem is None else str(disk.problem),
        hint=disk.problem.hint if disk.problem is not None and disk.problem.hint else None, planned=planned,
        writing=[name for name in planned if name in writing], usage=own,
    )  # fmt: skip
