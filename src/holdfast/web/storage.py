"""The storage page: how full disks are and will be, what goes next and why, and what is held.

It asks what `holdfast clean --dry-run` and `holdfast forecast` ask, so that it cannot tell another story. Without
scripts; the charts are drawings of the server. Operators hold spans here, admins release them.

Not here: the decision (library.retention), roles and checks (machine), where files are sent (delivery).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.catalog.rows import Id
from holdfast.core.errors import BadInput, CatalogError, HoldfastError
from holdfast.core.retention import Going, Hold, HoldKind
from holdfast.core.timing import DAY_US
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import disk_incidents, holds, pictures, retention, watermarks
from holdfast.library import forecast as foreseeing
from holdfast.library.forecast import Forecast
from holdfast.library.instants import read_instant
from holdfast.library.status import read_now
from holdfast.library.watermarks import Fill, Mark
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page, size_words

router = APIRouter(prefix="/storage", include_in_schema=False, dependencies=[needs(Right.VIEWER)])

Node = Annotated[Context, Depends(context_of)]

FILES_SHOWN = 50
WIDE, HIGH = 600, 120  # units of a chart's drawing
HEALTH = {Mark.NORMAL: "well", Mark.WARNING: "degraded", Mark.ALERT: "degraded", Mark.CRITICAL: "lost"}
BY = {"age": "by its age", "bytes": "by its own limit", "room": "for room"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What goes of one camera for one reason."""

    camera: str
    name: str
    why: str
    files: int
    bytes: int
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing of how a volume fills: points in units of it, and where what is kept free begins."""

    points: str
    days: float
    limit: float | None


@router.get("")
def storage(request: Request, context: Node) -> Response:
    """Show disks, what goes next, the forecast and the holds."""
    return _show(request, context)


@router.post("/holds", dependencies=[needs(Right.OPERATOR)])
def add_hold(request: Request, context: Node, form: Form) -> Response:
    """Hold a span of a camera, and show the page again."""
    now_us = context.clock.wall_us()
    try:
        if not form.get("why", "").strip():
            raise BadInput("a hold needs a reason: whoever finds it in a year wants to know")
        hold = Hold(
            uid="", camera=context.camera_id(form.get("camera", "")), kind=HoldKind.LEGAL, why=form["why"],
            from_us=read_instant(form.get("from", ""), context.zone, now_us),
            to_us=read_instant(form.get("to", ""), context.zone, now_us),
        )  # fmt: skip
        who = identity_of(request).name
        holds.add(
            context.catalog(), context.volumes, context.clock, hold, who=who, state_dir=context.state_dir,
            node=context.node,
        )  # fmt: skip
    except HoldfastError as error:
        return _show(request, context, error, form)
    return go_to("/storage#holds")


@router.post("/holds/release", dependencies=[needs(Right.ADMIN)])
def release_hold(request: Request, context: Node, form: Form) -> Response:
    """Release a hold, and show the page again."""
    try:
        holds.release(
            context.catalog(), context.volumes, context.clock, Id.read(form.get("hold", ""), "hold"),
            who=identity_of(request).name, node=context.node,
        )  # fmt: skip
    except HoldfastError as error:
        return _show(request, context, error)
    return go_to("/storage#holds")


def _show(
    request: Request, context: Context, error: HoldfastError | None = None, typed: dict[str, str] | None = None
) -> Response:
    config = context.config
    names = {camera: one.name or camera for camera, one in config.cameras.items()}
    facts: dict[str, Any] = {
        "disks": _disks(watermarks.look(config).fills), "memory": _memory(context),
        "enabled": config.retention.enabled, "policy": config.retention.disk_full, "names": names, "error": error,
        "typed": typed or {}, "away": None, "off": "", "lines": [], "beside": [], "files": [], "total": 0, "count": 0,
        "forecasts": [], "held": [], "by": BY, "sentence": sentence, "shown": FILES_SHOWN, "wide": WIDE, "high": HIGH,
    }  # fmt: skip
    try:
        catalog = context.catalog()
        outlook = retention.outlook(catalog, config, context.clock, node=context.node)
        going = outlook.going
        found = foreseeing.forecast(catalog, config, context.clock, node=context.node)
        levels = disk_incidents.told(catalog, node=context.node)
        facts |= {
            "disks": _disks(watermarks.look(config, levels).fills),
            "off": retention.trust_now(catalog, context.clock, node=context.node).off_why,
            "lines": lines_of(going, names), "files": going[:FILES_SHOWN], "count": len(going),
            "beside": pictures.summed(outlook.pictures),
            "total": sum(one.piece.bytes for one in going), "forecasts": [(one, chart_of(one)) for one in found],
            "held": holds.listed(catalog, node=context.node),
        }  # fmt: skip
    except CatalogError as away:
        facts["away"] = away
    return page(request, "storage.html", 200 if error is None else error.http_status, **facts)


def _memory(context: Context) -> dict[str, Any] | None:
    """Return what the worker says of memory; None where no camera uses it, or it does not answer."""
    now = read_now(context.plan(), context.runtime_dir, context.clock.wall_us())
    return (now.worker or {}).get("memory") or None


def _disks(fills: Iterable[Fill]) -> list[tuple[Fill, str, float]]:
    return [(fill, HEALTH[fill.mark], fill.percent / 100) for fill in fills]


def lines_of(going: tuple[Going, ...], names: dict[str, str]) -> list[Line]:
    """Sum up what goes, by camera and reason."""
    found: dict[tuple[str, str], list[Going]] = {}
    for one in going:
        found.setdefault((one.piece.camera, one.why), []).append(one)
    return [
        Line(
            camera=camera, name=names.get(camera, camera), why=why, files=len(some),
            bytes=sum(one.piece.bytes for one in some), from_us=min(one.piece.start_us for one in some),
            to_us=max(one.piece.end_us for one in some),
        )
        for (camera, why), some in found.items()
    ]  # fmt: skip


def chart_of(one: Forecast) -> Chart | None:
    """Draw how a volume fills; None where its size is not known."""
    if not one.total_bytes or len(one.points) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    begin_us, length_us = one.points[0][0], max(1, one.points[-1][0] - one.points[0][0])
    spots = [
        (WIDE * (at_us - begin_us) / length_us, HIGH * (1 - min(1.0, used / one.total_bytes)))
        for at_us, used in one.points
    ]
    limit = None
    if one.full_us is not None and begin_us < one.full_us <= one.points[-1][0]:
        limit = WIDE * (one.full_us - begin_us) / length_us
    return Chart(points=" ".join(f"{x:.1f},{y:.1f}" for x, y in spots), days=length_us / DAY_US, limit=limit)


def sentence(one: Forecast, now_us: int) -> str:
    """Say what becomes of a volume, without the day: the page shows that beside it."""
    if one.free_bytes is None:
        return "it does not answer"
    if not one.hourly:
        return "nothing came in today"
    rate = f"{size_words(one.hourly * 24)} a day"
    if one.full_us is None:
        settled = "" if one.settles_bytes is None else f", settles at {size_words(one.settles_bytes)} of footage"
        return f"{rate}, not full within a year{settled}"
    then = "the oldest goes first"
    if one.stops_us is not None:
        days = (one.stops_us - now_us) / DAY_US
        then = "recording stops" if one.stops_us <= one.full_us else f"{then}, in {days:.1f} days recording stops"
    return f"{rate}, full now: {then}" if one.full_us <= now_us else f"{rate}, then {then}; full"
