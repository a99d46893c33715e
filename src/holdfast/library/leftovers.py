"""Files beside footage that may go: what a crash left half written, and what can be made again (C079, F36).

*temp* is what stands under a temporary name; *cache* is derived (films of stills) or was put aside (catalogs of before
a migration, damaged ones, markers); *log* is what nobody has logged to for long. All have an upper age, and cache goes
before any footage where its disk is short. Rotated logs go for room, too: after footage that has its copies, and before
any that waits for them.
Temporary files beside stills and footage are not here: whoever writes the same file again writes over them.

Reads and deletes files only; any thread. Not here: footage (retention), stills, events, incidents (their own verbs).
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from holdfast.core.config import Config
from holdfast.core.errors import StorageError
from holdfast.core.timing import DAY_US, HOUR_US
from holdfast.storage.errors import storage_errors

PRESSED_US = HOUR_US  # chosen: what was made in the last hour is being looked at by whoever asked for it
FILMS = "timelapses"
EXPORTS = "exports"
_TEMP = re.compile(r"^\..+\.(new|part)$|\.gz\.part$|\.half$")
_LOG = re.compile(r"(?P<role>.+)\.log(\.\d+(\.gz)?)?")
_ROOM = "room was needed"
_ASIDE = re.compile(r"\.(before-\d{4}|damaged-[0-9TZ]+)(-wal|-shm)?$")

Class = Literal["temp", "cache", "log"]
"""Classes of files, each with an age of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A file that goes: its class, its size in bytes, and why."""

    path: Path
    kind: Class
    bytes: int
    why: str


def found(config: Config, now_us: int, *, short: Iterable[Path] = ()) -> list[Leftover]:
    """Return what goes now, temporary files first.

    Args:
        config: How long they stay, and where they lie.
        now_us: Wall time.
        short: Roots of volumes that are short of room: what is derived and lies on the same disk goes at once.
    """
    devices = {device for root in short if (device := _device(root)) is not None}
    days: dict[Class, float] = {
        "temp": config.retention.temp_days, "cache": config.retention.cache_days, "log": config.log.keep_days,
    }  # fmt: skip
    going: list[Leftover] = []
    for path, kind in (*_candidates(config), *_logs(config)):
        try:
            facts = path.lstat()
        except OSError:
            continue
        age_us = now_us - facts.st_mtime_ns // 1000
        if age_us >= days[kind] * DAY_US:
            why = "left half written" if kind == "temp" else f"older than {days[kind]:g} days"
            going.append(Leftover(path=path, kind=kind, bytes=facts.st_size, why=why))
        elif kind == "cache" and facts.st_dev in devices and age_us >= PRESSED_US:
            going.append(Leftover(path=path, kind=kind, bytes=facts.st_size, why=_ROOM))
    return sorted(going, key=lambda one: (one.kind != "temp", str(one.path)))


def bytes_on(going: Iterable[Leftover], root: Path) -> int:
    """Return how much of what goes lies on the disk of a volume, in bytes."""
    device = _device(root)
    return sum(one.bytes for one in going if device is not None and _device(one.path) == device)


def rotated_logs(config: Config) -> list[Leftover]:
    """Return the log files that nobody writes to any more, the oldest first: what could go for room."""
    found: list[tuple[int, str, Leftover]] = []
    for path, kind in _logs(config):
        if path.suffix == ".log":
            continue
        with suppress(OSError):
            facts = path.lstat()
            one = Leftover(path=path, kind=kind, bytes=facts.st_size, why=_ROOM)
            found.append((facts.st_mtime_ns, str(path), one))
    return [one for *_, one in sorted(found, key=lambda entry: entry[:2])]


def on_disk_of_logs(config: Config, root: Path) -> bool:
    """Say whether logs lie on the disk of a volume, so that their room is its room."""
    device = _device(config.log_dir)
    return device is not None and device == _device(root)


def clear(going: Iterable[Leftover]) -> tuple[list[Leftover], list[str]]:
    """Delete them; return those that are gone, and sentences about those that are not."""
    gone: list[Leftover] = []
    problems: list[str] = []
    for one in going:
        try:
            with storage_errors("removing", one.path):
                one.path.unlink(missing_ok=True)
        except StorageError as error:
            problems.append(str(error))
        else:
            gone.append(one)
    return gone, problems


def _candidates(config: Config) -> Iterator[tuple[Path, Class]]:
    for folder in dict.fromkeys((config.state_dir, config.log_dir, *(one.path for one in config.volumes.values()))):
        for path in _files(folder):
            if _TEMP.search(path.name):
                yield path, "temp"
            elif _ASIDE.search(path.name):
                yield path, "cache"
    for volume in config.volumes.values():
        for path in _files(volume.path / EXPORTS):
            if _TEMP.search(path.name):  # whole ones go by their rows: library.exports
                yield path, "temp"
    for path in _files(config.state_dir / FILMS):
        yield path, "temp" if _TEMP.search(path.name) else "cache"


def _logs(config: Config) -> Iterator[tuple[Path, Class]]:
    """Yield the log files of all roles. One that lives, and was silent for as long as lines are kept, begins anew."""
    for path in _files(config.log_dir):
        role = _LOG.fullmatch(path.name)
        # The folder may be everybody's: ours are those whose lock lies beside them.
        if role is not None and path.with_name(f".{role['role']}.lock").exists():
            yield path, "log"


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir()) if path.is_file() and not path.is_symlink()]
    except OSError:
        return []  # not there yet, or away


def _device(path: Path) -> int | None:
    try:
        return path.stat().st_dev
    except OSError:
        return None
