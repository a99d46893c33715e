"""What holds for a camera, key by key: the value, who says it, and what would hold if it were taken back. Pure.

Not here: changing it (camera_change), which keys there are and what they mean (core.config.model).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from holdfast.core import config as configuration
from holdfast.core.config import CameraConfig, Loaded, mask_url
from holdfast.core.config.layers import RUN_TIME
from holdfast.core.config.secret import MASK
from holdfast.library.camera_change import own_table

CHANGED = "run time"
"""The origin of what was added or changed while running."""

SECRET = "password"  # noqa: S105 - the name of the key


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSetting:
    """A key of a camera.

    Attributes:
        key: Dotted, as in `[cameras.ID]`: `capture.burst_s`.
        value: What holds, as the file would have it; `****` for a secret that there is, and inside addresses.
        origin: Who says so: `file:line`, `[defaults] file:line`, `environment NAME`, `run time`, `default`.
        changed: It was said at run time, and can be taken back.
        below: What would hold then.
        words: What it means.
    """

    key: str
    value: Any
    origin: str
    changed: bool
    below: Any
    words: str


def settings_of(loaded: Loaded, runtime: Sequence[Mapping[str, Any]], camera_id: str) -> list[CameraSetting]:
    """Return every key of a camera, in the order of the reference; empty where it makes no sense any more.

    Args:
        loaded: The file's settings, without cameras of the catalog.
        runtime: What was said at run time.
        camera_id: The camera, in its own letters.
    """
    merged = configuration.with_cameras(loaded, runtime)[0] if runtime else loaded
    camera = merged.config.cameras.get(camera_id)
    if camera is None:
        return []
    base = loaded.config.cameras.get(camera_id, loaded.defaults)
    own = own_table(runtime, camera_id)
    return [
        CameraSetting(
            key=key, value=_shown(key, camera), origin=_origin(merged, camera_id, key), changed=_said(own, key),
            below=_shown(key, base), words=words,
        )
        for key, words in _keys(CameraConfig)
    ]  # fmt: skip


def _keys(model: type[BaseModel], at: str = "") -> list[tuple[str, str]]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += _keys(kind, f"{at}{name}.")
        else:
            found.append((f"{at}{name}", field.description or ""))
    return found


def _shown(key: str, camera: CameraConfig) -> Any:
    value: Any = camera.model_dump(mode="json")
    for part in key.split("."):
        value = value[part]
    if key == SECRET:
        return MASK if value else ""
    # Some makes take user name and password as a part of the path.
    return mask_url(value) if isinstance(value, str) else value


def _origin(merged: Loaded, camera_id: str, key: str) -> str:
    """Return who says a key; of a list or table, who says the first of it that anybody says."""
    full = f"cameras.{camera_id}.{key}"
    names = (name for name in merged.origins if name == full or name.startswith((f"{full}[", f"{full}.")))
    said = (origin for name in names if (origin := merged.origins[name]) != "default")
    origin = next(said, "default")
    return CHANGED if origin == RUN_TIME else origin


def _said(own: Mapping[str, Any], key: str) -> bool:
    value: Any = own
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True
