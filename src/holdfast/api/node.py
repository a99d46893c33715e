"""The node over HTTP: its name and place, what it is made of, what runs on it.

Not here: how it is doing (status, health), its streams (streams), its settings (settings).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.api.streams import look
from holdfast.http.errors import problems
from holdfast.http.host import holdings_of, host_of
from holdfast.http.rights import Right, needs
from holdfast.library.holdings import Holdings
from holdfast.library.host import Host
from holdfast.library.status import NodeNow

router = APIRouter(prefix="/api/v1", tags=["node"], dependencies=[needs(Right.VIEWER)])


class MachineOut(BaseModel):
    """What it runs on; null where the host does not tell."""

    model_config = ConfigDict(from_attributes=True)

    host: str
    model: str | None = Field(examples=["Raspberry Pi 5 Model B Rev 1.0"])
    system: str | None
    kernel: str
    architecture: str
    python: str
    holdfast: str


class RoleOut(BaseModel):
    """A process. Times in microseconds since the epoch, UTC."""

    name: str = Field(examples=["recorder-0"])
    state: str = Field(description="`running`, `waiting` (to be started again), `stopping`, `stopped`.")
    pid: int | None
    since_us: int | None = Field(description="When this state began.")
    restarts: int = Field(description="Starts after the first, since the supervisor began.")
    last_end: str | None = Field(description="How it ended the last time; null if it never did.")
    crash_loop: bool = Field(description="It keeps ending.")


class CatalogOut(BaseModel):
    """The catalog."""

    kind: str = Field(description="`SQLite` or `PostgreSQL`.")
    problem: str | None = Field(description="Why it does not answer; null while it does.")
    indexed_us: int | None = Field(description="Until when it knows the journals.")


class NodeOut(BaseModel):
    """The node."""

    name: str = Field(description="Its name in the catalog.")
    site: str
    site_id: str
    time_zone: str
    cameras: int
    machine: MachineOut
    catalog: CatalogOut
    roles: list[RoleOut] = Field(description="Of a supervisor, or of roles that were started one by one.")


@router.get("/node", summary="What this node is, and what runs on it", responses=problems(401, 403))
def node(
    context: Node, host: Annotated[Host, Depends(host_of)], holdings: Annotated[Holdings, Depends(holdings_of)]
) -> NodeOut:
    """Return name, place, versions and roles."""
    config, catalog = context.config, holdings.catalog_now()
    kind = "PostgreSQL" if config.catalog_url.startswith("postgresql") else "SQLite"
    return NodeOut(
        name=context.node, site=config.site.name, site_id=config.site_id, time_zone=config.site.time_zone,
        cameras=len(config.cameras), machine=MachineOut.model_validate(host.machine()),
        catalog=CatalogOut(kind=kind, problem=catalog.problem or None, indexed_us=catalog.indexed_us),
        roles=_roles(look(context)),
    )  # fmt: skip


def _roles(now: NodeNow) -> list[RoleOut]:
    children = (now.supervisor or {}).get("children", [])
    known = {str(child.get("name")) for child in children}
    # What was started by hand has no supervisor that would tell of it, but its own word.
    own = {"supervisor": now.supervisor, "worker": now.worker, "server": now.server}
    told = [{**body, "name": name} for name, body in own.items() if body is not None and name not in known]
    return [_role(one) for one in [*told, *children]]


def _role(said: dict[str, Any]) -> RoleOut:
    return RoleOut(
        name=str(said["name"]), state=str(said.get("state")), pid=said.get("pid") or None,
        since_us=said.get("since_us") or None, restarts=int(said.get("restarts", 0)),
        last_end=str(said["last_end"]) if said.get("last_end") else None, crash_loop=bool(said.get("crash_loop")),
    )  # fmt: skip
