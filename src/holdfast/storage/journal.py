"""Journals on disk: appended durably by one writer a stream, read by everybody, torn last lines tolerated.

The order of writing is the order of the files' names and, in them, of the lines: a wall clock that was set back goes on
writing into the newest day's file, because both the chain and the timeline need that order.

Not here: what lines say and how they are chained (core.journal), what they amount to (core.footage).
A `JournalWriter` may be used from several threads; reading holds no lock and waits for nobody.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from holdfast.core.camera import STREAMS, StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, NotFound, StorageError, UsageError
from holdfast.core.footage import journal_path, stream_folder
from holdfast.core.journal import CHAIN_START, Begun, Emptied, Event, Line, Removed, Sealed, When, decode, encode
from holdfast.core.timing import day_of
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import DurableFile, ensure_folder, fsync_folder

_DAY_JOURNAL = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].journal"  # not the worker's *.kept.journal
_TAIL_BYTES = 64 * 1024  # a line is below 4 KB; grows fourfold where this much holds no whole one
RECENT_BYTES = 4 * 1024 * 1024  # chosen: some 10,000 lines, weeks of ten-minute files; read in a tenth of a second


class Entry(NamedTuple):
    """One line as it lies in a file: `line` is None where it is damaged; the next one begins at `offset_after`."""

    offset_after: int
    raw: bytes
    line: Line | None


class JournalWriter:
    """Appends to one stream's journal. Only the holder of the stream's lock may have one.

    Nothing is opened before the first line, so it can be made while the volume is away. A line that another process
    left torn is cut off (or, where only its newline is missing, completed), and the chain goes on from the last whole
    one.
    """

    def __init__(self, root: Path, key: StreamKey, clock: Clock) -> None:
        self._root = root
        self._key = key
        self._clock = clock
        self._guard = threading.Lock()
        self._file: DurableFile | None = None
        self._day = ""
        self._chain = CHAIN_START

    def write(self, event: Event, *, sync: bool) -> Line:
        """Append one line, stamped with the clock's now.

        Args:
            event: What is said.
            sync: Make it survive a power cut before returning.

        Raises:
            StorageError: It is not in the journal; the next attempt starts from the same place.
        """
        with self._guard:
            when = When(
                at_us=self._clock.wall_us(),
                boot=self._clock.boot_id,
                boot_us=self._clock.boot_us(),
                sync=self._clock.synchronised(),
            )
            file = self._file_for(day_of(when.at_us))
            raw, chain = encode(when, event, self._chain)
            before = file.size
            try:
                file.append([raw])
                if sync:
                    file.sync()
            except StorageError:
                # A line that may not be durable is taken back, so that trying again cannot say it twice.
                self._take_back(file, before)
                raise
            self._chain = chain
            return Line(when, event, chain)

    def close(self) -> None:
        """Give up the file. Safe to call twice; a later `write` opens it again."""
        with self._guard:
            self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _file_for(self, day: str) -> DurableFile:
        if self._file is not None and self._file.unlinked():
            self._drop()  # somebody removed it under us: what we append now would be seen by nobody
        if self._file is None:
            self._resume()
        if self._file is None or day > self._day:
            self._open_day(day)
        file = self._file
        if file is None:  # pragma: no cover - _open_day either sets it or raises
            raise AssertionError
        return file

    def _resume(self) -> None:
        """Find the chain's end: the last whole line of the newest file that has one."""
        self._chain = CHAIN_START
        files = journal_files(self._root, self._key)
        if not files:
            return
        newest = DurableFile.reopen(files[-1])
        try:
            _mend_tail(newest)
            self._chain = chain_after(files)
        except StorageError:
            newest.close()
            raise
        self._file, self._day = newest, files[-1].name.removesuffix(".journal")

    def _open_day(self, day: str) -> None:
        path = self._root / journal_path(self._key, day)
        ensure_folder(self._root, path.parent)
        try:
            fresh = DurableFile.create(path)
        except FileExistsError:
            fresh = DurableFile.reopen(path)
        try:
            fsync_folder(path.parent)
            if self._file is not None:
                # Whoever finds a day's lines durable finds those before them, or the chain would look tampered with.
                self._file.sync()
        except StorageError:
            fresh.close()
            raise
        self._drop()
        self._file, self._day = fresh, day

    def _take_back(self, file: DurableFile, size: int) -> None:
        try:
            file.cut(size)
        except StorageError:
            self._drop()  # the disk is gone for now; the next attempt reads again what really is in the file

    def _drop(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._day = None, ""


def _mend_tail(file: DurableFile) -> None:
    """Make a journal end with a newline: complete a line that lacks only that, cut off what is no line."""
    tail, start = b"", file.size
    while start > 0 and b"\n" not in tail:
        start = max(0, file.size - max(_TAIL_BYTES, 4 * len(tail)))
        with storage_errors("reading", file.path):
            tail = os.pread(file.fileno(), file.size - start, start)
    rest = tail.rpartition(b"\n")[2]
    if not rest:
        return
    try:
        decode(rest)
    except BadInput:
        file.cut(file.size - len(rest))
    else:
        file.append([b"\n"])


def chain_after(files: Sequence[Path]) -> str:
    """Return the chain value of the last line of some journals that can be read; where there is none, the start's.

    Raises:
        StorageError: A journal cannot be read.
    """
    return next((chain for chain in map(_last_chain, reversed(files)) if chain is not None), CHAIN_START)


def _last_chain(path: Path) -> str | None:
    """Return the chain value of the last line that can be read; reads no more of the file than that takes."""
    with storage_errors("reading", path), path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        size = 0
        while size < end:
            size = min(end, max(_TAIL_BYTES, 4 * size))
            file.seek(end - size)
            raw_lines = file.read(size).splitlines()
            # The first one is a part, unless the file begins with it: more of it comes with the next turn.
            for raw in reversed(raw_lines if size == end else raw_lines[1:]):
                try:
                    return decode(raw).chain
                except BadInput:
                    continue  # damaged in the middle: the chain goes on from the last line that can be read
    return None


def read_journal(path: Path, from_byte: int = 0) -> Iterator[Entry]:
    """Read whole lines, as far as there are any now; call again from the last `offset_after` to go on.

    Args:
        path: The journal.
        from_byte: Where a line begins.

    Yields:
        Each line; a damaged one with None in place of its content. A torn last line is not yielded.

    Raises:
        NotFound: There is no such file.
        StorageError: It cannot be read.
    """
    at = from_byte
    with storage_errors("reading", path):
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"{path} is not there") from error
    with file, storage_errors("reading", path):
        file.seek(from_byte)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            at += len(raw)
            try:
                line = decode(raw)
            except BadInput:
                yield Entry(at, raw, None)
            else:
                yield Entry(at, raw, line)


