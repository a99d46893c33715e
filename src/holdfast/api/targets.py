"""Targets over HTTP: list, add, change, remove and try the places that finished files are sent to (C126, C128).

The keys are those of `[targets.NAME]`; a secret goes one way. Not here: how deliveries to them stand (deliveries), what
is sent there (rules), saving (library.saved_tables).
"""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from holdfast.api.files import Node
from holdfast.api.tables import SavedTable, said_of
from holdfast.core.camera import CAMERA_ID
from holdfast.core.config.targets import AnyTarget, TargetCommon
from holdfast.core.errors import BadInput, Wrong
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.tables import drop_table, save_table, table_of, tables_of
from holdfast.http.trying import target_trials_of
from holdfast.library.saved_tables import TableNow, Which, would_be
from holdfast.library.table_links import rules_of
from holdfast.library.target_trial import Trial, try_now
from holdfast.storage.targets.trial import place_of

router = APIRouter(prefix="/api/v1/targets", tags=["deliveries"])

Name = Annotated[str, Path(pattern=f"^{CAMERA_ID.pattern}$", description="The target's name.", examples=["nas"])]
_TABLE = {"type": "sftp", "host": "192.0.2.20", "user": "keeper", "password": "a secret", "path": "cameras"}
Table = Annotated[
    dict[str, Any],
    Body(
        description="Keys of `[targets.NAME]`, what is left out, or null, is its default. A secret that is "
        "left out, or `****`, stays what it was, as long as it is sent to the same place; an empty one is none.",
        examples=[_TABLE],
        max_length=100,
    ),
]
_log = structlog.get_logger("holdfast.web")


class TargetTable(SavedTable):
    """A target as it is configured."""

    type: str = Field(description="`folder`, `rsync`, `sftp`, `s3` or `supabase`.", examples=["sftp"])
    where: str = Field(description="Its place, without credentials.", examples=["keeper@192.0.2.20:cameras"])
    rules: list[str] = Field(description="Names of the rules that send to it.", examples=[["archive"]])
    table: dict[str, Any] = Field(
        description="Every key with what holds, secrets as `****`.", examples=[{**_TABLE, "password": "****"}]
    )


class TargetTables(BaseModel):
    """Every target, those of the file first."""

    items: list[TargetTable]


class TargetTrial(BaseModel):
    """What came of trying a target."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "nas", "where": "/mnt/nas", "works": True, "took_s": 0.041, "problem": "", "code": "",
                "hint": "", "verifies": "sha256, by reading back from the disk", "free_bytes": 412_000_000_000,
            }
        }
    )  # fmt: skip

    name: str
    where: str = Field(description="Its place, without credentials.")
    works: bool = Field(description="A small file was written, verified and removed.")
    took_s: float
    problem: str = Field(description="What is wrong; empty where it works.")
    code: str = Field(description="The same for programs, such as `target-away`.")
    hint: str = Field(description="What to do about it.")
    verifies: str = Field(description="How it will be known that a file arrived whole.")
    free_bytes: int | None = Field(description="Room that is left; null where nobody says.")


@router.get("", summary="List targets", dependencies=[needs(Right.ADMIN)], responses=problems(401, 403, 503))
def list_targets(context: Node) -> TargetTables:
    """Return every target with its settings, where it comes from, and the rules that send to it; connects to none."""
    return TargetTables(items=[_out(context, one) for one in tables_of(context, "targets")])


@router.get(
    "/{name}", summary="Get a target", dependencies=[needs(Right.ADMIN)], responses=problems(401, 403, 404, 422, 503)
)
def get_target(name: Name, context: Node) -> TargetTable:
    """Return one target."""
    return _out(context, table_of(context, Which("targets", name)))


@router.put(
    "/{name}", summary="Add or change a target", dependencies=[needs(Right.ADMIN)],
    responses=problems(401, 403, 422, 503),
)  # fmt: skip
def put_target(name: Name, body: Table, request: Request, context: Node) -> TargetTable:
    """Save a target whole, over the file's of that name where there is one; it holds within seconds."""
    save_table(request, context, Which("targets", name), body)
    return get_target(name, context)


@router.delete(
    "/{name}", summary="Remove a target, or set it back", status_code=204, dependencies=[needs(Right.ADMIN)],
    responses=problems(401, 403, 404, 409, 422, 503),
)  # fmt: skip
def remove_target(name: Name, request: Request, context: Node) -> None:
    """Take a target away that no rule names, or set one of the file back to it; what was sent there stays there."""
    drop_table(request, context, Which("targets", name))


@router.post(
    "/{name}/test", summary="Try a target", dependencies=[needs(Right.OPERATOR)],
    responses=problems(401, 403, 404, 422, 429, 503),
)  # fmt: skip
def test_target(name: Name, request: Request, context: Node) -> TargetTrial:
    """Write, verify and remove a small file at a target, as `holdfast targets test` does; within seconds."""
    config = context.config.targets.get(name)
    if config is None:
        found = table_of(context, Which("targets", name))
        raise BadInput(
            f"target {name} is left out", fields=[Wrong(one.key, one.message, one.hint) for one in found.problems]
        )
    return _try(request, name, config)


@router.post(
    "/{name}/try", summary="Try a target before it is saved", dependencies=[needs(Right.ADMIN)],
    responses=problems(401, 403, 422, 429, 503),
)  # fmt: skip
def try_target(name: Name, body: Table, request: Request, context: Node) -> TargetTrial:
    """Try a target as it would be with these keys; saves nothing."""
    config = would_be(context.catalog(), context.node, context.toml, Which("targets", name), body)
    return _try(request, name, config.targets[name])


def _try(request: Request, name: str, config: AnyTarget) -> TargetTrial:
    who = identity_of(request)
    with target_trials_of(request).turn(f"{who.via} {who.name}"):
        trial = try_now(name, config)
    _log.info("target.tried", target=name, works=trial.problem is None, by=who.name)
    return _trial_out(trial)


def _trial_out(trial: Trial) -> TargetTrial:
    problem, facts = trial.problem, trial.facts
    return TargetTrial(
        name=trial.name, where=trial.where, works=problem is None, took_s=round(trial.took_s, 3),
        problem=str(problem) if problem else "", code=problem.code if problem else "",
        hint=problem.hint if problem else "", verifies=facts.verifies if facts else "",
        free_bytes=facts.free_bytes if facts else None,
    )  # fmt: skip


def _out(context: Context, found: TableNow) -> TargetTable:
    config = found.config
    return TargetTable(
        **said_of(found), type=str(found.table.get("type", "")),
        where=place_of(config) if isinstance(config, TargetCommon) else "",
        rules=rules_of(context.config, found.which.name),
    )  # fmt: skip
