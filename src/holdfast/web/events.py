"""Events: a gallery of what moved before cameras, and each by itself with its footage and its pictures.

Works without scripts. The same verbs as the API's events (C116, C117, C128). Not here: what an event is (core.event).
"""

from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from holdfast.catalog.events import EventRow, Wanted
from holdfast.core.errors import BadInput, CatalogError, HoldfastError
from holdfast.core.event import EventKind
from holdfast.core.objects import names_in
from holdfast.core.timing import SECOND_US
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import events
from holdfast.library.coverage import day_span
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page

router = APIRouter(prefix="/events", include_in_schema=False)

Node = Annotated[Context, Depends(context_of)]
Which = Annotated[str, Path(pattern=r"^\d{1,18}-\d{1,18}$")]

NAMES = 4  # chosen: things that a title names; facts name all
SIZES = (12, 24, 48, 100)
FAIR, SURE = 10.0, 30.0  # C116: confidence below the first is faint, from the second on sure
STATUSES = {"": "Every status", "new": "Not looked at", "reviewed": "Looked at", "active": "Going on"}
PHRASES = {
    EventKind.MOTION: "Something moved",
    EventKind.OBJECT: "Something was recognised",
    EventKind.AGENT: "Handed in",
}

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What of all events is shown, and how; empty is everything."""

    camera: str = ""
    day: str = ""
    status: str = ""
    sure: int = 0
    label: str = ""
    per: int = 24
    view: str = "grid"
    cursor: str = ""

    @property
    def query(self) -> str:
        """The same for an address, without what is as always, and without the place in the list."""
        usual = Chosen()
        said = {name: value for name, value in asdict(self).items() if value != getattr(usual, name)}
        said.pop("cursor", None)
        return urlencode(said)

    @property
    def narrowed(self) -> bool:
        """Say whether something is left out."""
        return bool(self.camera or self.day or self.status or self.sure or self.label)

    def on(self, cursor: str) -> str:
        """Return the address of what follows."""
        return "/events?" + "&".join(part for part in (self.query, urlencode({"cursor": cursor})) if part)

    def viewed(self, view: str) -> str:
        """Return the address of the same in another view."""
        return f"/events?{replace(self, view=view).query}".rstrip("?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An event as pages print it."""

    row: EventRow
    camera: str
    phrase: str
    health: str
    words: str


def chosen_of(
    camera: Annotated[str, Query(max_length=50)] = "",
    day: Annotated[str, Query(max_length=10)] = "",
    status: Annotated[str, Query(max_length=10)] = "",
    sure: Annotated[str, Query(max_length=4)] = "0",
    label: Annotated[str, Query(max_length=100)] = "",
    per: Annotated[str, Query(max_length=4)] = "24",
    view: Annotated[str, Query(max_length=4)] = "grid",
    cursor: Annotated[str, Query(max_length=120)] = "",
) -> Chosen:
    """Read it from an address; what makes no sense is as if nobody had said it."""
    return Chosen(
        camera=camera, day=day, status=status if status in STATUSES else "",
        sure=int(sure) if sure in {"10", "30"} else 0, per=int(per) if per.isdigit() and int(per) in SIZES else 24,
        view="list" if view == "list" else "grid", cursor=cursor, label=label.strip(),
    )  # fmt: skip


Asked = Annotated[Chosen, Depends(chosen_of)]


@router.get("", dependencies=[needs(Right.VIEWER)])
def show(request: Request, context: Node, chosen: Asked) -> Response:
    """Show events, newest first."""
    facts: dict[str, Any] = {
        "chosen": chosen, "names": _names(context), "sizes": SIZES, "statuses": STATUSES,
        "labels": _labels(context),
        "watched": [name for name, camera in context.config.cameras.items() if camera.motion.enabled],
    }  # fmt: skip
    try:
        found = events.find(
            context.catalog(), _wanted(context, chosen), limit=chosen.per, cursor=chosen.cursor or None
        )  # fmt: skip
    except HoldfastError as error:
        status = 503 if isinstance(error, CatalogError) else error.http_status
        return page(request, "events.html", status, error=error, items=None, cursor=None, **facts)
    items = [_shown(context, row) for row in found.rows]
    return page(request, "events.html", error=None, items=items, cursor=found.cursor, **facts)


@router.get("/{event}", dependencies=[needs(Right.VIEWER)])
def show_one(request: Request, context: Node, event: Which, chosen: Asked) -> Response:
    """Show one event with its footage, and the way to those beside it within what is chosen."""
    row = events.get(context.catalog(), events.read_id(event))
    earlier, later = events.beside(context.catalog(), row, _wanted(context, chosen))
    told = row.told
    to_us = context.clock.wall_us() if told.to_us is None else told.to_us
    return page(
        request, "event.html", item=_shown(context, row), seen=events.shown(row), chosen=chosen, earlier=earlier,
        later=later, to_us=to_us, play_us=max(told.from_us, told.start_us - 2 * SECOND_US),
    )  # fmt: skip


@router.post("/{event}", dependencies=[needs(Right.OPERATOR)])
def review(request: Request, context: Node, event: Which, chosen: Asked, form: Form) -> Response:
    """Say that somebody has looked at an event, or take that back."""
    what, who = form.get("what", ""), identity_of(request).name
    if what not in {"reviewed", "new"}:
        raise BadInput("there is no such change")
    events.review(context.catalog(), events.read_id(event), context.clock, who=who, reviewed=what == "reviewed")
    _log.info("event.reviewed", name=event, what=what, by=who)
    return go_to(f"/events/{event}?{chosen.query}".rstrip("?"))


@router.post("/{event}/delete", dependencies=[needs(Right.ADMIN)])
def delete(request: Request, context: Node, event: Which, chosen: Asked) -> Response:
    """Delete an event that is over, with its pictures."""
    events.delete(context.catalog(), context.volumes, events.read_id(event))
    _log.info("event.deleted", name=event, by=identity_of(request).name)
    return go_to(f"/events?{chosen.query}".rstrip("?"))


def _wanted(context: Context, chosen: Chosen) -> Wanted:
    from_us, to_us = _day(context, chosen.day)
    return Wanted(
        camera=context.spelled(chosen.camera) or None, from_us=from_us, to_us=to_us,
        confidence=float(chosen.sure) or None, label=chosen.label or None,
        open=True if chosen.status == "active" else None,
        reviewed={"new": False, "reviewed": True}.get(chosen.status),
    )  # fmt: skip


def _day(context: Context, text: str) -> tuple[int | None, int | None]:
    try:
        return day_span(date.fromisoformat(text), context.zone)
    except (ValueError, OverflowError):
        return None, None


def _labels(context: Context) -> list[str] | None:
    """Labels that may be asked for, as far as settings name them; None where nobody looks for objects."""
    said = [camera.objects for camera in context.config.cameras.values() if camera.objects.model]
    return sorted({label for one in said for label in one.wanted or one.labels}) if said else None


def _names(context: Context) -> dict[str, str]:
    return {camera_id: camera.name or camera_id for camera_id, camera in context.config.cameras.items()}


def _shown(context: Context, row: EventRow) -> Shown:
    sure = row.told.confidence
    words = "faint" if sure < FAIR else "fair" if sure < SURE else "sure"
    health = {"faint": "off", "fair": "degraded", "sure": "well"}[words]
    name = _names(context).get(row.told.camera, row.told.camera)
    names = names_in(row.told.label)
    named = ", ".join(names[:NAMES]) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")
    phrase = named[:1].upper() + named[1:] or PHRASES[row.told.kind]
    return Shown(row=row, camera=name, phrase=phrase, health=health, words=words)
