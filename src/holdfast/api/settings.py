"""Settings that may be changed while Holdfast runs: with their origin, over the file, and back to it.

Not here: what they mean (core.config.model), cameras' own settings (cameras).
"""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Body, Depends, Path, Request
from pydantic import BaseModel, Field

from holdfast.http.app import context_of
from holdfast.http.context import Context
from holdfast.http.errors import problems
from holdfast.http.rights import Right, identity_of, needs
from holdfast.library import cameras, settings
from holdfast.library.settings import SettingNow

router = APIRouter(prefix="/api/v1/settings", tags=["settings"], dependencies=[needs(Right.ADMIN)])

Node = Annotated[Context, Depends(context_of)]

_log = structlog.get_logger("holdfast.web")


class Setting(BaseModel):
    """A setting: what holds, why, and what it takes."""

    key: str = Field(examples=["defaults.segment_s"])
    value: Any = Field(description="What holds; `****` for a secret that is there.", examples=[300])
    origin: str = Field(
        description="Who says so: `file:line`, `saved settings`, `environment NAME` or `default`.",
        examples=["saved settings"],
    )
    below: Any = Field(description="What holds where it is set back.", examples=[600])
    saved: bool = Field(description="Whether it was changed while running.")
    fixed: str = Field(description="Why it cannot be changed here; empty where it can.", examples=[""])
    kind: str = Field(
        description="What it takes: text, choice, switch (true or false), whole, number, size (`16 MiB`), list "
        "or lines (of texts), windows (as in the file), table or secret (only written).",
        examples=["whole"],
    )
    choices: list[str] = Field(description="What a choice may be.")
    words: str = Field(description="What it means.")
    changed_us: int | None = Field(description="When it was last changed, microseconds since the epoch, UTC.")
    changed_by: str = Field(description="Who changed it last.", examples=["alice"])


class Settings(BaseModel):
    """Every setting that may be changed while running."""

    items: list[Setting]
    cursor: str | None = None


Changes = Annotated[
    dict[str, Any],
    Body(
        description="Values by key; `null` sets a key back. Where one of them makes no sense, none is taken.",
        examples=[{"defaults.segment_s": 300, "log.level": None}],
        min_length=1,
        max_length=100,
    ),
]


@router.get("", summary="List settings", responses=problems(401, 403, 503))
def list_settings(context: Node) -> Settings:
    """Return every setting that may be changed while running, with its value and who says it."""
    return _all(context)


@router.patch("", summary="Change settings", responses=problems(401, 403, 404, 409, 422, 503))
def change_settings(body: Changes, request: Request, context: Node) -> Settings:
    """Save settings over the file's; they hold within seconds, without a restart. Returns all of them."""
    _change(context, request, body)
    return _all(context)


@router.delete("/{key}", summary="Set a setting back", status_code=204, responses=problems(401, 403, 404, 409, 503))
def reset_setting(
    key: Annotated[str, Path(pattern=r"^[a-z_0-9.]{1,200}$", description="The setting's key.")],
    request: Request, context: Node,
) -> None:  # fmt: skip
    """Set a setting back to what the file, or else the default, says."""
    _change(context, request, {key: None})


def _change(context: Context, request: Request, wanted: dict[str, Any]) -> None:
    by = identity_of(request).name
    catalog = context.catalog()
    changed = settings.change(
        catalog, context.node, context.toml, wanted, context.clock, by=by,
        cameras=cameras.runtime_settings(catalog, context.node),
    )  # fmt: skip
    context.changed()
    _log.info("settings.changed", keys=changed, by=by)


def _all(context: Context) -> Settings:
    found = settings.list_settings(context.catalog(), context.node, context.toml)
    return Settings(items=[_shown(setting) for setting in found])


def _shown(found: SettingNow) -> Setting:
    about = found.about
    return Setting(
        key=about.key, value=found.value, origin=found.origin, below=found.below, saved=found.saved,
        fixed=found.fixed, kind=about.kind, choices=list(about.choices), words=about.words,
        changed_us=found.changed_us, changed_by=found.changed_by,
    )  # fmt: skip
