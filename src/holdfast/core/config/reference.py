"""The reference of all settings as Markdown, made from the models: `python -m holdfast.core.config.reference FILE`.

What stands between the two marks of the file is replaced; a test says whether it is current.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from holdfast.core.config.deliveries import DeliveryConfig, RowConfig
from holdfast.core.config.handovers import HandoverCommon, MarkerConfig, WebhookConfig
from holdfast.core.config.memory import MemoryConfig
from holdfast.core.config.model import (
    CameraConfig,
    CatalogConfig,
    Config,
    LogConfig,
    RecorderConfig,
    SiteConfig,
    VolumeConfig,
    WebConfig,
)
from holdfast.core.config.retention import RetentionConfig
from holdfast.core.config.secret import Secret
from holdfast.core.config.targets import (
    FolderTarget,
    RsyncTarget,
    S3Target,
    SftpTarget,
    SupabaseTarget,
    TargetCommon,
)
from holdfast.core.config.units import format_bytes
from holdfast.core.config.watch import WatcherConfig
from holdfast.core.config.windows import WindowConfig
from holdfast.core.config.work import WorkConfig

BEGIN = "<!-- settings: begin -->"
END = "<!-- settings: end -->"

_SIZES = frozenset({
    "reserve", "max_bytes", "queue", "bandwidth", "cap", "keep_bytes", "headroom", "least_free",
})  # fmt: skip
_TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Top of the file", Config),
    ("`[site]`", SiteConfig),
    ("`[volumes.NAME]`", VolumeConfig),
    ("`[catalog]`", CatalogConfig),
    ("`[memory]`", MemoryConfig),
    ("`[recorder]`", RecorderConfig),
    ("`[log]`", LogConfig),
    ("`[web]`", WebConfig),
    ("`[watcher]`", WatcherConfig),
    ("`[work]`", WorkConfig),
    ("`[retention]`", RetentionConfig),
    ("`[defaults]` and `[cameras.ID]`", CameraConfig),
    ("`[targets.NAME]` of every kind", TargetCommon),
    ('`[targets.NAME]` with `type = "folder"`', FolderTarget),
    ('`[targets.NAME]` with `type = "rsync"`', RsyncTarget),
    ('`[targets.NAME]` with `type = "sftp"`', SftpTarget),
    ('`[targets.NAME]` with `type = "s3"`', S3Target),
    ('`[targets.NAME]` with `type = "supabase"`', SupabaseTarget),
    ("`[deliveries.NAME]`", DeliveryConfig),
    ("`[deliveries.NAME.row]`", RowConfig),
    ("`[handovers.NAME]` of every kind", HandoverCommon),
    ('`[handovers.NAME]` with `type = "marker"`', MarkerConfig),
    ('`[handovers.NAME]` with `type = "webhook"`', WebhookConfig),
    ("Entries of `capture.windows`, `stills.windows` and `hours`", WindowConfig),
)


_COMMON: tuple[type[BaseModel], ...] = (TargetCommon, HandoverCommon)


def reference() -> str:
    """Return the tables of all settings."""
    parts = []
    for title, model in _TABLES:
        rows = "\n".join(_rows(model))
        parts.append(f"### {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def refreshed(text: str) -> str:
    """Return a document with the reference between its marks made new."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{reference()}\n{END}{tail}"


def _rows(model: type[BaseModel], at: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if any(name in common.model_fields for common in _COMMON if issubclass(model, common) and model is not common):
            continue  # said once, for all kinds
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if model is not Config:
                yield from _rows(kind, f"{at}{name}.")
        elif get_origin(kind) is not dict or name in {"options", "columns"}:
            cells = (f"`{at}{name}`", _kind(name, kind), _default(name, field), field.description or "")
            yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _kind(name: str, kind: Any) -> str:
    if name in _SIZES:
        return "size"
    if get_origin(kind) is Annotated:
        return _kind(name, get_args(kind)[0])
    if get_origin(kind) is Literal:
        return " ".join(f"`{option}`" for option in get_args(kind) if option)
    if get_origin(kind) is tuple:
        inner_kind = _kind(name, get_args(kind)[0])
        return f"list of {inner_kind}{'s' if inner_kind.endswith('number') else ''}"
    inner = [_kind(name, part) for part in get_args(kind) if part is not NoneType]
    if inner and get_origin(kind) is not dict:
        return ", ".join(inner)
    names = {str: "text", int: "whole number", float: "number", bool: "true, false", Path: "path", Secret: "secret"}
    return names.get(kind, {"WindowConfig": "windows", "datetime": "date and time"}.get(_name(kind), "table of texts"))


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", "")


def _default(name: str, field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True) if not field.is_required() else None
    if field.is_required():
        return "see there" if name in {"state_dir", "runtime_dir"} else "required"
    if value is None or (not value and not isinstance(value, (bool, int))):
        return ""
    if name in _SIZES:
        return f"`{format_bytes(value)}`"
    if isinstance(value, tuple):
        return "every day" if name == "days" else ""
    return f"`{str(value).lower() if isinstance(value, bool) else f'{value:g}' if isinstance(value, float) else value}`"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        document = Path(argument)
        document.write_text(refreshed(document.read_text(encoding="utf-8")), encoding="utf-8")
