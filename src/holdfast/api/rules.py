"""Rules of delivery over HTTP: list, add, change and remove what is sent where, and see what it would be called.

The keys are those of `[deliveries.NAME]`; the key of its row's table goes one way. Not here: targets (targets), what
became of what was sent (deliveries), saving (library.saved_tables).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, Field

from holdfast.api.files import Node
from holdfast.api.tables import SavedTable, is_followed, said_of
from holdfast.core.camera import CAMERA_ID
from holdfast.http.errors import problems
from holdfast.http.rights import Right, needs
from holdfast.http.tables import drop_table, save_table, table_of, tables_of
from holdfast.library.rule_names import examples
from holdfast.library.saved_tables import TableNow, Which, would_be

router = APIRouter(prefix="/api/v1/rules", tags=["deliveries"], dependencies=[needs(Right.ADMIN)])

Name = Annotated[str, Path(pattern=f"^{CAMERA_ID.pattern}$", description="The rule's name.", examples=["archive"])]
_TABLE = {"target": "nas", "assets": ["segments", "journals"], "name": "lab"}
Table = Annotated[
    dict[str, Any],
    Body(
        description="Keys of `[deliveries.NAME]`, all of them: what is left out, or null, is its default. A key of the "
        "row that is left out, or `****`, stays what it was, as long as it is sent to the same address.",
        examples=[_TABLE],
        max_length=100,
    ),
]
_ANY = "example"  # a rule that is not saved is called so while its names are made


class RuleTable(SavedTable):
    """A rule as it is configured."""

    name: str = Field(examples=["archive"])
    target: str = Field(description="Name of its target.", examples=["nas"])
    enabled: bool = Field(description="Whether it is followed; what is left out is not.")
    table: dict[str, Any] = Field(description="Every key with what holds, secrets as `****`.", examples=[_TABLE])


class RuleTables(BaseModel):
    """Every rule, those of the file first."""

    items: list[RuleTable]


class NameExample(BaseModel):
    """What a file would be called at the target."""

    assets: str = Field(description="What kind of file.", examples=["segments"])
    file: str = Field(description="Where such a file lies here.")
    name: str = Field(description="Its name there.", examples=["gate/2026-05-01/gate_20260501T195000.mkv"])


class NameExamples(BaseModel):
    """One for each kind of file that the rule sends."""

    items: list[NameExample]


@router.get("", summary="List rules", responses=problems(401, 403, 503))
def list_rules(context: Node) -> RuleTables:
    """Return every rule with its settings and where it comes from."""
    return RuleTables(items=[_out(one) for one in tables_of(context, "deliveries")])


@router.get("/{name}", summary="Get a rule", responses=problems(401, 403, 404, 422, 503))
def get_rule(name: Name, context: Node) -> RuleTable:
    """Return one rule."""
    return _out(table_of(context, Which("deliveries", name)))


@router.put("/{name}", summary="Add or change a rule", responses=problems(401, 403, 422, 503))
def put_rule(name: Name, body: Table, request: Request, context: Node) -> RuleTable:
    """Save a rule whole, over the file's of that name where there is one; it holds within seconds."""
    save_table(request, context, Which("deliveries", name), body)
    return get_rule(name, context)


@router.delete(
    "/{name}",
    summary="Remove a rule, or set it back",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 503),
)
def remove_rule(name: Name, request: Request, context: Node) -> None:
    """Take a rule away, or set one of the file back to it; what it has planned is still sent."""
    drop_table(request, context, Which("deliveries", name))


@router.post("/example", summary="See names that a rule would make", responses=problems(401, 403, 422, 503))
def name_example(body: Table, context: Node) -> NameExamples:
    """Return what files would be called at the target under these keys; saves nothing."""
    config = would_be(context.catalog(), context.node, context.toml, Which("deliveries", _ANY), body)
    found = examples(config, config.deliveries[_ANY], context.clock.wall_us())
    return NameExamples(items=[NameExample(assets=one.assets, file=one.file, name=one.name) for one in found])


def _out(found: TableNow) -> RuleTable:
    return RuleTable(**said_of(found), target=str(found.table.get("target", "")), enabled=is_followed(found))