def journal_files(root: Path, key: StreamKey) -> list[Path]:
    """Return a stream's journals, oldest first.

    Raises:
        StorageError: The folder cannot be read.
    """
    folder = root / stream_folder(key)
    with storage_errors("listing", folder):
        return sorted(folder.glob(_DAY_JOURNAL))


def sync_journals(root: Path, key: StreamKey) -> None:
    """Make what a stream's newest journals say survive a power cut, whoever wrote it; blocks.

    Raises:
        StorageError: The disk refused.
    """
    for path in journal_files(root, key)[-2:]:
        with storage_errors("syncing", path), path.open("rb") as file:
            os.fdatasync(file.fileno())


def stream_lines(root: Path, key: StreamKey) -> list[Line]:
    """Return all lines of a stream that can be read, in the order in which they were written.

    Raises:
        StorageError: A journal cannot be read.
    """
    entries = (entry for path in journal_files(root, key) for entry in read_journal(path))
    return [entry.line for entry in entries if entry.line is not None]


def recent_lines(root: Path, key: StreamKey) -> list[Line]:
    """Return the end of a stream's journal, in the order of writing: the last two files, but no more than a few MB.

    A clock that was once far ahead leaves a file of the future, to which everything is appended from then on. It may
    grow for years, and what was said lately must not take longer to find with each of them.

    Raises:
        StorageError: A journal cannot be read.
    """
    left, parts = RECENT_BYTES, []
    for path in reversed(journal_files(root, key)[-2:]):
        with storage_errors("reading", path), path.open("rb") as file:
            begin = max(0, file.seek(0, os.SEEK_END) - left)
            left -= file.tell() - begin
            if begin:
                file.seek(begin - 1)
                begin += len(file.readline(RECENT_BYTES)) - 1
        parts.append((path, begin))
    entries = (entry for path, begin in reversed(parts) for entry in read_journal(path, begin))
    return [entry.line for entry in entries if entry.line is not None]


def list_streams(root: Path) -> list[StreamKey]:
    """Return every stream that has a folder on a volume, sorted.

    Raises:
        StorageError: The volume cannot be read.
    """
    found: list[StreamKey] = []
    with storage_errors("listing", root):
        for folder in root.glob("footage/*/*"):
            if folder.name in STREAMS and folder.is_dir():
                try:
                    found.append(StreamKey(folder.parent.name, folder.name))
                except UsageError:
                    continue  # a folder that somebody else put there
    return sorted(found)


def unfinished(lines: Iterable[Line]) -> list[str]:
    """Return the files that were begun and of which the journal has not heard since: what recovery must look at."""
    open_files: dict[str, None] = {}
    for line in lines:
        if isinstance(line.event, Begun):
            open_files[line.event.file] = None
        elif isinstance(line.event, Sealed | Emptied | Removed):
            open_files.pop(line.event.file, None)
    return list(open_files)
