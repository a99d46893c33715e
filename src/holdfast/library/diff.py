"""A derived timeline against the rows that are there: what is new, what changed, what is gone.

Rows that are right are not touched, so ids stay, a pass without news writes nothing, and deriving everything again
after a doubt costs few writes. Runs in the transaction that it is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from holdfast.catalog import gaps, segments
from holdfast.catalog.db import Transaction
from holdfast.catalog.rows import GapRow, Id, SegmentRow
from holdfast.catalog.segments import Piece
from holdfast.core.footage import Segment, Timeline
from holdfast.core.gap import Gap
from holdfast.core.journal import Line, Removed, Sealed, When
from holdfast.library.timeline import split


def write(
    tx: Transaction,
    stream: Id,
    volumes: Mapping[str, int],
    timeline: Timeline,
    *,
    since_us: int | None,
    current: str | None,
    live: bool,
) -> tuple[int, int]:
    """Make the rows of a stream say what its timeline says.

    Args:
        tx: A writing transaction.
        stream: The stream.
        volumes: Numbers of the volumes by name.
        timeline: What the journal amounts to.
        since_us: Rows that start earlier are final and left alone; None for no such row.
        current: The file that is being written now, None where none is.
        live: Whether the growing file reaches to now.

    Returns:
        How many segment rows and how many gap rows were written.
    """
    pieces = pieces_of(timeline, since_us=since_us, current=current, live=live)
    spans = [gap for gap in timeline.gaps if since_us is None or gap.start_us >= since_us]
    return (
        _write_segments(tx, stream, volumes, pieces, segments.starting_at(tx, stream, since_us)),
        _write_gaps(tx, stream, spans, gaps.starting_at(tx, stream, since_us)),
    )


def pieces_of(timeline: Timeline, *, since_us: int | None, current: str | None, live: bool) -> list[Piece]:
    """Return what the rows of a timeline's segments say."""
    chosen = [s for s in timeline.segments if since_us is None or s.start_us >= since_us]
    return [_piece(s, current=s.file == current, live=live) for s in chosen]


def _piece(segment: Segment, *, current: bool, live: bool) -> Piece:
    volume, file = split(segment.file)
    facts = segment.facts
    if facts is None:
        end_us = None if current and live else segment.end_us
        state = "growing" if current else "interrupted"
        return Piece(
            volume=volume, file=file, run=segment.run, state=state, origin="journal",
            start_us=segment.start_us, end_us=end_us, boot=segment.boot,
        )  # fmt: skip
    return Piece(
        volume=volume, file=file, run=segment.run,
        state="sealed" if segment.removed_why is None else "removed",
        # Adopted lines carry no boot: whoever wrote the file is not known to have said anything.
        origin="journal" if segment.boot else "file",
        start_us=segment.start_us, end_us=segment.end_us, boot=segment.boot, start_boot_us=facts.start_boot_us,
        bytes=facts.bytes, media_bytes=facts.media_bytes, sha256=facts.sha256,
        video_samples=facts.video_samples, audio_samples=facts.audio_samples,
        began=facts.began, ended=facts.ended, recovered=facts.recovered, removed_why=segment.removed_why,
        tracks=tuple(facts.tracks),
    )  # fmt: skip


def same(row: SegmentRow, piece: Piece) -> bool:
    """Say whether a row says what it should; the facts of tracks are the run's and not compared."""
    return all(getattr(row, name) == getattr(piece, name) for name in Piece.__dataclass_fields__ if name != "tracks")


def _write_segments(
    tx: Transaction, stream: Id, volumes: Mapping[str, int], pieces: Sequence[Piece], rows: Sequence[SegmentRow]
) -> int:
    known = {(row.volume, row.file): row for row in rows}
    strange = [piece for piece in pieces if (piece.volume, piece.file) not in known]
    # A row may stand elsewhere in time: its file was placed again once the clock was right.
    for row in segments.by_file(tx, stream, {(volumes[piece.volume], piece.file) for piece in strange}):
        known[row.volume, row.file] = row
    new = [piece for piece in pieces if (piece.volume, piece.file) not in known]
    changed: list[tuple[int, Piece]] = []
    for piece in pieces:
        found = known.pop((piece.volume, piece.file), None)
        if found is not None and found.state == "removed" and _is_file(found, piece):
            # Deleted by policy: the journal of the recorder does not know, the kept one does, and so does the row.
            piece = replace(piece, state="removed", removed_why=found.removed_why)  # noqa: PLW2901 - the row's say
        if found is not None and not same(found, piece):
            changed.append((found.id.number, piece))
    gone = [row.id.number for row in known.values()]
    if new or changed or gone:
        segments.write(tx, stream, volumes, new=new, changed=changed, gone=gone)
    return len(new) + len(changed) + len(gone)


def _is_file(row: SegmentRow, piece: Piece) -> bool:
    return piece.state == "sealed" and row.sha256 == piece.sha256


def _write_gaps(tx: Transaction, stream: Id, spans: Sequence[Gap], rows: Sequence[GapRow]) -> int:
    known = {row.start_us: row for row in rows}
    new: list[Gap] = []
    changed: list[tuple[int, Gap]] = []
    for gap in spans:
        row = known.pop(gap.start_us, None)
        if row is None:
            new.append(gap)
        elif (row.end_us, row.reason, row.detail) != (None if gap.open else gap.end_us, gap.reason, gap.detail):
            changed.append((row.id.number, gap))
    gone = [row.id.number for row in known.values()]
    if new or changed or gone:
        gaps.write(tx, stream, new=new, changed=changed, gone=gone)
    return len(new) + len(changed) + len(gone)


def with_orphans(tx: Transaction, stream: Id, lines: Sequence[Line]) -> list[Line]:
    """Add lines for the finished segments of the catalog that no journal line speaks of.

    Their files may well be there: losing a journal must not lose the sight of them. The added lines stand where they
    neither begin the timeline nor look like a last sign of life.
    """
    spoken = {line.event.file for line in lines if isinstance(line.event, Sealed)}
    added: list[Line] = []
    for row, tracks in segments.finished(tx, stream):
        file = f"{row.volume}:{row.file}"
        if file in spoken or row.end_us is None:
            continue
        when = When(at_us=row.start_us, boot="", boot_us=0, sync=True)
        sealed = Sealed(
            file=file, run=row.run, start_us=row.start_us, end_us=row.end_us, start_boot_us=None,
            bytes=row.bytes or 0, media_bytes=row.media_bytes or 0, sha256=row.sha256 or "",
            video_samples=row.video_samples or 0, audio_samples=row.audio_samples or 0,
            began=row.began, ended=row.ended, recovered=True, tracks=tracks,
        )  # fmt: skip
        added.append(Line(when, sealed, ""))
        if row.removed_why is not None:
            when = lines[0].when if lines else when
            added.append(Line(when, Removed(file=file, bytes=0, why=row.removed_why), ""))
    return [*lines[:1], *added, *lines[1:]]
