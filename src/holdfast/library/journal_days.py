"""Which days of a stream's journal a span needs, so that an hour of last year costs some days and not the year.

The days that are found give the same timeline within the span as all of them. Lines about a span mostly lie in the
files of its days, but need not: a recovered file is told of when its recorder is back, a removed one when it is
removed, and a clock that was set back writes on into the newest file. So later files are searched for the span's times
and names as plain bytes, which costs a hundredth of reading their lines. Earlier files matter for what they end with:
the footage before the span, the session that was open, the last reason, and what a wrong clock began.

Reads only; any thread. Not here: what the lines say (core.journal) and amount to (core.footage).
"""

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from holdfast.core.camera import StreamKey
from holdfast.core.journal import Begun, Emptied, Line, Sealed
from holdfast.core.timing import DAY_US, day_of, parse_instant
from holdfast.storage.errors import storage_errors
from holdfast.storage.journal import Entry, journal_files, read_journal

_SESSIONS = 2  # whether the newest one began with a death is said by the one before it
_OPENED = b'"t":"opened"'
_CAUSES = (_OPENED, b'"t":"closed"', b'"t":"down"')
_UNSURE, _SURE = b'"sync":false', b'"sync":true'
_WHEN = re.compile(rb'"at_us":(-?\d+),"boot":"([^"]*)","boot_us":(-?\d+),"sync":(t|f)')
_FEW = (
    12  # chosen: days that are searched for one by one; an outage before or after a span may leave weeks between them
)
_NAMED = ((10 * DAY_US, len("YYYY-MM-DD")), (300 * DAY_US, len("YYYY-MM")))  # how files of spans are searched for


@dataclass(frozen=True, slots=True)
class Day:
    """A journal, and its lines as they lie there; damaged ones too. Of some only those are here that end something."""

    path: Path
    entries: Sequence[Entry]

    @property
    def lines(self) -> Iterator[Line]:
        """Those that can be read."""
        return (entry.line for entry in self.entries if entry.line is not None)


def days_for(root: Path, key: StreamKey, span: tuple[int, int]) -> list[Day]:
    """Read the journals of a stream that a span needs, oldest first; in between others may be left out.

    Args:
        root: The volume.
        key: The stream.
        span: Begin and end, wall time.

    Raises:
        StorageError: A journal cannot be read.
    """
    files = journal_files(root, key)
    if not files:
        return []
    days = _Days(files, span)
    needed = days.needed()
    parts = days.ends_of_begun(needed)
    return [
        days.day(number) if number in needed else Day(files[number], parts[number])
        for number in sorted({*needed, *parts})
    ]


