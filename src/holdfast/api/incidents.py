"""Incidents: what is and was wrong with cameras, what people say about it, and the pictures that show it.

Fields have the names that older clients know: `incident_type`, `consecutive_count`, `discard_comment`.
Not here: when something is an incident (core.incident), what becomes of rows (library.incidents).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.catalog.incidents import IncidentRow, Picture, Wanted
from holdfast.catalog.rows import Id
from holdfast.core.camera import CAMERA_ID
from holdfast.core.errors import Conflict
from holdfast.core.incident import IncidentType
from holdfast.core.timing import MINUTE_US, iso
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.kept import kept
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import deliveries, incidents
from holdfast.library.instants import read_instant

LIMIT = 100
LIMIT_MAX = 1000
CONFIRM_US = MINUTE_US  # chosen: so long a confirmation holds

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])

Which = Annotated[str, Path(pattern=r"^\d{1,18}-\d{1,18}$", description="Name of the incident.", examples=["1-42"])]


class Evidence(BaseModel):
    """A picture of an incident: 1 is its begin (a freeze has 1, 2, 3), 0 its end."""

    number: int = Field(examples=[1])
    at_us: int
    width: int
    height: int
    url: str = Field(examples=["/api/v1/incidents/1-42/pictures/1.jpg"])
    remote: str = Field(
        description="Where it lies at a target, verified; empty until it does.",
        examples=["https://cdn.example.org/alerts/blackscreen/gate/20260501180000/frame_1.jpg"],
    )


class IncidentOut(BaseModel):
    """An incident. Times as ISO 8601, UTC, and in microseconds since the epoch."""

    id: str = Field(examples=["1-42"])
    host_name: str = Field(description="Name of the node.", examples=["local"])
    device_id: str = Field(description="Id of the camera.", examples=["gate"])
    device_name: str = Field(examples=["North gate"])
    incident_type: IncidentType
    status: Literal["active", "resolved"]
    consecutive_count: int = Field(description="Bad samples in it.", examples=[5])
    start_time: str = Field(examples=["2026-05-01T18:00:00.000Z"])
    end_time: str | None = Field(examples=["2026-05-01T18:00:10.000Z"])
    start_us: int
    end_us: int | None
    detail: str = Field(description="Why, in words.", examples=[""])
    metadata: dict[str, Any] = Field(description="What was measured when it began.", examples=[{"black_percent": 99.1}])
    evidence: list[Evidence]
    checked: bool
    check_type: Literal["manual", "ai"] | None
    checked_by: str = Field(examples=["ann"])
    checked_at: str | None = Field(examples=["2026-05-01T19:00:00.000Z"])
    discard: bool
    discard_type: str = Field(examples=["false alarm"])
    discard_comment: str = Field(description="What somebody wrote about it.", examples=["a lorry stood before it"])
    discarded_by: str = Field(examples=["ann"])
    discarded_at: str | None = Field(examples=["2026-05-01T19:00:00.000Z"])
    created_at: str = Field(examples=["2026-05-01T18:00:04.000Z"])
    updated_at: str = Field(examples=["2026-05-01T18:00:14.000Z"])


class Incidents(BaseModel):
    """Incidents: those that last first, then those that are over, each newest first."""

    items: list[IncidentOut]
    count: int = Field(description="Items in this answer, without those that were discarded.", examples=[2])
    active_count: int = Field(description="Of those that are counted, those that last.", examples=[1])
    resolved_count: int = Field(description="Of those that are counted, those that are over.", examples=[1])
    cursor: str | None = Field(description="For more of those that are over.")


class Checked(BaseModel):
    """That somebody has looked at it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"checked": True, "comment": "lens hood"}})

    checked: bool = True
    check_type: Literal["manual", "ai"] = "manual"
    comment: str | None = Field(default=None, max_length=4000)


