"""Events as people have them: lists, what somebody says about one, their pictures, and deleting them.

Any thread. Not here: when something is an event (core.event), writing them (moving).
"""

from collections.abc import Mapping
from pathlib import Path

from holdfast.catalog import events
from holdfast.catalog.db import Catalog
from holdfast.catalog.events import EventRow, Wanted
from holdfast.catalog.rows import Id, Page
from holdfast.core.clock import Clock
from holdfast.core.errors import Conflict, NotFound
from holdfast.core.objects import Seen, from_json
from holdfast.watching import evidence
from holdfast.watching.stirs import THUMBNAIL, A, B

MOST = 500  # rows that are deleted at once


def read_id(text: str) -> Id:
    """Read the name of an event, `1-42`.

    Raises:
        NotFound: It is none.
    """
    return Id.read(text, "event")


def find(catalog: Catalog, wanted: Wanted, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
    """Return a page of events, newest first.

    Raises:
        CatalogUnavailable: It did not answer.
        UsageError: The cursor is none.
    """
    with catalog.read() as tx:
        return events.page(tx, wanted, limit=limit, cursor=cursor)


def count(catalog: Catalog, wanted: Wanted) -> int:
    """Count events.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        return events.count(tx, wanted)


def get(catalog: Catalog, event: Id) -> EventRow:
    """Return an event.

    Raises:
        NotFound: There is none.
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        return events.get(tx, event)


def beside(catalog: Catalog, row: EventRow, wanted: Wanted) -> tuple[Id | None, Id | None]:
    """Return the events before and after one among those that are wanted.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        return events.neighbours(tx, row, wanted)


def review(catalog: Catalog, event: Id, clock: Clock, *, who: str, reviewed: bool) -> EventRow:
    """Say that somebody has looked at an event, or take it back.

    Raises:
        NotFound: There is none.
        CatalogUnavailable: It did not answer.
    """
    with catalog.write() as tx:
        return events.review(tx, event, who, reviewed=reviewed, now_us=clock.wall_us())


def shown(row: EventRow) -> dict[str, list[Seen]] | None:
    """Return what was recognised in an event's pictures, by picture; None while nobody looked."""
    if row.told.objects is None:
        return None
    try:
        return from_json(row.told.objects)
    except ValueError:
        return None  # not ours: as if nobody had looked


def picture(catalog: Catalog, volumes: Mapping[str, Path], event: Id, which: str) -> bytes:
    """Return a picture of an event as JPEG: `a`, `b` or `thumb`.

    Raises:
        NotFound: There is none, or its volume is not there.
        StorageError: It cannot be read.
    """
    told = get(catalog, event).told
    file = {A: told.picture_a, B: told.picture_b, THUMBNAIL: told.thumbnail}.get(which, "")
    root = volumes.get(told.volume)
    if not file or root is None:
        raise NotFound(f"event {event} has no picture {which}")
    return evidence.read(root, file)


def delete(catalog: Catalog, volumes: Mapping[str, Path], event: Id) -> None:
    """Delete an event that is over, and its pictures; footage stays as it is.

    Raises:
        NotFound: There is none.
        Conflict: It lasts.
        CatalogUnavailable: It did not answer.
        StorageError: A picture cannot be deleted; the event stays.
    """
    row = get(catalog, event)
    if row.told.end_us is None:
        raise Conflict(f"event {event} goes on", hint="it can be deleted once it is over")
    _remove(catalog, volumes, [row])


def _remove(catalog: Catalog, volumes: Mapping[str, Path], rows: list[EventRow]) -> None:
    # Files first: a row whose picture is gone says so, a picture without a row is found by nobody.
    for told in (row.told for row in rows):
        for file in told.files:
            if told.volume in volumes:
                evidence.delete(volumes[told.volume], file)
    if rows:
        with catalog.write() as tx:
            events.remove(tx, [row.id for row in rows])
