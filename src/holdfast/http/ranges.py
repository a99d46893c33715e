"""Answers of which a part may be asked for: `Range`, `If-Range`, `If-None-Match`, `HEAD`, for files of any size.

A body is read in pieces while it is sent, each piece on its own, by whoever owns the bytes: nothing stays open while a
slow client takes its time, and none holds a thread of the pool meanwhile.

Not here: what the bytes are (library). Routes that use it are plain functions.
Source: RFC 9110, sections 13 (conditions) and 14 (ranges).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from holdfast.core.errors import HoldfastError
from holdfast.http.errors import body_of

PIECE_BYTES = 256 * 1024  # chosen: 2 ms of a gigabit line; a hundred viewers hold 25 MB of them

RESPONSES: dict[int | str, dict[str, Any]] = {
    206: {"description": "The part that was asked for."},
    304: {"description": "The caller has it already."},
    416: {"description": "No such part."},
}
"""For the OpenAPI description of a route that answers with `ranged`."""

_RANGE = re.compile(r"\s*(\d*)\s*-\s*(\d*)\s*")
_MOST_DIGITS = 18  # more would be no size of anything

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Bytes that can be read from anywhere.

    Attributes:
        size: Of all of it, while it keeps its `etag`.
        etag: Names these very bytes, without quotes.
        media_type: What they are.
        read: Gives up to so many bytes (second) from an offset (first) on; at least one before the end.
        headers: More to say.
    """

    size: int
    etag: str
    media_type: str
    read: Callable[[int, int], bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


def ranged(request: Request, body: Body) -> Response:
    """Answer a GET or HEAD with a body or the part of it that was asked for.

    Returns:
        200, 206 with `Content-Range`, 304, or 416. Several ranges in one request are answered with all of it.
    """
    etag = f'"{body.etag}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "private, no-cache", **body.headers}
    if _matches(request.headers.get("if-none-match", ""), etag):
        return Response(None, 304, headers)
    asked = request.headers.get("range")
    since = request.headers.get("if-range")
    part = None if asked is None or (since is not None and since != etag) else wanted(asked, body.size)
    if part == (0, 0):
        headers["Content-Range"] = f"bytes */{body.size}"
        answer = body_of("range", f"{asked} is no part of {body.size} bytes")
        return JSONResponse(answer, 416, headers)
    first, end = part or (0, body.size)
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{body.size}"
    headers["Content-Length"] = str(end - first)
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers, media_type=body.media_type)
    return StreamingResponse(_sent(body, first, end), status, headers, media_type=body.media_type)


def wanted(text: str, size: int) -> tuple[int, int] | None:
    """Read a `Range` header.

    Returns:
        First byte and the one behind the last; (0, 0) where there is no such part or the header makes no sense; None
        where it is to be passed over: another unit, or several parts.
    """
    unit, equals, rest = text.partition("=")
    if unit.strip().lower() != "bytes":
        return None if equals else (0, 0)
    if "," in rest:
        return None
    match = _RANGE.fullmatch(rest)
    if match is None or not any(match.groups()) or any(len(number) > _MOST_DIGITS for number in match.groups()):
        return (0, 0)
    first, last = match.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else (0, 0)
    end = min(size, int(last) + 1) if last else size
    return (int(first), end) if int(first) < end else (0, 0)


def _matches(said: str, etag: str) -> bool:
    return said.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in said.split(","))


def _sent(body: Body, first: int, end: int) -> Iterator[bytes]:
    at = first
    while at < end:
        try:
            piece = body.read(at, min(PIECE_BYTES, end - at))
        except HoldfastError as error:
            # The status is sent already: cutting the answer short is the one way left to say that it is not whole.
            _log.warning("download.cut", reason=str(error), at=at, size=body.size)
            raise
        if not piece:
            return
        yield piece
        at += len(piece)
