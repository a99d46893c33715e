"""Stills that are kept: lists, counts of days, pictures and thumbnails, deleting, and taking those of a past span.

Any thread but an event loop. Not here: pictures of any instant on demand (stills), taking (still_taking).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from holdfast.catalog import stills
from holdfast.catalog.db import Catalog
from holdfast.catalog.rows import Id, Page
from holdfast.catalog.stills import Count, Outcome, StillRow, Wanted
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import Conflict, NotFound, UsageError
from holdfast.core.still_names import FOLDER, SIDECAR, beside
from holdfast.core.stills import slots
from holdfast.core.timing import to_datetime
from holdfast.library.coverage import day_span
from holdfast.library.still_order import Order
from holdfast.library.still_taking import SETTLE_US, Means, StillsTaker
from holdfast.storage.errors import storage_errors

MOST = 500  # rows that are deleted at once
MOST_DAYS = 400  # chosen: a year and a bit; each is one statement over an index
MOST_SLOTS = 1_000_000  # chosen: eleven hours of the finest grid, or nine years of every five minutes
TURN_US = 2_000_000  # of the grid between two words about how far it is
AGAIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day in the site's zone, and what there is of it."""

    day: date
    from_us: int
    to_us: int
    count: Count


def read_id(text: str) -> Id:
    """Read the name of a still, `1-42`.

    Raises:
        NotFound: It is none.
    """
    return Id.read(text, "still")


def find(
    catalog: Catalog, wanted: Wanted, *, limit: int, cursor: str | None = None, oldest_first: bool = False
) -> Page[StillRow]:
    """Return a page of stills, newest first unless told otherwise.

    Raises:
        CatalogUnavailable: It did not answer.
        UsageError: The cursor is none.
    """
    with catalog.read() as tx:
        return stills.page(tx, wanted, limit=limit, cursor=cursor, oldest_first=oldest_first)