class Discarded(BaseModel):
    """That it is none after all."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"discard": True, "discard_type": "test"}})

    discard: bool = True
    discard_type: str = Field(default="", max_length=100)
    discard_comment: str | None = Field(default=None, max_length=4000)


class Confirmation(BaseModel):
    """What clearing would delete, and the word that confirms it."""

    token: str = Field(examples=["1f0c9a4e7d214b86"])
    count: int = Field(description="Incidents that would go.", examples=[12])
    expires_us: int = Field(examples=[1_777_658_460_000_000])


class Cleared(BaseModel):
    """What was deleted."""

    count: int = Field(examples=[12])


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which incidents are asked for."""

    device_id: Annotated[
        str, Query(pattern=f"^({CAMERA_ID.pattern})?$", description="Id of a camera.", examples=["gate"])
    ] = ""
    host_name: Annotated[str, Query(max_length=64, description="Name of a node.", examples=["local"])] = ""
    incident_type: Annotated[IncidentType | None, Query()] = None
    begin: Annotated[str, Query(alias="from", max_length=40, description="Only what began then or later.")] = ""
    end: Annotated[str, Query(alias="to", max_length=40, description="Only what began before.")] = ""
    within: Annotated[bool, Query(description="Also what began before `from` and lasted beyond it.")] = False

    def wanted(self, context: Context) -> Wanted | None:
        """Return it as the catalog knows it; None where nothing can be meant."""
        now_us, zone = context.clock.wall_us(), context.zone
        if self.host_name and self.host_name != context.node:
            return None
        return Wanted(
            camera=context.spelled(self.device_id) or None,
            type=self.incident_type,
            from_us=read_instant(self.begin, zone, now_us) if self.begin else None,
            to_us=read_instant(self.end, zone, now_us) if self.end else None,
            within=self.within,
        )


@dataclass(slots=True)
class _Confirmations:
    """Words that were given out, with when they lapse."""

    given: dict[str, int] = field(default_factory=dict)


@router.get(
    "", summary="List incidents", dependencies=[needs(Right.VIEWER)], responses=problems(400, 401, 403, 422, 503)
)
def list_incidents(
    context: Node,
    chosen: Annotated[_Chosen, Depends()],
    status: Annotated[Literal["", "active", "resolved"], Query(description="Empty for both.")] = "",
    active_limit: Annotated[int, Query(ge=0, le=LIMIT_MAX)] = LIMIT,
    resolved_limit: Annotated[int, Query(ge=0, le=LIMIT_MAX)] = LIMIT,
    cursor: Annotated[str, Query(max_length=120, description="Of the page before; only those that are over.")] = "",
) -> Incidents:
    """Return incidents that last and incidents that are over, each up to its own limit."""
    wanted = chosen.wanted(context)
    found: list[IncidentOut] = []
    if wanted is None:
        return Incidents(items=[], count=0, active_count=0, resolved_count=0, cursor=None)
    if status != "resolved" and active_limit and not cursor:
        page, shown = incidents.find(context.catalog(), replace(wanted, open=True), limit=active_limit)
        found += _outs(context, page.rows, shown)
    following = None
    if status != "active" and resolved_limit:
        over = replace(wanted, open=False)
        page, shown = incidents.find(context.catalog(), over, limit=resolved_limit, cursor=cursor or None)
        found += _outs(context, page.rows, shown)
        following = page.cursor
    counted = [one.status for one in found if not one.discard]
    return Incidents(
        items=found, count=len(counted), active_count=counted.count("active"),
        resolved_count=counted.count("resolved"), cursor=following,
    )  # fmt: skip


@router.post(
    "/clear", summary="Ask to clear incidents", dependencies=[needs(Right.ADMIN)], responses=problems(401, 403, 503)
)
def ask_to_clear(context: Node, request: Request) -> Confirmation:
    """Say how many incidents are over, and give out the word with which `DELETE` deletes them within a minute."""
    now_us = context.clock.wall_us()
    memory = kept(request, "confirmations", _Confirmations)
    memory.given = {token: until_us for token, until_us in memory.given.items() if until_us > now_us}
    token, until_us = secrets.token_hex(8), now_us + CONFIRM_US
    memory.given[token] = until_us
    return Confirmation(token=token, count=incidents.count_over(context.catalog()), expires_us=until_us)


@router.delete(
    "", summary="Clear incidents that are over", dependencies=[needs(Right.ADMIN)],
    responses=problems(401, 403, 409, 422, 503, 507),
)  # fmt: skip
def clear(
    context: Node, request: Request,
    confirm: Annotated[
        str, Query(max_length=40, description="The token of `POST …/clear`.", examples=["1f0c9a4e7d214b86"])
    ],
) -> Cleared:  # fmt: skip
    """Delete every incident that is over, with its pictures. Those that last stay."""
    memory = kept(request, "confirmations", _Confirmations)
    if memory.given.pop(confirm, 0) <= context.clock.wall_us():
        raise Conflict(
            "that is not confirmed", hint="POST /api/v1/incidents/clear gives out the token; it holds a minute"
        )
    return Cleared(count=incidents.clear(context.catalog(), context.volumes, Wanted(open=False)))


