"""Rules of hand-over over HTTP: list, add, change and remove who is told of finished files.

The keys are those of `[handovers.NAME]`; address, secret and token of a service go one way. Not here: how the rules
stand (handovers), saving (library.saved_tables).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, Field

from holdfast.api.files import Node
from holdfast.api.tables import SavedTable, is_followed, said_of
from holdfast.core.camera import CAMERA_ID
from holdfast.core.config.handovers import WebhookConfig
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.http.tables import drop_table, save_table, table_of, tables_of
from holdfast.library.saved_tables import TableNow, Which

router = APIRouter(prefix="/api/v1/handovers/rules", tags=["footage"], dependencies=[needs(Right.ADMIN)])

Name = Annotated[str, Path(pattern=f"^{CAMERA_ID.pattern}$", description="The rule's name.", examples=["site"])]
_TABLE = {"type": "webhook", "url": "https://hooks.example.org/footage", "secret": "a secret", "assets": ["segments"]}
Table = Annotated[
    dict[str, Any],
    Body(
        description="Keys of `[handovers.NAME]`, all of them: what is left out, or null, is its default. A secret that "
        "is left out, or `****`, stays what it was, as long as it is sent to the same address; an empty one is none. A "
        "`folder` must lie in a volume or in a target that was adopted.",
        examples=[_TABLE],
        max_length=100,
    ),
]


class HandoverTable(SavedTable):
    """A rule of hand-over as it is configured."""

    name: str = Field(examples=["site"])
    type: str = Field(description="`marker` or `webhook`.", examples=["webhook"])
    receiver: str = Field(
        description="Host of the service, or folder of the markers; empty where they lie beside their files.",
        examples=["https://hooks.example.org"],
    )
    enabled: bool = Field(description="Whether it is followed; what is left out is not.")
    table: dict[str, Any] = Field(
        description="Every key with what holds, secrets as `****`.",
        examples=[{**_TABLE, "url": "****", "secret": "****"}],
    )


class HandoverTables(BaseModel):
    """Every rule of hand-over, those of the file first."""

    items: list[HandoverTable]


@router.get("", summary="List rules of hand-over", responses=problems(401, 403, 503))
def list_handover_rules(context: Node) -> HandoverTables:
    """Return every rule with its settings and where it comes from."""
    return HandoverTables(items=[_out(one) for one in tables_of(context, "handovers")])


@router.get("/{name}", summary="Get a rule of hand-over", responses=problems(401, 403, 404, 422, 503))
def get_handover_rule(name: Name, context: Node) -> HandoverTable:
    """Return one rule."""
    return _out(table_of(context, Which("handovers", name)))


@router.put("/{name}", summary="Add or change a rule of hand-over", responses=problems(401, 403, 422, 503))
def put_handover_rule(name: Name, body: Table, request: Request, context: Node) -> HandoverTable:
    """Save a rule whole, over the file's of that name where there is one; it holds within seconds."""
    save_table(request, context, Which("handovers", name), body)
    return get_handover_rule(name, context)


@router.delete(
    "/{name}",
    summary="Remove a rule of hand-over, or set it back",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 503),
)
def remove_handover_rule(name: Name, request: Request, context: Node) -> None:
    """Take a rule away, or set one of the file back to it; what waits to be told by it waits for one of that name."""
    drop_table(request, context, Which("handovers", name))


def _out(found: TableNow) -> HandoverTable:
    rule = found.config
    receiver = rule.shown if isinstance(rule, WebhookConfig) else str(found.table.get("folder") or "")
    return HandoverTable(
        **said_of(found), type=str(found.table.get("type", "")), receiver=receiver, enabled=is_followed(found)
    )
