"""The timeline of any span at any zoom: footage, gaps with their reasons, what is gone, notes.

Not here: what it is made of (library.spans, library.marks).
"""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from holdfast.api.files import Key, Node, Span, catalog_or_none
from holdfast.catalog.notes import Note
from holdfast.core.camera import CAMERA_ID, STREAMS, StreamKey
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.gap import PLANNED, Gap
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library import marks, notes, spans
from holdfast.library.instants import read_instant
from holdfast.library.timeline import streams_on

MOST_NOTES = 500  # chosen: more flags than a screen has room for; /notes has them all

router = APIRouter(prefix="/api/v1", tags=["footage"], dependencies=[needs(Right.VIEWER)])
of_one = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["footage"], dependencies=[needs(Right.VIEWER)])
Pixels = Annotated[int, Query(ge=10, le=10_000, description="How wide it will be drawn; decides about buckets.")]


class Stretch(BaseModel):
    """Something that lasts, in microseconds since the epoch, UTC."""

    start_us: int
    end_us: int
    state: str = Field(description="`recorded`; `removed` by policy; `missing` although nobody removed it.")


class GapItem(BaseModel):
    """A span without footage."""

    start_us: int
    end_us: int | None = Field(description="null while it lasts.")
    reason: str = Field(examples=["unreachable"])
    detail: str
    planned: bool = Field(description="Nobody wanted a recording: no loss.")


class BucketItem(BaseModel):
    """A part of the span in which something is missing."""

    start_us: int
    recorded_us: int
    planned_us: int
    lost_us: int
    worst_reason: str


class NoteItem(BaseModel):
    """What somebody wrote about an instant."""

    at_us: int
    words: str
    author: str
    camera: str | None = Field(description="null for the whole site.")


class CameraTimeline(BaseModel):
    """One stream of a camera."""

    camera: str
    stream: str
    known_us: int | None = Field(description="When its ledger begins: before that nothing is said. null for never.")
    segments: list[Stretch] = Field(description="What was recorded, in unbroken stretches.")
    gaps: list[GapItem] = Field(description="Empty where they are too many to draw; then buckets sum them up.")
    buckets: list[BucketItem]
    bucket_us: int | None = Field(description="How long a bucket is; null where there are none.")
    notes: list[NoteItem]
    events: list[dict[str, Any]] = Field(default=[], description="Motion and the like, once there is any.")
    holds: list[dict[str, Any]] = Field(default=[], description="Why parts must stay, once anything does.")


class Timeline(BaseModel):
    """What is known about a span."""

    from_us: int
    to_us: int
    now_us: int
    zone: str = Field(examples=["Europe/Berlin"])
    cameras: list[CameraTimeline]


class Mark(BaseModel):
    """A gap or a note beside an instant."""

    at_us: int | None = Field(description="Where it stands; null where nothing more comes.")
    gap: GapItem | None = None
    note: NoteItem | None = None


@of_one.get(
    "/timeline/next", summary="The next gap or note, however far", responses=problems(400, 401, 403, 404, 422, 503)
)
def mark_beside(
    context: Node, key: Key,
    at: Annotated[str, Query(max_length=40, description="Beside this instant; written like `from`.")] = "now",
    direction: Annotated[Literal["next", "previous"], Query(description="Forwards or back.")] = "next",
) -> Mark:  # fmt: skip
    """Return the gap of the stream or note of the camera that begins next, or began last before an instant."""
    now_us = context.clock.wall_us()
    if key.camera not in context.config.cameras and key not in streams_on(context.volumes):
        raise NotFound(f"there is no camera {key.camera}", hint="GET /api/v1/cameras lists all")
    found = marks.beside(
        context.volumes, key, read_instant(at, context.zone, now_us), later=direction == "next", now_us=now_us,
        catalog=catalog_or_none(context), node=context.node,
    )  # fmt: skip
    if found is None:
        return Mark(at_us=None)
    at_us = marks.at_of(found)
    if isinstance(found, Gap):
        return Mark(at_us=at_us, gap=gap_item(found))
    return Mark(at_us=at_us, note=_note_item(found))


@of_one.get("/timeline", summary="What is known of a camera's span", responses=problems(400, 401, 403, 503))
def of_camera(context: Node, key: Key, span: Span, pixels: Pixels = 1000) -> Timeline:
    """Return footage, gaps and notes of a span of any length; a camera without any footage has nothing."""
    return _timeline(context, span, [key], pixels)


@router.get("/timeline", summary="What is known of a span, of many cameras", responses=problems(400, 401, 403, 503))
def of_all(
    context: Node, span: Span, pixels: Pixels = 1000,
    wanted: Annotated[str, Query(alias="cameras", max_length=4000, description="Ids, with commas between.")] = "",
) -> Timeline:  # fmt: skip
    """Return footage, gaps and notes of the main streams of some cameras, or of all."""
    names = [name for name in wanted.split(",") if name]
    if any(not CAMERA_ID.fullmatch(name) for name in names):
        raise UsageError("cameras are ids with commas between them")
    return _timeline(context, span, [StreamKey(name, STREAMS[0]) for name in names] or None, pixels)


def _timeline(context: Context, span: tuple[int, int], keys: list[StreamKey] | None, pixels: int) -> Timeline:
    now_us, catalog = context.clock.wall_us(), catalog_or_none(context)
    found = spans.look(
        context.volumes, span, now_us=now_us, catalog=catalog, keys=keys, pixels=pixels, node=context.node
    )
    shown = [one for one in found if keys is not None or one.key.stream == STREAMS[0]]
    said = notes.between(catalog, context.volumes, camera=None, from_us=span[0], to_us=span[1])
    return Timeline(
        from_us=span[0], to_us=span[1], now_us=now_us, zone=context.zone.key,
        cameras=[_camera(one, said) for one in shown],
    )  # fmt: skip


def _camera(one: spans.StreamSpan, said: list[Note]) -> CameraTimeline:
    states = (("recorded", one.footage), ("removed", one.removed), ("missing", one.missing))
    stretches = [
        Stretch(start_us=start_us, end_us=end_us, state=state) for state, them in states for start_us, end_us in them
    ]
    camera = one.key.camera.lower()
    mine = [note for note in said if note.camera is None or note.camera.lower() == camera]
    return CameraTimeline(
        camera=one.key.camera, stream=one.key.stream, known_us=one.known_us,
        segments=sorted(stretches, key=lambda stretch: stretch.start_us), gaps=[gap_item(gap) for gap in one.gaps],
        buckets=[BucketItem(worst_reason=b.reason, **{k: v for k, v in asdict(b).items() if k != "reason"})
                 for b in one.buckets],
        bucket_us=one.bucket_us,
        notes=[_note_item(note) for note in mine[-MOST_NOTES:]],
    )  # fmt: skip


def _note_item(note: Note) -> NoteItem:
    return NoteItem(at_us=note.at_us, words=note.words, author=note.author, camera=note.camera)


def gap_item(gap: Gap) -> GapItem:
    """Return a gap as the API says it."""
    return GapItem(
        start_us=gap.start_us, end_us=None if gap.open else gap.end_us, reason=gap.reason.value, detail=gap.detail,
        planned=gap.reason in PLANNED,
    )  # fmt: skip