@router.get(
    "/{incident}", summary="Get an incident", dependencies=[needs(Right.VIEWER)],
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
def get_incident(context: Node, incident: Which) -> IncidentOut:
    """Return one incident with its pictures."""
    row, shown = incidents.get(context.catalog(), incidents.read_id(incident))
    return _outs(context, [row], {row.id: shown})[0]


@router.put(
    "/{incident}/checked", summary="Say that it was looked at", dependencies=[needs(Right.OPERATOR)],
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
def check(context: Node, request: Request, incident: Which, body: Checked) -> IncidentOut:
    """Say that somebody has looked at an incident, or take it back."""
    row, shown = incidents.check(
        context.catalog(), incidents.read_id(incident), context.clock, who=identity_of(request).name,
        checked=body.checked, kind=body.check_type, comment=body.comment,
    )  # fmt: skip
    return _outs(context, [row], {row.id: shown})[0]


@router.put(
    "/{incident}/discard", summary="Say that it is none", dependencies=[needs(Right.OPERATOR)],
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
def discard(context: Node, request: Request, incident: Which, body: Discarded) -> IncidentOut:
    """Leave an incident out of counts, or count it again."""
    row, shown = incidents.discard(
        context.catalog(), incidents.read_id(incident), context.clock, who=identity_of(request).name,
        discarded=body.discard, kind=body.discard_type, comment=body.discard_comment,
        config=context.config,
    )  # fmt: skip
    return _outs(context, [row], {row.id: shown})[0]


@router.get(
    "/{incident}/pictures/{number}.jpg", summary="Get a picture of an incident", dependencies=[needs(Right.VIEWER)],
    response_class=Response, responses={200: {"content": {"image/jpeg": {}}}, **problems(401, 403, 404, 422, 503)},
)  # fmt: skip
def get_picture(context: Node, incident: Which, number: Annotated[int, Path(ge=0, le=100, examples=[1])]) -> Response:
    """Return a picture as JPEG; 0 is the one of its end."""
    body = incidents.picture(context.catalog(), context.volumes, incidents.read_id(incident), number)
    return Response(body, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def _outs(context: Node, rows: Sequence[IncidentRow], shown: Mapping[Id, Sequence[Picture]]) -> list[IncidentOut]:
    files = [(row.id.node, one.volume, one.file) for row in rows for one in shown[row.id]]
    remote = deliveries.addresses(context.catalog(), files)
    return [_out(context, row, shown[row.id], remote) for row in rows]


def _out(
    context: Node, row: IncidentRow, shown: Sequence[Picture], remote: Mapping[tuple[int, str, str], str]
) -> IncidentOut:  # fmt: skip
    said = row.review
    camera = context.config.cameras.get(row.camera)
    return IncidentOut(
        id=str(row.id), host_name=context.node, device_id=row.camera,
        device_name=(camera.name if camera is not None else "") or row.camera, incident_type=row.type,
        status="active" if row.end_us is None else "resolved", consecutive_count=row.count,
        start_time=iso(row.start_us), end_time=None if row.end_us is None else iso(row.end_us), start_us=row.start_us,
        end_us=row.end_us, detail=row.detail, metadata=row.seen,
        evidence=[
            Evidence(
                number=one.number, at_us=one.at_us, width=one.width, height=one.height,
                url=f"/api/v1/incidents/{row.id}/pictures/{one.number}.jpg",
                remote=remote.get((row.id.node, one.volume, one.file), ""),
            )
            for one in shown
        ],
        checked=said.checked, check_type="ai" if said.check_type == "ai" else "manual" if said.checked else None,
        checked_by=said.checked_by, checked_at=None if said.checked_us is None else iso(said.checked_us),
        discard=said.discarded, discard_type=said.discard_type, discard_comment=said.comment,
        discarded_by=said.discarded_by, discarded_at=None if said.discarded_us is None else iso(said.discarded_us),
        created_at=iso(row.created_us), updated_at=iso(row.updated_us),
    )  # fmt: skip
