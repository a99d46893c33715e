"""The logs of all roles over HTTP, for administrators: lines as they were written, secrets scrubbed then.

Not here: reading the files (library.log_pages).
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from holdfast.api.files import Node
from holdfast.core.camera import CAMERA_ID
from holdfast.core.errors import StorageError
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library import log_pages, logs
from holdfast.library.instants import read_instant

PAGE = 200
PAGE_MAX = 1000

router = APIRouter(prefix="/api/v1", tags=["node"], dependencies=[needs(Right.ADMIN)])


class LogsOut(BaseModel):
    """Lines, newest first."""

    items: list[dict[str, Any]] = Field(
        description="Each with `at` (ISO 8601, UTC), `level`, `role`, `event`, where it is about one `camera` and "
        "`stream`, and whatever else the event came with.",
        examples=[
            [
                {
                    "at": "2026-05-01T18:00:00.123Z", "level": "warning", "role": "recorder-0", "event": "stream.lost",
                    "camera": "gate", "stream": "main", "reason": "read timeout",
                }
            ]
        ],
    )  # fmt: skip
    cursor: str | None = Field(
        description="For older lines. A page may be short, or empty, and still have one: only null is the end."
    )
    roles: list[str] = Field(description="Every role that has a log.")


@router.get("/logs", summary="Read the logs", responses=problems(400, 401, 403, 422))
def list_lines(
    context: Node,
    role: Annotated[
        str, Query(max_length=60, description="Only of this one; `recorder` means every recorder.", examples=["worker"])
    ] = "",
    camera: Annotated[str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Only what is about this one.")] = "",
    level: Annotated[Literal["debug", "info", "warning", "error"], Query(description="Least severity.")] = "debug",
    since: Annotated[
        str, Query(max_length=40, description="From here on: microseconds, ISO 8601, `today`.", examples=["today"])
    ] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE,
    cursor: Annotated[str, Query(max_length=200, description="Of the page before.")] = "",
) -> LogsOut:
    """Return lines of the log files, rotated ones included, newest first."""
    since_us = read_instant(since, context.zone, context.clock.wall_us()) if since else None
    folder = context.config.log_dir
    query = logs.Query(who=role, camera=camera, level=level, since_us=since_us)
    try:
        found = log_pages.page(folder, query, limit, cursor)
        return LogsOut(items=list(found.entries), cursor=found.cursor, roles=logs.roles(folder))
    except OSError as error:
        raise StorageError(f"the logs in {folder} cannot be read: {error.strerror}") from error
