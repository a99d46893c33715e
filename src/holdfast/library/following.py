"""A stream as it goes on: its fragments from the newest keyframe, or from an instant, and then whatever comes.

Nothing is kept of what was handed out, and nobody is waited for: whoever asks gets what is written by then. One object
a reader, on one thread at a time.

Not here: spans that are over (footage), what readers do with it (tiering, mjpeg).
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from holdfast.catalog.db import Catalog
from holdfast.core.camera import Kind, StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, NotFound
from holdfast.core.footage import PART, stream_folder
from holdfast.core.gap import Gap
from holdfast.core.timing import MINUTE_US, SECOND_US, stamp, ticks_to_us
from holdfast.library import footage
from holdfast.library.footage import Chunk, Piece
from holdfast.media.boxread import Ended, Fragment, StoredSample
from holdfast.media.decode import Coding, codings
from holdfast.media.footage import head_of, read_fragments
from holdfast.media.index_of import Indexes, index_of
from holdfast.storage.errors import storage_errors

QUIET_US = SECOND_US  # chosen: a file that did not grow for this long may have a successor
WINDOW_US = 10 * MINUTE_US  # chosen: how much of the past is looked up at once
EDGE_US = 20 * SECOND_US  # chosen: what is younger is tailed; a file's rows may be that late
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Tail:
    """The newest file of a stream, and the ones after it.

    Args:
        volumes: Roots by name.
        key: The stream.
        clock: Time.
        after: The last chunk that was seen, where there is one.
        since_us: Where none was: begins with the first file since then, wall time; without it at the newest keyframe.
    """

    def __init__(
        self, volumes: Mapping[str, Path], key: StreamKey, clock: Clock, after: Chunk | None = None,
        since_us: int | None = None,
    ) -> None:  # fmt: skip
        self._volumes = volumes
        self._key = key
        self._clock = clock
        self._piece: Piece | None = None if after is None else after.piece
        self._at = 0 if after is None else after.fragment.offset + after.fragment.bytes
        self._since_us = since_us
        self._grew_us = clock.boot_us()
        self._seen: tuple[Path, int] | None = None  # the file as it was when it was last read
        self._ended = False  # and it said that it was finished

    def take(self) -> list[Chunk]:
        """Return what is new, at first from where it begins on; empty where nothing came.

        Raises:
            StorageError: A file cannot be read.
        """
        if self._piece is None and self._since_us is not None:
            self._piece = following(self._volumes, self._key, f"_{stamp(self._since_us - SECOND_US)}")
        if self._piece is None:
            self.jump()
        found, over = self._read()
        while over and self._next():
            more, over = self._read()
            found += more
        if found:
            self._grew_us = self._clock.boot_us()
        return found

    def jump(self) -> None:
        """Go to the newest keyframe, whatever lies between; never back."""
        piece = footage.newest(self._volumes, self._key)
        if piece is None:
            return
        with suppress(NotFound, BadInput), footage.opened(self._volumes, piece) as fd:
            index = index_of(fd)
            ahead = self._piece is None or piece.file != self._piece.file or (index and index.offsets[-1] > self._at)
            if index is not None and ahead:
                self._piece, self._at, self._seen = piece, index.offsets[-1], None

    def _read(self) -> tuple[list[Chunk], bool]:
        """Read on; says too whether another file should be looked for."""
        piece = self._piece
        if piece is None:
            return [], False
        found: list[Chunk] = []
        try:
            path = footage.path_of(self._volumes, piece)
            seen = (path, _size(path))
            if seen == self._seen:
                # Most turns: whoever asks often pays for one look at the folder.
                return [], self._ended or self._quiet()
            self._seen, self._ended = seen, False
            head = head_of(path)
            if head is None:
                return [], self._quiet()
            for item in read_fragments(path, self._at):
                if isinstance(item, Ended):
                    self._ended = True
                    return found, True
                if isinstance(item, Fragment):
                    found.append(Chunk(piece, head, item))
                    self._at = item.offset + item.bytes
        except (NotFound, BadInput):
            return found, True  # removed, or damaged from here on: what comes next is another file
        return found, not found and self._quiet()

    def _quiet(self) -> bool:
        return self._clock.boot_us() - self._grew_us > QUIET_US

    def _next(self) -> bool:
        self._grew_us = self._clock.boot_us()  # looking for a successor is not for every turn
        piece = self._piece
        last = None if piece is None else following(self._volumes, self._key, piece.segment)
        if last is None:
            return False
        self._piece, self._at, self._seen = last, 0, None
        return True


def following(volumes: Mapping[str, Path], key: StreamKey, after: str) -> Piece | None:
    """Return the file after another one, by their names as the folders have them; None where there is none yet.

    Args:
        volumes: Roots by name.
        key: The stream.
        after: Name of a segment, or `_YYYYMMDDTHHMMSSZ` for an instant.

    Raises:
        StorageError: A folder cannot be listed.
    """
    limit = _order(after)
    days: set[str] = set()
    for root in volumes.values():
        days |= {day for day in _names(root / stream_folder(key)) if _DAY.fullmatch(day)}
    for day in sorted(days):
        if day.replace("-", "") < limit[0][:8]:
            continue
        names = {name for root in volumes.values() for name in _names(root / stream_folder(key) / day)}
        files = {name.removesuffix(PART).removesuffix(".mp4") for name in names if ".mp4" in name}
        for segment in sorted((n for n in files if _order(n) > limit), key=_order):
            with suppress(NotFound, BadInput):
                return footage.piece_named(volumes, key, segment)
    return None


def _size(path: Path) -> int:
    with storage_errors("reading", path):
        try:
            return path.stat().st_size
        except FileNotFoundError as error:
            raise NotFound(f"{path} is not there") from error


def _order(segment: str) -> tuple[str, int]:
    stamp, _, number = segment.rpartition("_")[2].partition("-")
    return stamp, int(number) if number.isdigit() else 0


def _names(folder: Path) -> list[str]:
    with storage_errors("listing", folder):
        try:
            return [entry.name for entry in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []


def from_instant(
    volumes: Mapping[str, Path], key: StreamKey, from_us: int, clock: Clock, catalog: Catalog | None,
    indexes: Indexes | None = None,
) -> Iterator[Chunk | Gap | None]:  # fmt: skip
    """Yield a stream from the keyframe at or before an instant on, its gaps too; None while nothing new is there.

    Args:
        volumes: Roots by name.
        key: The stream.
        from_us: The instant.
        clock: Time.
        catalog: Where rows are, or None to ask the journals.
        indexes: What is remembered of files; a seek into a long one is at once with it.

    Raises:
        StorageError: A file cannot be read.
    """
    at_us, told_us, hop_us = from_us, from_us, 0
    last: Chunk | None = None
    while at_us == from_us or (clock.wall_us() - at_us > EDGE_US and not (last is not None and last.piece.growing)):
        now_us = max(clock.wall_us(), at_us + 1)
        to_us = min(max(at_us + WINDOW_US, hop_us), now_us)
        stretch = footage.find(volumes, key, at_us, to_us, now_us=now_us, catalog=catalog)
        for item in footage.read(volumes, stretch, indexes):
            if isinstance(item, Gap):
                if item.end_us > told_us:
                    told_us = item.end_us
                    yield item
            elif last is None or _after(item, last):
                last = item
                yield item
        at_us = to_us
        hop_us = 0 if stretch.pieces else _next_us(volumes, key, to_us, now_us)
    # What is younger than the edge was not looked up yet: all of a camera that has just begun, or come again.
    tail = Tail(volumes, key, clock, last, max(from_us, at_us - EDGE_US))
    while True:
        found = tail.take()
        yield from found
        if not found:
            yield None


def _next_us(volumes: Mapping[str, Path], key: StreamKey, from_us: int, now_us: int) -> int:
    """Say how far to look at once behind a window without footage: a year without any is not gone through."""
    piece = following(volumes, key, f"_{stamp(from_us - SECOND_US)}")
    return now_us if piece is None else min(now_us, max(from_us, piece.start_us))


def _after(item: Chunk, last: Chunk) -> bool:
    if item.piece.file == last.piece.file:
        return item.fragment.offset > last.fragment.offset
    return item.fragment.wall_us > last.fragment.wall_us


def payloads(volumes: Mapping[str, Path], chunk: Chunk, coding: Coding) -> Iterator[tuple[StoredSample, bytes, int]]:
    """Yield the samples of one track of a chunk: as stored, its bytes, and the wall time at which it is shown.

    Raises:
        NotFound: The file was removed meanwhile.
        StorageError: It cannot be read.
    """
    fragment = chunk.fragment
    part = fragment.slice_of(coding.number)
    if part is None:
        return
    with footage.opened(volumes, chunk.piece) as fd:
        data = os.pread(fd, part.media_bytes, part.data_at)
    for sample, wall_us, _ in samples(chunk, coding):
        at = sample.offset - part.data_at
        yield sample, data[at : at + sample.bytes], wall_us


def samples(chunk: Chunk, coding: Coding) -> Iterator[tuple[StoredSample, int, int]]:
    """Yield the samples of one track of a chunk: as stored, and the wall times of presentation and of decoding."""
    fragment = chunk.fragment
    anchor_us = ticks_to_us(fragment.anchor_ticks, chunk.head.tracks[fragment.anchor].timescale)
    for sample in fragment.slice_of(coding.number) or ():
        wall_us = fragment.wall_us + ticks_to_us(sample.pts_ticks, coding.timescale) - anchor_us
        yield sample, wall_us, wall_us - ticks_to_us(sample.pts_ticks - sample.dts_ticks, coding.timescale)


def coding_of(volumes: Mapping[str, Path], chunk: Chunk) -> dict[Kind, Coding]:
    """Read how the tracks of a chunk's file are coded.

    Raises:
        NotFound: The file was removed meanwhile.
        BadInput: It is damaged.
        StorageError: It cannot be read.
    """
    with footage.opened(volumes, chunk.piece) as fd:
        return codings(chunk.head, os.pread(fd, chunk.head.init_bytes, 0))
