"""Stills that are kept: lists, counts of days, pictures, thumbnails, encrypted files, deleting.

Not here: pictures of any instant on demand (stills), taking them (library.still_taking).
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from holdfast.api.files import Node
from holdfast.catalog.stills import StillRow, Wanted
from holdfast.core.camera import CAMERA_ID
from holdfast.core.errors import UsageError
from holdfast.core.timing import iso
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.paging import Cursor
from holdfast.http.rights import Right, needs
from holdfast.library import kept_stills
from holdfast.library.instants import read_instant

LIMIT = 100
LIMIT_MAX = 1000
MOST_AT_ONCE = 20_000  # chosen: some seconds of unlinking; whoever wants more asks again
_TYPES = {".jpg": "image/jpeg", ".webp": "image/webp"}
_FOR_GOOD = {"Cache-Control": "private, max-age=31536000, immutable"}  # a still is never replaced by another

router = APIRouter(prefix="/api/v1/stills", tags=["stills"])

Which = Annotated[str, Path(pattern=r"^\d{1,18}-\d{1,18}$", description="Name of the still.", examples=["1-42"])]


class StillOut(BaseModel):
    """A planned picture, and what became of it. Times as ISO 8601, UTC, and in microseconds since the epoch."""

    id: str = Field(examples=["1-42"])
    camera: str = Field(examples=["gate"])
    location: str = Field(description="Id of the location in your own systems.", examples=["r-7"])
    state: Literal["taken", "missed"]
    slot: str = Field(description="Planned instant.", examples=["2026-05-01T18:00:00.000Z"])
    slot_us: int = Field(examples=[1_777_658_400_000_000])
    at: str | None = Field(description="When the picture was taken.", examples=["2026-05-01T18:00:00.020Z"])
    at_us: int | None
    cause: str = Field(description="Why it was missed: a gap reason, `damaged` or `removed`.", examples=[""])
    width: int = Field(description="Pixels of the file.")
    height: int
    source_width: int = Field(description="Pixels of the footage.", examples=[1920])
    source_height: int = Field(examples=[1080])
    bytes: int
    size_kb: float = Field(description="The same in kilobytes.", examples=[48.2])
    sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    file: str = Field(
        description="Path under the volume's root.",
        examples=["stills/gate/2026-05-01/gate_20260501T180000.000Z.jpg"],
    )
    encrypted: bool = Field(description="Whether the file is encrypted with age, so that it cannot be shown here.")
    plain_bytes: int | None = Field(
        description="Size of the picture in an encrypted file; null for others.", examples=[None]
    )
    plain_sha256: str = Field(description="SHA-256 of that picture; empty for others.", examples=[""])
    picture_url: str | None = Field(
        description="Null where it was missed or is encrypted.", examples=["/api/v1/stills/1-42/picture"]
    )
    thumbnail_url: str | None = Field(examples=["/api/v1/stills/1-42/thumbnail"])
    encrypted_url: str | None = Field(description="Address of the encrypted file; null for others.", examples=[None])


class StillsOut(BaseModel):
    """Stills, newest first unless asked otherwise."""

    items: list[StillOut]
    taken: int = Field(description="Of all that are meant, those that were taken.", examples=[131])
    missed: int = Field(description="Of all that are meant, those that were missed.", examples=[1])
    encrypted: int = Field(description="Of those that were taken, the encrypted ones.", examples=[0])
    bytes: int = Field(description="Size of all of them together.")
    cursor: str | None = Field(description="For the next page.")


class DayOut(BaseModel):
    """A day in the site's zone."""

    day: date = Field(examples=["2026-05-01"])
    from_us: int
    to_us: int
    taken: int = Field(examples=[131])
    missed: int = Field(examples=[1])
    bytes: int


class Removed(BaseModel):
    """What was deleted."""

    count: int = Field(examples=[12])
    more: bool = Field(description="There are more: ask again.")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which stills are asked for."""

    camera: Annotated[
        str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Id of a camera.", examples=["gate"])
    ] = ""
    state: Annotated[Literal["", "taken", "missed"], Query(description="Empty for both.")] = ""
    begin: Annotated[
        str, Query(alias="from", max_length=40, description="Planned then or later.", examples=["2026-05-01T18:00"])
    ] = ""
    end: Annotated[
        str, Query(alias="to", max_length=40, description="Planned before.", examples=["2026-05-01T19:00"])
    ] = ""

    def wanted(self, context: Context) -> Wanted:
        """Return it as the catalog knows it."""
        now_us, zone = context.clock.wall_us(), context.zone
        return Wanted(
            camera=context.spelled(self.camera) or None,
            state=self.state or None,
            from_us=read_instant(self.begin, zone, now_us) if self.begin else None,
            to_us=read_instant(self.end, zone, now_us) if self.end else None,
        )


@router.get("", summary="List stills", dependencies=[needs(Right.VIEWER)], responses=problems(400, 401, 403, 422, 503))
def list_stills(
    context: Node,
    chosen: Annotated[_Chosen, Depends()],
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Items a page.")] = LIMIT,
    cursor: Cursor = "",
    order: Annotated[Literal["newest", "oldest"], Query(description="Which come first.")] = "newest",
) -> StillsOut:
    """Return planned pictures, each taken or missed with its cause, and how many there are in all."""
    wanted, catalog = chosen.wanted(context), context.catalog()
    page = kept_stills.find(catalog, wanted, limit=limit, cursor=cursor or None, oldest_first=order == "oldest")
    count = kept_stills.count(catalog, wanted)
    return StillsOut(
        items=[_out(row) for row in page.rows], taken=count.taken, missed=count.missed, encrypted=count.sealed,
        bytes=count.bytes, cursor=page.cursor,
    )  # fmt: skip


@router.get(
    "/days", summary="Count stills by day", dependencies=[needs(Right.VIEWER)],
    responses=problems(401, 403, 422, 503),
)  # fmt: skip
def list_days(
    context: Node,
    camera: Annotated[
        str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Id of a camera.", examples=["gate"])
    ] = "",
    last: Annotated[date | None, Query(description="The newest day to look at.", examples=["2026-05-01"])] = None,
    most: Annotated[int, Query(ge=1, le=kept_stills.MOST_DAYS, description="Days to look back.")] = 31,
) -> list[DayOut]:
    """Return the days that have stills, newest first, as the site's clocks show them."""
    found = kept_stills.days(context.catalog(), context.spelled(camera) or None, context.zone, last=last, most=most)
    return [
        DayOut(
            day=one.day, from_us=one.from_us, to_us=one.to_us, taken=one.count.taken, missed=one.count.missed,
            bytes=one.count.bytes,
        )
        for one in found
    ]  # fmt: skip


