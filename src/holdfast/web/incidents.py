"""Incidents: what is wrong now, what was, the pictures that show it, what people say about it; without scripts, too.

The same verbs as the API's incidents (C120, C128). Not here: when something is an incident (core.incident).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from holdfast.catalog.incidents import IncidentRow, Picture, Wanted
from holdfast.core.errors import BadInput, CatalogError, HoldfastError
from holdfast.core.gap import MEANING, GapReason
from holdfast.core.incident import IncidentType
from holdfast.core.quality import volume_percent
from holdfast.core.timing import DAY_US, SECOND_US
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import incidents
from holdfast.library.archive_incidents import MARK
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page

router = APIRouter(prefix="/incidents", include_in_schema=False)

Node = Annotated[Context, Depends(context_of)]
Which = Annotated[str, Path(pattern=r"^\d{1,18}-\d{1,18}$")]

PAGE = 50
WEEK_US = 7 * DAY_US
BEFORE_US = 5 * SECOND_US  # who watches an incident wants to see it begin
NAMES: Mapping[IncidentType, str] = {
    IncidentType.BLACKSCREEN: "Black picture",
    IncidentType.FREEZE: "Frozen picture",
    IncidentType.AUDIO_LOSS: "No sound",
    IncidentType.SIGNAL_LOST: "No signal",
    IncidentType.STALLED: "Stalled",
    IncidentType.STREAM_MISMATCH: "Unexpected stream",
    IncidentType.DISK: "Disk",
    IncidentType.ARCHIVE: "Delivery",
    IncidentType.MACROBLOCKS: "Damaged picture",
    IncidentType.ERRORS: "Errors",
}
REASONS = ("false alarm", "test", "known", "other")

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An incident as the page prints it: `values` are what was measured when it began, in words."""

    row: IncidentRow
    camera: str
    name: str
    pictures: tuple[Picture, ...]
    values: tuple[tuple[str, str], ...]
    watch_us: int


@router.get("", dependencies=[needs(Right.VIEWER)])
def show(
    request: Request, context: Node,
    camera: Annotated[str, Query(max_length=50)] = "",
    kind: Annotated[str, Query(alias="type", max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=120)] = "",
    open_one: Annotated[str, Query(alias="open", max_length=40)] = "",
) -> Response:  # fmt: skip
    """Show incidents, of all cameras or one, of all kinds or one."""
    return _show(request, context, Chosen(camera=camera, kind=kind, cursor=cursor, open_one=open_one))


@router.post("/clear", dependencies=[needs(Right.ADMIN)])
def clear(request: Request, context: Node, form: Form) -> Response:
    """Ask whether everything that is over shall go; with the answer, delete it."""
    if form.get("sure") != "yes":
        return _show(request, context, Chosen(asks=True))
    try:
        gone = incidents.clear(context.catalog(), context.volumes, Wanted(open=False))
    except HoldfastError as error:
        return _show(request, context, Chosen(), error)
    _log.info("incidents.cleared", count=gone, by=identity_of(request).name)
    return go_to("/incidents")


