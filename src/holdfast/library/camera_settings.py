"""What holds for a camera, key by key: the value, who says it, and what would hold if it were taken back. Pure.

Not here: changing it (camera_change), which keys there are and what they mean (core.config.model).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.core import config as configuration
from holdfast.core.config import Loaded, mask_url
from holdfast.core.config.layers import RUN_TIME
from holdfast.core.config.secret import MASK
from holdfast.core.config.settable import of_camera
from holdfast.library.camera_change import own_table
from holdfast.library.settings import SettingNow

CHANGED = "run time"
"""The origin of what was added or changed while running."""

_KEYS = of_camera()


def settings_of(loaded: Loaded, runtime: Sequence[Mapping[str, Any]], camera_id: str) -> list[SettingNow]:
    """Return every key of a camera, in the order of the reference; empty where it makes no sense any more.

    Args:
        loaded: The file's settings, without cameras of the catalog.
        runtime: What was said at run time.
        camera_id: The camera, in its own letters.

    Returns:
        Values as the file would have them: `****` for a secret that there is, and inside addresses. `origin` is
        `file:line`, `[defaults] …`, `environment NAME`, `run time` or `default`; `saved` what was said at run time.
    """
    merged = configuration.with_cameras(loaded, runtime)[0] if runtime else loaded
    camera = merged.config.cameras.get(camera_id)
    if camera is None:
        return []
    base = loaded.config.cameras.get(camera_id, loaded.defaults)
    own = own_table(runtime, camera_id)
    now, below = camera.model_dump(mode="json"), base.model_dump(mode="json")
    return [
        SettingNow(
            about=about, value=_shown(about.kind, key, now), origin=_origin(merged, camera_id, key),
            below=_shown(about.kind, key, below), saved=_said(own, key),
        )
        for key, about in _KEYS.items()
    ]  # fmt: skip


def _shown(kind: str, key: str, camera: Mapping[str, Any]) -> Any:
    value: Any = camera
    for part in key.split("."):
        value = value[part]
    if kind == "secret":
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
