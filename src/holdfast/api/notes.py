"""Notes of people on the timeline (C012): written to a file that outlives the catalog, read from either.

Not here: the file and the rows (library.notes).
"""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node, catalog_or_none
from holdfast.core.camera import CAMERA_ID
from holdfast.core.errors import CatalogError, UsageError
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import notes
from holdfast.library.instants import read_instant

PAGE = 200
PAGE_MAX = 1000

router = APIRouter(prefix="/api/v1/notes", tags=["footage"])


class NoteOut(BaseModel):
    """A note. Times in microseconds since the epoch, UTC."""

    uid: str
    at_us: int
    camera: str | None = Field(description="null for the whole site.")
    words: str
    author: str
    created_us: int


class Notes(BaseModel):
    """Notes, oldest first."""

    items: list[NoteOut]
    cursor: str | None


class NewNote(BaseModel):
    """A note to write."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"camera": "gate", "words": "lens cleaned"}}
    )

    words: str = Field(min_length=1, max_length=4000)
    camera: str | None = Field(default=None, pattern=f"^{CAMERA_ID.pattern}$", description="Left out: the whole site.")
    at: str = Field(default="now", max_length=40, description="What it is about: microseconds, ISO 8601, `now`.")


@router.get("", summary="Read notes", dependencies=[needs(Right.VIEWER)], responses=problems(400, 401, 403, 422, 503))
def list_notes(
    context: Node,
    camera: Annotated[str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="And the whole site.")] = "",
    begin: Annotated[str, Query(alias="from", max_length=40)] = "",
    end: Annotated[str, Query(alias="to", max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE,
    cursor: Annotated[str, Query(max_length=60, description="Of the page before.")] = "",
) -> Notes:
    """Return the notes about a span, or all, oldest first."""
    now_us, zone = context.clock.wall_us(), context.zone
    found = notes.between(
        catalog_or_none(context), context.volumes, camera=camera or None,
        from_us=read_instant(begin, zone, now_us) if begin else None,
        to_us=read_instant(end, zone, now_us) if end else None,
    )  # fmt: skip
    at_us, _, uid = cursor.partition("-")
    if cursor and not (at_us.isascii() and at_us.isdigit() and uid):
        raise UsageError("that is not a cursor", hint="pass back the cursor of the page before, unchanged")
    rest = [note for note in found if not cursor or (note.at_us, note.uid) > (int(at_us), uid)]
    rest.sort(key=lambda note: (note.at_us, note.uid))
    items = [NoteOut(**{name: getattr(note, name) for name in NoteOut.model_fields}) for note in rest[:limit]]
    more = len(rest) > limit
    return Notes(items=items, cursor=f"{items[-1].at_us}-{items[-1].uid}" if more else None)


@router.post(
    "", summary="Write a note", status_code=201, dependencies=[needs(Right.OPERATOR)],
    responses=problems(400, 401, 403, 404, 422, 507),
)  # fmt: skip
def write_note(context: Node, request: Request, body: NewNote) -> NoteOut:
    """Write a note in the name of whoever is signed in. It is durable when this answers, whatever the catalog does."""
    config, now_us = context.config, context.clock.wall_us()
    camera = None if body.camera is None else context.camera_id(body.camera)
    site = config.site_id if camera is None else config.cameras[camera].site or config.site_id
    note = notes.write(
        context.volumes, context.clock, body.words, camera=camera, site=site,
        at_us=read_instant(body.at, context.zone, now_us), author=identity_of(request).name,
    )  # fmt: skip
    with suppress(CatalogError):  # it stands in the file, from which holdfast reindex brings it back
        notes.record(context.catalog(), [note], context.clock, node=context.node)
    return NoteOut(**{name: getattr(note, name) for name in NoteOut.model_fields})