@router.post("/{incident}", dependencies=[needs(Right.OPERATOR)])
def review(request: Request, context: Node, incident: Which, form: Form) -> Response:
    """Check or discard an incident, take that back, or write something about it."""
    what, comment = form.get("what", ""), form.get("comment", "")[:4000]
    who, clock = identity_of(request).name, context.clock
    try:
        catalog, name = context.catalog(), incidents.read_id(incident)
        if what in {"check", "uncheck"}:
            incidents.check(catalog, name, clock, who=who, checked=what == "check", comment=comment)
        elif what in {"discard", "restore"}:
            kind = form.get("discard_type", "")[:100]
            incidents.discard(
                catalog, name, clock, who=who, discarded=what == "discard", kind=kind, comment=comment,
                config=context.config,
            )  # fmt: skip
        else:
            raise BadInput("there is no such change")
    except HoldfastError as error:
        return _show(request, context, Chosen(open_one=incident), error)
    _log.info("incident.reviewed", incident=incident, what=what, by=who)
    back = {key: form[key] for key in ("camera", "type") if form.get(key)} | {"open": incident}
    return go_to(f"/incidents?{urlencode(back)}#i{incident}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What of all incidents a page shows; `asks` whether all that are over shall go."""

    camera: str = ""
    kind: str = ""
    cursor: str = ""
    open_one: str = ""
    asks: bool = False


def _show(request: Request, context: Context, chosen: Chosen, error: HoldfastError | None = None) -> Response:
    facts = {"chosen": chosen, "types": NAMES, "reasons": REASONS, "names": _cameras(context)}
    try:
        found = _found(context, chosen)
    except CatalogError as away:
        return page(request, "incidents.html", 503, error=error or away, found=None, **facts)
    except HoldfastError as wrong:
        return page(request, "incidents.html", wrong.http_status, error=wrong, found=None, **facts)
    status = 200 if error is None else error.http_status
    return page(request, "incidents.html", status, error=error, found=found, **facts)


def _found(context: Context, chosen: Chosen) -> dict[str, object]:
    catalog, now_us = context.catalog(), context.clock.wall_us()
    kind = next((one for one in IncidentType if one.value == chosen.kind), None)
    camera = context.spelled(chosen.camera) or None
    active, pictures = incidents.find(catalog, Wanted(camera=camera, type=kind, open=True), limit=PAGE)
    over, more = incidents.find(
        catalog, Wanted(camera=camera, type=kind, open=False), limit=PAGE, cursor=chosen.cursor or None
    )
    pictures = {**pictures, **more}
    week = incidents.count_by_type(catalog, Wanted(camera=camera, type=kind, from_us=now_us - WEEK_US))
    commonest = max(week, key=lambda one: week[one], default=None)
    return {
        "active": [_shown(context, row, pictures[row.id]) for row in active.rows],
        "over": [_shown(context, row, pictures[row.id]) for row in over.rows],
        "cursor": over.cursor,
        "now": incidents.count(catalog, Wanted(camera=camera, type=kind, open=True)),
        "would_go": incidents.count_over(catalog) if chosen.asks else 0,
        "days": context.config.retention.incidents_days,
        "week": sum(week.values()),
        "commonest": None if commonest is None else (NAMES[commonest], week[commonest]),
        "closed": incidents.count(catalog, Wanted(camera=camera, type=kind, open=False)),
    }


def _cameras(context: Context) -> dict[str, str]:
    return {camera_id: camera.name or camera_id for camera_id, camera in context.config.cameras.items()}


def _shown(context: Context, row: IncidentRow, pictures: Sequence[Picture]) -> Shown:
    camera = context.config.cameras.get(row.camera)
    name = (camera.name if camera is not None else "") or row.camera.removeprefix(MARK)
    return Shown(
        row=row, camera=name, name=NAMES[row.type],
        pictures=tuple(pictures), values=tuple(_values(row)),
        watch_us=row.start_us - BEFORE_US,
    )  # fmt: skip


def _values(row: IncidentRow) -> list[tuple[str, str]]:
    seen = row.seen
    found = []
    if "black_percent" in seen:
        found.append(("Black", f"{seen['black_percent']:.1f} % of the picture"))
    if "difference_12" in seen:
        three = ", ".join(f"{seen[name]:.2f}" for name in ("difference_12", "difference_13", "difference_23"))
        found.append(("Differences of three pictures", f"{three} of 255"))
    elif "difference" in seen:
        found.append(("Difference of three pictures", f"{seen['difference']:.2f} of 255"))
    if "mean_db" in seen:
        found.append(("Sound", f"{seen['mean_db']:.0f} dB, {volume_percent(seen['mean_db']):.0f} %"))
    if "level" in seen:
        found.append(("Level", f"{seen['level']}: {row.detail}"))
    if "mismatch" in seen:
        found.append(("Not as expected", "; ".join(seen["mismatch"])))
    if "reason" in seen:
        found.append(("Why", row.detail or MEANING.get(GapReason(seen["reason"]), "")))
    return found
