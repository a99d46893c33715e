"""Pictures: the latest one of a camera, the one at any instant, and many small ones of a span in a sheet.

The latest picture is the newest keyframe in the recorded footage: a wall of cameras costs them nothing, and a camera
that is away shows its last picture, whose age stands in `X-Holdfast-At-Us`.

Not here: decoding and what is kept (library.stills).
"""

from typing import Annotated, Any
from zlib import crc32

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from holdfast.api.files import Key, Node, Span
from holdfast.core.errors import NotFound
from holdfast.core.timing import SECOND_US
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.http.watching import stills_of
from holdfast.library.instants import read_instant
from holdfast.library.stills import MOST_TILE, MOST_TILES, Contact, Stills
from holdfast.media.still import MOST_WIDTH, Form, Still

OLD_US = 30 * SECOND_US  # chosen: what is older is finished and stays as it is
_NARROWEST = 16

router = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["pictures"], dependencies=[needs(Right.VIEWER)])

Pictures = Annotated[Stills, Depends(stills_of)]
At = Annotated[
    str | None,
    Query(
        max_length=40, examples=["2026-05-01T18:00"],
        description="Instant: microseconds since the epoch or ISO 8601 (site's time without an offset); the latest "
        "picture without it.",
    ),
]  # fmt: skip
Width = Annotated[
    int | None,
    Query(ge=_NARROWEST, le=MOST_WIDTH, description="Pixels at most; the true size without it. Never scaled up."),
]
Count = Annotated[int, Query(ge=1, le=MOST_TILES, description="How many pictures.")]
TileWidth = Annotated[int, Query(alias="width", ge=32, le=MOST_TILE, description="Pixels of each.")]

_HEADERS = {
    "X-Holdfast-At-Us": {"description": "When it was taken, microseconds of the epoch.", "schema": {"type": "integer"}},
    "X-Holdfast-Size": {"description": "The true size of the picture, as 1920x1080.", "schema": {"type": "string"}},
}  # fmt: skip
_REFUSALS = problems(400, 401, 403, 404, 429)


class Tile(BaseModel):
    """One picture of a sheet, and the part of the span that it stands for."""

    at_us: int = Field(description="Begin of that part.", examples=[1_777_658_400_000_000])
    shown_us: int | None = Field(description="When its picture was taken; null where there is none.")
    x: int = Field(description="Pixels from the left of the sheet.")
    y: int = Field(description="Pixels from the top of the sheet.")
    reason: str = Field(description="Why there is none: a gap's reason, `removed` or `damaged`.", examples=[""])


class SheetFacts(BaseModel):
    """What `sheet.jpg` with the same query shows."""

    width: int
    height: int
    tile_width: int = Field(examples=[160])
    tile_height: int = Field(examples=[90])
    items: list[Tile]


def _image(kind: str) -> dict[int | str, dict[str, Any]]:
    found = {"content": {f"image/{kind}": {}}, "description": "The picture.", "headers": _HEADERS}
    return {200: found, 304: {"description": "It is the one that the client has."}, **_REFUSALS}


@router.get("/still.jpg", summary="Get a picture as JPEG", responses=_image("jpeg"), response_class=Response)
def still_jpeg(
    request: Request, context: Node, key: Key, pictures: Pictures, at: At = None, width: Width = None
) -> Response:
    """Return the latest picture, from memory where it was asked for within the last second, or that of an instant."""
    return _still(request, context, key, pictures, Form.JPEG, at, width)


@router.get("/still.webp", summary="Get a picture as WebP", responses=_image("webp"), response_class=Response)
def still_webp(
    request: Request, context: Node, key: Key, pictures: Pictures, at: At = None, width: Width = None
) -> Response:
    """Return the same as `still.jpg`, a third smaller."""
    return _still(request, context, key, pictures, Form.WEBP, at, width)


@router.get(
    "/sheet.jpg", summary="Get many small pictures of a span", responses=_image("jpeg"), response_class=Response
)
def sheet_jpeg(
    request: Request, context: Node, key: Key, pictures: Pictures, span: Span, count: Count = 60, width: TileWidth = 160
) -> Response:
    """Return one JPEG with `count` pictures in rows; `sheet.json` says what each of them shows."""
    contact = pictures.sheet(key, span, count, width)
    headers = {"Cache-Control": _keep(span[1], context.clock.wall_us()), "ETag": f'"{crc32(contact.body):x}"'}
    return _answer(request, contact.body, "image/jpeg", headers)


@router.get("/sheet.json", summary="Say what a sheet shows", responses=_REFUSALS)
def sheet_json(key: Key, pictures: Pictures, span: Span, count: Count = 60, width: TileWidth = 160) -> SheetFacts:
    """Return the place and the instant of each picture of `sheet.jpg` with the same query."""
    return _facts(pictures.sheet(key, span, count, width))


def _facts(contact: Contact) -> SheetFacts:
    return SheetFacts(
        width=contact.width, height=contact.height, tile_width=contact.tile_width, tile_height=contact.tile_height,
        items=[Tile(at_us=t.asked_us, shown_us=t.at_us, x=t.x, y=t.y, reason=t.reason) for t in contact.tiles],
    )  # fmt: skip


def _still(
    request: Request, context: Node, key: Key, pictures: Pictures, form: Form, at: str | None, width: int | None
) -> Response:
    now_us = context.clock.wall_us()
    at_us = None if at is None else read_instant(at, context.zone, now_us)
    try:
        if at_us is None:
            still, keep = pictures.latest(key, width=width, form=form), "private, no-cache"
        else:
            still, keep = pictures.at(key, at_us, width=width, form=form), _keep(at_us, now_us)
    except NotFound as error:
        if key.camera in context.config.cameras:
            raise
        # Footage of a camera that was removed is looked at like any other; only where there is none is it unknown.
        raise NotFound(f"there is no camera {key.camera}", hint="holdfast cameras list names them") from error
    return _answer(request, still.body, f"image/{form.value}", {"Cache-Control": keep, **_described(still)})


def _described(still: Still) -> dict[str, str]:
    return {
        "ETag": f'"{still.at_us:x}-{still.width}x{still.height}"',
        "X-Holdfast-At-Us": str(still.at_us),
        "X-Holdfast-Size": f"{still.source_width}x{still.source_height}",
    }


def _keep(until_us: int, now_us: int) -> str:
    return "private, max-age=3600" if until_us < now_us - OLD_US else "private, no-cache"


def _answer(request: Request, body: bytes, media_type: str, headers: dict[str, str]) -> Response:
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
