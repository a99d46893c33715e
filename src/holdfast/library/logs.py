"""Reading the log files of all roles: filtered, in order of time, also while they grow and rotate.

Lines that are no JSON (torn by a crash) are passed over. Reads only; who writes is roles.logging.
Not here: pages of a long log (log_pages).
"""

import gzip
import heapq
import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from holdfast.core.timing import iso

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}

_NAME = re.compile(r"(?P<role>[A-Za-z0-9_-]+)\.log(?:\.(?P<number>\d+)(?:\.gz)?)?")
_BLOCK = 256 * 1024  # chosen: some thousand lines; what is asked for is mostly the last hundred

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which lines are wanted.

    Attributes:
        who: A role (`worker`; `recorder` means all of `recorder-0`, `recorder-1`, …) or a camera; empty for all.
        level: Least severity.
        since_us: Only lines from here on, or None.
        camera: Only lines about this camera, whoever wrote them; empty for all.
        job: Only lines of this kind of durable work; empty for all.
    """

    who: str = ""
    level: str = "debug"
    since_us: int | None = None
    camera: str = ""
    job: str = ""


def roles(log_dir: Path) -> list[str]:
    """Return the roles that have log files, sorted."""
    return sorted(files_of(log_dir))


def tail(log_dir: Path, query: Query, count: int | None) -> list[Entry]:
    """Return the last `count` wanted lines of all roles (None: all of them), oldest first."""
    found = [_last(paths, wanted_of(log_dir, query), query, count) for paths in files_of(log_dir).values()]
    merged = list(heapq.merge(*found, key=_at))
    return merged if count is None else merged[max(0, len(merged) - count) :]


class Follower:
    """Hands out the lines that are written from now on, across rotations and new roles."""

    def __init__(self, log_dir: Path, query: Query) -> None:
        self._log_dir = log_dir
        self._query = query
        self._at: dict[Path, tuple[int, int]] = {}
        for path in self._current():
            facts = path.stat()
            self._at[path] = (facts.st_ino, facts.st_size)

    def poll(self) -> list[Entry]:
        """Return what was written since the last call, in order of time."""
        wanted = wanted_of(self._log_dir, self._query)
        fresh: list[Entry] = []
        for path in self._current():
            try:
                fresh += [entry for entry in self._read(path) if wanted(entry)]
            except OSError:
                continue  # rotated away between listing and reading; its successor comes with the next call
        return sorted(fresh, key=_at)

    def _current(self) -> list[Path]:
        return sorted(self._log_dir.glob("*.log"))

    def _read(self, path: Path) -> Iterator[Entry]:
        known_inode, at = self._at.get(path, (0, 0))
        with path.open("rb") as file:
            inode = _inode(file)
            if known_inode and inode != known_inode:
                yield from self._rest_of_rotated(path, known_inode, at)
                at = 0
            file.seek(at)
            data = file.read()
        # A line may be half written: what follows the last newline is read again next time.
        whole = data[: data.rfind(b"\n") + 1]
        self._at[path] = (inode, at + len(whole))
        yield from _entries(whole.splitlines())

    @staticmethod
    def _rest_of_rotated(path: Path, inode: int, at: int) -> Iterator[Entry]:
        for rotated in path.parent.glob(f"{path.name}.*"):
            if not rotated.name.endswith(".gz") and rotated.stat().st_ino == inode:
                yield from _entries(rotated.read_bytes()[at:].splitlines())
                return
        # Already compressed: the newest archive is the one that was just being read.
        newest = max(path.parent.glob(f"{path.name}.*.gz"), key=_number, default=None)
        if newest:
            with gzip.open(newest) as packed:
                yield from _entries(packed.read()[at:].splitlines())


def files_of(log_dir: Path) -> dict[str, list[Path]]:
    """Return the files of each role, newest first."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(log_dir.glob("*.log*")):
        match = _NAME.fullmatch(path.name)
        if match:
            # The growing file has no number and is the newest. A plain file beside its archive is the same one twice.
            found.setdefault(match["role"], {})[int(match["number"] or 2**62)] = path
    return {role: [files[number] for number in sorted(files, reverse=True)] for role, files in found.items()}


def wanted_of(log_dir: Path, query: Query) -> Callable[[Entry], bool]:
    """Return what says whether a line is wanted."""
    least = LEVELS.get(query.level, 0)
    since = iso(query.since_us) if query.since_us is not None else ""
    who, about = query.who.casefold(), query.camera.casefold()
    known = {role.casefold() for role in roles(log_dir)}
    by_role = who in known or any(role.startswith(f"{who}-") for role in known)

    def wanted(entry: Entry) -> bool:
        if LEVELS.get(str(entry.get("level")), 40) < least or _at(entry) < since:
            return False
        role = str(entry.get("role", "")).casefold()
        camera = str(entry.get("camera", "")).casefold()
        if (about and camera != about) or (query.job and entry.get("job") != query.job):
            return False
        return not who or camera == who or (by_role and (role == who or role.startswith(f"{who}-")))

    return wanted


def _last(paths: list[Path], wanted: Callable[[Entry], bool], query: Query, count: int | None) -> list[Entry]:
    since = iso(query.since_us) if query.since_us is not None else ""
    found: deque[Entry] = deque()
    for path in paths:
        for entry in _backwards(path):
            if wanted(entry):
                found.appendleft(entry)
            if (count is not None and len(found) >= count) or (since and _at(entry) < since):
                return list(found)
    return list(found)


def _backwards(path: Path) -> Iterator[Entry]:
    yield from _entries(backwards(path))


def backwards(path: Path) -> Iterator[bytes]:
    """Yield the lines of a log file from its end, packed or not; those of a damaged one as far as they go."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                yield from reversed(packed.read().splitlines())
            return
        with path.open("rb") as file:
            yield from _lines_backwards(file)
    except (OSError, EOFError):
        return  # pruned or compressed while it was read, or damaged: the other files still speak


def _lines_backwards(file: BinaryIO) -> Iterator[bytes]:
    at = file.seek(0, 2)
    rest = b""
    while at > 0:
        step = min(_BLOCK, at)
        at -= step
        file.seek(at)
        first, *lines = (file.read(step) + rest).split(b"\n")
        rest = first
        yield from reversed(lines)
    yield rest


def _entries(lines: Iterator[bytes] | list[bytes]) -> Iterator[Entry]:
    for line in lines:
        entry = entry_of(line)
        if entry is not None:
            yield entry


def entry_of(line: bytes) -> Entry | None:
    """Read a line; None where it is torn."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "at" in entry else None


def _at(entry: Entry) -> str:
    # ISO 8601 in UTC with a fixed number of digits sorts as text.
    return str(entry["at"])


def _number(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match["number"] or 0) if match else 0


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino
