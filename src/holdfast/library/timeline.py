"""One stream's journals, on however many volumes they lie: lines in the order of writing, and what they amount to.

A file is named `volume:path` in the lines that come from here, because two volumes may hold files of one name after a
camera was moved. Whether a recorder is alive, and how far the file that it writes reaches, is looked up here too.

Not here: the derivation itself (core.footage), the catalog (index). Reads only; any thread.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from holdfast.core.camera import StreamKey
from holdfast.core.errors import StorageError
from holdfast.core.footage import PART, Segment, Timeline, derive, lock_path, placed, stream_folder
from holdfast.core.journal import LOST_MEMORY, Begun, Closed, Down, Emptied, Line, Opened, Removed, Sealed
from holdfast.library import kept
from holdfast.library.journal_days import days_for
from holdfast.storage.journal import list_streams, stream_lines
from holdfast.storage.lock import holder

FRESH_US = (
    10_000_000  # chosen: a growing file is written every half second; a stall is judged by the recorder before this
)


@dataclass(frozen=True, slots=True)
class Growing:
    """A file that was begun: `ended_us` where footage was said to stop, `orphaned` where its recorder is gone."""

    file: str
    start_us: int
    ended_us: int | None
    orphaned: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a growing file reaches: `end_us`, and whether that is now (`live`) because it is being written."""

    end_us: int
    live: bool


def tagged(volume: str, line: Line) -> Line:
    """Name a line's file together with its volume."""
    event = line.event
    if isinstance(event, Begun | Sealed | Emptied | Removed):
        return replace(line, event=replace(event, file=f"{volume}:{event.file}"))
    return line


def split(file: str) -> tuple[str, str]:
    """Take `volume:path` apart."""
    volume, _, path = file.rpartition(":")  # paths of footage hold no colon
    return volume, path


def streams_on(volumes: Mapping[str, Path]) -> dict[StreamKey, tuple[str, ...]]:
    """Return every stream that has a folder on one of the volumes, with the names of those that have one.

    Volumes that are away are passed over.
    """
    found: dict[StreamKey, tuple[str, ...]] = {}
    for name, root in volumes.items():
        try:
            keys = list_streams(root)
        except StorageError:
            continue
        for key in keys:
            found[key] = (*found.get(key, ()), name)
    return dict(sorted(found.items()))


def merged(by_volume: Mapping[str, Iterable[Line]]) -> list[Line]:
    """Bring the tagged lines of several volumes into one order: each volume's own, and between them the wall clock."""
    return list(heapq.merge(*by_volume.values(), key=lambda line: line.when.at_us))


def read_stream(volumes: Mapping[str, Path], key: StreamKey, span: tuple[int, int] | None = None) -> list[Line]:
    """Return the lines of a stream, from all volumes, in the order of writing: all, or those that a span needs.

    Raises:
        StorageError: A journal cannot be read.
    """
    present = {name: root for name, root in volumes.items() if (root / stream_folder(key)).is_dir()}
    found = {
        name: stream_lines(root, key)
        if span is None
        else [line for day in days_for(root, key, span) for line in day.lines]
        for name, root in present.items()
    }
    return merged({name: [tagged(name, line) for line in lines] for name, lines in found.items()})


def is_alive(volumes: Mapping[str, Path], key: StreamKey) -> bool:
    """Say whether a recorder holds the stream's lock on any volume."""
    return any(_held(root / lock_path(key)) for root in volumes.values())


def _held(path: Path) -> bool:
    try:
        return holder(path) is not None
    except StorageError:
        return False  # a disk that cannot be read shows in its own way; a lock on it protects nothing any more


def growing(lines: Iterable[Line]) -> Growing | None:
    """Find the newest file that was begun and not finished, and what was said about it since. Takes placed lines."""
    begun: dict[str, Growing] = {}
    session = ""
    for line in lines:
        event = line.event
        if isinstance(event, Begun):
            begun[event.file] = Growing(event.file, event.start_us, None, orphaned=False)
        elif isinstance(event, Sealed | Emptied):
            begun.pop(event.file, None)
        elif isinstance(event, Opened):
            again = bool(event.session) and event.session == session
            session = event.session
            begun = begun if again else {file: replace(g, orphaned=True) for file, g in begun.items()}
        elif isinstance(event, Down | Closed):
            at_us = event.from_us if isinstance(event, Down) else line.when.at_us
            begun = {f: g if g.ended_us is not None else replace(g, ended_us=at_us) for f, g in begun.items()}
    return max(begun.values(), key=lambda g: g.start_us, default=None)


def reach(volumes: Mapping[str, Path], newest: Growing | None, *, now_us: int, alive: bool) -> Reach | None:
    """Say how far a growing file reaches: by its last writing, or by what the recorder said about its end.

    Args:
        volumes: Roots by name.
        newest: The file.
        now_us: Wall time.
        alive: Whether a recorder holds the stream.

    Returns:
        None where nothing is growing, or its file is not there.
    """
    if newest is None:
        return None
    volume, path = split(newest.file)
    written_us = _written_us(volumes.get(volume), path)
    if written_us is None:
        return None
    if newest.ended_us is not None:
        return Reach(min(newest.ended_us, written_us, now_us), live=False)
    if alive and not newest.orphaned and now_us - written_us < FRESH_US:
        return Reach(now_us, live=True)
    return Reach(min(written_us, now_us), live=False)


def _written_us(root: Path | None, path: str) -> int | None:
    if root is None:
        return None
    for candidate in (root / f"{path}{PART}", root / path):  # renamed already, its line still to come
        try:
            return candidate.stat().st_mtime_ns // 1000
        except OSError:
            continue
    return None


def stream_timeline(
    volumes: Mapping[str, Path], key: StreamKey, now_us: int, span: tuple[int, int] | None = None
) -> Timeline:
    """Derive one stream's timeline from its journals alone; the catalog is not asked.

    Args:
        volumes: Roots by name.
        key: The stream.
        now_us: Where the ledger ends.
        span: Only what touches it will be looked at: then only the days that it needs are read.

    Raises:
        StorageError: A journal cannot be read.
    """
    return timeline_of(volumes, key, read_stream(volumes, key, span), now_us, span)


def timeline_of(
    volumes: Mapping[str, Path], key: StreamKey, lines: Sequence[Line], now_us: int,
    span: tuple[int, int] | None = None,
) -> Timeline:  # fmt: skip
    """Derive the same of lines that were read already, as they were written; files named with their volumes.

    Raises:
        StorageError: A kept journal cannot be read.
    """
    told = placed(lines)
    alive = is_alive(volumes, key)
    end = reach(volumes, growing(told), now_us=now_us, alive=alive)
    line = derive(told, now_us=now_us, alive=alive, growing_end_us=None if end is None else end.end_us)
    days = None
    if span is not None:
        inside = [s.file for s in line.segments if s.start_us < span[1] and s.end_us > span[0]]
        days = {PurePosixPath(split(file)[1]).parent.name for file in inside}
    return kept.without_deleted(line, kept.deletions(volumes, key, days))


def lost(volumes: Mapping[str, Path], segment: Segment) -> bool:
    """Say whether a finished segment's file is gone although nobody removed it; not where its volume is away."""
    if segment.removed_why == LOST_MEMORY:
        return True
    volume, path = split(segment.file)
    root = volumes.get(volume)
    if segment.growing or segment.removed_why is not None or root is None or not (root / "footage").is_dir():
        return False
    return not (root / path).exists()
