"""Storage over HTTP: how full disks are, what goes next and why, who loses what when, and what must stay (C078-C080).

Not here: the decision (library.retention), deleting (the worker alone), how much lies where (volumes).
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.catalog.holds import HoldRow
from holdfast.catalog.rows import Id
from holdfast.core.camera import CAMERA_ID
from holdfast.core.retention import Going, Hold, HoldKind
from holdfast.http.errors import problems
from holdfast.http.paging import Cursor, Limit, Offset, page_of
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import disk_incidents, holds, pictures, retention, watermarks
from holdfast.library import forecast as foreseeing
from holdfast.library.instants import read_instant
from holdfast.library.watermarks import Mark

router = APIRouter(prefix="/api/v1", tags=["storage"])

_READING = problems(400, 401, 403, 422, 503)
_INSTANT = "Microseconds, ISO 8601, or as `2h` for two hours ago."


class FillOut(BaseModel):
    """A disk that this node uses."""

    name: str = Field(
        description="A volume's name, `(state)`, `(catalog)`, `(logs)`, `(runtime)`, or `target` and its name.",
        examples=["main"],
    )
    path: str
    total_bytes: int
    free_bytes: int
    percent: float = Field(description="Used.", examples=[58.8])
    level: Mark


class GoingOut(BaseModel):
    """A file that goes next."""

    volume: str
    file: str
    camera: str = Field(examples=["gate"])
    class_: Literal["footage"] = Field(default="footage", serialization_alias="class")
    start_us: int
    end_us: int
    bytes: int
    rule: str = Field(description="`age`, `bytes`, `window`, `room` or `unsent`.", examples=["age"])
    why: str = Field(examples=["older than 7 days"])


class BesideOut(BaseModel):
    """What goes beside footage, of one class and camera for one reason."""

    kind: str = Field(alias="class", examples=["still"], description="`still`, `event` or `incident`.")
    camera: str = Field(examples=["gate"])
    why: str = Field(examples=["older than 30 days"])
    count: int
    bytes: int = Field(description="Bytes of its pictures, as far as they are known.")
    from_us: int = Field(examples=[1_777_140_000_000_000])
    to_us: int = Field(examples=[1_777_744_800_000_000])


class RetentionOut(BaseModel):
    """What would be deleted now, in that order."""

    enabled: bool
    off: str | None = Field(description="Why nothing may be deleted now; null where it may.", examples=[None])
    disks: list[FillOut]
    files: int = Field(description="Files that go, in all.")
    bytes: int = Field(description="Their bytes.")
    items: list[GoingOut]
    beside: list[BesideOut] = Field(description="Stills, events and incidents that go, with their pictures.")
    cursor: str | None


class LossOut(BaseModel):
    """What becomes of a camera on a volume."""

    camera: str = Field(examples=["gate"])
    bytes: int
    hourly: int = Field(description="Bytes that come in an hour.", examples=[1_800_000_000])
    oldest_us: int = Field(examples=[1_777_140_000_000_000])
    loses_us: int | None = Field(
        description="When it begins to lose its oldest footage; null for not within a year.",
        examples=[1_777_744_800_000_000],
    )
    why: str = Field(description="`age`, `bytes`, `room`, or empty.", examples=["age"])
    depth_us: int | None = Field(
        description="How far back its footage will then reach, in microseconds.", examples=[604_800_000_000]
    )
    protects: str = Field(description="What keeps it from being deleted for room; empty for nothing.", examples=[""])


class ForecastOut(BaseModel):
    """What becomes of a volume at today's rates."""

    volume: str = Field(examples=["main"])
    total_bytes: int | None
    free_bytes: int | None
    hourly: int = Field(description="Bytes that come in an hour.", examples=[14_400_000_000])
    full_us: int | None = Field(description="When it is full; null for not within a year.", examples=[None])
    stops: bool = Field(description="Recording stops within a year, because nothing may be deleted for room.")
    stops_us: int | None = Field(description="When it does; null for not within a year.", examples=[None])
    backlog_us: int | None = Field(
        description="When what waits for copies that do not arrive has taken all room; null for not within a year.",
        examples=[None],
    )
    settles_bytes: int | None = Field(
        description="What its footage settles at, where it is never full.", examples=[302_400_000_000]
    )
    cameras: list[LossOut]
    points: list[tuple[int, int]] = Field(
        description="Wall time and used bytes, for a chart.", examples=[[[1_777_658_400_000_000, 588_000_000_000]]]
    )


class Forecasts(BaseModel):
    """Every volume."""

    items: list[ForecastOut]
    cursor: str | None = None


class HoldOut(BaseModel):
    """A span of a camera that must stay."""

    id: str = Field(examples=["1-3"])
    camera: str = Field(examples=["gate"])
    from_us: int
    to_us: int
    kind: HoldKind
    why: str = Field(examples=["theft in aisle 3"])
    who: str = Field(examples=["ann"])
    set_us: int = Field(examples=[1_777_658_400_000_000])
    released_us: int | None = Field(description="null while it stands.", examples=[None])
    released_by: str = Field(examples=[""])


class Holds(BaseModel):
    """Holds that people and bookings set, newest span first."""

    items: list[HoldOut]
    cursor: str | None


