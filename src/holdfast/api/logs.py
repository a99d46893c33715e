"""The logs of all roles over HTTP, for administrators: lines as they were written, secrets scrubbed then.

`source`, `after` and `offset`, as clients of a predecessor send them, are other names of what this API calls `role`,
`since` and `cursor` (C147).

Not here: reading the files (library.log_pages).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, BeforeValidator, Field

from holdfast.api.files import Node
from holdfast.core.camera import CAMERA_ID
from holdfast.core.errors import StorageError, UsageError
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library import log_pages, logs
from holdfast.library.instants import read_instant

PAGE = 200
PAGE_MAX = 1000
OFFSET_MAX = 100_000  # chosen: what lies before it is read each time; a cursor is not limited
AFTER_US = 1_000  # lines are stamped to the millisecond: the one at the instant itself is not after it

router = APIRouter(prefix="/api/v1", tags=["node"], dependencies=[needs(Right.ADMIN)])


Level = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(lambda said: said.lower() if isinstance(said, str) else said),
]


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


@dataclass(frozen=True, slots=True)
class Older:
    """What clients of a predecessor send."""

    source: Annotated[str, Query(max_length=60, description="Older name of `role`; a camera's id, too.")] = ""
    after: Annotated[
        str, Query(max_length=40, description="Older name of `since`; lines at the instant are left out.")
    ] = ""
    offset: Annotated[
        int, Query(ge=0, le=OFFSET_MAX, description="Lines to pass over, instead of a cursor; a cursor is quicker.")
    ] = 0


_NONE = Older()


@router.get("/logs", summary="Read the logs", responses=problems(400, 401, 403, 422))
def list_lines(
    context: Node,
    role: Annotated[
        str, Query(max_length=60, description="Only of this one; `recorder` means every recorder.", examples=["worker"])
    ] = "",
    camera: Annotated[str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Only what is about this one.")] = "",
    level: Annotated[Level, Query(description="Least severity, in small letters or capitals.")] = "debug",
    since: Annotated[
        str, Query(max_length=40, description="From here on: microseconds, ISO 8601, `today`.", examples=["today"])
    ] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Lines a page.")] = PAGE,
    cursor: Annotated[str, Query(max_length=200, description="Of the page before.")] = "",
    older: Annotated[Older, Depends()] = _NONE,
) -> LogsOut:
    """Return lines of the log files, rotated ones included, newest first."""
    folder = context.config.log_dir
    query = logs.Query(
        who=_either("role", role, "source", older.source), camera=camera, level=level,
        since_us=_since_us(context, since, older.after),
    )  # fmt: skip
    try:
        items, following = _page(folder, query, limit, cursor, older.offset)
        return LogsOut(items=items, cursor=following, roles=logs.roles(folder))
    except OSError as error:
        raise StorageError(f"the logs in {folder} cannot be read: {error.strerror}") from error


def _page(
    folder: Path, query: logs.Query, limit: int, cursor: str, offset: int
) -> tuple[list[dict[str, Any]], str | None]:  # fmt: skip
    """Read a page; where lines are to be passed over, as many pages as those fill."""
    left, at = offset, cursor
    while left:
        found = log_pages.page(folder, query, min(left, PAGE_MAX), at)
        left -= len(found.entries)
        if found.cursor is None:
            return [], None
        at = found.cursor
    last = log_pages.page(folder, query, limit, at)
    return list(last.entries), last.cursor


def _since_us(context: Context, since: str, after: str) -> int | None:
    said = _either("since", since, "after", after)
    if not said:
        return None
    at_us = read_instant(said, context.zone, context.clock.wall_us())
    return at_us if since else at_us + AFTER_US


def _either(name: str, value: str, older_name: str, older: str) -> str:
    """Return what was said by either name.

    Raises:
        UsageError: It was said by both, and differently.
    """
    if value and older and value != older:
        raise UsageError(
            f"{name} and {older_name} mean the same and say different things", hint=f"leave {older_name} out"
        )
    return value or older
