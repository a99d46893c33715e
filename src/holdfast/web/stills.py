"""Stills of a camera and day: what was taken, as small pictures, and what was missed, with why; without scripts, too.

Not here: taking them (library.still_taking), pictures of any instant (the camera's page).
"""

from asyncio import to_thread
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.catalog.stills import MISSED, StillRow, Wanted
from holdfast.core.errors import BadInput, CatalogError, HoldfastError, NotFound
from holdfast.core.gap import MEANING, GapReason
from holdfast.core.timing import to_datetime
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.filming import Films, asked_for
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import kept_stills
from holdfast.library.coverage import day_span
from holdfast.library.still_taking import DAMAGED, REMOVED
from holdfast.library.timelapse_jobs import JobNow
from holdfast.media.timelapse import MOST_RATE
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page
from holdfast.web.times import day_words, read_date

router = APIRouter(prefix="/stills", include_in_schema=False)

Node = Annotated[Context, Depends(context_of)]

WIDTH = 1920  # pixels across that films of a page have at most; the command line makes larger ones
PAGE = 300  # chosen: a day of five minutes is one page
_WORDS = {DAMAGED: "the footage cannot be decoded", REMOVED: "the footage was removed first"}

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """What stands in the grid: a picture, or a stretch of instants that were missed for one cause.

    Attributes:
        row: The still; the first one of a stretch.
        clock: Its planned instant as the site's clocks show it.
        until: The last one of a stretch; empty for a single one.
        count: How many the stretch has.
        why: Why, in words; empty for a picture.
    """

    row: StillRow
    clock: str
    until: str = ""
    count: int = 1
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which stills a page shows; `asks` whether those of the day shall go; `film` is one of them, as it stands."""

    camera: str = ""
    day: date | None = None
    missed: bool = False
    cursor: str = ""
    asks: bool = False
    film: JobNow | None = None


@router.get("", dependencies=[needs(Right.VIEWER)])
async def show(
    request: Request, context: Node, films: Films,
    camera: Annotated[str, Query(max_length=50)] = "",
    day: Annotated[str, Query(alias="date", max_length=20)] = "",
    only: Annotated[str, Query(max_length=10)] = "",
    cursor: Annotated[str, Query(max_length=120)] = "",
    film: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """Show the stills of a camera and day; without them the newest there are. `film` is one that is being made."""
    now = None
    with suppress(NotFound):
        now = films.get(film)
    chosen = Chosen(camera=camera, day=read_date(day), missed=only == MISSED, cursor=cursor, film=now)
    return await to_thread(_show, request, context, chosen)


@router.post("/film", dependencies=[needs(Right.OPERATOR)])
async def film(request: Request, context: Node, films: Films, form: Form) -> Response:
    """Begin a film of a camera's stills between two times of a day."""
    camera, day = form.get("camera", "")[:50], form.get("date", "")[:20]
    try:
        rate = float(form.get("rate", "25")[:10])
        if not 0 < rate <= MOST_RATE:
            raise ValueError  # noqa: TRY301 - the same words as for what is no number
    except ValueError:
        return await to_thread(
            _show, request, context, Chosen(camera=camera, day=read_date(day)),
            BadInput("that is no number of pictures a second", hint=f"more than 0, and {MOST_RATE} at most"),
        )  # fmt: skip
    # The minute that is named as the end belongs to it: 23:59 is the end of the day.
    span = (f"{day}T{form.get('begin', '')[:5]}", f"{day}T{form.get('end', '')[:5]}:59.999999")
    try:
        begun = films.start(await to_thread(asked_for, context, camera, span, rate, WIDTH))
    except HoldfastError as error:
        return await to_thread(_show, request, context, Chosen(camera=camera, day=read_date(day)), error)
    return go_to(f"/stills?{urlencode({'camera': camera, 'date': day, 'film': begun.id})}")