def count(catalog: Catalog, wanted: Wanted) -> Count:
    """Count stills.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        return stills.count(tx, wanted)


def days(
    catalog: Catalog, camera: str | None, zone: ZoneInfo, *, last: date | None = None, most: int = 31
) -> list[Day]:
    """Return the days that have stills, newest first.

    Args:
        catalog: The catalog.
        camera: Of which camera; None for all.
        zone: The site's zone, in which days are meant.
        last: The newest day to look at; None is the one of the newest still.
        most: How many days to look back at most.

    Raises:
        CatalogUnavailable: It did not answer.
    """
    found: list[Day] = []
    with catalog.read() as tx:
        edges = stills.edges(tx, Wanted(camera=camera))
        if edges is None:
            return []
        newest = to_datetime(edges[1], zone).date()
        at = newest if last is None else min(last, newest)
        for _ in range(min(most, MOST_DAYS)):
            from_us, to_us = day_span(at, zone)
            if to_us <= edges[0]:
                break
            counted = stills.count(tx, Wanted(camera=camera, from_us=from_us, to_us=to_us))
            if counted.taken or counted.missed:
                found.append(Day(day=at, from_us=from_us, to_us=to_us, count=counted))
            at -= timedelta(days=1)
    return found


def get(catalog: Catalog, still: Id) -> StillRow:
    """Return a still.

    Raises:
        NotFound: There is none.
        CatalogUnavailable: It did not answer.
    """
    with catalog.read() as tx:
        return stills.get(tx, still)


def path_of(volumes: Mapping[str, Path], row: StillRow, *, small: bool = False) -> Path:
    """Return where a still's file lies; `small` for its thumbnail, or the picture itself where it has none.

    Raises:
        NotFound: It was missed, its volume is not there, or somebody removed the file.
    """
    outcome = row.outcome
    if outcome.cause:
        raise NotFound(f"still {row.id} was missed: {outcome.cause}")
    root = volumes.get(outcome.volume)
    path = None if root is None else root / (outcome.thumbnail if small and outcome.thumbnail else outcome.file)
    if path is None or not path.is_file():
        raise NotFound(f"{outcome.file} is not there", hint="is its volume mounted?")
    return path


def picture_of(volumes: Mapping[str, Path], row: StillRow, *, small: bool = False) -> Path:
    """Return the same of a still that can be shown.

    Raises:
        Conflict: It is encrypted.
        NotFound: As for `path_of`.
    """
    if row.outcome.is_sealed:
        raise Conflict(f"still {row.id} is encrypted", hint="holdfast decrypt FILE --identity KEY opens its file")
    return path_of(volumes, row, small=small)


def sealed_of(volumes: Mapping[str, Path], row: StillRow) -> Path:
    """Return the same of a still that is encrypted.

    Raises:
        NotFound: It is not encrypted; or as for `path_of`.
    """
    if not row.outcome.is_sealed and not row.outcome.cause:
        raise NotFound(f"still {row.id} is not encrypted", hint="it can be shown as it is")
    return path_of(volumes, row)


def remove(catalog: Catalog, volumes: Mapping[str, Path], wanted: Sequence[StillRow]) -> int:
    """Delete stills, with their files; return how many. One whose volume is away stays.

    Raises:
        CatalogUnavailable: It did not answer.
        StorageError: A file cannot be deleted; its still stays.
    """
    gone: list[Id] = []
    try:
        for row in wanted:
            if row.outcome.cause or row.outcome.volume in volumes:
                _unlink(volumes, row.outcome)
                gone.append(row.id)
    finally:
        # Files first: a row whose picture is gone says so, a picture without a row is found by nobody.
        with catalog.write() as tx:
            stills.forget(tx, gone)
    return len(gone)


def _unlink(volumes: Mapping[str, Path], outcome: Outcome) -> None:
    if outcome.cause:
        return
    root = volumes[outcome.volume]
    if not (root / FOLDER).is_dir():
        raise NotFound(f"{root / FOLDER} is not there", hint="is its disk mounted?")
    for file in filter(None, (outcome.thumbnail, beside(outcome.file, SIDECAR), outcome.file)):
        with storage_errors("deleting", root / file), suppress(FileNotFoundError):
            (root / file).unlink()


def clear(
    catalog: Catalog, volumes: Mapping[str, Path], wanted: Wanted, *, most: int | None = None
) -> int:  # fmt: skip
    """Delete all stills that are meant, oldest first, `most` at most; return how many.

    Raises:
        UsageError: Neither a camera nor a span is named.
        CatalogUnavailable: It did not answer.
        StorageError: A file cannot be deleted; its still stays.
    """
    if wanted == Wanted():
        raise UsageError("this would be every still", hint="name a camera or a span")
    gone = 0
    while most is None or gone < most:
        page = find(catalog, wanted, limit=min(MOST, MOST if most is None else most - gone), oldest_first=True)
        removed = remove(catalog, volumes, page.rows)
        gone += removed
        if page.cursor is None or not removed:
            break
    return gone


def planned(order: Order, span: tuple[int, int]) -> int:
    """Count the planned instants of a span.

    Raises:
        UsageError: They are more than can be taken at once.
    """
    number = 0
    for _ in slots(order.grid, span[0] - 1, span[1] - 1):
        number += 1
        if number > MOST_SLOTS:
            raise UsageError(f"more than {MOST_SLOTS} stills are planned there", hint="take a shorter span")
    return number


def take(
    key: StreamKey, order: Order, means: Means, span: tuple[int, int], *, clock: Clock,
    seen: Callable[[int], None] = lambda _us: None,
) -> Count:  # fmt: skip
    """Take the stills of a span that was recorded; those that are there stay as they are.

    Args:
        key: The stream.
        order: What is wanted.
        means: What it stands on.
        span: Begin, and end, which is not in it, wall time.
        clock: Time.
        seen: Told how far it came, wall time.

    Returns:
        How many were taken and missed by this call, and bytes of the pictures.

    Raises:
        UsageError: The span is not over yet.
        StorageError: Footage cannot be read or pictures not written.
        CatalogUnavailable: It did not answer.
    """
    if span[1] > clock.wall_us() - SETTLE_US:
        raise UsageError("this span is not over yet", hint="end it before now")
    with closing(StillsTaker(key, order, means, after_us=span[0] - 1, until_us=span[1] - 1)) as taker:
        return _take(taker, means, span, clock, seen)


def _take(
    taker: StillsTaker, means: Means, span: tuple[int, int], clock: Clock, seen: Callable[[int], None]
) -> Count:  # fmt: skip
    taken = missed = size = 0
    while taker.reached_us < span[1] - 1:
        before_us = taker.reached_us
        taker.work(TURN_US)
        waiting = taker.waiting
        if waiting:
            with means.catalog.write() as tx:
                taker.keep(tx, clock.wall_us())
            taker.kept()
        missed += sum(1 for one in waiting if one.cause)
        taken += sum(1 for one in waiting if not one.cause)
        size += sum(one.bytes for one in waiting)
        seen(taker.reached_us)
        if taker.reached_us == before_us:
            clock.sleep(AGAIN_S)  # what ended a moment ago: why footage is missing is known in a minute
    return Count(taken=taken, missed=missed, bytes=size)
