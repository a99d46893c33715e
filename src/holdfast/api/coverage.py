"""Coverage over HTTP: how complete the footage of days is, and why it is not; as JSON, or as CSV for a spreadsheet.

Not here: computing it (library.coverage).
"""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from holdfast.api.files import Node, catalog_or_none
from holdfast.api.timeline import GapItem, gap_item
from holdfast.core.camera import CAMERA_ID
from holdfast.core.errors import CatalogUnavailable, UsageError
from holdfast.core.gap import PLANNED
from holdfast.core.timing import iso
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.library.coverage import Coverage, from_catalog, from_journals, percent_of, read_day

MOST_DAYS = 400  # as holdfast coverage allows
COLUMNS = (
    "camera", "stream", "site", "location", "day", "percent", "gap_from", "gap_to", "seconds", "reason", "planned",
    "detail",
)  # fmt: skip

router = APIRouter(prefix="/api/v1", tags=["footage"], dependencies=[needs(Right.VIEWER)])


class Day(BaseModel):
    """A stream's day at the site. Recorded, planned and lost together are the part of it that is known about."""

    camera: str
    stream: str
    day: date
    from_us: int
    to_us: int
    percent: float | None = Field(description="Recorded of what was wanted; null where nothing was.")
    recorded_s: float
    planned_s: float
    lost_s: float
    available_s: float
    removed_s: float
    missing_s: float
    gaps: list[GapItem]


class Days(BaseModel):
    """Days of streams, in the order of their names."""

    items: list[Day]
    cursor: str | None = None
    zone: str
    source: str = Field(description="`catalog`, or `journals` where that does not answer.")
    percent: float | None


@router.get(
    "/coverage", summary="How complete the footage is", response_model=Days,
    responses={200: {"content": {"text/csv": {}}}, **problems(400, 401, 403, 422, 503)},
)  # fmt: skip
def coverage(
    context: Node,
    first: Annotated[
        str, Query(alias="from", max_length=12, examples=["2026-05-01"], description="First day of the site.")
    ] = "today",
    last: Annotated[str, Query(alias="to", max_length=12, description="Last day; the first one unless said.")] = "",
    camera: Annotated[str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Only this one.")] = "",
    wanted: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Days | Response:
    """Return each stream's days with percent, seconds and gaps; a line a gap as CSV."""
    now_us = context.clock.wall_us()
    begin = read_day(first, context.zone, now_us)
    end = read_day(last, context.zone, now_us) if last else begin
    if not 0 <= (end - begin).days < MOST_DAYS:
        raise UsageError(f"to is not before from, and at most {MOST_DAYS} days are answered")
    days = [begin + timedelta(days=n) for n in range((end - begin).days + 1)]
    source, found = _look(context, days, now_us, camera)
    if wanted == "csv":
        name = f"coverage-{begin}-{end}{f'-{camera}' if camera else ''}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(_lines(context, found), media_type="text/csv; charset=utf-8", headers=headers)
    recorded_us, lost_us = sum(c.recorded_us for c in found), sum(c.lost_us for c in found)
    return Days(
        items=[_day(one) for one in found], zone=context.zone.key, source=source,
        percent=percent_of(recorded_us, lost_us),
    )  # fmt: skip


def _look(context: Context, days: list[date], now_us: int, camera: str) -> tuple[str, list[Coverage]]:
    catalog = catalog_or_none(context)
    if catalog is not None:
        try:
            return "catalog", from_catalog(
                catalog, days, context.zone, now_us, camera=camera or None, node=context.node
            )
        except CatalogUnavailable:
            pass  # its indexer is behind, or it went away meanwhile: the journals know
    return "journals", from_journals(context.volumes, days, context.zone, now_us, camera=camera or None)


def _day(one: Coverage) -> Day:
    return Day(
        camera=one.key.camera, stream=one.key.stream, day=date.fromisoformat(one.day), from_us=one.from_us,
        to_us=one.to_us, percent=one.percent, recorded_s=one.recorded_us / 1e6, planned_s=one.planned_us / 1e6,
        lost_s=one.lost_us / 1e6, available_s=one.available_us / 1e6, removed_s=one.removed_us / 1e6,
        missing_s=one.missing_us / 1e6, gaps=[gap_item(gap) for gap in one.gaps],
    )  # fmt: skip


def _lines(context: Context, found: list[Coverage]) -> Iterator[str]:
    config = context.config
    yield _line(list(COLUMNS))
    for one in found:
        camera = config.cameras.get(one.key.camera)
        site = (camera.site if camera else "") or config.site_id
        location = camera.location if camera else ""
        percent = "" if one.percent is None else one.percent
        head: list[object] = [one.key.camera, one.key.stream, site, location, one.day, percent]
        for gap in one.gaps:
            seconds = (gap.end_us - gap.start_us) / 1e6
            end = "" if gap.open else iso(gap.end_us)
            planned = "yes" if gap.reason in PLANNED else "no"
            yield _line([*head, iso(gap.start_us), end, seconds, gap.reason.value, planned, gap.detail])
        if not one.gaps:
            yield _line([*head, "", "", 0, "", "", ""])


def _line(cells: list[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return text.getvalue()


def _harmless(cell: object) -> object:
    """A spreadsheet would run a text that begins like a formula; what cameras answer stands in these."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
