"""A day of all cameras: a row a camera and a small picture an hour, or a minute of one hour; incidents are marked.

The page is times, links and marks, and stands without scripts; pictures come row by row as they are looked at
(static/day.js), each row as one sheet of api.stills. Not here: the pictures (library.stills).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.catalog.incidents import IncidentRow, Wanted
from holdfast.core.errors import CatalogError
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US, from_datetime, to_datetime
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, needs
from holdfast.library import incidents
from holdfast.library.instants import read_instant
from holdfast.web.incidents import NAMES
from holdfast.web.render import page
from holdfast.web.times import day_words, offset_words, read_date

router = APIRouter(prefix="/day", include_in_schema=False, dependencies=[needs(Right.VIEWER)])

Node = Annotated[Context, Depends(context_of)]

EACH = {60: "Each hour", 30: "Each half hour", 15: "Each quarter"}
LABELS = 5  # minutes from one label of an hour's tiles to the next
MARKED = 1000  # incidents of a page; chosen: more than a screen can show


@dataclass(frozen=True, slots=True)
class Column:
    """A part of the span: its begin and end, its label (empty between labels), whether it is now or still to come."""

    begin_us: int
    end_us: int
    clock: str
    label: str
    now: bool
    later: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A camera: its id, its name, and what was wrong in each column, in words."""

    camera: str
    name: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """What is shown: begin and end, how much a picture stands for, and where the arrows lead."""

    begin_us: int
    end_us: int
    each_us: int
    title: str
    before: str
    after: str
    hour: bool = False


@router.get("")
def show(
    request: Request, context: Node,
    day: Annotated[str, Query(alias="date", max_length=20)] = "",
    at: Annotated[str, Query(max_length=40)] = "",
    each: Annotated[int, Query()] = 60,
) -> Response:  # fmt: skip
    """Show the last 24 hours, a day of the site, or the hour around an instant minute by minute."""
    now_us, zone = context.clock.wall_us(), context.zone
    each = each if each in EACH else 60
    span = _hour(read_instant(at, zone, now_us), zone, now_us) if at else _day(read_date(day), each, zone, now_us)
    columns = list(_columns(span, zone, now_us))
    names = {camera: settings.name or camera for camera, settings in context.config.cameras.items()}
    rows, away = _rows(context, span)
    lines = [Line(camera, name, _marks(rows, camera, columns)) for camera, name in names.items()]
    return page(
        request, "day.html", columns=columns, lines=lines, span=span, away=away, day=day if not at else "",
        each=each, choices=EACH, today=to_datetime(now_us, zone).date().isoformat(),
    )  # fmt: skip


def _day(wanted: date | None, each: int, zone: ZoneInfo, now_us: int) -> _Span:
    more = f"&each={each}" if each != 60 else ""  # noqa: PLR2004 - minutes of an hour, the default
    if wanted is None:
        end_us = _floor(now_us, zone) + HOUR_US
        yesterday = to_datetime(now_us, zone).date() - timedelta(days=1)
        return _Span(
            end_us - DAY_US, end_us, each * MINUTE_US, "The last 24 hours", f"/day?date={yesterday}{more}", ""
        )  # fmt: skip
    begin_us, end_us = (_midnight(wanted + timedelta(days=n), zone) for n in (0, 1))
    after = f"/day?date={wanted + timedelta(days=1)}{more}" if end_us <= now_us else ""
    before = f"/day?date={wanted - timedelta(days=1)}{more}"
    return _Span(begin_us, end_us, each * MINUTE_US, day_words(to_datetime(begin_us, zone)), before, after)


def _hour(at_us: int, zone: ZoneInfo, now_us: int) -> _Span:
    begin_us = _floor(at_us, zone)
    moment = to_datetime(begin_us, zone)
    title = f"{day_words(moment)}, {moment:%H:%M} {offset_words(moment)}"
    end_us = begin_us + HOUR_US
    after = f"/day?at={end_us}" if end_us <= now_us else ""
    return _Span(begin_us, end_us, MINUTE_US, title, f"/day?at={begin_us - HOUR_US}", after, hour=True)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return read_instant(day.isoformat(), zone, 0)


def _floor(us: int, zone: ZoneInfo) -> int:
    """Return the begin of the hour as the site's clocks show it; where they are half an hour off it is, too."""
    return from_datetime(to_datetime(us, zone).replace(minute=0, second=0, microsecond=0))


def _columns(span: _Span, zone: ZoneInfo, now_us: int) -> Iterable[Column]:
    for begin_us in range(span.begin_us, span.end_us, span.each_us):
        moment = to_datetime(begin_us, zone)
        labelled = moment.minute % LABELS == 0 if span.hour else moment.minute == 0
        end_us = min(begin_us + span.each_us, span.end_us)
        clock = f"{moment:%H:%M}"
        yield Column(
            begin_us, end_us, clock, clock if labelled else "", begin_us <= now_us < end_us, begin_us > now_us
        )  # fmt: skip


def _rows(context: Context, span: _Span) -> tuple[Sequence[IncidentRow], str]:
    wanted = Wanted(from_us=span.begin_us, to_us=span.end_us, within=True, discarded=False)
    try:
        return incidents.find(context.catalog(), wanted, limit=MARKED)[0].rows, ""
    except CatalogError as error:
        return (), str(error)


def _marks(rows: Sequence[IncidentRow], camera: str, columns: Sequence[Column]) -> tuple[str, ...]:
    mine = [row for row in rows if row.camera == camera]
    return tuple(
        ", ".join(
            dict.fromkeys(
                NAMES[row.type]
                for row in reversed(mine)
                if row.start_us < column.end_us
                and (row.end_us is None or row.end_us > column.begin_us)
                and not column.later
            )
        )
        for column in columns
    )
