"""Exports: footage of cameras and a span as one signed file: asked for, followed, fetched; without scripts, too.

Not here: making them (work.export), the API's addresses (api.exports), from which the files come.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from holdfast.catalog.exports import ExportRow
from holdfast.catalog.rows import Id
from holdfast.core.errors import CatalogError, HoldfastError
from holdfast.core.timing import to_datetime
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import exports
from holdfast.library.export_plan import FORMATS, Asked
from holdfast.library.exporting import streams_named
from holdfast.library.instants import read_instant
from holdfast.storage.keys import KEY_FILE, node_key
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page

router = APIRouter(prefix="/exports", include_in_schema=False)

Node = Annotated[Context, Depends(context_of)]
Which = Annotated[str, Path(pattern=r"^\d{1,10}-\d{1,18}$")]

PAGE = 50
_STREAMS = ("main", "sub", "all")

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An export as the page prints it: what it is of, in words, and what is missing in it."""

    row: ExportRow
    what: str
    percent: int
    missing: tuple[tuple[str, int, int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What stands in the form. `begin_us` and `end_us` are the instants that it was filled in with, where it was.

    A form has the site's time, and that has one hour twice a year: only the instant says which of the two is meant.
    """

    cameras: tuple[str, ...] = ()
    begin: str = ""
    end: str = ""
    begin_us: str = ""
    end_us: str = ""
    streams: str = "main"
    format: str = "zip"
    cut: bool = False
    purpose: str = ""


@router.get("", dependencies=[needs(Right.VIEWER)])
def show(
    request: Request, context: Node,
    cursor: Annotated[str, Query(max_length=120)] = "",
    camera: Annotated[str, Query(max_length=60)] = "",
    begin: Annotated[str, Query(alias="from", max_length=40)] = "",
    end: Annotated[str, Query(alias="to", max_length=40)] = "",
) -> Response:  # fmt: skip
    """Show exports, newest first, and a form for another one, which an address may fill in: camera, from and to."""
    filled = Filled(
        cameras=(context.spelled(camera),) if camera else (), begin=_local(context, begin), end=_local(context, end),
        begin_us=_exact(context, begin), end_us=_exact(context, end),
    )  # fmt: skip
    return _show(request, context, filled, cursor=cursor)


@router.post("", dependencies=[needs(Right.OPERATOR)])
def make(request: Request, context: Node, form: Form) -> Response:
    """Ask for an export."""
    names = tuple(name.removeprefix("camera-") for name in form if name.startswith("camera-"))
    kind, streams = form.get("format", "zip"), form.get("streams", "main")
    filled = Filled(
        cameras=names, begin=form.get("begin", "")[:40], end=form.get("end", "")[:40],
        begin_us=form.get("begin_us", "")[:40], end_us=form.get("end_us", "")[:40],
        streams=streams if streams in _STREAMS else "main", format=kind if kind in FORMATS else "zip",
        cut=form.get("cut") == "yes", purpose=form.get("purpose", "")[:500],
    )  # fmt: skip
    now_us = context.clock.wall_us()
    try:
        asked = Asked(
            streams=streams_named(context.volumes, filled.cameras, filled.streams),
            from_us=_meant_us(context, filled.begin, filled.begin_us, now_us),
            to_us=_meant_us(context, filled.end, filled.end_us, now_us), format=filled.format, cut=filled.cut,
            by=identity_of(request).name, purpose=filled.purpose,
        )  # fmt: skip
        row = exports.ask(context.catalog(), asked, now_us, node=context.node)
    except HoldfastError as error:
        return _show(request, context, filled, error)
    _log.info("export.asked", id=str(row.id), streams=row.streams, by=asked.by)
    return go_to("/exports")


@router.post("/{export}/delete", dependencies=[needs(Right.OPERATOR)])
def delete(request: Request, context: Node, export: Which) -> Response:
    """Stop making one, or delete its file; the footage stays."""
    try:
        exports.remove(context.catalog(), context.volumes, Id.read(export, "export"))
    except HoldfastError as error:
        return _show(request, context, Filled(), error)
    _log.info("export.deleted", id=export, by=identity_of(request).name)
    return go_to("/exports")


def _local(context: Context, text: str) -> str:
    """Write an instant of an address as the form has it; nothing where it is none."""
    try:
        us = read_instant(text, context.zone, context.clock.wall_us())
        return f"{to_datetime(us, context.zone):%Y-%m-%dT%H:%M:%S}"
    except (HoldfastError, OverflowError):  # the last hours of the calendar have no name in every zone
        return ""


def _exact(context: Context, text: str) -> str:
    """Write the same in microseconds."""
    try:
        return str(read_instant(text, context.zone, context.clock.wall_us()))
    except HoldfastError:
        return ""


def _meant_us(context: Context, text: str, exact: str, now_us: int) -> int:
    """Read an instant of the form: the one that it was filled in with, unless somebody wrote another time."""
    typed_us = read_instant(text, context.zone, now_us)
    local = _local(context, exact) if exact else ""
    return int(exact) if local and read_instant(local, context.zone, now_us) == typed_us else typed_us


def _show(
    request: Request, context: Context, filled: Filled, error: HoldfastError | None = None, *, cursor: str = ""
) -> Response:
    names = {camera: settings.name or camera for camera, settings in context.config.cameras.items()}
    now = to_datetime(context.clock.wall_us(), context.zone)
    facts: dict[str, Any] = {
        "names": names, "filled": filled, "formats": FORMATS, "streams": _STREAMS, "cursor": None, "found": None,
        "hour": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}", "now": f"{now:%Y-%m-%dT%H:%M}",
        "key": node_key(context.state_dir).public.fingerprint if (context.state_dir / KEY_FILE).exists() else "",
    }  # fmt: skip
    try:
        listed = exports.listed(context.catalog(), limit=PAGE, cursor=cursor or None, node=context.node)
    except CatalogError as away:
        return page(request, "exports.html", 503, **{**facts, "error": error or away})
    shown = [_shown(row, names) for row in listed.rows]
    facts |= {"found": shown, "cursor": listed.cursor, "error": error}
    facts["working"] = any(one.row.state in {"pending", "working"} for one in shown)
    return page(request, "exports.html", 200 if error is None else error.http_status, **facts)


def _shown(row: ExportRow, names: dict[str, str]) -> Shown:
    keys = [word.partition("/") for word in row.streams.split()]
    what = ", ".join(
        names.get(camera, camera) + ("" if stream == "main" else f" · {stream}") for camera, _, stream in keys
    )
    missing = tuple((one["stream"], one["from_us"], one["to_us"], one["why"]) for one in exports.missing_of(row))
    percent = 100 * row.written_bytes // row.bytes if row.bytes else 0
    return Shown(row=row, what=what, percent=min(100, percent), missing=missing)
