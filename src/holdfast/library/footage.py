"""Footage of a stream within a span: which files hold it, where it is missing, and its fragments in order.

The files that matter are told by the catalog where its indexer keeps up, else by the journals; the file that is being
written is found in its folder, so that live view needs neither. A file that was sealed or removed meanwhile is a fact:
`opened` follows its new name, and says `NotFound` where it is gone.

Reads only; any thread, but never an event loop.
Not here: one file's boxes (media), what coverage amounts to (coverage).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from holdfast.catalog import cameras, gaps, nodes, segments
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.core.camera import StreamKey
from holdfast.core.errors import BadInput, CatalogError, NotFound, StorageError
from holdfast.core.footage import PART, stream_folder
from holdfast.core.gap import Gap, gap_of
from holdfast.core.timing import SECOND_US, stamp
from holdfast.library.timeline import split, stream_timeline
from holdfast.media import footage
from holdfast.media.boxread import FileHead, Fragment
from holdfast.media.footage import head_of, read_fragments
from holdfast.media.index_of import Indexes, index_of

KEEPS_UP_US = 60 * SECOND_US  # what C011 allows: rows that are older than this do not answer for now
_SEGMENT = re.compile(r"(?P<camera>[A-Za-z0-9_][A-Za-z0-9_-]{0,49})_(?P<stamp>\d{8}T\d{6}Z)(-\d{1,4})?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CANDIDATES = 3  # chosen: one that has not begun, one that is being renamed, and one that is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file with footage.

    Attributes:
        volume: Name of the volume that it lies on.
        file: Its path under the volume's root, without `.part`.
        start_us: Wall time of its first picture.
        end_us: Wall time at which its last one ends; of a growing file as far as is known.
        growing: It was being written when this was found out.
        run: Id of its run; empty where only the folder was asked.
    """

    volume: str
    file: str
    start_us: int
    end_us: int
    growing: bool
    run: str = ""

    @property
    def segment(self) -> str:
        """Its name in addresses, such as `gate_20260501T180000Z`; unique in its stream."""
        return self.file.rpartition("/")[2].removesuffix(".mp4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What is known of a stream within a span: whole pieces that touch it, gaps, and pieces that were deleted."""

    key: StreamKey
    from_us: int
    to_us: int
    pieces: tuple[Piece, ...]
    gaps: tuple[Gap, ...]
    removed: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """One fragment, and where it lies: `head` describes its file."""

    piece: Piece
    head: FileHead
    fragment: Fragment

    @property
    def end_us(self) -> int:
        """Wall time at which it ends."""
        return self.fragment.end_us(self.head) or self.fragment.wall_us


def find(
    volumes: Mapping[str, Path],
    key: StreamKey,
    from_us: int,
    to_us: int,
    *,
    now_us: int,
    catalog: Catalog | None,
    node: str = LOCAL,
) -> Stretch:
    """Find the footage of a span.

    Args:
        volumes: Roots by name.
        key: The stream.
        from_us: Begin, wall time.
        to_us: End; what lies after `now_us` is not looked for.
        now_us: Wall time.
        catalog: Where rows are, or None to ask the journals. They are asked, too, where it does not answer.
        node: Whose indexer must keep up.

    Raises:
        StorageError: The catalog is away, and a journal cannot be read.
    """
    found = None
    if catalog is not None:
        try:
            with catalog.read() as tx:
                found = _from_rows(tx, key, (from_us, to_us), now_us, node)
        except CatalogError:
            found = None  # the journals know it as well; who looks at footage need not hear of the catalog
    stretch = _from_journals(volumes, key, (from_us, to_us), now_us) if found is None else found
    return _with_newest(volumes, stretch, now_us)


def indexed_node(tx: Transaction, node: str, now_us: int, reach_us: int) -> int | None:
    """Return the number of a node whose rows can be believed up to `reach_us`.

    None where its indexer is not known, or is behind: what it has not seen would look like footage.
    """
    number = nodes.find(tx, node)
    until_us = None if number is None else nodes.indexed_us(tx, number)
    behind = until_us is None or (now_us - until_us > KEEPS_UP_US and reach_us > until_us)
    return None if behind else number


def _from_rows(tx: Transaction, key: StreamKey, span: tuple[int, int], now_us: int, node: str) -> Stretch | None:
    number = indexed_node(tx, node, now_us, span[1])
    if number is None:
        return None
    stream = cameras.find_stream(tx, number, key)
    if stream is None:
        return Stretch(key=key, from_us=span[0], to_us=span[1], pieces=(), gaps=())
    rows = segments.around(tx, stream.id, *span)
    pieces: dict[bool, list[Piece]] = {True: [], False: []}
    for row in rows:
        end_us = now_us if row.end_us is None else row.end_us
        growing = row.state in {"growing", "interrupted"}
        piece = Piece(
            volume=row.volume, file=row.file, start_us=row.start_us, end_us=end_us, growing=growing, run=row.run
        )
        pieces[row.state != "removed" and row.missing_us is None].append(piece)
    holes = tuple(
        gap_of(row.start_us, row.end_us, row.reason, row.detail, now_us) for row in gaps.between(tx, stream.id, *span)
    )
    return Stretch(
        key=key, from_us=span[0], to_us=span[1], pieces=tuple(pieces[True]), gaps=holes, removed=tuple(pieces[False])
    )


def _from_journals(volumes: Mapping[str, Path], key: StreamKey, span: tuple[int, int], now_us: int) -> Stretch:
    line = stream_timeline(volumes, key, now_us, span)
    there: list[Piece] = []
    gone: list[Piece] = []
    for segment in line.segments:
        if segment.start_us >= span[1] or segment.end_us <= span[0]:
            continue
        volume, file = split(segment.file)
        piece = Piece(
            volume=volume, file=file, start_us=segment.start_us, end_us=segment.end_us, growing=segment.growing,
            run=segment.run,
        )  # fmt: skip
        (there if segment.removed_why is None else gone).append(piece)
    holes = tuple(gap for gap in line.gaps if gap.start_us < span[1] and gap.end_us > span[0])
    return Stretch(key=key, from_us=span[0], to_us=span[1], pieces=tuple(there), gaps=holes, removed=tuple(gone))


def _with_newest(volumes: Mapping[str, Path], stretch: Stretch, now_us: int) -> Stretch:
    """Add the files that were begun since the indexer last looked: rows may be a minute old, files may be short."""
    last_us = stretch.pieces[-1].start_us if stretch.pieces else stretch.from_us
    if stretch.to_us <= last_us or stretch.to_us < now_us - KEEPS_UP_US:
        return stretch
    known = {(piece.volume, piece.file) for piece in (*stretch.pieces, *stretch.removed)}
    found: list[Piece] = []
    # Named for the second in which they begin; rows say microseconds.
    since_us = max(last_us - SECOND_US, now_us - 2 * KEEPS_UP_US)
    for volume, file in _named_since(volumes, stretch.key, stamp(since_us)):
        if (volume, file) not in known:
            with suppress(NotFound, BadInput):
                found.append(_described(volumes, volume, file))
    last = newest(volumes, stretch.key)
    if last is not None and (last.volume, last.file) not in known | {(piece.volume, piece.file) for piece in found}:
        found.append(last)
    found = [piece for piece in found if last_us < piece.start_us < stretch.to_us]
    if not found:
        return stretch
    found.sort(key=lambda piece: piece.start_us)
    return Stretch(
        key=stretch.key, from_us=stretch.from_us, to_us=stretch.to_us, pieces=(*stretch.pieces, *found),
        gaps=tuple(gap for gap in stretch.gaps if gap.start_us < found[-1].start_us), removed=stretch.removed,
    )  # fmt: skip


def _named_since(volumes: Mapping[str, Path], key: StreamKey, since: str) -> Iterator[tuple[str, str]]:
    """Name the files of a stream that begin at a time in names or later, as volume and file, by their folders alone."""
    first_day = f"{since[:4]}-{since[4:6]}-{since[6:8]}"
    for volume, root in volumes.items():
        folder = root / stream_folder(key)
        for day in (name for name in _names(folder) if _DAY.fullmatch(name) and name >= first_day):
            for name in _segments(folder / day):
                if _stamp(name) >= since:
                    yield volume, (stream_folder(key) / day / name).as_posix()


def newest(volumes: Mapping[str, Path], key: StreamKey) -> Piece | None:
    """Return the newest file of a stream, growing or finished, as its folder has it; None where there is none.

    One that was begun this moment says nothing of itself yet: then it is the one before it.
    """
    found: list[tuple[tuple[str, int], str, str]] = []
    for volume, root in volumes.items():
        folder = root / stream_folder(key)
        for day in sorted((name for name in _names(folder) if _DAY.fullmatch(name)), reverse=True)[:2]:
            named = _segments(folder / day)
            found += [
                (_order(name), volume, (stream_folder(key) / day / name).as_posix())
                for name in sorted(named, key=_order)[-_CANDIDATES:]
            ]
            if len(named) >= _CANDIDATES:
                break
    for _, volume, file in sorted(found, reverse=True):
        try:
            return _described(volumes, volume, file)
        except (NotFound, BadInput):
            continue
    return None


def piece_named(volumes: Mapping[str, Path], key: StreamKey, segment: str) -> Piece:
    """Return the file of a segment by its name in addresses.

    Raises:
        NotFound: The name is none, or no volume has such a file; nothing outside the stream's folder is ever looked at.
    """
    match = _SEGMENT.fullmatch(segment)
    if match is not None and match["camera"] == key.camera:
        day = f"{match['stamp'][:4]}-{match['stamp'][4:6]}-{match['stamp'][6:8]}"
        for volume in volumes:
            try:
                return _described(volumes, volume, (stream_folder(key) / day / f"{segment}.mp4").as_posix())
            except NotFound:
                continue
    raise NotFound(f"{key} has no file {segment[:80]!r}", hint="it may have been removed; the timeline says")


@contextmanager
def opened(volumes: Mapping[str, Path], piece: Piece) -> Iterator[int]:
    """Open a piece's file, finished or growing.

    Raises:
        NotFound: It was removed, or its volume is not configured any more.
        StorageError: It cannot be read.
    """
    with footage.opened(path_of(volumes, piece)) as fd:
        yield fd


def path_of(volumes: Mapping[str, Path], piece: Piece) -> Path:
    """Return where a piece's file lies now: under its final name, else as `.part`.

    Raises:
        NotFound: Neither is there.
    """
    root = volumes.get(piece.volume)
    if root is not None:
        # Looked for twice: it may be renamed between the two looks, and only in this direction.
        for name in (piece.file, f"{piece.file}{PART}", piece.file):
            if (root / name).is_file():
                return root / name
    raise NotFound(f"{piece.file} is not there", hint="it was removed, or its disk is not mounted")


def read(volumes: Mapping[str, Path], stretch: Stretch, indexes: Indexes | None = None) -> Iterator[Chunk | Gap]:
    """Yield the fragments of a span and its gaps, in order, as far as they are written now.

    It begins with the fragment whose keyframe is the last one at or before the begin of the span, so that what follows
    can be decoded. A piece that was removed meanwhile is passed over. `indexes` remembers where keyframes lie: without
    them a file that grows is read from its begin, a tenth of a second in a long one.

    Raises:
        StorageError: A file cannot be read.
    """
    holes = list(stretch.gaps)
    for piece in stretch.pieces:
        while holes and holes[0].start_us <= piece.start_us:
            yield holes.pop(0)
        try:
            yield from _chunks(path_of(volumes, piece), piece, (stretch.from_us, stretch.to_us), indexes)
        except (NotFound, BadInput):
            continue
    yield from holes


def _chunks(path: Path, piece: Piece, span: tuple[int, int], indexes: Indexes | None) -> Iterator[Chunk]:
    if indexes is None:
        with footage.opened(path) as fd:
            index = index_of(fd)
    else:
        index = indexes.of(f"{piece.volume}:{piece.file}", partial(footage.opened, path))
    if index is None:
        return
    # Straight to the keyframe: parsing what comes before it would take a tenth of a second in a long file.
    begin = max(0, bisect_right(index.walls_us, span[0]) - 1)
    for fragment in read_fragments(path, index.offsets[begin]):
        if not isinstance(fragment, Fragment) or fragment.wall_us >= span[1]:
            return
        yield Chunk(piece, index.head, fragment)


def _described(volumes: Mapping[str, Path], volume: str, file: str) -> Piece:
    piece = Piece(volume=volume, file=file, start_us=0, end_us=0, growing=False)
    path = path_of(volumes, piece)
    head = head_of(path)
    if head is None:
        raise NotFound(f"{path} has not begun yet")
    end_us = footage.growing_end_us(path)
    return Piece(
        volume=volume, file=file, start_us=head.start_us, end_us=head.start_us if end_us is None else end_us,
        growing=path.suffix == PART, run=head.run,
    )  # fmt: skip


def _segments(folder: Path) -> set[str]:
    """Name the files of a day, growing or finished, by the names that they are to get."""
    files = {name.removesuffix(PART) for name in _names(folder)}
    return {name for name in files if name.endswith(".mp4") and _SEGMENT.fullmatch(name.removesuffix(".mp4"))}


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError(f"listing {folder}: {error.strerror}") from error


def _stamp(name: str) -> str:
    match = _SEGMENT.fullmatch(name.removesuffix(".mp4"))
    return match["stamp"] if match else ""


def _order(name: str) -> tuple[str, int]:
    match = _SEGMENT.fullmatch(name.removesuffix(".mp4"))
    return (_stamp(name), int((match[3] or "-0")[1:]) if match else 0)
