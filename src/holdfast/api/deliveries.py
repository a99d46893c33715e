"""Deliveries: what is on its way to targets, what arrived and where it lies, what failed and why (C070, C085).

Not here: what the figures mean (library.deliveries), sending (work).
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.catalog.deliveries import DeliveryRow, Wanted
from holdfast.catalog.delivery_stats import Count
from holdfast.catalog.rows import Id
from holdfast.core.camera import CAMERA_ID
from holdfast.core.delivery import AssetKind, DeliveryState
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import deliveries
from holdfast.library.deliveries import TargetNow
from holdfast.library.forecast import filled_us
from holdfast.library.instants import read_instant

router = APIRouter(prefix="/api/v1/deliveries", tags=["deliveries"])

_AT_US = 1_777_658_400_000_000  # 2026-05-01T18:00:00Z, the instant of all examples

Name = Annotated[str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Empty for all.", examples=["nas"])]


class DeliveryOut(BaseModel):
    """A file on its way to a target. Times in microseconds since the epoch, UTC."""

    id: str = Field(examples=["1-42"])
    state: DeliveryState
    target: str = Field(examples=["nas"])
    rule: str = Field(examples=["archive"])
    kind: AssetKind
    camera: str = Field(examples=["gate"])
    stream: str = Field(examples=["main"])
    file: str = Field(description="Path under the root of its volume.")
    key: str = Field(description="Its name at the target.", examples=["gate/2026-05-01/gate_20260501T195000.mkv"])
    address: str = Field(
        description="Where it lies there; empty until it was verified.", examples=["/mnt/nas/gate/a.mkv"]
    )
    verified: str = Field(
        description="How that was verified: `sha256`, or the service's checksum.", examples=["sha256"]
    )
    bytes: int = Field(examples=[29_400_000])
    width: int = Field(description="Pixels; 0 where that is not known.")
    height: int
    start_us: int
    attempts: int = Field(examples=[1])
    last_us: int | None = Field(description="When it was last tried.", examples=[_AT_US])
    next_us: int | None = Field(description="Not tried before this; null where nothing waits.", examples=[None])
    done_us: int | None = Field(description="When it had arrived, its row included.", examples=[_AT_US])
    error: str = Field(examples=[""])
    hint: str = Field(description="What to do about it.")


class Deliveries(BaseModel):
    """Deliveries, newest footage first."""

    items: list[DeliveryOut]
    cursor: str | None = Field(description="Asks for the next ones; null where there are no more.")


class CountOut(BaseModel):
    """How many, and how large."""

    count: int
    bytes: int


class TargetOut(BaseModel):
    """How a target stands."""

    name: str = Field(examples=["nas"])
    kind: str = Field(description="`folder`, `s3`, …; empty where it is not configured any more.", examples=["folder"])
    health: Literal["well", "busy", "waiting", "paused", "stalled", "failing"]
    sentence: str = Field(examples=["12 files on their way"])
    hint: str
    states: dict[DeliveryState, CountOut] = Field(examples=[{"delivered": {"count": 120, "bytes": 3_500_000_000}}])
    cameras: dict[str, CountOut] = Field(
        description="What waits, by camera.", examples=[{"gate": {"count": 12, "bytes": 350_000_000}}]
    )
    oldest_us: int | None = Field(description="Start of the oldest asset that waits.", examples=[_AT_US])
    files_5m: int = Field(description="Files that arrived within the last five minutes.", examples=[8])
    bytes_per_s: float = Field(description="Over the last five minutes.", examples=[8_400_000.0])
    last_us: int | None = Field(description="When anything arrived last.", examples=[_AT_US])
    drain_s: float | None = Field(
        description="Seconds until nothing waits, at that rate; null while none is known.", examples=[41.5]
    )
    full_us: int | None = Field(
        description="Where it takes nothing: when a disk is full of what waits, at today's rates. Null for not within "
        "a year, and where it takes what it gets.",
        examples=[None],
    )
    opens_us: int | None = Field(description="When its hours begin; null while it is open.", examples=[None])


class Targets(BaseModel):
    """Every target."""

    items: list[TargetOut]


class RetryWanted(BaseModel):
    """Which deliveries to try again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"target": "nas"}})

    ids: list[Annotated[str, Field(pattern=r"^\d{1,10}-\d{1,18}$")]] = Field(
        default=[], max_length=1000, description="These; none is all that failed."
    )
    target: str = Field(default="", max_length=50, description="Of this target; empty is all of them.")
    missing: bool = Field(
        default=False, description="Without ids: those whose file was not found, in place of those that failed."
    )


class Retried(BaseModel):
    """How many will be tried again."""

    count: int


