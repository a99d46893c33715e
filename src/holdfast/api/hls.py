"""HLS for players that want it (Safari, VLC, ffplay, televisions), and the segment files that its lists point into.

Players send a token as `Authorization: Bearer …`, or carry it in the address as a password:
`http://any:hf_…@recorder:8080/api/v1/cameras/gate/live.m3u8`. Addresses within a list are relative to it.

Not here: what stands in a list (library.hls), the browser's own player (its stream is a WebSocket).
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from holdfast.api.files import Files, Key, Memory, Node, Span, catalog_or_none
from holdfast.core.camera import STREAMS, StreamKey
from holdfast.core.errors import NotFound
from holdfast.core.timing import SECOND_US
from holdfast.http.errors import problems
from holdfast.http.ranges import RESPONSES, Body, ranged
from holdfast.http.rights import Right, needs
from holdfast.http.watching import tiers_of
from holdfast.library import footage, hls
from holdfast.library.footage import Piece
from holdfast.library.hls_list import PlayList, written

MOST_AT_US = 1 << 52  # chosen: 142 years, and exact in a JavaScript number
BEGIN_ENTRIES = 3  # chosen: players begin three before the end
BEGIN_US = 12 * SECOND_US  # chosen: a converted stream has them 6 s after its first picture
AGAIN_S = 0.5
SOURCE: Final = "source"
MPEGURL = "application/vnd.apple.mpegurl"

router = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["footage"], dependencies=[needs(Right.VIEWER)])

Quality = Annotated[
    Literal["source", "hd", "sd", "low", "hls"], Query(description="As recorded, or converted while somebody watches.")
]

_LIST: dict[int | str, dict[str, Any]] = {200: {"content": {MPEGURL: {}}, "description": "The list."}}
_REFUSALS = problems(401, 403, 404, 429)


@router.get("/live.m3u8", summary="Watch live with HLS", responses={**_LIST, **_REFUSALS}, response_class=Response)
@router.head("/live.m3u8", include_in_schema=False)
async def live(request: Request, context: Node, key: Key, memory: Memory, tier: Quality = SOURCE) -> Response:
    """List the newest 20 seconds, in pieces of about two; ask again to go on. A player is 6 to 10 seconds behind.

    With a tier, what is listed is converted for as long as somebody asks; `hls` is 640x360 at 1.2 Mb/s.
    """
    if tier == SOURCE:
        catalog = partial(catalog_or_none, context)
        return _answer(await run_in_threadpool(memory.live.look, context.volumes, key, catalog), key)
    deadline_us = context.clock.boot_us() + BEGIN_US
    async with tiers_of(request).live(key, tier) as spool:
        while True:
            try:
                found = await run_in_threadpool(memory.live.look, spool.volumes, key, lambda: None, tier=tier)
            except NotFound:  # the first piece is not whole yet
                if context.clock.boot_us() > deadline_us:
                    raise
            else:
                if len(found.entries) >= BEGIN_ENTRIES or context.clock.boot_us() > deadline_us:
                    return _answer(found, key, tier)
            await asyncio.sleep(AGAIN_S)


@router.get(
    "/output.m3u8", summary="Watch live with HLS, under its older name", responses={**_LIST, **_REFUSALS},
    response_class=Response,
)  # fmt: skip
@router.head("/output.m3u8", include_in_schema=False)
async def output(request: Request, context: Node, key: Key, memory: Memory, tier: Quality = SOURCE) -> Response:
    """Answer like `live.m3u8`: what players were told to open before."""
    return await live(request, context, key, memory, tier)


@router.get(
    "/playback.m3u8", summary="Watch a span of the past with HLS",
    responses={**_LIST, **problems(400, 401, 403, 404)}, response_class=Response,
)  # fmt: skip
@router.head("/playback.m3u8", include_in_schema=False)
def playback(context: Node, key: Key, memory: Memory, span: Span) -> Response:
    """List a span of up to 24 hours, over files and gaps; while it is being recorded, the list grows."""
    found = hls.past(
        context.volumes, key, span, now_us=context.clock.wall_us(), catalog=catalog_or_none(context),
        indexes=memory.indexes,
    )  # fmt: skip
    return _answer(found, key)


@router.get(
    "/segments/{segment}.mp4", summary="Fetch a segment file or a part of it",
    responses={200: {"content": {"video/mp4": {}}, "description": "The file."}, **RESPONSES,
               **problems(401, 403, 404, 429)},
    response_class=Response,
)  # fmt: skip
@router.head("/segments/{segment}.mp4", include_in_schema=False)
async def segment_file(
    request: Request, context: Node, key: Key, memory: Memory,
    segment: Annotated[str, Path(max_length=90, description="Its name, as lists give it.")],
    at_us: Annotated[int, Query(ge=0, le=MOST_AT_US, description="Where its time 0 lies for the player.")] = 0,
    tier: Quality = SOURCE,
) -> Response:  # fmt: skip
    """Send a file as it lies on the disk; of one that is being written, what is whole by now.

    Lists ask for it with `at_us`: then the times in it are raised by as much, so that files follow each other.
    """
    volumes = context.volumes
    if tier != SOURCE:
        async with tiers_of(request).live(key, tier) as spool:
            volumes = spool.volumes  # which stays for some seconds after this, and is asked for again by then
    return await run_in_threadpool(_segment, request, volumes, (key, segment), memory, at_us)


def _segment(
    request: Request, volumes: Mapping[str, FilePath], name: tuple[StreamKey, str], memory: Files, at_us: int
) -> Response:
    piece = hls.file_named(volumes, *name)
    index = memory.indexes.of(f"{piece.volume}:{piece.file}", partial(footage.opened, volumes, piece))
    if index is None:
        raise NotFound(f"{name[0]} has no whole picture in {name[1]} yet")

    def read(offset: int, count: int) -> bytes:
        return hls.read_file(volumes, piece, index, at_us, offset, count)

    return ranged(
        request,
        Body(
            size=index.bytes,
            etag=_etag(piece, index.bytes, at_us, finished=index.finished),
            media_type="video/mp4",
            read=read,
            headers={"Cache-Control": "private, max-age=86400, immutable" if index.finished else "private, no-cache"},
        ),
    )


def _etag(piece: Piece, size: int, at_us: int, *, finished: bool) -> str:
    # A growing file becomes longer, and at its end its index is written over: then it is another one.
    return f"{piece.segment}-{size}-{at_us}{'' if finished else '-growing'}"


def _answer(found: PlayList, key: StreamKey, tier: str = SOURCE) -> Response:
    stream = "" if key.stream == STREAMS[0] else f"stream={key.stream}"
    quality = "" if tier == SOURCE else f"tier={tier}"

    def address(segment: str, at_us: int) -> str:
        query = "&".join(part for part in (stream, quality, f"at_us={at_us}" if at_us else "") if part)
        return f"segments/{segment}.mp4{'?' if query else ''}{query}"

    text = written(found, address)
    return Response(text, media_type=MPEGURL, headers={"Cache-Control": "no-cache"})
