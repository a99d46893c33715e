"""Clips: any span as one MP4 to download or to play, with a progress that a browser shows and parts that it asks for.

Not here: what a clip is made of (library.clips).
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from holdfast.api.files import Key, Memory, Node, Span, catalog_or_none
from holdfast.core.timing import SECOND_US, iso
from holdfast.http.errors import problems
from holdfast.http.ranges import RESPONSES, Body, ranged
from holdfast.http.rights import Right, needs
from holdfast.library.clips import Clip

MOST_GAPS = 20  # chosen: headers have some kilobytes; the file itself names every one

router = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["footage"], dependencies=[needs(Right.VIEWER)])


@router.get(
    "/clip.mp4", summary="Fetch a span as one MP4",
    responses={200: {"content": {"video/mp4": {}}, "description": "The clip."}, **RESPONSES,
               **problems(400, 401, 403, 404, 409, 429)},
    response_class=Response,
)  # fmt: skip
@router.head("/clip.mp4", include_in_schema=False)
def clip(
    request: Request, context: Node, key: Key, memory: Memory, span: Span,
    play: Annotated[bool, Query(description="Meant to be played, not saved: no file name is suggested.")] = False,  # noqa: FBT002 - a query's flag
) -> Response:  # fmt: skip
    """Cut up to 24 hours without encoding again. Gaps are closed up; `X-Holdfast-Gaps` and a box in the file name them.

    It begins with the picture that was on the screen at `from`. A span in which the camera changed its codec is a
    conflict whose message names the instants.
    """
    volumes = context.volumes
    asked = request.headers.get("range", "bytes=0-").replace(" ", "")
    settings = context.config.cameras.get(key.camera)
    made = memory.clips.clip(
        volumes, key, span, catalog_or_none(context), anew=asked.startswith("bytes=0-"),
        side=settings.side if settings else "",
    )  # fmt: skip
    headers = _facts(made)
    if not play:
        headers["Content-Disposition"] = f'attachment; filename="{made.name(context.zone)}"'

    def read(offset: int, count: int) -> bytes:
        return made.read(volumes, offset, count)

    return ranged(
        request, Body(size=made.plan.bytes, etag=made.etag, media_type="video/mp4", read=read, headers=headers)
    )


def _facts(made: Clip) -> dict[str, str]:
    """Say what the clip shows: `X-Holdfast-Gaps: begin/end;reason, …`, the first ones of many."""
    headers = {
        "X-Holdfast-Begin": iso(made.plan.start_us),
        "X-Holdfast-End": iso(made.plan.end_us),
        "X-Holdfast-Seconds": f"{made.plan.duration_us / SECOND_US:.3f}",
    }
    if made.gaps:
        headers["X-Holdfast-Gap-Count"] = str(len(made.gaps))
        headers["X-Holdfast-Gaps"] = ", ".join(
            f"{iso(gap.start_us)}/{iso(gap.end_us)};{gap.reason}" for gap in made.gaps[:MOST_GAPS]
        )
    return headers
