"""Do catalog, journals and files agree? Each invariant has a number (docs/design/0002); a violation cites it.

Reads only. Footage that a recorder is writing at this moment is left out, and so are lines that the indexer has not
read yet: both are on their way, not wrong. Hashes and chains are `verify`'s, which reads every byte.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog import cameras, gaps, journals, nodes, segments
from holdfast.catalog.db import Catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.rows import GapRow, SegmentRow
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.footage import PART, Timeline, derive, placed, stream_folder
from holdfast.core.gap import MIN_GAP_US, Gap
from holdfast.core.journal import Line, Removed
from holdfast.core.timing import iso
from holdfast.library import check_kept, kept
from holdfast.library.timeline import growing, is_alive, merged, split, streams_on, tagged
from holdfast.storage.journal import journal_files, read_journal

INVARIANTS: dict[str, str] = {
    "D1": "a final name means complete: the file has the size that its line says",
    "D2": "a finished segment that was not removed has its file",
    "D3": "a file with a final name has a line in the journal",
    "D4": "a .part file belongs to the recorder that writes it, or waits for the next one to recover it",
    "D5": "what is written down as removed is gone",
    "D6": "journals outlive footage: no row stands on a file alone",
    "I1": "rows say what the journals amount to",
    "T1": "segments and gaps together cover every instant once",
    "T2": "segments of one run touch each other",
    **check_kept.INVARIANTS,
}
"""What `holdfast check` looks at, and what each number means."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something is not as it must be."""

    number: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what was found."""

    streams: int
    segments: int
    files: int
    rows: int | None
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class _Stream:
    """One stream as journals and files show it."""

    key: StreamKey
    line: Timeline
    files: dict[tuple[str, str], int]
    parts: set[tuple[str, str]]
    removed: set[tuple[str, str]]
    current: tuple[str, str] | None
    alive: bool


def check(catalog: Catalog | None, volumes: Mapping[str, Path], clock: Clock, *, node: str = LOCAL) -> Checked:
    """Compare rows, journals and files.

    Args:
        catalog: An open catalog; None where it is away: then journals and files alone are compared.
        volumes: Roots by name.
        clock: Time.
        node: Name of the node whose volumes these are.

    Raises:
        StorageError: A volume does not answer.
        CatalogUnavailable: The catalog did not answer.
    """
    found: list[Violation] = []
    pieces = files = rows = 0
    keys = streams_on(volumes)
    for key, names in keys.items():
        roots = {name: volumes[name] for name in names}
        stream = _survey(roots, key, clock.wall_us())
        pieces += len(stream.line.segments)
        files += len(stream.files)
        found += [*_lines_to_files(stream), *_files_to_lines(stream), *_times(stream)]
        if catalog is not None:
            more, count = _rows(catalog, roots, stream, clock.wall_us(), node)
            found += more
            rows += count
    found += [Violation(*wrong) for wrong in check_kept.wrong_with(catalog, volumes, keys, node)]
    return Checked(len(keys), pieces, files, rows if catalog is not None else None, tuple(found))


def _survey(roots: Mapping[str, Path], key: StreamKey, now_us: int) -> _Stream:
    # Files first: what is finished while we look then has its line by the time we read the journal.
    files: dict[tuple[str, str], int] = {}
    parts: set[tuple[str, str]] = set()
    for name, root in roots.items():
        for path in (root / stream_folder(key)).glob("*/*.mp4*"):
            place = (name, path.relative_to(root).as_posix())
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue  # renamed or removed while we looked
            if path.name.endswith(PART):
                parts.add((name, place[1].removesuffix(PART)))
            elif path.name.endswith(".mp4"):
                files[place] = size
    alive = is_alive(roots, key)
    lines = placed(_lines(roots, key, None))
    newest = growing(lines)
    current = split(newest.file) if newest is not None and alive and not newest.orphaned else None
    line = derive(lines, now_us=now_us, alive=alive, growing_end_us=now_us)
    gone = kept.deletions(roots, key)
    line = kept.without_deleted(line, gone)
    removed = {(one.volume, one.file) for one in gone}
    removed |= {split(event.file) for event in (line.event for line in lines) if isinstance(event, Removed)}
    return _Stream(key, line, files, parts, removed, current, alive)


def _lines(
    roots: Mapping[str, Path], key: StreamKey, until: Mapping[tuple[str, str], journals.Read] | None
) -> list[Line]:
    """Read a stream's lines, as far as the catalog has read them where that is given."""
    found: dict[str, list[Line]] = {}
    for name, root in roots.items():
        for path in journal_files(root, key):
            read = None if until is None else until.get((name, path.name.removesuffix(".journal")))
            limit = None if until is None else (read.read_bytes if read is not None else 0)
            for entry in read_journal(path):
                if limit is not None and entry.offset_after > limit:
                    break
                if entry.line is not None:
                    found.setdefault(name, []).append(tagged(name, entry.line))
    return merged(found)


