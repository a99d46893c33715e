"""Lists of pieces for players (HLS): what is recorded now, and any span of the past. Pieces are parts of segment files.

Nothing is cut or copied for a list: an entry is a byte range of a file, also of the one that is being written.

A live list only moves on. Its numbers come from the clock when it is asked for first, twice a second, faster than
entries can come: so they never go back, not even when the server starts again. A list of the past begins at 0 and only
grows, while the file at its end does.

Reads only; any thread, never an event loop. Not here: addresses and rights (api.hls), what stands in a list (hls_list),
where keyframes lie (media).
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, NotFound, UsageError
from holdfast.core.footage import PART, stream_folder
from holdfast.core.gap import MEANING
from holdfast.core.timing import DAY_US, HOUR_US, SECOND_US, iso
from holdfast.library import footage
from holdfast.library.footage import Piece
from holdfast.library.hls_list import ENTRY_US, Entry, Line, PlayList, entries_of, shift_of, target_of
from holdfast.media.index_of import FileIndex, Indexes
from holdfast.media.shifted import read_shifted

LONG_ENTRY_US = 6 * SECOND_US  # chosen: a day in 2 MB of list, not 7
LONG_SPAN_US = 2 * HOUR_US
MOST_US = DAY_US  # chosen: a day is what a page shows; a longer list is several
LIVE_ENTRIES = 10  # chosen: 20 s; a player begins three before the end, one that was held up for 10 s still goes on
LIVE_BACK_US = 60 * SECOND_US  # chosen: what is older is not live, and a list of it says so by not being there
AGAIN_US = 500_000  # chosen: fragments come every half second at most; viewers share a list meanwhile
QUIET_US = 5 * SECOND_US  # chosen: a file that did not grow for this long may have a successor that nobody announced
FRESH_US = 10 * SECOND_US  # as in the timeline: a file that did not grow for this long is not being written
MOST_LISTS = 200  # chosen: 32 cameras, two streams, three tiers
_SEGMENT = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_-]{0,49})_(\d{4})(\d\d)(\d\d)T\d{6}Z(?:-\d{1,4})?", re.ASCII)
_NUMBERS_FROM_US = 1_577_836_800 * SECOND_US  # 2020: half seconds since then fit 31 bits until 2054


def past(
    volumes: Mapping[str, Path], key: StreamKey, span: tuple[int, int], *, now_us: int, catalog: Catalog | None,
    indexes: Indexes,
) -> PlayList:  # fmt: skip
    """List a span of the past, whole entries that touch it; one that reaches into the future grows.

    Raises:
        UsageError: The span is empty or longer than a day.
        NotFound: Nothing was recorded in it; the message says why.
        StorageError: The footage cannot be read.
    """
    from_us, to_us = check_span(span, MOST_US)
    stretch = footage.find(volumes, key, from_us, to_us, now_us=now_us, catalog=catalog)
    length_us = LONG_ENTRY_US if to_us - from_us > LONG_SPAN_US else ENTRY_US
    entries: list[Entry] = []
    growing, line = False, Line()
    for piece in stretch.pieces:
        index = _index(volumes, piece, indexes)
        if index is None:
            continue
        reach_us = index.walls_us[-1] + shift_of(piece, index.head.start_us)
        # Between a file that was finished just now and the next one the list goes on too, where the span does: a
        # player must not stop there.
        open_ended = not index.finished or to_us > now_us
        growing = open_ended and now_us - reach_us < FRESH_US + length_us and piece is stretch.pieces[-1]
        whole = index.finished or not growing
        mine = entries_of(piece, index, line.lay(piece, index), length_us=length_us, whole=whole)
        entries += [e for e in mine if e.wall_us < to_us and e.wall_us + e.length_us > from_us]
    growing = growing and to_us > now_us - FRESH_US
    if not entries and not growing:
        raise NotFound(why_nothing(stretch), hint="the timeline says what there is")
    kind = "EVENT" if growing else "VOD"
    return PlayList(entries=tuple(entries), target_s=target_of(entries), kind=kind, ended=not growing)


def check_span(span: tuple[int, int], most_us: int) -> tuple[int, int]:
    """Return a span that makes sense.

    Raises:
        UsageError: It does not.
    """
    from_us, to_us = span
    if to_us <= from_us:
        raise UsageError("the span ends before it begins", hint="`to` must be later than `from`")
    if to_us - from_us > most_us:
        raise UsageError(f"the span is longer than {most_us // HOUR_US} hours", hint="ask for its parts, one by one")
    return span


def why_nothing(stretch: footage.Stretch) -> str:
    """Say in a sentence why there is no footage in a span."""
    where = f"{stretch.key} from {iso(stretch.from_us)} to {iso(stretch.to_us)}"
    if stretch.removed:
        return f"what was recorded of {where} was removed"
    if not stretch.gaps:
        return f"nothing was recorded of {where}"
    gap = max(stretch.gaps, key=lambda g: min(g.end_us, stretch.to_us) - max(g.start_us, stretch.from_us))
    detail = f" ({gap.detail})" if gap.detail else ""
    return f"nothing was recorded of {where}: {gap.reason}, {MEANING[gap.reason]}{detail}"


@dataclass(slots=True)
class LiveList:
    """What one stream's live players see; each look moves it on. Give it the lock of `LiveLists`."""

    entries: list[Entry] = field(default_factory=list)
    number: int = 0
    breaks: int = 0
    target_s: int = 0
    line: Line | None = None
    piece: Piece | None = None
    grown_us: int = 0
    grown_bytes: int = 0
    looked_us: int = -AGAIN_US
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, found: Sequence[Entry], now_us: int, *, going_on: bool) -> None:
        """Take what is there now, in order, and forget what has left the list.

        Args:
            found: Entries of the last minute, or those of the newest file alone.
            now_us: Wall time.
            going_on: They are of the file that was the newest one at the last look: nothing was missed between.
        """
        names = [(entry.segment, entry.offset) for entry in found]
        last = (self.entries[-1].segment, self.entries[-1].offset) if self.entries else None
        if last in names:
            fresh = list(found[names.index(last) + 1 :])
        elif self.entries and (going_on or self.end_us > now_us - LIVE_BACK_US):
            fresh = [e for e in found if going_on or e.wall_us > self.entries[-1].wall_us]
        else:
            # Too long ago to go on where it was: a new list, whose numbers are higher than any before.
            self.number = max(self.number + len(self.entries), (now_us - _NUMBERS_FROM_US) * 2 // SECOND_US)
            self.breaks += 1 + sum(entry.breaks for entry in self.entries)
            self.entries, fresh = [], list(found)
        self.entries += fresh
        self.target_s = max(self.target_s, target_of(self.entries))
        while self.entries and (
            len(self.entries) > LIVE_ENTRIES or self.entries[0].wall_us < now_us - LIVE_BACK_US - ENTRY_US
        ):
            self.breaks += self.entries.pop(0).breaks
            self.number += 1

    @property
    def end_us(self) -> int:
        """When the newest entry ends; 0 where there is none."""
        return self.entries[-1].wall_us + self.entries[-1].length_us if self.entries else 0

    def list(self) -> PlayList:
        """Return the list as of the last look."""
        return PlayList(
            entries=tuple(self.entries), number=self.number, breaks=self.breaks, target_s=self.target_s
        )  # fmt: skip


class LiveLists:
    """The live lists of all streams that somebody watches."""

    def __init__(self, clock: Clock, indexes: Indexes) -> None:
        self._clock = clock
        self._indexes = indexes
        self._lock = threading.Lock()
        self._lists: OrderedDict[tuple[StreamKey, str], LiveList] = OrderedDict()

    def look(
        self, volumes: Mapping[str, Path], key: StreamKey, catalog: Callable[[], Catalog | None], *, tier: str = ""
    ) -> PlayList:
        """Return a stream's list as of now.

        Args:
            volumes: Roots by name: those of the footage, or of a tier's spool.
            key: The stream.
            catalog: Gives the catalog, None where it is away; asked only when another file began.
            tier: Tells lists of one stream apart.

        Raises:
            NotFound: Nothing is being recorded.
            StorageError: The footage cannot be read.
        """
        with self._lock:
            live = self._lists.setdefault((key, tier), LiveList())
            self._lists.move_to_end((key, tier))
            if len(self._lists) > MOST_LISTS:
                self._lists.popitem(last=False)
        with live.lock:
            boot_us, now_us = self._clock.boot_us(), self._clock.wall_us()
            if boot_us - live.looked_us >= AGAIN_US:
                self._move_on(live, volumes, key, catalog, now_us)
                live.looked_us = boot_us
            if live.end_us < now_us - LIVE_BACK_US:
                raise NotFound(f"{key} is not being recorded now", hint="its state says why; try again when it is")
            return live.list()

    def _move_on(
        self, live: LiveList, volumes: Mapping[str, Path], key: StreamKey, catalog: Callable[[], Catalog | None],
        now_us: int,
    ) -> None:  # fmt: skip
        pieces: Sequence[Piece] = ()
        going_on = live.piece is not None and self._still_growing(live, volumes, now_us)
        if live.piece is not None and going_on:
            pieces = (live.piece,)
        else:
            pieces = footage.find(
                volumes, key, now_us - LIVE_BACK_US, now_us, now_us=now_us, catalog=catalog()
            ).pieces  # fmt: skip
            if live.piece is not None and live.piece.segment not in {piece.segment for piece in pieces}:
                pieces = (live.piece, *pieces)  # its last entry is whole only now that it is finished
        # Begun anew, a list is ahead of where it was before: also for whoever kept looking while the server restarted.
        line = live.line = live.line or Line(at_us=now_us % (7 * DAY_US))
        found: list[Entry] = []
        for piece in pieces:
            index = _index(volumes, piece, self._indexes)
            if index is None:
                continue
            found += entries_of(piece, index, line.lay(piece, index), whole=index.finished)
            if live.piece is None or live.piece.segment != piece.segment or index.bytes > live.grown_bytes:
                live.grown_us, live.grown_bytes = now_us, index.bytes
            live.piece = piece
        live.take(found, now_us, going_on=going_on)

    def _still_growing(self, live: LiveList, volumes: Mapping[str, Path], now_us: int) -> bool:
        assert live.piece is not None  # noqa: S101 - the caller looked
        try:
            path = footage.path_of(volumes, live.piece)
        except NotFound:
            return False
        return path.suffix == PART and now_us - live.grown_us < QUIET_US


def _index(volumes: Mapping[str, Path], piece: Piece, indexes: Indexes) -> FileIndex | None:
    try:
        return indexes.of(f"{piece.volume}:{piece.file}", partial(footage.opened, volumes, piece))
    except (NotFound, BadInput):
        return None  # removed meanwhile, or damaged: the entries of the others are still good


def file_named(volumes: Mapping[str, Path], key: StreamKey, segment: str) -> Piece:
    """Return a segment file by its name in lists. Unlike `footage.piece_named` it does not look how far it reaches.

    Raises:
        NotFound: The name is none, or no volume has such a file; nothing outside the stream's folder is ever looked at.
    """
    match = _SEGMENT.fullmatch(segment)
    if match is not None and match[1] == key.camera:
        day = f"{match[2]}-{match[3]}-{match[4]}"
        file = (stream_folder(key) / day / f"{segment}.mp4").as_posix()
        for volume in volumes:
            piece = Piece(volume=volume, file=file, start_us=0, end_us=0, growing=False)
            with suppress(NotFound):
                footage.path_of(volumes, piece)
                return piece
    raise NotFound(f"{key} has no file {segment[:80]!r}", hint="it may have been removed; the timeline says")


def read_file(
    volumes: Mapping[str, Path], piece: Piece, index: FileIndex, at_us: int, offset: int, count: int
) -> bytes:
    """Read a part of a segment file, finished or growing, as if its clock began at `at_us`.

    Raises:
        NotFound: It was removed meanwhile.
        StorageError: It cannot be read.
    """
    with footage.opened(volumes, piece) as fd:
        return read_shifted(fd, index, at_us, offset, count)
