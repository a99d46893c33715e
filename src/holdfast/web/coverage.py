"""The coverage page: how complete the footage of a month is, a camera and a day at a time, and why it is not.

The catalog answers; where it is away, the page says so and offers the journals, which take longer.
Not here: computing coverage (library.coverage).
"""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogError, UsageError
from holdfast.core.gap import MEANING, PLANNED, Gap
from holdfast.core.timing import to_datetime
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, needs
from holdfast.library.coverage import Coverage, from_catalog, from_journals, percent_of
from holdfast.web.render import page

router = APIRouter(include_in_schema=False, dependencies=[needs(Right.VIEWER)])

GAPS_SHOWN = 200  # chosen: more is not read; a day shows all of its own
_MONTH = re.compile(r"(\d{4})-(\d{2})")
# From which percentage on a cell has which shade; 99.9 is a minute and a half of a day.
_LEVELS = ((100.0, 5), (99.9, 4), (99.0, 3), (90.0, 2), (50.0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A day of a stream. `words` is what it amounts to, `short` fits into a cell; `level` 0 to 5 is its shade."""

    day: date
    level: str = ""
    short: str = ""
    words: str = "nothing is known about this day"
    gaps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stream's month."""

    key: StreamKey
    name: str
    cells: tuple[Cell, ...]
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Several days together, in microseconds."""

    recorded_us: int
    lost_us: int
    planned_us: int
    removed_us: int
    missing_us: int
    gaps: int

    @classmethod
    def of(cls, days: Iterable[Coverage]) -> "Sum":
        """Add up."""
        found = list(days)
        return cls(
            recorded_us=sum(d.recorded_us for d in found), lost_us=sum(d.lost_us for d in found),
            planned_us=sum(d.planned_us for d in found), removed_us=sum(d.removed_us for d in found),
            missing_us=sum(d.missing_us for d in found),
            gaps=sum(gap.reason not in PLANNED for d in found for gap in d.gaps),
        )  # fmt: skip

    @property
    def percent(self) -> str:
        """The percentage in words; a dash where nothing was wanted."""
        return percent_words(percent_of(self.recorded_us, self.lost_us))


@dataclass(frozen=True, slots=True)
class GapLine:
    """A gap as the list shows it."""

    key: StreamKey
    name: str
    gap: Gap
    planned: bool
    meaning: str


@router.get("/coverage")
def coverage(
    request: Request, month: Annotated[str, Query(max_length=7)] = "",
    camera: Annotated[str, Query(max_length=50)] = "", day: Annotated[str, Query(max_length=10)] = "",
    source: Annotated[str, Query(max_length=10)] = "",
) -> Response:  # fmt: skip
    """Show a month: all cameras as rows of days, one camera as a calendar, and the gaps with their reasons."""
    context = context_of(request)
    now_us = context.clock.wall_us()
    today = to_datetime(now_us, context.zone).date()
    first = read_month(month, today)
    days = days_of(first)
    chosen = _day(day, days)
    known = {name: settings.name or name for name, settings in context.config.cameras.items()}
    facts: dict[str, Any] = {
        "first": first, "days": days, "today": today, "camera": camera, "chosen": chosen, "names": known,
        "before": f"{first - timedelta(days=1):%Y-%m}", "after": f"{days[-1] + timedelta(days=1):%Y-%m}",
        "query": _query(first, camera, source), "source": source, "away": None, "title": f"{first:%B %Y}",
        "blanks": first.weekday(), "level": level_of,
    }  # fmt: skip
    try:
        found = _read(context, days, now_us, camera, journals=source == "journals")
    except CatalogError as error:
        return page(request, "coverage.html", 503, **{**facts, "away": error})
    within = [one for one in found if chosen is None or one.day == chosen.isoformat()]
    lines = sorted(_lines(within, known), key=lambda line: line.gap.start_us, reverse=True)
    return page(
        request, "coverage.html", rows=rows_of(found, days, known), sum=Sum.of(within), lines=lines[:GAPS_SHOWN],
        more=max(0, len(lines) - GAPS_SHOWN), **facts,
    )  # fmt: skip


@router.get("/coverage/today")
def today(request: Request) -> Response:
    """Say how complete today is so far, for the bar, which asks once the page is there; empty where nobody knows."""
    context = context_of(request)
    now_us = context.clock.wall_us()
    day = to_datetime(now_us, context.zone).date()
    try:
        total = Sum.of(_read(context, [day], now_us, "", journals=False))
    except CatalogError:
        return Response(status_code=204)
    percent = percent_of(total.recorded_us, total.lost_us)
    if percent is None:
        return Response(status_code=204)
    return PlainTextResponse(f"{percent_words(percent)} today", headers={"Cache-Control": "no-store"})


def read_month(text: str, today: date) -> date:
    """Read `2026-11` as its first day; nothing is the month of today.

    Raises:
        UsageError: It is none.
    """
    if not text:
        return today.replace(day=1)
    match = _MONTH.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= 12 or not 1971 <= int(match[1]) <= 9998:  # noqa: PLR2004 - months; years that have instants
        raise UsageError(f"{text!r} is no month", hint="write it as in 2026-05")
    return date(int(match[1]), int(match[2]), 1)


def days_of(first: date) -> list[date]:
    """Return all days of the month that begins with this one."""
    _, length = calendar.monthrange(first.year, first.month)
    return [first + timedelta(days=n) for n in range(length)]


def percent_words(percent: float | None) -> str:
    """Say a percentage to two places, but a whole 100 as such."""
    if percent is None:
        return "nothing wanted"
    return "100 %" if percent == 100 else f"{percent:.2f} %"  # noqa: PLR2004 - all of it


def level_of(percent: float | None) -> str:
    """Return the shade of a percentage: `5` for all of it down to `0`, `planned` where nothing was wanted."""
    if percent is None:
        return "planned"
    return str(next((level for least, level in _LEVELS if percent >= least), 0))


def rows_of(found: Iterable[Coverage], days: list[date], names: dict[str, str]) -> list[Row]:
    """Arrange days into rows: cameras in the order of the settings, then those that only have footage."""
    by_stream: dict[StreamKey, dict[str, Coverage]] = {}
    for one in found:
        by_stream.setdefault(one.key, {})[one.day] = one
    order = {camera: place for place, camera in enumerate(names)}
    rows = []
    for key in sorted(by_stream, key=lambda key: (order.get(key.camera, len(order)), key.camera, key.stream)):
        its = by_stream[key]
        total = Sum.of(its.values())
        cells = tuple(_cell(day, its.get(day.isoformat())) for day in days)
        rows.append(Row(key=key, name=_name(key, names), cells=cells, total=total.percent))
    return rows


def _cell(day: date, one: Coverage | None) -> Cell:
    if one is None:
        return Cell(day=day)
    percent = one.percent
    gaps = sum(gap.reason not in PLANNED for gap in one.gaps)
    words = percent_words(percent) + (f", {gaps} gap{'s' if gaps > 1 else ''}" if gaps else "")
    # Rounded down: 100 stands only where nothing is missing.
    short = "off" if percent is None else f"{int(percent * 10) / 10:g}" if percent >= 99 else str(int(percent))  # noqa: PLR2004 - where a tenth tells something
    return Cell(day=day, level=level_of(percent), short=short, words=words, gaps=gaps)


def _lines(found: Iterable[Coverage], names: dict[str, str]) -> list[GapLine]:
    return [
        GapLine(one.key, _name(one.key, names), gap, gap.reason in PLANNED, MEANING[gap.reason])
        for one in found
        for gap in one.gaps
    ]


def _name(key: StreamKey, names: dict[str, str]) -> str:
    name = names.get(key.camera, key.camera)
    return name if key.stream == "main" else f"{name} · {key.stream}"


def _read(context: Context, days: list[date], now_us: int, camera: str, *, journals: bool) -> list[Coverage]:
    if journals:
        return from_journals(context.volumes, days, context.zone, now_us, camera=camera or None)
    return from_catalog(context.catalog(), days, context.zone, now_us, camera=camera or None, node=context.node)


def _day(text: str, days: list[date]) -> date | None:
    return next((day for day in days if day.isoformat() == text), None)


def _query(first: date, camera: str, source: str) -> str:
    """Return what every link of the page keeps."""
    kept = {"month": f"{first:%Y-%m}", "camera": camera, "source": source}
    return urlencode({name: value for name, value in kept.items() if value})
