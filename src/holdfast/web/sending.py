"""Settings of what is sent where: every target, rule and hand-over, with how they stand, and the way to change each.

Not here: changing (target_edit, rule_edit, handover_edit), what became of files (delivery), what it all means
(library.saved_tables).
"""

from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.config.model import Config
from holdfast.core.config.targets import TargetCommon
from holdfast.core.errors import CatalogError, HoldfastError, NotFound
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.tables import tables_of
from holdfast.http.trying import target_trials_of
from holdfast.library import deliveries
from holdfast.library.deliveries import TargetNow
from holdfast.library.saved_tables import TableNow
from holdfast.library.table_links import rules_of
from holdfast.library.target_trial import Trial, try_now
from holdfast.storage.targets.trial import place_of
from holdfast.web import handover_edit
from holdfast.web.delivery import state_of
from holdfast.web.render import page
from holdfast.web.target_edit import KINDS

router = APIRouter(prefix="/settings/sending", include_in_schema=False, dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]

_log = structlog.get_logger("holdfast.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """A target in the list. `now` is None for one that is left out."""

    table: TableNow
    kind: str
    where: str
    rules: tuple[str, ...]
    now: TargetNow | None
    health: str
    state: str


@router.get("")
def show(request: Request, context: Node) -> Response:
    """List targets, rules and hand-overs."""
    return _show(request, context)


@router.post("/test/{name}")
def test(request: Request, context: Node, name: str) -> Response:
    """Try a target as it is, and show what came of it in its place of the list."""
    config = context.config.targets.get(name)
    if config is None:
        raise NotFound(f"there is no target {name!r} in force")
    who = identity_of(request)
    try:
        with target_trials_of(request).turn(f"{who.via} {who.name}"):
            trial = try_now(name, config)
    except HoldfastError as error:
        return _show(request, context, error=error)
    _log.info("target.tried", target=name, works=trial.problem is None, by=who.name)
    return _show(request, context, trial=trial)


def _show(
    request: Request, context: Context, *, error: HoldfastError | None = None, trial: Trial | None = None
) -> Response:  # fmt: skip
    config = context.config
    targets: list[TargetRow] | None = None
    rules: list[tuple[TableNow, str]] = []
    handovers: list[tuple[TableNow, str, str]] = []
    try:
        catalog = context.catalog()
        stands = deliveries.targets(catalog, config, context.node, context.clock.wall_us())
        now = {one.name: one for one in stands}
        targets = [_row(config, one, now.get(one.which.name)) for one in tables_of(context, "targets")]
        rules = [(one, sentence(one)) for one in tables_of(context, "deliveries")]
        handovers = [
            (one, handover_edit.sentence(one), handover_edit.receiver(one)) for one in tables_of(context, "handovers")
        ]
    except CatalogError as away:
        error = error or away
    said = {camera: one.retention.copies for camera, one in config.cameras.items()}
    return page(
        request, "sending.html", 200 if error is None else error.http_status, targets=targets, rules=rules,
        handovers=handovers, error=error, trial=trial, file=str(context.toml.path),
        copies=context.loaded.defaults.retention.copies,
        others={camera: one for camera, one in said.items() if one != context.loaded.defaults.retention.copies},
    )  # fmt: skip


def _row(config: Config, table: TableNow, now: TargetNow | None) -> TargetRow:
    kind, found = str(table.table.get("type", "")), table.config
    rules = tuple(rules_of(config, table.which.name))
    health, state = ("lost", "left out") if now is None else state_of(now)
    return TargetRow(
        table=table, kind=KINDS[kind][0] if kind in KINDS else kind, rules=rules, now=now, health=health, state=state,
        where=place_of(found) if isinstance(found, TargetCommon) else "",
    )  # fmt: skip


def sentence(table: TableNow) -> str:
    """Say what a rule does: `segments and journals of gate, as lab`."""
    rule = table.config
    if not isinstance(rule, DeliveryConfig):
        return "left out"
    *others, last = rule.assets
    what = f"{', '.join(others)} and {last}" if others else last
    of = f" of {', '.join(rule.cameras)}" if rule.cameras else " of every camera"
    streams = f", {rule.streams[0]} alone" if len(rule.streams) == 1 else ""
    form = f", {rule.format}" if rule.format else ""
    pictures = f", pictures as {rule.form}" if rule.form else ""
    quality = f", compressed to {rule.quality}" if rule.quality is not None else ""
    row = f", with a row in {rule.row.table}" if rule.row else ""
    return f"{what}{of}{streams}, named {rule.name}{form}{pictures}{quality}{row}"
