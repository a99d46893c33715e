"""Reports over HTTP: as JSON, and in the words that a letter has.

Not here: the numbers (library.reports), the page (web.reports).
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel, Field

from holdfast.api.files import Node
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library import report_words, reports, trends
from holdfast.library.coverage import read_day
from holdfast.library.reports import Report, ReportKind
from holdfast.library.trends import Trends

router = APIRouter(prefix="/api/v1/reports", tags=["reports"], dependencies=[needs(Right.VIEWER)])

Which = Annotated[ReportKind, Path(description="`hourly` is a day by hours; weeks begin on Monday.")]
Day = Annotated[
    str,
    Query(max_length=20, description="The day, or any day of the week or month: `today`, `yesterday`, a date.",
          examples=["2026-05-01"]),
]  # fmt: skip
Camera = Annotated[str | None, Query(max_length=50, description="Only this camera.")]


class ReportLine(BaseModel):
    """What was expected of a stream, and what came of it; `camera` and `stream` are empty for all together."""

    camera: str
    stream: str
    percent: float | None = Field(description="Footage got of what was expected; null where nothing was.")
    expected_s: float = Field(description="How long footage was wanted.", examples=[86_400.0])
    got_s: float = Field(description="How long there is footage.", examples=[86_379.0])
    lost_s: float
    planned_s: float
    removed_s: float
    missing_s: float
    failures: int = Field(description="Gaps that nobody wanted.", examples=[2])
    reasons: dict[str, float] = Field(description="Seconds lost, by reason.", examples=[{"unreachable": 21.0}])
    files: int = Field(description="Files that begin in it.")
    bytes: int
    kept_bytes: int = Field(description="Bytes of them that are still here.", examples=[442_800_000_000])
    stills_taken: int = Field(examples=[288])
    stills_missed: int = Field(examples=[0])
    stills_percent: float | None = Field(examples=[100.0])
    stills_bytes: int = Field(examples=[57_600_000])
    incidents: dict[str, int] = Field(description="Incidents that began, by type.", examples=[{"freeze": 1}])
    events: int = Field(examples=[12])
    deliveries: dict[str, int] = Field(
        description="Deliveries of its files, by state as it is now.", examples=[{"delivered": 144}]
    )


class ReportPeriod(BaseModel):
    """An hour or day of it."""

    label: str = Field(examples=["2026-05-01"])
    begin: str = Field(alias="from", examples=["2026-04-30T22:00:00.000Z"])
    end: str = Field(alias="to", examples=["2026-05-01T22:00:00.000Z"])
    total: ReportLine
    cameras: list[ReportLine]


class FailedOut(BaseModel):
    """Failed attempts at deliveries with one error."""

    target: str = Field(examples=["archive"])
    error: str = Field(examples=["archive does not answer"])
    count: int
    hours: list[int] = Field(description="By the site's hour, 0 to 23.", examples=[[0] * 23 + [4]])


class OutageOut(BaseModel):
    """How often and how long a stream was away."""

    camera: str
    stream: str
    count: int
    lost_s: float
    reason: str = Field(description="What most of it was for.", examples=["unreachable"])


class GrowthOut(BaseModel):
    """A class of files, day by day."""

    name: str = Field(alias="class", examples=["footage"])
    added_bytes: list[int] = Field(examples=[[442_800_000_000]])
    kept_bytes: list[int] = Field(examples=[[442_800_000_000]])


class TrendsOut(BaseModel):
    """What a week or month shows."""

    failures: list[FailedOut]
    outages: list[OutageOut]
    days: list[str] = Field(examples=[["2026-05-01"]])
    storage: list[GrowthOut]


class ReportOut(BaseModel):
    """A report."""

    kind: ReportKind
    day: str
    zone: str
    begin: str = Field(alias="from", examples=["2026-04-30T22:00:00.000Z"])
    end: str = Field(alias="to", examples=["2026-05-01T22:00:00.000Z"])
    made: str = Field(description="What comes later is not expected yet.", examples=["2026-05-01T18:00:00.000Z"])
    total: ReportLine
    cameras: list[ReportLine] = Field(description="A line a stream, over the whole span.")
    periods: list[ReportPeriod]
    trends: TrendsOut | None = Field(description="Of a week or month.")


@router.get("/{kind}", summary="Get a report", responses=problems(400, 401, 403, 422, 503))
def get_report(context: Node, kind: Which, day: Day = "yesterday", camera: Camera = None) -> ReportOut:
    """Return what was expected of each camera, what came of it and why the rest did not, by hours or days."""
    return ReportOut.model_validate(report_words.plain(*_made(context, kind, day, camera)))


@router.get(
    "/{kind}/letter", summary="Get a report as a letter", response_class=Response,
    responses={200: {"content": {"text/plain": {}, "text/html": {}}, "description": "The letter."},
               **problems(400, 401, 403, 422, 503)},
)  # fmt: skip
def get_letter(
    context: Node, kind: Which, day: Day = "yesterday", camera: Camera = None,
    form: Annotated[Literal["text", "html"], Query(description="Plain text, or a page.")] = "text",
) -> Response:  # fmt: skip
    """Return a report in words."""
    report, found = _made(context, kind, day, camera)
    names = {name: settings.name or name for name, settings in context.config.cameras.items()}
    if form == "html":
        return HTMLResponse(report_words.html(report, names, found))
    return PlainTextResponse(report_words.text(report, names, found))


def _made(context: Context, kind: ReportKind, day: str, camera: str | None) -> tuple[Report, Trends | None]:
    now_us, catalog = context.clock.wall_us(), context.catalog()
    chosen = read_day(day, context.zone, now_us)
    report = reports.make(catalog, kind, chosen, context.zone, now_us, camera=camera or None, node=context.node)
    longer = kind in {ReportKind.WEEKLY, ReportKind.MONTHLY}
    return report, trends.of_report(catalog, report, node=context.node) if longer else None
