"""Adding, changing, trying and removing a target: a form with the keys of its kind and no others.

A secret is never shown; its field is empty, and empty means that it is kept. Works without scripts. Not here: the list
(sending), the verbs (library.saved_tables, library.target_trial), reading forms (tables).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from holdfast.core.config.targets import TARGET_KINDS
from holdfast.core.errors import CatalogError, HoldfastError
from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.rights import Right, identity_of, needs
from holdfast.http.tables import drop_table, save_table, table_of
from holdfast.http.trying import target_trials_of
from holdfast.library.saved_tables import TableNow, Which, would_be
from holdfast.library.table_links import rules_of, waiting_for
from holdfast.library.table_secrets import keys_of
from holdfast.library.target_trial import Trial, try_now
from holdfast.web.forms import Form, go_to
from holdfast.web.render import page
from holdfast.web.tables import (
    FORGET,
    Said,
    Sections,
    empty_keys,
    form_of,
    read_table,
    refused,
    typed_of,
    why_left_out,
)

router = APIRouter(prefix="/settings/targets", include_in_schema=False, dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]

KINDS: Mapping[str, tuple[str, str]] = {
    "folder": ("Folder", "Another disk of this machine, or one mounted over NFS or SMB."),
    "rsync": ("rsync", "A host over SSH, or an rsync daemon."),
    "sftp": ("SFTP", "A host where the account may do SFTP alone."),
    "s3": ("S3", "A bucket of AWS, R2, MinIO or whatever else speaks S3."),
    "supabase": ("Supabase", "A bucket of Supabase Storage, for pictures and small files."),
}
"""What people call each kind, and what it is."""

_WHERE: Mapping[str, Mapping[str, str]] = {
    "folder": {"path": "Folder", "marker": "Id of its marker"},
    "rsync": {
        "path": "Place", "port": "Port of SSH", "key": "Private key for SSH, a path",
        "known_hosts": "Known hosts, a path", "user": "User at the daemon", "password": "Password at the daemon",
    },
    "sftp": {
        "host": "Host", "port": "Port", "user": "User", "password": "Password, of the user or the key",
        "key": "Private key, a path", "known_hosts": "Known hosts, a path", "path": "Folder there",
    },
    "s3": {
        "endpoint": "Address of the service", "region": "Region", "bucket": "Bucket", "prefix": "Before every name",
        "access_key": "Access key id", "secret_key": "Secret access key",
    },
    "supabase": {"url": "Address of the project", "key": "Key", "bucket": "Bucket", "prefix": "Before every name"},
}  # fmt: skip
_SENDING = {
    "hours": "Hours", "bandwidth": "Bytes a second at most", "parallel": "Files at the same time",
    "quiet_s": "Away after silence, in seconds", "verify_days": "Copies are verified anew after, in days",
}  # fmt: skip
_MORE = {
    "encrypt": "Sealed for these public keys", "address": "Public address of files", "mode": "Rights of files",
    "folder_mode": "Rights of folders", "owner": "Owner of files", "group": "Group of files",
    "options": "Options of rsync", "path_style": "Bucket in the path", "storage_class": "Storage class",
}  # fmt: skip


def sections_of(kind: str) -> Sections:
    """Return the sections of a kind's form."""
    return {
        "where": ("Where it is", KINDS[kind][1], _WHERE[kind]),
        "sending": ("When and how fast", "Hours are in the site's time zone; none is always.", _SENDING),
        "more": ("More", "", _MORE),
    }


@router.get("/-/add")
def new(request: Request, context: Node, kind: Annotated[str, Query(alias="type", max_length=20)] = "") -> Response:
    """Ask which kind, then for what that kind needs."""
    return _show(request, context, None, kind if kind in KINDS else "", Said())


@router.post("/-/add")
def add(request: Request, context: Node, form: Form) -> Response:
    """Save a new target, or try it."""
    kind = form.get("type", "")
    if kind not in KINDS:
        return go_to("/settings/targets/-/add")
    return _do(request, context, form, None, kind)


@router.get("/{name}")
def show(request: Request, context: Node, name: str, saved: str = "") -> Response:
    """Show a target."""
    found = _find(context, name)
    said = Said(error=why_left_out(found))
    return _show(request, context, found, _kind(found), said, words="Saved. It holds within seconds." if saved else "")


@router.post("/{name}")
def change(request: Request, context: Node, name: str, form: Form) -> Response:
    """Save a target, try it as it would be, or take it away."""
    found = _find(context, name)
    if form.get("what") != "remove":
        return _do(request, context, form, found, _kind(found))
    try:
        gone = drop_table(request, context, found.which)
    except HoldfastError as error:
        return _show(request, context, found, _kind(found), Said(error=error))
    return go_to("/settings/sending" if gone else f"/settings/targets/{name}?saved=yes")


def _do(request: Request, context: Context, form: Mapping[str, str], found: TableNow | None, kind: str) -> Response:
    keys = keys_of("targets", kind)
    table, wrong = read_table(keys, form)
    typed = typed_of(keys, form, new=found is None)
    if wrong:
        return _show(request, context, found, kind, Said(typed=typed, wrong=wrong))
    which = found.which if found else Which("targets", typed["id"])
    table["type"] = kind
    try:
        if form.get("what") == "try":
            trial = _tried(request, context, which if which.name else Which("targets", "new"), table)
            return _show(request, context, found, kind, Said(typed=typed), trial=trial)
        save_table(request, context, which, table, new=found is None)
    except HoldfastError as error:
        return _show(request, context, found, kind, replace(refused(error, keys), typed=typed))
    return go_to(f"/settings/targets/{which.name}?saved=yes")


def _tried(request: Request, context: Context, which: Which, table: dict[str, Any]) -> Trial:
    config = would_be(context.catalog(), context.node, context.toml, which, table).targets[which.name]
    who = identity_of(request)
    with target_trials_of(request).turn(f"{who.via} {who.name}"):
        return try_now(which.name, config)


def _find(context: Context, name: str) -> TableNow:
    return table_of(context, Which("targets", name))


def _kind(found: TableNow) -> str:
    kind = str(found.table.get("type", ""))
    return kind if kind in TARGET_KINDS else "folder"


def _show(
    request: Request, context: Context, found: TableNow | None, kind: str, said: Said, *, trial: Trial | None = None,
    words: str = "",
) -> Response:  # fmt: skip
    keys = found.keys if found and found.keys else empty_keys(keys_of("targets", kind))
    status = 503 if isinstance(said.error, CatalogError) else said.status
    return page(
        request, "target-edit.html", status, found=found, name=found.which.name if found else "", kind=kind,
        kinds=KINDS, sections=form_of(sections_of(kind), keys, said) if kind else [], said=said, trial=trial,
        words=words,
        rules=rules_of(context.config, found.which.name) if found else [],
        handovers=waiting_for(context.config, found.which.name) if found else [], forget=FORGET,
        file=context.toml.path.name,
        removable=found is not None and not found.place,
    )  # fmt: skip