class NewHold(BaseModel):
    """A hold to set."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"camera": "gate", "from": "2h", "to": "1h", "why": "theft in aisle 3"}},
    )

    camera: str = Field(pattern=f"^{CAMERA_ID.pattern}$")
    begin: str = Field(alias="from", max_length=40, description=_INSTANT)
    end: str = Field(alias="to", max_length=40, description=_INSTANT)
    why: str = Field(min_length=1, max_length=holds.WHY_LETTERS)


@router.get("/retention", summary="List what is deleted next", dependencies=[needs(Right.VIEWER)], responses=_READING)
def list_going(context: Node, limit: Limit = 100, cursor: Cursor = "", offset: Offset = 0) -> RetentionOut:
    """Return what policy would delete now, file by file and in that order, and how full the disks are."""
    catalog, config = context.catalog(), context.config
    trust = retention.trust_now(catalog, context.clock, node=context.node)
    found = retention.outlook(catalog, config, context.clock, node=context.node)
    going = found.going
    rows, following = page_of(going, lambda one: f"{one.piece.volume}:{one.piece.file}"[-120:], limit, cursor, offset)
    return RetentionOut(
        enabled=config.retention.enabled, off=trust.off_why or None, files=len(going),
        bytes=sum(one.piece.bytes for one in going), items=[_going(one) for one in rows], cursor=following,
        beside=[
            BesideOut(
                **{"class": one.kind}, camera=one.camera, why=one.why, count=one.count, bytes=one.bytes,
                from_us=one.from_us, to_us=one.to_us,
            )
            for one in pictures.summed(found.pictures)
        ],
        disks=[
            FillOut(
                name=one.name, path=str(one.path), total_bytes=one.total_bytes, free_bytes=one.free_bytes,
                percent=round(one.percent, 1), level=one.mark,
            )
            for one in watermarks.look(config, disk_incidents.told(catalog, node=context.node)).fills
        ],
    )  # fmt: skip


@router.get("/forecast", summary="Foresee who loses what when", dependencies=[needs(Right.VIEWER)], responses=_READING)
def foresee(context: Node) -> Forecasts:
    """Return for each volume when it is full at today's rates, and which camera then begins to lose what."""
    found = foreseeing.forecast(context.catalog(), context.config, context.clock, node=context.node)
    return Forecasts(
        items=[
            ForecastOut(
                volume=one.volume, total_bytes=one.total_bytes, free_bytes=one.free_bytes, hourly=one.hourly,
                full_us=one.full_us, stops=one.stops, stops_us=one.stops_us, backlog_us=one.backlog_us,
                settles_bytes=one.settles_bytes, points=list(one.points),
                cameras=[
                    LossOut(**{name: getattr(loss, name) for name in LossOut.model_fields}) for loss in one.cameras
                ],
            )
            for one in found
        ]
    )  # fmt: skip


@router.get("/holds", summary="List holds", dependencies=[needs(Right.VIEWER)], responses=_READING)
def list_holds(
    context: Node,
    camera: Annotated[str, Query(pattern=f"^({CAMERA_ID.pattern})?$", examples=["gate"])] = "",
    released: Annotated[bool, Query(description="Those that were released, too.")] = False,  # noqa: FBT002 - FastAPI's way to declare a switch
    limit: Limit = 100,
    cursor: Cursor = "",
    offset: Offset = 0,
) -> Holds:
    """Return what people and bookings hold."""
    name = context.spelled(camera) if camera else None
    rows = holds.listed(context.catalog(), camera=name, released=released, node=context.node)
    page, following = page_of(rows, lambda row: str(row.id), limit, cursor, offset)
    return Holds(items=[_hold(row) for row in page], cursor=following)


@router.post(
    "/holds", summary="Hold a span", status_code=201, dependencies=[needs(Right.OPERATOR)],
    responses=problems(400, 401, 403, 404, 422, 503, 507),
)  # fmt: skip
def add_hold(context: Node, request: Request, body: NewHold) -> HoldOut:
    """Keep a span of a camera, in the name of whoever is signed in, until the hold is released."""
    now_us = context.clock.wall_us()
    hold = Hold(
        uid="", camera=context.camera_id(body.camera), kind=HoldKind.LEGAL, why=body.why,
        from_us=read_instant(body.begin, context.zone, now_us), to_us=read_instant(body.end, context.zone, now_us),
    )  # fmt: skip
    who = identity_of(request).name
    row = holds.add(
        context.catalog(), context.volumes, context.clock, hold, who=who, state_dir=context.state_dir,
        node=context.node,
    )  # fmt: skip
    return _hold(row)


@router.delete(
    "/holds/{hold}", summary="Release a hold", dependencies=[needs(Right.ADMIN)],
    responses=problems(401, 403, 404, 409, 422, 503, 507),
)  # fmt: skip
def release_hold(
    context: Node, request: Request, hold: Annotated[str, Path(description="Id of the hold.", examples=["1-3"])]
) -> HoldOut:
    """Let policy decide about a held span again."""
    row = holds.release(
        context.catalog(), context.volumes, context.clock, Id.read(hold, "hold"), who=identity_of(request).name,
        node=context.node,
    )  # fmt: skip
    return _hold(row)


def _going(one: Going) -> GoingOut:
    piece = one.piece
    return GoingOut(
        volume=piece.volume, file=piece.file, camera=piece.camera, start_us=piece.start_us, end_us=piece.end_us,
        bytes=piece.bytes, rule=one.rule.value, why=one.why,
    )  # fmt: skip


def _hold(row: HoldRow) -> HoldOut:
    hold = row.hold
    return HoldOut(
        id=str(row.id), camera=hold.camera, from_us=hold.from_us, to_us=hold.to_us, kind=hold.kind, why=hold.why,
        who=row.who, set_us=row.set_us, released_us=row.released_us, released_by=row.released_by,
    )  # fmt: skip