@router.delete(
    "", summary="Delete stills of a camera and span", dependencies=[needs(Right.ADMIN)],
    responses=problems(400, 401, 403, 404, 422, 503, 507),
)  # fmt: skip
def clear(context: Node, chosen: Annotated[_Chosen, Depends()]) -> Removed:
    """Delete stills with their files: those of a camera, planned between two instants. All three must be said."""
    if not (chosen.camera and chosen.begin and chosen.end):
        raise UsageError("say which stills", hint="camera, from and to")
    count = kept_stills.clear(context.catalog(), context.volumes, chosen.wanted(context), most=MOST_AT_ONCE)
    return Removed(count=count, more=count == MOST_AT_ONCE)


@router.get(
    "/{still}", summary="Get a still", dependencies=[needs(Right.VIEWER)], responses=problems(401, 403, 404, 422, 503)
)
def get_still(context: Node, still: Which) -> StillOut:
    """Return what is known of one still."""
    return _out(kept_stills.get(context.catalog(), kept_stills.read_id(still)))


@router.delete(
    "/{still}", summary="Delete a still", dependencies=[needs(Right.ADMIN)], status_code=204,
    responses=problems(401, 403, 404, 422, 503, 507),
)  # fmt: skip
def delete_still(context: Node, still: Which) -> None:
    """Delete one still with its files."""
    catalog = context.catalog()
    kept_stills.remove(catalog, context.volumes, [kept_stills.get(catalog, kept_stills.read_id(still))])


@router.get(
    "/{still}/picture", summary="Get the picture of a still", dependencies=[needs(Right.VIEWER)],
    response_class=FileResponse,
    responses={200: {"content": {"image/jpeg": {}, "image/webp": {}}}, **problems(401, 403, 404, 409, 422, 503)},
)  # fmt: skip
def get_picture(
    context: Node,
    still: Which,
    *,
    download: Annotated[bool, Query(description="Have browsers save it under its name.")] = False,
) -> FileResponse:
    """Return the picture as it was written, JPEG or WebP; one that is encrypted is refused."""
    return _file(context, still, small=False, download=download)


@router.get(
    "/{still}/thumbnail", summary="Get the thumbnail of a still", dependencies=[needs(Right.VIEWER)],
    response_class=FileResponse,
    responses={200: {"content": {"image/jpeg": {}, "image/webp": {}}}, **problems(401, 403, 404, 409, 422, 503)},
)  # fmt: skip
def get_thumbnail(context: Node, still: Which) -> FileResponse:
    """Return a small JPEG of at most 50 KB; the picture itself where none was made, and nothing of encrypted ones."""
    return _file(context, still, small=True)


@router.get(
    "/{still}/encrypted", summary="Get an encrypted still", dependencies=[needs(Right.VIEWER)],
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}}, **problems(401, 403, 404, 422, 503)},
)  # fmt: skip
def get_encrypted(context: Node, still: Which) -> FileResponse:
    """Return the file of a still that is encrypted, under its name; `holdfast decrypt` and `age` open it."""
    row = kept_stills.get(context.catalog(), kept_stills.read_id(still))
    path = kept_stills.sealed_of(context.volumes, row)
    return FileResponse(path, media_type="application/octet-stream", headers=_FOR_GOOD, filename=path.name)


def _file(context: Context, still: str, *, small: bool, download: bool = False) -> FileResponse:
    row = kept_stills.get(context.catalog(), kept_stills.read_id(still))
    path = kept_stills.picture_of(context.volumes, row, small=small)
    return FileResponse(
        path, media_type=_TYPES.get(path.suffix, "application/octet-stream"), headers=_FOR_GOOD,
        filename=path.name if download else None,
    )  # fmt: skip


def _out(row: StillRow) -> StillOut:
    one = row.outcome
    taken, url = not one.cause, f"/api/v1/stills/{row.id}"
    shown = taken and not one.is_sealed
    return StillOut(
        id=str(row.id), camera=one.camera, location=one.location, state="taken" if taken else "missed",
        slot=iso(one.slot_us), slot_us=one.slot_us, at=None if one.at_us is None else iso(one.at_us), at_us=one.at_us,
        cause=one.cause, width=one.width, height=one.height, source_width=one.source_width,
        source_height=one.source_height, bytes=one.bytes, size_kb=round(one.bytes / 1000, 1), sha256=one.sha256,
        file=one.file, encrypted=one.is_sealed, plain_bytes=one.plain_bytes if one.is_sealed else None,
        plain_sha256=one.plain_sha256, picture_url=f"{url}/picture" if shown else None,
        thumbnail_url=f"{url}/thumbnail" if shown else None,
        encrypted_url=f"{url}/encrypted" if one.is_sealed else None,
    )  # fmt: skip
