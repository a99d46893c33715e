"""Health and liveness: answers for machines that look after machines (C107, F55).

Not here: what healthy means (library.health).
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from holdfast import __version__
from holdfast.api.files import Node
from holdfast.api.streams import look
from holdfast.catalog import nodes
from holdfast.core.errors import HoldfastError
from holdfast.core.timing import SECOND_US, iso
from holdfast.http.context import Context
from holdfast.http.rights import Right, needs
from holdfast.library import health, volumes
from holdfast.library.health import Level

router = APIRouter(tags=["node"], dependencies=[needs(Right.PUBLIC)])


class Alive(BaseModel):
    """The server answers."""

    status: str = "ok"


class Version(BaseModel):
    """What runs here."""

    name: str = "holdfast"
    version: str = Field(examples=["0.1.0"])


class ComponentOut(BaseModel):
    """One part of the node."""

    status: Level
    message: str


class HealthOut(BaseModel):
    """How healthy the node is. Without a sign-in only the first four are said."""

    status: Level
    warnings: list[str] = Field(description="Names of the components that are not healthy.", examples=[["disk"]])
    timestamp: str
    database: str = Field(description="`connected` or `disconnected`.")
    version: str | None = None
    uptime_s: int | None = None
    components: dict[str, ComponentOut] | None = None


@router.get("/livez", summary="Whether the server answers")
async def livez() -> Alive:
    """Always cheap: looks at nothing."""
    return Alive()


@router.get("/api/v1/version", summary="What runs here")
async def version() -> Version:
    """Return the program's version."""
    return Version(version=__version__)


@router.get("/api/v1/health", summary="How healthy the node is", responses={503: {"model": HealthOut}})
@router.get("/health", include_in_schema=False)
def healthy(request: Request, response: Response, context: Node) -> HealthOut:
    """Return 200 while footage is recorded as wanted, 503 where something critical is down."""
    found = health.components(
        look(context), _disks(context), _database(context), synchronised=context.clock.synchronised()
    )
    level = health.overall(found)
    if level is Level.CRITICAL:
        response.status_code = 503
    response.headers["Cache-Control"] = "no-store"
    now_us = context.clock.wall_us()
    connected = next(one for one in found if one.name == "db").level is Level.HEALTHY
    short: dict[str, Any] = {
        "status": level, "timestamp": iso(now_us),
        "warnings": [one.name for one in found if one.level is not Level.HEALTHY],
        "database": "connected" if connected else "disconnected",
    }  # fmt: skip
    if request.state.identity is None:
        return HealthOut(**short)
    said = {one.name: ComponentOut(status=one.level, message=one.words) for one in found}
    uptime_s = max(0, now_us - context.began_us) // SECOND_US
    return HealthOut(**short, version=__version__, uptime_s=uptime_s, components=said)


def _disks(context: Context) -> list[volumes.VolumeState] | HoldfastError:
    try:
        return volumes.survey(context.config)
    except HoldfastError as error:
        return error


def _database(context: Context) -> HoldfastError | None:
    try:
        with context.catalog().read() as tx:
            nodes.find(tx, context.node)
    except HoldfastError as error:
        return error
    return None
