"""How full every disk is that this node uses, in words: one for each level, said when it changes (C078).

Footage volumes, the disk of state and catalog, the runtime folder, and folders that files are delivered to. A level is
reached at once and left only a little below it, so that a disk at the edge is not told of every minute.

Reads only; any thread. Not here: who is told (disk_incidents, roles.retention_loop), bars on pages (web.storage).
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from holdfast.core.config import Config
from holdfast.core.config.retention import RetentionConfig

LEAVE_PERCENT = 1.0  # chosen: a percent below its mark a level is over
LEAVE_BYTES = 100 * 10**6  # chosen: the same for free space
SMALL_BYTES = 10 * 10**9  # chosen: on a disk below this, `least_free` would say critical for ever, and percents count


class Mark(StrEnum):
    """How full a disk is."""

    NORMAL = "normal"
    WARNING = "warning"
    ALERT = "alert"
    CRITICAL = "critical"


_ORDER = list(Mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A disk: what it is used for, how large it is, and its level."""

    name: str
    path: Path
    total_bytes: int
    free_bytes: int
    mark: Mark

    @property
    def percent(self) -> float:
        """Used, in percent of what may be used."""
        return 100 * (1 - self.free_bytes / self.total_bytes) if self.total_bytes else 0.0

    @property
    def words(self) -> str:
        """The same as a sentence."""
        free, total = self.free_bytes / 1e9, self.total_bytes / 1e9
        return f"{self.name} is {self.percent:.0f} % full ({self.mark}): {free:.1f} of {total:.1f} GB are free"


def mark_of(config: RetentionConfig, total_bytes: int, free_bytes: int, before: Mark = Mark.NORMAL) -> Mark:
    """Return the level of a disk.

    Args:
        config: Where the levels begin.
        total_bytes: Its size.
        free_bytes: What may still be written.
        before: Its level until now.
    """
    found = _plain(config, total_bytes, free_bytes, 0.0, 0)
    if _ORDER.index(found) >= _ORDER.index(before):
        return found
    return min(before, _plain(config, total_bytes, free_bytes, LEAVE_PERCENT, LEAVE_BYTES), key=_ORDER.index)


def _plain(config: RetentionConfig, total_bytes: int, free_bytes: int, percent: float, spare_bytes: int) -> Mark:
    used = 100 * (1 - free_bytes / total_bytes) if total_bytes else 0.0
    if total_bytes >= SMALL_BYTES and free_bytes < config.least_free + spare_bytes:
        return Mark.CRITICAL
    marks = (
        (config.critical_percent, Mark.CRITICAL), (config.alert_percent, Mark.ALERT),
        (config.warn_percent, Mark.WARNING),
    )  # fmt: skip
    return next((mark for least, mark in marks if used >= least - percent), Mark.NORMAL)


def fills(config: Config, before: Mapping[str, str] | None = None) -> list[Fill]:
    """Look at every disk that is there; those that are away have no level.

    Args:
        config: The settings.
        before: Levels by name, as told last.
    """
    found: list[Fill] = []
    devices: set[int] = set()
    for name, path in places(config).items():
        try:
            # One disk that serves for several things is told of once, as the first of them.
            device = path.stat().st_dev
            if device in devices:
                continue
            devices.add(device)
            usage = shutil.disk_usage(path)
        except OSError:
            continue
        # What only root may write counts as used, as it does for everybody else.
        last = Mark((before or {}).get(name, Mark.NORMAL))
        mark = mark_of(config.retention, usage.used + usage.free, usage.free, last)
        found.append(
            Fill(name=name, path=path, total_bytes=usage.used + usage.free, free_bytes=usage.free, mark=mark)
        )  # fmt: skip
    return found


def places(config: Config) -> dict[str, Path]:
    """Return what is looked at, by the names that levels are told under."""
    found = {name: volume.path for name, volume in config.volumes.items()}
    found["(state)"] = config.state_dir
    found["(runtime)"] = config.runtime_dir
    for name, target in config.targets.items():
        path = getattr(target, "path", None)
        if getattr(target, "type", "") == "folder" and isinstance(path, Path):
            found[f"target {name}"] = path
    return found
