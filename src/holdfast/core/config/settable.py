"""Which settings people may change while Holdfast runs, and what each of them takes.

Made from the models, so that a new key of a camera is there by itself. What needs a restart, moves footage or could
lock everybody out (folders, volumes, the catalog's address, where the server listens) stays the file's alone. Targets
and rules of delivery are changed as whole tables, by the key of the table: `targets.nas`. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from holdfast.core.camera import CAMERA_ID
from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.config.handovers import HandoverCommon, MarkerConfig, WebhookConfig
from holdfast.core.config.model import CameraConfig, Config
from holdfast.core.config.secret import Secret
from holdfast.core.config.targets import TARGET_KINDS
from holdfast.core.config.units import format_bytes

Kind = Literal["text", "choice", "switch", "whole", "number", "size", "list", "lines", "windows", "table", "secret"]

GENERAL = (
    "site.name",
    "site.time_zone",
    "log.level",
    "log.max_bytes",
    "log.keep",
    "log.keep_days",
    "web.session_hours",
    "web.viewers",
    "web.transcodes",
    "web.hosts",
    "web.cors_origins",
    "retention.enabled",
    "retention.disk_full",
    "retention.newest_minutes",
    "retention.headroom",
    "retention.warn_percent",
    "retention.alert_percent",
    "retention.critical_percent",
    "retention.least_free",
    "retention.events_days",
    "retention.incidents_days",
    "retention.cache_days",
    "retention.temp_days",
    "retention.files_per_pass",
)

OWN = frozenset({"name", "location", "side", "url", "sub_url", "address", "encode", "options"})
"""Keys that make sense for one camera alone."""

PASSING = frozenset({"capture.override", "capture.override_until"})
"""What holds for an hour or an evening is said of a camera, not of all that are to come."""

TABLES = ("targets", "deliveries", "handovers")
"""Sections whose tables are saved whole; in this order, because rules and hand-overs name targets."""

HANDOVER_KINDS: dict[str, type[HandoverCommon]] = {"marker": MarkerConfig, "webhook": WebhookConfig}
"""Every kind of hand-over by its `type`."""

_SIZES = frozenset({"reserve", "max_bytes", "queue", "keep_bytes", "headroom", "least_free", "bandwidth"})
_LINES = frozenset({"options", "encrypt"})  # lists whose entries may hold commas, or are long


@dataclass(frozen=True, slots=True, kw_only=True)
class Settable:
    """A setting that may be changed.

    Attributes:
        key: Dotted, as in the file: `defaults.segment_s`.
        kind: What it takes.
        words: What it means.
        default: What holds where nobody says anything; None where that depends.
        choices: What a `choice` may be.
        open: Whether it may be left unsaid.
    """

    key: str
    kind: Kind
    words: str
    default: Any = None
    choices: tuple[str, ...] = ()
    open: bool = False


def settable() -> dict[str, Settable]:
    """Return every setting that may be changed while running, by key: general ones, then `[defaults]`."""
    general = {found.key: found for found in _leaves(Config, "")}
    defaults = (
        found
        for found in _leaves(CameraConfig, "defaults.")
        if (own := found.key.removeprefix("defaults.")) not in PASSING and own.partition(".")[0] not in OWN
    )
    return {key: general[key] for key in GENERAL} | {found.key: found for found in defaults}


def of_camera() -> dict[str, Settable]:
    """Return every setting of a camera, by its key in `[cameras.ID]`."""
    return {found.key: found for found in _leaves(CameraConfig, "")}


def of_target(kind: str) -> dict[str, Settable]:
    """Return every setting of a kind of target, by its key in `[targets.NAME]`; `type` is not among them."""
    return {found.key: found for found in _leaves(TARGET_KINDS[kind], "") if found.key != "type"}


def of_rule() -> dict[str, Settable]:
    """Return every setting of a rule, by its key in `[deliveries.NAME]`."""
    return {found.key: found for found in _leaves(DeliveryConfig, "")}


def of_handover(kind: str) -> dict[str, Settable]:
    """Return every setting of a kind of hand-over, by its key in `[handovers.NAME]`; `type` is not among them."""
    return {found.key: found for found in _leaves(HANDOVER_KINDS[kind], "") if found.key != "type"}


def is_table(key: str) -> bool:
    """Say whether a key is that of a table which is saved whole: `targets.nas`."""
    section, _, name = key.partition(".")
    return section in TABLES and bool(CAMERA_ID.fullmatch(name))


def _leaves(model: type[BaseModel], at: str) -> Iterator[Settable]:
    for name, field in model.model_fields.items():
        # A table that may be left out has its keys all the same.
        kind = next((part for part in _parts(field.annotation) if isinstance(part, type)), None)
        if kind is not None and issubclass(kind, BaseModel):
            yield from _leaves(kind, f"{at}{name}.")
        else:
            yield _of(f"{at}{name}", name, field)


def _of(key: str, name: str, field: FieldInfo) -> Settable:
    options = list(_parts(field.annotation))
    choices = tuple(str(value) for kind in options if get_origin(kind) is Literal for value in get_args(kind) if value)
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if isinstance(default, Secret):
        default = ""
    kind = _kind(name, options)
    return Settable(
        key=key, kind=kind, words=field.description or "", choices=choices, open=default is None or default == "",
        default=format_bytes(default) if kind == "size" and isinstance(default, int) else default,
    )  # fmt: skip


def _parts(kind: Any) -> Iterator[Any]:
    if get_origin(kind) in {Union, UnionType}:
        for part in get_args(kind):
            yield from _parts(part)
    elif get_origin(kind) is Annotated:
        yield from _parts(get_args(kind)[0])
    else:
        yield kind


def _kind(name: str, options: list[Any]) -> Kind:
    if name in _SIZES:
        return "size"
    if name in {"windows", "hours"}:
        return "windows"
    origins = {get_origin(kind) for kind in options}
    if Literal in origins:
        return "choice"
    if tuple in origins:
        return "lines" if name in _LINES else "list"
    if dict in origins:
        return "table"
    kinds: tuple[tuple[type, Kind], ...] = (
        (Secret, "secret"), (bool, "switch"), (float, "number"), (int, "whole"),
    )  # fmt: skip
    return next((kind for known, kind in kinds if known in options), "text")