class _Days:
    """One search. Files go by their place in the list."""

    def __init__(self, files: Sequence[Path], span: tuple[int, int]) -> None:
        self._files = files
        self._days = [path.name[: len("YYYY-MM-DD")] for path in files]
        self._span = span
        self._read: dict[int, Day] = {}
        self._again_us: int | None = None  # when footage begins that follows the span
        self._right: dict[bytes, tuple[int, set[int]]] = {}

    def day(self, number: int) -> Day:
        """Return a file with its lines; it is read once."""
        if number not in self._read:
            path = self._files[number]
            self._read[number] = Day(path, tuple(read_journal(path)))
        return self._read[number]

    def needed(self) -> set[int]:
        """Return the places of all that matter."""
        begin, end = self._around()
        found = {*range(begin, end), len(self._files) - 1}  # the newest says what grows, and whether somebody records
        read = [(at, at + DAY_US) for at in (parse_instant(day, UTC) for day in self._days[begin:end])]
        asked = (self._span[0] - DAY_US, self._span[1] + DAY_US)
        end_us = max(asked[1], read[-1][1])
        of = [asked, *read] if len(read) <= _FEW else [(min(asked[0], read[0][0]), end_us)]
        words = {word for one in of for word in _words(*one)}
        for number in range(end, len(self._files) - 1):
            if self._speaks_of_it(number, words, end_us) or (number - 1 in found and not self._ends_later(number - 1)):
                found.add(number)
        found |= self._sessions_before(begin)
        found |= self._wrong_runs_before(begin, found)
        return found | set(self._clocks_of(found))

    def ends_of_begun(self, found: set[int]) -> dict[int, list[Entry]]:
        """Return the lines of other files that end what was begun in these, by place: else that would seem to grow."""
        begun: dict[str, int] = {}
        for at, event in ((number, line.event) for number in sorted(found) for line in self.day(number).lines):
            if isinstance(event, Begun):
                begun[event.file] = at
            elif isinstance(event, Sealed | Emptied):
                begun.pop(event.file, None)
        ends: dict[int, list[Entry]] = {}
        for file, first in begun.items():
            for number in (one for one in range(first + 1, len(self._files)) if one not in found):
                entry = self._end_of(file, number)
                if entry is not None:
                    ends.setdefault(number, []).append(entry)
                    break
        return {number: sorted(some, key=lambda one: one.offset_after) for number, some in ends.items()}

    def _end_of(self, file: str, number: int) -> Entry | None:
        if file.encode() not in self._raw(number):
            return None
        for entry in self.day(number).entries:
            event = None if entry.line is None else entry.line.event
            if isinstance(event, Sealed | Emptied) and event.file == file:
                return entry
        return None

    def _around(self) -> tuple[int, int]:
        """Return from where to where all files are read: from footage before the span to footage after it."""
        days = self._days
        begin = min(bisect_left(days, day_of(self._span[0] - DAY_US)), len(days) - 1)
        end = max(begin + 1, bisect_right(days, day_of(self._span[1] + DAY_US)))
        while begin > 0 and not self._footage_before(begin):
            begin -= 1
        while begin > 0 and self._unsure_before(begin):
            begin -= 1
        while end < len(days) and not self._footage_after(end - 1):
            end += 1
        return begin, end

    def _footage_before(self, number: int) -> bool:
        events = [line.event for line in self._in_place(number)]
        return any(isinstance(one, Sealed) and one.start_us < min(one.end_us, self._span[0]) for one in events)

    def _footage_after(self, number: int) -> bool:
        events = [line.event for line in self._in_place(number)]
        begun = [one.start_us for one in events if isinstance(one, Begun) and one.start_us >= self._span[1]]
        self._again_us = min([*begun, *([] if self._again_us is None else [self._again_us])], default=None)
        return bool(begun) and self._ends_later(number)

    def _ends_later(self, number: int) -> bool:
        """Say whether a file's last word is of when there was footage again: what follows explains nothing before."""
        last = deque(self.day(number).lines, maxlen=1)
        return bool(last) and self._again_us is not None and last[0].when.at_us >= self._again_us

    def _in_place(self, number: int) -> Iterator[Line]:
        """Yield the lines of a file that stay where they stand, and are not moved because the clock was right later."""
        unsure = {line.when.boot for line in self.day(number).lines if not line.when.sync}
        moved = {boot for boot in unsure if self._anchors(boot.encode(), number)[1]}
        return (line for line in self.day(number).lines if line.when.sync or line.when.boot not in moved)

    def _unsure_before(self, number: int) -> bool:
        """Say whether an unsure clock wrote a part of the file before, in the boot with which this one begins."""
        first = next(self.day(number).lines, None)
        raw = self._raw(number - 1)
        return first is None or (_UNSURE in raw and _SURE in self._raw(number) and _boot(first.when.boot) in raw)

    def _speaks_of_it(self, number: int, words: set[bytes], end_us: int) -> bool:
        """Say whether a later file speaks of some days: their times, their files, or times that are placed there."""
        raw = self._raw(number)
        if any(word in raw for word in words):
            return True
        # Where a clock that was ahead is set right, what was written before that is placed by what comes after.
        unsure: dict[bytes, int] = {}
        for _, boot, boot_us, sync in _WHEN.findall(raw):
            if sync == b"f":
                unsure[boot] = min(unsure.get(boot, int(boot_us)), int(boot_us))
        return any(at + ahead < end_us for boot, at in unsure.items() for ahead in self._anchors(boot, number)[1])

    def _anchors(self, boot: bytes, number: int) -> tuple[int, set[int]]:
        """Return the first file from a place on in which a boot's clock was right, and how far it is ahead there."""
        known = self._right.get(boot)
        if known is None or number > known[0]:
            at, ahead = number, set[int]()
            for at in range(number, len(self._files)):
                raw = self._raw(at)
                ahead = {int(one[0]) - int(one[2]) for one in _WHEN.findall(raw) if one[1] == boot and one[3] == b"t"}
                if ahead or boot not in raw:
                    break
            known = self._right[boot] = (at, ahead)
        return known

    def _sessions_before(self, begin: int) -> set[int]:
        """Return the files that tell which session was open then, how it began, and the last reason for a gap."""
        found: set[int] = set()
        sessions, cause = 0, False
        for number in range(begin - 1, -1, -1):
            raw = self._raw(number)
            opened = _OPENED in raw
            if opened or (not cause and any(word in raw for word in _CAUSES)):
                found |= {number, max(0, number - 1)}  # the line before tells when somebody was last alive
                cause = True
            sessions += opened
            if sessions == _SESSIONS:
                break
        return found

    def _wrong_runs_before(self, begin: int, found: set[int]) -> set[int]:
        """Return the files in which a wrong clock began a run of which these files speak."""
        earlier: set[int] = set()
        runs = {
            line.event.run.encode() for number in found if number >= begin
            for line in self.day(number).lines if isinstance(line.event, Begun | Sealed)
        }  # fmt: skip
        for number in range(begin - 1, -1, -1):
            raw = self._raw(number)
            runs = {run for run in runs if run in raw}
            if not runs:
                break
            if _UNSURE in raw:
                earlier.add(number)
        return earlier

    def _clocks_of(self, found: set[int]) -> Iterator[int]:
        """Yield the files by which lines are placed that were written before the clock was right."""
        unsure: set[str] = set()
        for number in sorted(found):
            for line in self.day(number).lines:
                (unsure.discard if line.when.sync else unsure.add)(line.when.boot)
            if number + 1 not in found:
                for boot in unsure:
                    right, ahead = self._anchors(boot.encode(), number)
                    if ahead:
                        yield right
                    else:
                        yield from range(self._began(boot.encode(), number), number)

    def _began(self, boot: bytes, number: int) -> int:
        """Return the last file in which a boot's clock was right before it was not; `number` where there is none."""
        for at in range(number - 1, -1, -1):
            raw = self._raw(at)
            if any(one[1] == boot and one[3] == b"t" for one in _WHEN.findall(raw)):
                return at
            if boot not in raw:
                break
        return number

    def _raw(self, number: int) -> bytes:
        path = self._files[number]
        with storage_errors("reading", path):
            return path.read_bytes()


def _words(begin_us: int, end_us: int) -> tuple[bytes, ...]:
    """Return what lines about a time hold: the first digits of its instants, and the begin of its folders' names.

    As many digits as leave four words at most: what is found is a little more than is needed, and never less.
    """
    step = 10 ** len(str((end_us - begin_us) // 3))
    long = next((chars for most_us, chars in _NAMED if end_us - begin_us <= most_us), len("YYYY"))
    days = {day_of(at)[:long] for at in range(begin_us, end_us, DAY_US)}
    instants = range(begin_us // step, end_us // step + 1)
    return (*(b'_us":%d' % digits for digits in instants), *(f"/{day}".encode() for day in sorted(days)))


def _boot(boot: str) -> bytes:
    return f'"boot":"{boot}"'.encode()
