"""How full every disk is that this node uses, in words: one for each level, said when it changes (C078).

Footage volumes, the disks of state, catalog and logs, the runtime folder, and folders that files are delivered to. A
level is reached at once and left only a little below it, so that a disk at the edge is not told of every minute.

Reads only; any thread. A target's file server that went away holds whoever asks for its folder, so that is asked on a
thread of its own and given up soon: retention must not wait for it (F17, F20).

Not here: who is told (disk_incidents, roles.retention_loop), bars on pages (web.storage).
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from holdfast.catalog.db import sqlite_path
from holdfast.core.config import Config
from holdfast.core.config.retention import RetentionConfig
from holdfast.core.config.targets import FolderTarget, RsyncTarget
from holdfast.core.errors import TargetAway
from holdfast.storage.targets.apart import Apart

LEAVE_PERCENT = 1.0  # chosen: a percent below its mark a level is over
LEAVE_BYTES = 100 * 10**6  # chosen: the same for free space
SMALL_BYTES = 10 * 10**9  # chosen: on a disk below this, `least_free` would say critical for ever, and percents count
ANSWER_S = 2.0  # chosen: a page waits so long for a target once, and no longer while it hangs


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
        unit, name = (1e9, "GB") if self.total_bytes >= 1e9 else (1e6, "MB")  # noqa: PLR2004 - SI prefixes
        free, total = self.free_bytes / unit, self.total_bytes / unit
        return f"{self.name} is {self.percent:.0f} % full ({self.mark}): {free:.1f} of {total:.1f} {name} are free"


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


@dataclass(frozen=True, slots=True)
class Looked:
    """The disks that are there, and the names of those that are not, or do not answer."""

    fills: tuple[Fill, ...]
    away: frozenset[str]


def look(config: Config, before: Mapping[str, str] | None = None) -> Looked:
    """Look at every disk; those that are away have no level.

    Args:
        config: The settings.
        before: Levels by name, as told last.
    """
    found: list[Fill] = []
    devices: set[int] = set()
    away: set[str] = set()
    targets = _folders(config)
    for name, path in places(config).items():
        try:
            device, total_bytes, free_bytes = _asked(path) if name in targets else _facts(path)
        except (OSError, TargetAway):
            away.add(name)
            continue
        # One disk that serves for several things is told of once, as the first of them.
        if device in devices:
            continue
        devices.add(device)
        mark = mark_of(config.retention, total_bytes, free_bytes, Mark((before or {}).get(name, Mark.NORMAL)))
        found.append(Fill(name=name, path=path, total_bytes=total_bytes, free_bytes=free_bytes, mark=mark))
    return Looked(tuple(found), frozenset(away))


def places(config: Config) -> dict[str, Path]:
    """Return what is looked at, by the names that levels are told under."""
    found = {name: volume.path for name, volume in config.volumes.items()}
    found["(state)"] = config.state_dir
    catalog = sqlite_path(config.catalog_url)
    if catalog is not None:
        found["(catalog)"] = catalog.parent
    found["(logs)"] = config.log_dir
    found["(runtime)"] = config.runtime_dir
    return found | _folders(config)


def _folders(config: Config) -> dict[str, Path]:
    """Return the targets that are folders of this machine."""
    folders = {
        name: target.path if isinstance(target, FolderTarget) else target.folder
        for name, target in config.targets.items() if isinstance(target, FolderTarget | RsyncTarget)
    }  # fmt: skip
    return {f"target {name}": path for name, path in folders.items() if path is not None}


def _facts(path: Path) -> tuple[int, int, int]:
    """Return the number of a folder's disk, its size, and what may still be written, in bytes."""
    device, usage = path.stat().st_dev, shutil.disk_usage(path)
    # What only root may write counts as used, as it does for everybody else.
    return device, usage.used + usage.free, usage.free


def _asked(path: Path) -> tuple[int, int, int]:
    return _apart(path).run("looking how full it is", lambda _going: _facts(path))


@lru_cache(maxsize=256)
def _apart(path: Path) -> Apart:
    """Return who asks for a folder: one thread that hangs is enough, until it is let go nobody else asks."""
    return Apart(str(path), ANSWER_S, most_given_up=1)
