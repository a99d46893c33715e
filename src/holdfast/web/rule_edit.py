"""Adding, changing and removing a rule of delivery, with the names that it would make beside the form.

Works without scripts; with them the names follow what is typed. Not here: the list (sending), the verbs
(library.saved_tables), how names are made (library.rule_names), reading forms (tables).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from holdfast.core.config.deliveries import KINDS
from holdfast.core.errors import BadInput, HoldfastError
from holdfast.core.naming import FIELDS, PRESETS, ROW_PRESETS
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, needs
from holdfast.http.tables import drop_table, save_table, table_of
from holdfast.library.rule_names import Example, examples
from holdfast.library.saved_tables import TableNow, Which, would_be
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

router = APIRouter(prefix="/settings/rules", include_in_schema=False, dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]

SECTIONS: Sections = {
    "what": ("What is sent", "", {
        "enabled": "Follow it",
        "target": "Target",
        "assets": "Files",
        "cameras": "Cameras",
        "streams": "Streams",
        "since": "From when on",
    }),
    "naming": ("Under which name", "", {
        "name": "Names of files",
        "user": "What {user} stands for",
    }),
    "form": ("In which form", "Footage is never encoded anew, and what lies here stays as it is.", {
        "format": "Form of footage",
        "form": "Form of pictures",
        "quality": "Quality of pictures, 1 to 100",
    }),
    "row": ("A row after each file", "Written to a table over PostgREST, as Supabase has it, once the file is there.", {
        "row.url": "Address of the interface",
        "row.table": "Table",
        "row.profile": "Schema",
        "row.key": "Key",
        "row.preset": "Columns to begin with",
        "row.columns": "Columns of your own",
        "row.same": "Column that tells rows apart",
    }),
}  # fmt: skip
"""Sections: title, what it is about, and its settings with what people call them."""

BOXES = ("assets", "cameras", "streams")  # lists whose entries are ticked
_UNNAMED = "new-rule"
_KEYS = keys_of("deliveries")


@dataclass(frozen=True, slots=True)
class Names:
    """What files would be called, or why that cannot be said."""

    found: tuple[Example, ...] = ()
    error: HoldfastError | None = None

    @property
    def why(self) -> list[str]:
        """What is wrong, field by field, as the form names them."""
        labels = {key: label for _, _, some in SECTIONS.values() for key, label in some.items()}
        told = getattr(self.error, "fields", ())
        return [f"{labels.get(one.field, one.field)}: {one.message}".removeprefix(": ") for one in told]


@router.get("/-/add")
def new(request: Request, context: Node, target: str = "") -> Response:
    """Show an empty form."""
    return _show(request, context, None, Said(typed={"target": target} if target else {}))


@router.post("/-/add")
def add(request: Request, context: Node, form: Form) -> Response:
    """Save a new rule, or show its names."""
    return _do(request, context, form, None)


@router.get("/{name}")
def show(request: Request, context: Node, name: str, saved: str = "") -> Response:
    """Show a rule."""
    found = _find(context, name)
    words = "Saved. It holds within seconds." if saved else ""
    return _show(request, context, found, Said(error=why_left_out(found)), words=words)


@router.post("/{name}")
def change(request: Request, context: Node, name: str, form: Form) -> Response:
    """Save a rule, show its names, or take it away."""
    found = _find(context, name)
    if form.get("what") != "remove":
        return _do(request, context, form, found)
    try:
        gone = drop_table(request, context, found.which)
    except HoldfastError as error:
        return _show(request, context, found, Said(error=error))
    return go_to("/settings/sending" if gone else f"/settings/rules/{name}?saved=yes")


def _do(request: Request, context: Context, form: Mapping[str, str], found: TableNow | None) -> Response:
    form = ticked(form, BOXES)
    table, wrong = read_table(_KEYS, form)
    typed = typed_of(_KEYS, form, new=found is None)
    if not form.get("assets", "all"):
        wrong["assets"] = BadInput("assets: nothing is chosen", hint="tick what is to be sent")
    if wrong:
        return _show(request, context, found, Said(typed=typed, wrong=wrong))
    if form.get("what") == "names":
        return _show(request, context, found, Said(typed=typed), names=_names(context, found, table))
    which = found.which if found else Which("deliveries", typed["id"])
    try:
        save_table(request, context, which, table, new=found is None)
    except HoldfastError as error:
        return _show(request, context, found, replace(refused(error, _KEYS), typed=typed))
    return go_to(f"/settings/rules/{which.name}?saved=yes")


def _names(context: Context, found: TableNow | None, table: Mapping[str, Any]) -> Names:
    which = found.which if found else Which("deliveries", _UNNAMED)
    try:
        config = would_be(context.catalog(), context.node, context.toml, which, table)
    except HoldfastError as error:
        return Names(error=error)
    return Names(tuple(examples(config, config.deliveries[which.name], context.clock.wall_us())))


def _find(context: Context, name: str) -> TableNow:
    return table_of(context, Which("deliveries", name))


def _show(
    request: Request, context: Context, found: TableNow | None, said: Said, *, names: Names | None = None,
    words: str = "",
) -> Response:  # fmt: skip
    keys = found.keys if found and found.keys else empty_keys(_KEYS)
    if names is None:
        shown = {"target": next(iter(context.config.targets), "")} if found is None else found.table
        names = Names() if said.wrong or not context.config.targets else _names(context, found, shown)
    sections = form_of(SECTIONS, keys, said)
    chosen = chosen_of(sections, BOXES)
    boxes: dict[str, dict[str, str]] = {
        "assets": {name: name for name in KINDS}, "streams": {"main": "main", "sub": "sub"},
        "cameras": camera_boxes(context.config, chosen["cameras"]),
    }  # fmt: skip
    if len(boxes["cameras"]) > BOXES_MOST:
        del boxes["cameras"]
    return page(
        request, "rule-edit.html", said.status, found=found, name=found.which.name if found else "", said=said,
        sections=sections, boxes=boxes, chosen=chosen, names=names, words=words, targets=list(context.config.targets),
        presets=PRESETS, templates=list(FIELDS), row_presets=list(ROW_PRESETS), forget=FORGET,
        file=context.toml.path.name, removable=found is not None and not found.place,
    )  # fmt: skip
