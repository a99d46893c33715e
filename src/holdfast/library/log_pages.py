"""The log of all roles a page at a time, newest first; however long it is, a page costs no more than a file does.

A page looks at so many bytes of each role's files and no more. Where that is not enough to fill it, it is short and its
cursor goes on from there; only a page without a cursor is the last one. Lines that are not wanted are told by their
first bytes, without reading the rest.

Reads only; any thread, but never an event loop. Not here: the last lines, following (logs).
"""

import base64
import gzip
import heapq
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.errors import UsageError
from holdfast.core.timing import iso
from holdfast.library.logs import LEVELS, Entry, Query, backwards, entry_of, files_of, wanted_of

LOOK_BYTES = 8_000_000  # chosen: 40,000 lines, some 30 ms a role
_HEAD = re.compile(rb'\{"at": ?"([^"]{20,32})", ?"level": ?"([a-z]+)"')  # as roles.logging writes each line
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{8,15}Z")
_FIRST_BYTES = 200


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines, newest first. `cursor` asks for older ones; None where there are none."""

    entries: tuple[Entry, ...]
    cursor: str | None


def page(log_dir: Path, query: Query, limit: int, cursor: str = "", *, look_bytes: int = LOOK_BYTES) -> LogPage:
    """Return some wanted lines of all roles.

    Args:
        log_dir: Folder of the log files.
        query: Which lines.
        limit: So many at most.
        cursor: Of the page before; empty for the newest.
        look_bytes: How many bytes of each role's files to look at.

    Raises:
        UsageError: The cursor is none of ours.
    """
    until, skip = _read_cursor(cursor) if cursor else ("", 0)
    wanted = wanted_of(log_dir, query)
    looks = [
        _Look(query, wanted, until, limit + skip + 1, look_bytes).through(paths) for paths in files_of(log_dir).values()
    ]
    # What lies before the point where the first of them gave up would be out of order: others have newer lines there.
    floor = max((look.gave_up_at for look in looks), default="")
    merged = list(heapq.merge(*(look.found for look in looks), key=_at, reverse=True))
    merged = [entry for entry in merged if _at(entry) > floor]
    merged = merged[sum(_at(entry) == until for entry in merged[:skip]) :]
    items = tuple(merged[:limit])
    following = None
    if len(merged) > limit:
        last = _at(items[-1])
        given = sum(_at(entry) == last for entry in items)
        following = _cursor(last, given + (skip if last == until else 0))
    elif floor:
        following = _cursor(floor, 0)
    return LogPage(items, following)


class _Look:
    """Reads one role's files backwards until there is enough, or enough was looked at."""

    def __init__(self, query: Query, wanted: Callable[[Entry], bool], until: str, count: int, budget: int) -> None:
        self._least = LEVELS.get(query.level, 0)
        self._since = iso(query.since_us) if query.since_us is not None else ""
        self._wanted = wanted
        self._until = until
        self._count = count
        self._budget = budget
        self.found: list[Entry] = []
        self.gave_up_at = ""

    def through(self, paths: list[Path]) -> "_Look":
        """Read files, newest first."""
        for path in paths:
            if self._until and _first_at(path) > self._until:
                continue  # all of it is newer than what is asked for
            for line in backwards(path):
                if self._done(line):
                    return self
        return self

    def _done(self, line: bytes) -> bool:
        head = _HEAD.match(line)
        at = head[1].decode("ascii", "replace") if head else ""
        if at and self._until and at > self._until:
            return False
        self._budget -= len(line) + 1
        if self._since and at and at < self._since:
            return True
        if head is None or LEVELS.get(head[2].decode(), 40) >= self._least:
            entry = entry_of(line)
            if entry is not None:
                at = _at(entry)
                if not (self._until and at > self._until) and self._wanted(entry):
                    self.found.append(entry)
        if len(self.found) >= self._count:
            return True
        # Never within the instant that it began with: the next page would begin there again.
        if self._budget <= 0 and at and at != self._until:
            self.gave_up_at = at
            return True
        return False


def _first_at(path: Path) -> str:
    """Return when a file's first line was written; empty where that cannot be told."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = _HEAD.match(file.read(_FIRST_BYTES))
    except (OSError, EOFError):
        return ""
    return head[1].decode("ascii", "replace") if head else ""


def _at(entry: Entry) -> str:
    return str(entry["at"])


def _cursor(at: str, given: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([at, given]).encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[str, int]:
    try:
        at, given = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(at, str) and _INSTANT.fullmatch(at) and type(given) is int and given >= 0:
            return at, given
    except (ValueError, TypeError):
        pass
    raise UsageError("that is not a cursor", hint="pass back the cursor of the page before, unchanged")
