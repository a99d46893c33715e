"""Reports in the browser: what was expected of each camera in a day, week or month, what came of it, with small bars.

Not here: the numbers (library.reports), letters (library.report_words).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.core.errors import CatalogError
from holdfast.core.gap import MEANING, GapReason
from holdfast.core.timing import to_datetime
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, needs
from holdfast.library import report_words, reports, trends
from holdfast.library.reports import Line, Report, ReportKind
from holdfast.web.coverage import level_of
from holdfast.web.render import page
from holdfast.web.times import read_date

router = APIRouter(prefix="/reports", include_in_schema=False, dependencies=[needs(Right.VIEWER)])

Node = Annotated[Context, Depends(context_of)]

_STEP = {ReportKind.WEEKLY: 7, ReportKind.MONTHLY: 31}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A period of a stream: `height` of a hundred stands for what was got of what was expected."""

    label: str
    level: str
    height: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stream."""

    line: Line
    name: str
    percent: str
    bars: tuple[Bar, ...]
    why: str


@router.get("")
def show(
    request: Request, context: Node, kind: Annotated[str, Query(max_length=10)] = "daily",
    day: Annotated[str, Query(max_length=20)] = "", camera: Annotated[str, Query(max_length=50)] = "",
) -> Response:  # fmt: skip
    """Show a report; without a day that of today so far."""
    now_us = context.clock.wall_us()
    today = to_datetime(now_us, context.zone).date()
    chosen = read_date(day) or today
    reports.check_day(chosen)
    which = ReportKind(kind) if kind in set(ReportKind) else ReportKind.DAILY
    names = {name: settings.name or name for name, settings in context.config.cameras.items()}
    facts: dict[str, Any] = {
        "kinds": list(ReportKind), "kind": which, "day": chosen, "today": today, "camera": camera, "names": names,
        "before": _beside(which, chosen, -1), "after": _beside(which, chosen, 1), "report": None, "away": None,
    }  # fmt: skip
    try:
        # A day is shown by its hours: the bars tell when.
        made = reports.make(
            context.catalog(), ReportKind.HOURLY if which is ReportKind.DAILY else which, chosen, context.zone, now_us,
            camera=camera or None, node=context.node,
        )  # fmt: skip
        found = trends.of_report(context.catalog(), made, node=context.node) if which in _STEP else None
    except CatalogError as away:
        return page(request, "reports.html", 503, **{**facts, "away": away})
    title = report_words.title(made).partition(", ")[2]
    sums = [made.of_period(period.label) for period in made.periods]
    facts |= {
        "report": made, "rows": [_row(line, made, names) for line in made.cameras], "title": title, "trends": found,
        "percent": report_words.percent_words(made.total.percent),
        "sums": sums if which is not ReportKind.DAILY else [],
        "percent_words": report_words.percent_words, "length": report_words.length_words,
    }  # fmt: skip
    return page(request, "reports.html", **facts)


def _beside(kind: ReportKind, day: date, step: int) -> date:
    if kind is ReportKind.MONTHLY:
        first = day.replace(day=1)
        return first - timedelta(days=1) if step < 0 else (first + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=step * _STEP.get(kind, 1))


def _row(line: Line, report: Report, names: dict[str, str]) -> Row:
    mine = {one.period: one for one in report.lines if (one.camera, one.stream) == (line.camera, line.stream)}
    bars = tuple(_bar(period.label, mine.get(period.label)) for period in report.periods)
    name = names.get(line.camera, line.camera)
    said, why = report_words.said_of(line), ""
    if line.reasons:
        reason, us = line.reasons.most_common(1)[0]
        # The longest in words for people; the rest as a letter has it.
        said[0] = f"{report_words.length_words(us)}: {MEANING[GapReason(reason)]}"
    why = "; ".join(said)
    return Row(
        line=line, name=name if line.stream == "main" else f"{name} · {line.stream}", bars=bars, why=why,
        percent=report_words.percent_words(line.percent),
    )  # fmt: skip


def _bar(label: str, line: Line | None) -> Bar:
    if line is None or not line.expected_us:
        planned = line is not None and line.planned_us > 0
        return Bar(label=label, level="planned" if planned else "none", height=0, words=f"{label}: nothing expected")
    percent = line.percent or 0.0
    words = f"{label}: {report_words.percent_words(percent)}"
    words += f", {report_words.length_words(line.lost_us)} lost" if line.lost_us else ""
    return Bar(label=label, level=level_of(percent), height=percent, words=words)