class PauseWanted(BaseModel):
    """What to hold or let go on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"target": "nas", "paused": True}})

    target: str = Field(default="", max_length=50, description="A target; empty is all of them.")
    paused: bool = Field(description="True: nothing new is begun; what is on its way arrives.")


def _wanted(
    context: Node,
    target: Name = "",
    camera: Annotated[str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Empty for all.")] = "",
    state: Annotated[DeliveryState | None, Query(description="Left out: all.")] = None,
    kind: Annotated[AssetKind | None, Query(description="Left out: all.")] = None,
    begin: Annotated[str, Query(alias="from", max_length=40, description="Of the footage.")] = "",
    end: Annotated[str, Query(alias="to", max_length=40)] = "",
) -> Wanted:
    now_us, zone = context.clock.wall_us(), context.zone
    return Wanted(
        target=target or None, camera=camera or None, state=state, kind=kind,
        from_us=read_instant(begin, zone, now_us) if begin else None,
        to_us=read_instant(end, zone, now_us) if end else None,
    )  # fmt: skip


@router.get("", summary="List deliveries", dependencies=[needs(Right.VIEWER)],
            responses=problems(400, 401, 403, 422, 503))  # fmt: skip
def list_deliveries(
    context: Node,
    wanted: Annotated[Wanted, Depends(_wanted)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=120, description="Of the page before.")] = None,
) -> Deliveries:
    """Return deliveries, newest footage first."""
    page = deliveries.listed(context.catalog(), wanted, limit=limit, cursor=cursor)
    return Deliveries(items=[delivery_out(row) for row in page.rows], cursor=page.cursor)


@router.get("/stats", summary="See how every target stands", dependencies=[needs(Right.VIEWER)],
            responses=problems(401, 403, 422, 503))  # fmt: skip
def get_stats(context: Node) -> Targets:
    """Return state, backlog, rate and time to drain of every target, in the order of the configuration."""
    found = deliveries.targets(context.catalog(), context.config, context.node, context.clock.wall_us())
    return _targets(context, found)


@router.post("/retry", summary="Try failed deliveries again", dependencies=[needs(Right.OPERATOR)],
             responses=problems(400, 401, 403, 404, 422, 503))  # fmt: skip
def retry(request: Request, context: Node, body: RetryWanted) -> Retried:
    """Have deliveries that failed, or whose file was missing, tried again at once, as if for the first time."""
    ids = [Id.read(one, "delivery") for one in body.ids]
    count = deliveries.retry(
        context.catalog(), context.node, identity_of(request).name, context.clock, target=body.target, ids=ids,
        missing=body.missing,
    )  # fmt: skip
    return Retried(count=count)


@router.post("/pause", summary="Hold a target, or let it go on", dependencies=[needs(Right.OPERATOR)],
             responses=problems(400, 401, 403, 404, 422, 503))  # fmt: skip
def pause(request: Request, context: Node, body: PauseWanted) -> Targets:
    """Pause a target or all of them, or let them go on; return how they stand now."""
    catalog, now_us = context.catalog(), context.clock.wall_us()
    deliveries.pause(
        catalog, context.config, context.node, body.target, identity_of(request).name, now_us, on=body.paused
    )  # fmt: skip
    return _targets(context, deliveries.targets(catalog, context.config, context.node, now_us))


def _targets(context: Context, found: list[TargetNow]) -> Targets:
    full = filled_us(context.catalog(), context.config, context.clock, found, node=context.node)
    return Targets(items=[target_out(one, full.get(one.name)) for one in found])


def delivery_out(row: DeliveryRow) -> DeliveryOut:
    """Return a delivery as the API tells it."""
    asset = row.asset
    return DeliveryOut(
        id=str(row.id), state=row.state, target=row.target, rule=row.rule, kind=asset.kind, camera=asset.camera,
        stream=asset.stream, file=asset.file, key=row.key, address=row.address, verified=row.verified,
        bytes=asset.bytes, width=asset.width, height=asset.height, start_us=asset.start_us, attempts=row.attempts,
        last_us=row.last_us, next_us=row.due_us if row.state is DeliveryState.PENDING else None, done_us=row.done_us,
        error=row.error, hint=row.hint,
    )  # fmt: skip


def target_out(one: TargetNow, full_us: int | None) -> TargetOut:
    """Return a target as the API tells it; `full_us` is when a disk is full of what waits for it."""
    waiting = one.waiting
    return TargetOut.model_validate({
        "name": one.name, "kind": one.kind, "health": one.health, "sentence": one.sentence, "hint": one.hint,
        "states": {state: _count(count) for state, count in one.counts.items()},
        "cameras": {name: _count(count) for name, count in one.cameras.items()}, "oldest_us": waiting.oldest_us,
        "files_5m": one.pace.files, "bytes_per_s": one.rate, "last_us": one.pace.last_us, "drain_s": one.drain_s,
        "full_us": full_us, "opens_us": one.opens_us,
    })  # fmt: skip


def _count(count: Count) -> CountOut:
    return CountOut(count=count.count, bytes=count.bytes)
