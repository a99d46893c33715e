"""Adding, changing and removing a rule of hand-over: a form with the keys of its kind and no others.

The address of a service is a secret, like its key: it is never shown, its field is empty, and empty means that it is
kept. Works without scripts. Not here: the list (sending), the verbs (library.saved_tables), reading forms (tables).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.core.config.handovers import HandoverCommon, MarkerConfig, WebhookConfig
from holdfast.core.config.settable import HANDOVER_KINDS
from holdfast.core.errors import BadInput, CatalogError, HoldfastError
from holdfast.core.naming import FIELDS
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, needs
from holdfast.http.tables import drop_table, save_table, table_of
from holdfast.library.saved_tables import TableNow, Which
from holdfast.library.table_secrets import keys_of
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page
from holdfast.web.tables import (
    BOXES_MOST,
    FORGET,
    Said,
    Sections,
    camera_boxes,
    chosen_of,
    empty_keys,
    form_of,
    read_table,
    refused,
    ticked,
    typed_of,
    why_left_out,
)

router = APIRouter(prefix="/settings/handovers", include_in_schema=False, dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]

KINDS: Mapping[str, tuple[str, str]] = {
    "marker": ("Marker file", "A small file beside each finished one, or in a folder, for scripts that look."),
    "webhook": ("Webhook", "A signed request for each finished file, made again until it is answered well."),
}
"""What people call each kind, and what it is."""

ASSETS: tuple[str, ...] = get_args(get_args(HandoverCommon.model_fields["assets"].annotation)[0])
BOXES = ("assets", "cameras", "streams", "after")  # lists whose entries are ticked

_WHO: Mapping[str, Mapping[str, str]] = {
    "marker": {"folder": "Folder", "name": "Name of a marker", "content": "What stands in it"},
    "webhook": {
        "url": "Address", "secret": "Secret that requests are signed with", "token": "Key of the receiver",
        "timeout_s": "Unanswered after, in seconds",
    },
}  # fmt: skip
_WHAT = {
    "enabled": "Follow it", "assets": "Files", "cameras": "Cameras", "streams": "Streams",
    "after": "Only once these targets have it", "since": "From when on", "parallel": "Files at the same time",
}  # fmt: skip


def sections_of(kind: str) -> Sections:
    """Return the sections of a kind's form."""
    title = "Which marker is made" if kind == "marker" else "Who is told"
    return {"who": (title, KINDS[kind][1], _WHO[kind]), "what": ("Of what", "", _WHAT)}


def sentence(found: TableNow) -> str:
    """Say what a rule does: `a marker beside each of segments of every camera`."""
    rule = found.config
    if not isinstance(rule, MarkerConfig | WebhookConfig):
        return "left out"
    *others, last = rule.assets
    what = f"{', '.join(others)} and {last}" if others else last
    of = f" of {', '.join(rule.cameras)}" if rule.cameras else " of every camera"
    after = f", once {' and '.join(rule.after)} {'has' if len(rule.after) == 1 else 'have'} it" if rule.after else ""
    return f"{what}{of}{after}"


def receiver(found: TableNow) -> str:
    """Say who is told: a service without its secrets, or where markers are."""
    rule = found.config
    if isinstance(rule, WebhookConfig):
        return rule.shown
    if isinstance(rule, MarkerConfig):
        return f"{rule.template} in {rule.folder}" if rule.folder else f"{rule.template} beside each file"
    return ""


@router.get("/-/add")
def new(request: Request, context: Node, kind: Annotated[str, Query(alias="type", max_length=20)] = "") -> Response:
    """Ask which kind, then for what that kind needs."""
    return _show(request, context, None, kind if kind in KINDS else "", Said())


@router.post("/-/add")
def add(request: Request, context: Node, form: Form) -> Response:
    """Save a new rule."""
    kind = form.get("type", "")
    return _do(request, context, form, None, kind) if kind in KINDS else go_to("/settings/handovers/-/add")


@router.get("/{name}")
def show(request: Request, context: Node, name: str, saved: str = "") -> Response:
    """Show a rule."""
    found = table_of(context, Which("handovers", name))
    words = "Saved. It holds within seconds." if saved else ""
    return _show(request, context, found, _kind(found), Said(error=why_left_out(found)), words=words)


@router.post("/{name}")
def change(request: Request, context: Node, name: str, form: Form) -> Response:
    """Save a rule, or take it away."""
    found = table_of(context, Which("handovers", name))
    if form.get("what") != "remove":
        return _do(request, context, form, found, _kind(found))
    try:
        gone = drop_table(request, context, found.which)
    except HoldfastError as error:
        return _show(request, context, found, _kind(found), Said(error=error))
    return go_to("/settings/sending" if gone else f"/settings/handovers/{name}?saved=yes")


def _do(request: Request, context: Context, form: Mapping[str, str], found: TableNow | None, kind: str) -> Response:
    form, keys = ticked(form, BOXES), keys_of("handovers", kind)
    table, wrong = read_table(keys, form)
    typed = typed_of(keys, form, new=found is None)
    if not form.get("assets", "all"):
        wrong["assets"] = BadInput("assets: nothing is chosen", hint="tick of what is told")
    if wrong:
        return _show(request, context, found, kind, Said(typed=typed, wrong=wrong))
    which = found.which if found else Which("handovers", typed["id"])
    try:
        save_table(request, context, which, {**table, "type": kind}, new=found is None)
    except HoldfastError as error:
        return _show(request, context, found, kind, replace(refused(error, keys), typed=typed))
    return go_to(f"/settings/handovers/{which.name}?saved=yes")


def _kind(found: TableNow) -> str:
    kind = str(found.table.get("type", ""))
    return kind if kind in HANDOVER_KINDS else "marker"


def _show(
    request: Request, context: Context, found: TableNow | None, kind: str, said: Said, *, words: str = ""
) -> Response:  # fmt: skip
    keys = found.keys if found and found.keys else empty_keys(keys_of("handovers", kind))
    sections = form_of(sections_of(kind), keys, said) if kind else []
    chosen = chosen_of(sections, BOXES)
    config = context.config
    boxes = {
        "assets": {name: name for name in ASSETS}, "streams": {"main": "main", "sub": "sub"},
        "cameras": camera_boxes(config, chosen.get("cameras", [])),
        "after": {name: name for name in dict.fromkeys([*config.targets, *chosen.get("after", [])])},
    }  # fmt: skip
    boxes = {key: some for key, some in boxes.items() if 0 < len(some) <= BOXES_MOST}
    status = 503 if isinstance(said.error, CatalogError) else said.status
    return page(
        request, "handover-edit.html", status, found=found, name=found.which.name if found else "", kind=kind,
        kinds=KINDS, sections=sections, said=said, words=words, boxes=boxes, chosen=chosen, templates=list(FIELDS),
        who=receiver(found) if found else "", forget=FORGET, file=context.toml.path.name,
        removable=found is not None and not found.place,
    )  # fmt: skip
