"""What the routes of footage files share: how a request names stream and span, and what is remembered between requests.

Nothing that is remembered here is missed after a restart: indexes of files, plans of clips, and where live lists stand.

Not here: the routes (hls, clips).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Path, Query
from starlette.requests import HTTPConnection

from holdfast.catalog.db import Catalog
from holdfast.core.camera import CAMERA_ID, StreamKey
from holdfast.core.errors import CatalogError
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.kept import kept
from holdfast.library.clips import Clips
from holdfast.library.hls import LiveLists
from holdfast.library.instants import read_instant
from holdfast.media.index_of import Indexes

Node = Annotated[Context, Depends(context_of)]
StreamName = Annotated[Literal["main", "sub"], Query(description="Which of the camera's streams.")]
From = Annotated[
    str,
    Query(
        alias="from", max_length=40, examples=["2026-05-01T18:00"],
        description="Begin: microseconds since the epoch, ISO 8601 (site's time without an offset), `today`.",
    ),
]  # fmt: skip
To = Annotated[
    str, Query(max_length=40, examples=["2026-05-01T18:10"], description="End, written like `from`; `now` is one, too.")
]


@dataclass(frozen=True, slots=True)
class Files:
    """What is remembered between requests."""

    indexes: Indexes
    live: LiveLists
    clips: Clips


def files_of(connection: HTTPConnection) -> Files:
    """Return the application's memory of files, for use as a dependency."""

    def make() -> Files:
        clock, indexes = context_of(connection).clock, Indexes()
        return Files(indexes, LiveLists(clock, indexes), Clips(clock))

    return kept(connection, "files", make)


Memory = Annotated[Files, Depends(files_of)]


def _key(
    camera: Annotated[str, Path(pattern=f"^{CAMERA_ID.pattern}$", description="The camera's id.")],
    stream: StreamName = "main",
) -> StreamKey:
    return StreamKey(camera, stream)


Key = Annotated[StreamKey, Depends(_key)]


def _span(context: Node, begin: From, to: To) -> tuple[int, int]:
    now_us = context.clock.wall_us()
    return read_instant(begin, context.zone, now_us), read_instant(to, context.zone, now_us)


Span = Annotated[tuple[int, int], Depends(_span)]


def catalog_or_none(context: Context) -> Catalog | None:
    """Return the catalog, or None where it does not answer: journals know of footage, too."""
    try:
        return context.catalog()
    except CatalogError:
        return None
