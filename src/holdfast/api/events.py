"""Events: what moved before cameras, how sure that is, the pictures that show it.

Not here: when something is an event (core.event), what becomes of rows (library.events).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.catalog.events import EventRow, Wanted
from holdfast.core.camera import CAMERA_ID
from holdfast.core.event import EventKind
from holdfast.core.objects import Seen
from holdfast.core.timing import iso
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import deliveries, events
from holdfast.library.instants import read_instant

LIMIT = 100
LIMIT_MAX = 1000

router = APIRouter(prefix="/api/v1/events", tags=["events"])

Which = Annotated[str, Path(pattern=r"^\d{1,18}-\d{1,18}$", description="Name of the event.", examples=["1-42"])]


class ObjectOut(BaseModel):
    """Something that was recognised in a picture. Edges are shares of its width and height, from the top left."""

    label: str = Field(examples=["person"])
    confidence: float = Field(description="How sure the model was, 0 to 1.", examples=[0.87])
    left: float = Field(examples=[0.41])
    top: float = Field(examples=[0.2])
    right: float = Field(examples=[0.52])
    bottom: float = Field(examples=[0.78])


class EventOut(BaseModel):
    """An event. Times as ISO 8601, UTC, and in microseconds since the epoch."""

    id: str = Field(examples=["1-42"])
    camera: str = Field(examples=["gate"])
    camera_name: str = Field(examples=["North gate"])
    kind: EventKind
    status: Literal["active", "over"]
    start_time: str = Field(examples=["2026-05-01T18:00:00.000Z"])
    end_time: str | None = Field(examples=["2026-05-01T18:00:10.000Z"])
    start_us: int
    end_us: int | None
    from_us: int = Field(description="Begin of the footage that belongs to it.")
    to_us: int | None = Field(description="End of that footage; null while it lasts.")
    score: float = Field(description="Largest part of the picture that moved, in percent.", examples=[2.4])
    confidence: float = Field(
        description="How far the score is beyond the camera's threshold, in percent of that.", examples=[700.0]
    )
    label: str = Field(
        description="What was recognised and counts, surest first; empty where nothing was, or nobody looked.",
        examples=["person 0.87, dog 0.52"],
    )
    objects: dict[str, list[ObjectOut]] | None = Field(
        description="What each picture, `a` and `b`, shows; null while nobody looked.",
        examples=[{"a": [], "b": [{"label": "person", "confidence": 0.87, "left": 0.41, "top": 0.2, "right": 0.52,
                                   "bottom": 0.78}]}],
    )  # fmt: skip
    picture_a: str | None = Field(
        description="Address of the picture of its begin.", examples=["/api/v1/events/1-42/pictures/a.jpg"]
    )
    picture_b: str | None = Field(
        description="Of the picture 4 s later.", examples=["/api/v1/events/1-42/pictures/b.jpg"]
    )
    thumbnail: str | None = Field(
        description="Of the small picture of its begin.", examples=["/api/v1/events/1-42/pictures/thumb.jpg"]
    )
    remote: dict[Literal["a", "b"], str] = Field(
        description="Where its pictures lie at a target, verified; those that do not are left out.",
        examples=[{"a": "https://cdn.example.org/events/gate/20260501T180000Z_a.jpg"}],
    )
    reviewed: bool
    reviewed_by: str = Field(examples=["ann"])


class Events(BaseModel):
    """Events, newest first."""

    items: list[EventOut]
    cursor: str | None = Field(description="For the next ones; null where there are no more.")


class Reviewed(BaseModel):
    """That somebody has looked at it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reviewed": True}})

    reviewed: bool = True


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which events are asked for."""

    camera: Annotated[
        str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Id of a camera.", examples=["gate"])
    ] = ""
    kind: Annotated[EventKind | None, Query(description="What they are about.")] = None
    begin: Annotated[str, Query(alias="from", max_length=40, description="Only what began then or later.")] = ""
    end: Annotated[str, Query(alias="to", max_length=40, description="Only what began before.")] = ""
    confidence: Annotated[float | None, Query(ge=0, le=1000, description="At least so sure.", examples=[30])] = None
    label: Annotated[
        str, Query(max_length=100, description="Only those in which that was recognised.", examples=["person"])
    ] = ""
    reviewed: Annotated[bool | None, Query(description="Only those that somebody has looked at, or nobody.")] = None
    status: Annotated[Literal["", "active", "over"], Query(description="Empty for both.")] = ""

    def wanted(self, context: Context) -> Wanted:
        """Return it as the catalog knows it."""
        now_us, zone = context.clock.wall_us(), context.zone
        return Wanted(
            camera=context.spelled(self.camera) or None, kind=self.kind,
            from_us=read_instant(self.begin, zone, now_us) if self.begin else None,
            to_us=read_instant(self.end, zone, now_us) if self.end else None, confidence=self.confidence,
            label=self.label.strip() or None, reviewed=self.reviewed,
            open=self.status == "active" if self.status else None,
        )  # fmt: skip


@router.get("", summary="List events", dependencies=[needs(Right.VIEWER)], responses=problems(400, 401, 403, 422, 503))
def list_events(
    context: Node,
    chosen: Annotated[_Chosen, Depends()],
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT,
    cursor: Annotated[str, Query(max_length=120, description="Of the page before.")] = "",
) -> Events:
    """Return events, newest first."""
    found = events.find(context.catalog(), chosen.wanted(context), limit=limit, cursor=cursor or None)
    return Events(items=_outs(context, found.rows), cursor=found.cursor)


@router.get(
    "/{event}", summary="Get an event", dependencies=[needs(Right.VIEWER)], responses=problems(401, 403, 404, 422, 503)
)
def get_event(context: Node, event: Which) -> EventOut:
    """Return one event."""
    return _outs(context, [events.get(context.catalog(), events.read_id(event))])[0]


@router.put(
    "/{event}/reviewed", summary="Say that it was looked at", dependencies=[needs(Right.OPERATOR)],
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
def review(context: Node, request: Request, event: Which, body: Reviewed) -> EventOut:
    """Say that somebody has looked at an event, or take it back."""
    row = events.review(
        context.catalog(), events.read_id(event), context.clock, who=identity_of(request).name, reviewed=body.reviewed
    )
    return _outs(context, [row])[0]


@router.delete(
    "/{event}", summary="Delete an event", status_code=204, dependencies=[needs(Right.ADMIN)],
    responses=problems(401, 403, 404, 409, 422, 503, 507),
)  # fmt: skip
def delete(context: Node, event: Which) -> Response:
    """Delete an event that is over, with its pictures; footage stays as it is."""
    events.delete(context.catalog(), context.volumes, events.read_id(event))
    return Response(status_code=204)


@router.get(
    "/{event}/pictures/{which}.jpg", summary="Get a picture of an event", dependencies=[needs(Right.VIEWER)],
    response_class=Response, responses={200: {"content": {"image/jpeg": {}}}, **problems(401, 403, 404, 422, 503)},
)  # fmt: skip
def get_picture(
    context: Node, event: Which,
    which: Annotated[
        Literal["a", "b", "thumb"], Path(description="Of its begin, of 4 s later, small.", examples=["a"])
    ],
) -> Response:  # fmt: skip
    """Return a picture as JPEG."""
    body = events.picture(context.catalog(), context.volumes, events.read_id(event), which)
    return Response(body, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def _outs(context: Node, rows: Sequence[EventRow]) -> list[EventOut]:
    files = [(row.id.node, row.told.volume, file) for row in rows for file in row.told.files]
    remote = deliveries.addresses(context.catalog(), files)
    return [_out(context, row, remote) for row in rows]


def _out(context: Node, row: EventRow, remote: Mapping[tuple[int, str, str], str]) -> EventOut:
    told, place = row.told, (row.id.node, row.told.volume)
    sent = {"a": remote.get((*place, told.picture_a)), "b": remote.get((*place, told.picture_b))}
    camera = context.config.cameras.get(told.camera)
    url, seen = f"/api/v1/events/{row.id}/pictures", events.shown(row)
    return EventOut(
        id=str(row.id), camera=told.camera, camera_name=(camera.name if camera is not None else "") or told.camera,
        kind=told.kind, status="active" if told.end_us is None else "over", start_time=iso(told.start_us),
        end_time=None if told.end_us is None else iso(told.end_us), start_us=told.start_us, end_us=told.end_us,
        from_us=told.from_us, to_us=told.to_us, score=told.score, confidence=told.confidence, label=told.label,
        objects=None if seen is None else {which: [_object(one) for one in found] for which, found in seen.items()},
        picture_a=f"{url}/a.jpg" if told.picture_a else None, picture_b=f"{url}/b.jpg" if told.picture_b else None,
        thumbnail=f"{url}/thumb.jpg" if told.thumbnail else None, reviewed=row.reviewed,
        remote={which: address for which, address in sent.items() if address},  # type: ignore[misc] # a and b alone
        reviewed_by=row.reviewed_by,
    )  # fmt: skip


def _object(seen: Seen) -> ObjectOut:
    box = seen.box
    return ObjectOut(
        label=seen.label, confidence=seen.confidence, left=box.left, top=box.top, right=box.right, bottom=box.bottom
    )  # fmt: skip