@router.post("/delete", dependencies=[needs(Right.ADMIN)])
def delete(request: Request, context: Node, form: Form) -> Response:
    """Ask whether a camera's stills of a day shall go; with the answer, delete them."""
    chosen = Chosen(camera=form.get("camera", "")[:50], day=read_date(form.get("date", "")[:20]), asks=True)
    if form.get("sure") != "yes" or chosen.day is None or not chosen.camera:
        return _show(request, context, chosen)
    from_us, to_us = day_span(chosen.day, context.zone)
    try:
        gone = kept_stills.clear(
            context.catalog(),
            context.volumes,
            Wanted(camera=context.spelled(chosen.camera), from_us=from_us, to_us=to_us),
        )
    except HoldfastError as error:
        return _show(request, context, Chosen(camera=chosen.camera, day=chosen.day), error)
    _log.info("stills.deleted", camera=chosen.camera, day=str(chosen.day), count=gone, by=identity_of(request).name)
    return go_to(f"/stills?camera={context.spelled(chosen.camera)}")


def _show(request: Request, context: Context, chosen: Chosen, error: HoldfastError | None = None) -> Response:
    names = {camera: settings.name or camera for camera, settings in context.config.cameras.items()}
    facts = {"names": names, "chosen": chosen, "today": to_datetime(context.clock.wall_us(), context.zone).date()}
    try:
        found = _found(context, chosen)
    except CatalogError as away:
        return page(request, "stills.html", 503, error=error or away, found=None, **facts)
    except HoldfastError as wrong:
        return page(request, "stills.html", wrong.http_status, error=wrong, found=None, **facts)
    return page(request, "stills.html", 200 if error is None else error.http_status, error=error, found=found, **facts)


def _found(context: Context, chosen: Chosen) -> dict[str, object]:
    catalog, zone = context.catalog(), context.zone
    camera = context.spelled(chosen.camera) or _first(context)
    settings = context.config.cameras.get(camera)
    facts: dict[str, object] = {"camera": camera, "taking": settings is not None and settings.stills.enabled}
    last = kept_stills.days(catalog, camera, zone, most=1) if camera else []
    day = chosen.day or (last[0].day if last else None)
    if day is None:
        return {**facts, "day": None, "tiles": []}
    from_us, to_us = day_span(day, zone)
    span = Wanted(camera=camera, from_us=from_us, to_us=to_us)
    listed = Wanted(camera=camera, from_us=from_us, to_us=to_us, state=MISSED if chosen.missed else None)
    rows = kept_stills.find(catalog, listed, limit=PAGE, cursor=chosen.cursor or None, oldest_first=True)
    return {
        **facts,
        "day": day,
        "title": day_words(to_datetime(from_us, zone)),
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1) if to_us <= context.clock.wall_us() else None,
        "from_us": from_us,
        "to_us": to_us,
        "count": kept_stills.count(catalog, span),
        "tiles": list(_tiles(rows.rows, zone)),
        "cursor": rows.cursor,
    }


def _first(context: Context) -> str:
    """Return the camera that is shown where none was chosen: the first that takes stills, else the first."""
    cameras = context.config.cameras
    return next((name for name, one in cameras.items() if one.stills.enabled), next(iter(cameras), ""))


def _tiles(rows: Sequence[StillRow], zone: ZoneInfo) -> Iterator[Tile]:
    """Put what was missed for one cause after another into one tile: an outage may be thousands of instants."""
    stretch: list[StillRow] = []
    for row in rows:
        if stretch and row.outcome.cause != stretch[0].outcome.cause:
            yield _tile(stretch, zone)
            stretch = []
        stretch.append(row)
        if not row.outcome.cause:
            yield _tile(stretch, zone)
            stretch = []
    if stretch:
        yield _tile(stretch, zone)


def _tile(stretch: Sequence[StillRow], zone: ZoneInfo) -> Tile:
    first, last = stretch[0], stretch[-1]
    return Tile(
        row=first, clock=_clock(first.outcome.slot_us, zone), count=len(stretch), why=_why(first.outcome.cause),
        until=_clock(last.outcome.slot_us, zone) if len(stretch) > 1 else "",
    )  # fmt: skip


def _clock(us: int, zone: ZoneInfo) -> str:
    part = us % 1_000_000 // 1000
    return f"{to_datetime(us, zone):%H:%M:%S}" + (f".{part:03}" if part else "")


def _why(cause: str) -> str:
    if cause in _WORDS or not cause:
        return _WORDS.get(cause, "")
    return MEANING[GapReason(cause)] if cause in set(GapReason) else cause