def _lines_to_files(stream: _Stream) -> Iterator[Violation]:
    for segment in stream.line.segments:
        place = split(segment.file)
        size = stream.files.get(place)
        if segment.facts is None:
            continue
        if segment.removed_why is not None:
            if size is not None:
                yield Violation("D5", place[1], f"was removed ({segment.removed_why}), and is still there")
        elif size is None:
            yield Violation("D2", place[1], f"footage from {iso(segment.start_us)} is gone, and nobody removed it")
        elif size != segment.facts.bytes:
            yield Violation("D1", place[1], f"has {size} bytes, its line says {segment.facts.bytes}")


def _files_to_lines(stream: _Stream) -> Iterator[Violation]:
    spoken = {split(segment.file) for segment in stream.line.segments}
    for _, file in sorted(stream.files.keys() - spoken - stream.removed):
        yield Violation("D3", file, "has a final name and no line in the journal; holdfast reindex adopts it")
    for place in sorted(stream.parts - {stream.current}):
        # While a recorder holds the stream, what it knows of is about to be recovered.
        if place not in spoken:
            yield Violation("D4", place[1] + PART, "is in no journal; the next recorder looks what is in it")
        elif not stream.alive:
            yield Violation("D4", place[1] + PART, f"was interrupted; the next recorder of {stream.key} recovers it")


def _times(stream: _Stream) -> Iterator[Violation]:
    finished = [segment for segment in stream.line.segments if segment.facts is not None]
    for before, after in itertools.pairwise(finished):
        overlap_us = before.end_us - after.start_us
        if overlap_us > MIN_GAP_US:
            what = f"overlaps {after.file} by {overlap_us / 1e6:.3f} s"
            yield Violation("T1", split(before.file)[1], what)
        elif before.run == after.run and -overlap_us > MIN_GAP_US:
            what = f"ends {-overlap_us / 1e6:.3f} s before the next segment of its run"
            yield Violation("T2", split(before.file)[1], what)


def _rows(
    catalog: Catalog, roots: Mapping[str, Path], stream: _Stream, now_us: int, node: str
) -> tuple[list[Violation], int]:
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        found = [row for row in cameras.streams(tx, number) if row.key == stream.key] if number is not None else []
        if not found:
            return [Violation("I1", str(stream.key), "has footage and no row; holdfast reindex makes it")], 0
        until = journals.positions(tx, found[0].id)
        pieces = segments.starting_at(tx, found[0].id, None)
        spans = gaps.starting_at(tx, found[0].id, None)
    lines = placed(_lines(roots, stream.key, until))
    # Rows of another volume than those that are there cannot be judged now.
    pieces = [row for row in pieces if row.volume in roots]
    line = derive(lines, now_us=now_us, alive=stream.alive, growing_end_us=now_us)
    line = kept.without_deleted(line, kept.deletions(roots, stream.key))
    violations = [*_segment_rows(stream, line, pieces)]
    if all(row.origin == "journal" for row in pieces):
        violations += _gap_rows(stream.key, line.gaps, spans)
    return violations, len(pieces) + len(spans)


def _segment_rows(stream: _Stream, line: Timeline, rows: Iterable[SegmentRow]) -> Iterator[Violation]:
    expected = {split(segment.file): segment for segment in line.segments}
    for row in rows:
        segment = expected.pop((row.volume, row.file), None)
        if row.origin == "file":
            yield Violation("D6", row.file, "its line in the journal is lost; the row stands on the file alone")
        elif segment is None:
            yield Violation("I1", row.file, "has a row, and no line in the journal")
        elif segment.facts is not None:
            wanted = (segment.start_us, segment.end_us, segment.facts.bytes, segment.facts.sha256, segment.removed_why)
            if wanted != (row.start_us, row.end_us, row.bytes, row.sha256, row.removed_why):
                yield Violation("I1", row.file, "its row differs from its line in the journal")
    for volume, file in expected:
        yield Violation("I1", file, f"has a line in the journal of volume {volume}, and no row ({stream.key})")


def _gap_rows(key: StreamKey, expected: Iterable[Gap], rows: Iterable[GapRow]) -> Iterator[Violation]:
    """Compare what is over; the end of the ledger moves while we look."""
    wanted = {(gap.start_us, gap.end_us, gap.reason): gap for gap in expected if not gap.open}
    have = {(row.start_us, row.end_us, row.reason): row for row in rows if row.end_us is not None}
    for place in sorted(wanted.keys() - have.keys()):
        yield Violation("I1", str(key), f"the gap from {iso(place[0])} ({place[2].value}) has no row")
    for start_us, _, reason in sorted(have.keys() - wanted.keys(), key=lambda place: place[0]):
        yield Violation("I1", str(key), f"the row of a gap from {iso(start_us)} ({reason.value}) is in no journal")
