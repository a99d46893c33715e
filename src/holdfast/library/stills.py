"""Stills: the latest picture of a camera, the one at any instant, and many small ones in a sheet.

Two pictures and one sheet are decoded at a time, whoever asks; equal requests share one decode, and what was decoded is
kept in memory up to a number of bytes. The latest picture never makes anybody wait for more than a moment: where a new
one is not ready, the one before is answered, which says when it was taken. No camera is ever asked.

One object a server; any thread but an event loop.
Not here: decoding (media.still), addresses (api.stills).
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, HoldfastError, NotFound, TooMany, UsageError
from holdfast.core.gap import MEANING, Gap
from holdfast.core.timing import SECOND_US, iso
from holdfast.library import footage
from holdfast.library.footage import Piece, Stretch
from holdfast.media.index_of import FileIndex, Indexes
from holdfast.media.still import Form, Sheet, Shot, Still, packed, shot_at

DECODES = 2  # chosen: what a small machine has to spare beside recording
MOST_BYTES = 32 * 1024 * 1024  # chosen: 500 pictures of a wall, or thirty sheets
MOST_WAITING = 400  # chosen: a wall of 32 tiles for ten viewers; more is refused rather than remembered
FRESH_US = SECOND_US  # chosen: a wall that refreshes each second decodes each camera once a second, whoever watches
GRACE_S = 0.04  # chosen: I2 allows 50 ms in all
PATIENCE_S = 10.0  # chosen: a 4K keyframe on a slow machine takes one second, and thirty may wait before it
KEEP_US = 600 * SECOND_US  # chosen: what was removed by policy is not shown for longer than this
EDGE_US = 10 * SECOND_US  # what is younger may still be written
NEAR_US = SECOND_US // 10  # pieces of one run touch; holes below this are not gaps
MOST_TILES = 120
MOST_TILE = 480  # pixels
_SMALLEST_TILE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One picture of a sheet.

    Attributes:
        asked_us: Begin of the span that it stands for.
        at_us: When its picture was taken; None where there is none.
        x: Pixels from the left.
        y: Pixels from the top.
        reason: Why there is none; empty where there is one.
    """

    asked_us: int
    at_us: int | None
    x: int
    y: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A sheet: its JPEG, its size, the size of a tile, and what each tile shows."""

    body: bytes
    width: int
    height: int
    tile_width: int
    tile_height: int
    tiles: tuple[Tile, ...]


@dataclass(slots=True)
class _Kept:
    value: Any
    bytes: int
    since_us: int
    mark: tuple[str, int] = ("", 0)


class Stills:
    """All pictures of a server. Enter it to live.

    Args:
        clock: Time.
        volumes: Says the roots of footage.
        catalog: Gives the catalog, or None where it does not answer.
        most_bytes: What may be kept.

    Attributes:
        decodes: Pictures that were decoded since the start.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        volumes: Callable[[], Mapping[str, Path]],
        catalog: Callable[[], Catalog | None],
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._clock = clock
        self._volumes = volumes
        self._catalog = catalog
        self._most_bytes = most_bytes
        self._indexes = Indexes()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()
        self._coming: dict[tuple[Any, ...], Future[Any]] = {}
        self._bytes = 0
        self.decodes = 0
        self._pool = ThreadPoolExecutor(DECODES, "still")
        self._sheets = ThreadPoolExecutor(1, "sheet")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in (self._pool, self._sheets):
            pool.shutdown(wait=True, cancel_futures=True)

    def latest(self, key: StreamKey, *, width: int | None = None, form: Form = Form.JPEG) -> Still:
        """Return the newest picture of a stream, or the one before where that takes longer than a moment.

        Raises:
            NotFound: There is none; the text says why.
            BadInput: It cannot be decoded.
            TooMany: Too many pictures wait to be decoded.
        """
        name = ("latest", key, width, form)
        kept = self._known(name)
        if kept is not None and self._clock.boot_us() - kept.since_us < FRESH_US:
            return _still(kept.value)
        coming = self._begin(self._pool, name, partial(self._newest, name, key, width, form))
        try:
            return _still(_waited(coming, PATIENCE_S if kept is None else GRACE_S))
        except HoldfastError:
            # What was seen a moment ago is a better answer than that its successor cannot be had.
            if kept is None:
                raise
            return _still(kept.value)

    def at(self, key: StreamKey, at_us: int, *, width: int | None = None, form: Form = Form.JPEG) -> Still:
        """Return the picture that was shown at an instant.

        Raises:
            NotFound: There is no footage of it; the text says why.
            BadInput: It cannot be decoded.
            TooMany: Too many pictures wait to be decoded.
        """
        name = ("at", key, at_us, width, form)
        kept = self._known(name)
        if kept is not None:
            return _still(kept.value)
        return _still(_waited(self._begin(self._pool, name, partial(self._then, name, key, at_us, width, form))))

    def sheet(self, key: StreamKey, span: tuple[int, int], count: int, width: int) -> Contact:
        """Return `count` small pictures spread over a span, in rows, each the keyframe nearest before its instant.

        Args:
            key: The stream.
            span: Begin and end, wall time.
            count: How many; at most `MOST_TILES`.
            width: Pixels of each; at most `MOST_TILE`.

        Raises:
            UsageError: The numbers make no sense.
            NotFound: There is no footage in the span; the text says why.
            TooMany: Too many sheets wait to be made.
        """
        if span[1] - span[0] < count or not 1 <= count <= MOST_TILES or not _SMALLEST_TILE <= width <= MOST_TILE:
            raise UsageError(
                "this is no sheet",
                hint=f"from before to, 1 to {MOST_TILES} pictures, {_SMALLEST_TILE} to {MOST_TILE} wide",
            )
        name = ("sheet", key, span, count, width)
        kept = self._known(name)
        if kept is None:
            work = partial(self._tiled, name, key, span, count, width)
            value: Contact = _waited(self._begin(self._sheets, name, work), 3 * PATIENCE_S)
            return value
        known: Contact = kept.value
        return known

    @property
    def kept_bytes(self) -> int:
        """What is kept now."""
        return self._bytes

    # --- what is kept, and what is coming ----------------------------------------------------------------------------

    def _known(self, name: tuple[Any, ...]) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(name)
            if kept is None:
                return None
            if name[0] != "latest" and self._clock.boot_us() - kept.since_us > KEEP_US:
                del self._kept[name]
                self._bytes -= kept.bytes
                return None
            self._kept.move_to_end(name)
            return kept

    def _keep(self, name: tuple[Any, ...], value: Any, size: int, mark: tuple[str, int] = ("", 0)) -> None:
        with self._lock:
            before = self._kept.pop(name, None)
            self._bytes += size - (before.bytes if before is not None else 0)
            self._kept[name] = _Kept(value, size, self._clock.boot_us(), mark)
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].bytes

    def _begin(self, pool: ThreadPoolExecutor, name: tuple[Any, ...], work: Callable[[], Any]) -> "Future[Any]":
        """Have something made, unless it is being made."""
        with self._lock:
            coming = self._coming.get(name)
            if coming is None:
                if len(self._coming) >= MOST_WAITING:
                    raise TooMany("too many pictures are wanted at once")
                coming = self._coming[name] = pool.submit(work)
                begun = True
            else:
                begun = False
        if begun:
            coming.add_done_callback(lambda _: self._coming.pop(name, None))
        return coming

    # --- in a pool's thread ------------------------------------------------------------------------------------------

    def _newest(self, name: tuple[Any, ...], key: StreamKey, width: int | None, form: Form) -> Still:
        piece = footage.newest(self._volumes(), key)
        if piece is None:
            raise self._missing(key, self._clock.wall_us() - 1)
        index = self._index(piece)
        mark = (piece.file, index.offsets[-1])
        kept = self._known(name)
        if kept is not None and kept.mark == mark:
            still = _still(kept.value)
        else:
            still = packed(self._shot(piece, index, None), width=width, form=form)
        self._keep(name, still, len(still.body), mark)
        return still

    def _then(self, name: tuple[Any, ...], key: StreamKey, at_us: int, width: int | None, form: Form) -> Still:
        stretch = self._find(key, at_us - NEAR_US, at_us + NEAR_US)
        piece = _holding(stretch, at_us)
        if piece is None:
            raise self._missing(key, at_us)
        still = packed(self._shot(piece, self._index(piece), at_us), width=width, form=form)
        if not piece.growing or at_us < self._clock.wall_us() - EDGE_US:
            self._keep(name, still, len(still.body))
        return still

    def _tiled(self, name: tuple[Any, ...], key: StreamKey, span: tuple[int, int], count: int, width: int) -> Contact:
        stretch = self._find(key, *span)
        columns = math.ceil(math.sqrt(count))
        sheet: Sheet | None = None
        tile = (width, 0)
        tiles: list[Tile] = []
        for number in range(count):
            begin, end = (span[0] + (span[1] - span[0]) * n // count for n in (number, number + 1))
            shot, why = self._tile(stretch, begin, end)
            if shot is not None:
                if sheet is None:
                    tile = (width, max(2, round(width * shot.height / shot.width / 2) * 2))
                    sheet = Sheet(count, tile, columns)
                sheet.place(number, shot)
            row, column = divmod(number, columns)
            taken_us = None if shot is None else shot.at_us
            tiles.append(Tile(asked_us=begin, at_us=taken_us, x=column, y=row, reason=why))
        if sheet is None:
            raise self._missing(key, span[0], stretch)
        placed = tuple(replace(t, x=t.x * tile[0], y=t.y * tile[1]) for t in tiles)
        contact = Contact(
            body=sheet.packed(), width=sheet.width, height=sheet.height, tile_width=tile[0], tile_height=tile[1],
            tiles=placed,
        )  # fmt: skip
        if span[1] < self._clock.wall_us() - EDGE_US:
            self._keep(name, contact, len(contact.body) + 100 * count)
        return contact

    def _tile(self, stretch: Stretch, begin_us: int, end_us: int) -> tuple[Shot | None, str]:
        """Return the picture of one part of the span: at its begin, or the first one in it."""
        piece = _holding(stretch, begin_us)
        if piece is None:
            piece = next((p for p in stretch.pieces if begin_us <= p.start_us < end_us), None)
        if piece is None:
            return None, _reason(stretch, begin_us)
        try:
            return self._shot(piece, self._index(piece), max(begin_us, piece.start_us), exact=False), ""
        except NotFound:
            return None, "removed"
        except HoldfastError:
            return None, "damaged"

    def _shot(self, piece: Piece, index: FileIndex, at_us: int | None, *, exact: bool = True) -> Shot:
        self.decodes += 1
        with footage.opened(self._volumes(), piece) as fd:
            return shot_at(fd, index, at_us, exact=exact)

    def _index(self, piece: Piece) -> FileIndex:
        volumes = self._volumes()
        index = self._indexes.of(f"{piece.volume}:{piece.file}", partial(footage.opened, volumes, piece))
        if index is None:
            raise BadInput(f"{piece.segment} holds no picture yet")
        return index

    def _find(self, key: StreamKey, from_us: int, to_us: int) -> Stretch:
        now_us = self._clock.wall_us()
        return footage.find(self._volumes(), key, from_us, to_us, now_us=now_us, catalog=self._catalog())

    def _missing(self, key: StreamKey, at_us: int, stretch: Stretch | None = None) -> NotFound:
        """Say why there is no picture."""
        stretch = stretch or self._find(key, at_us - NEAR_US, at_us + NEAR_US)
        gap = _gap(stretch, at_us)
        if any(p.start_us <= at_us < p.end_us for p in stretch.removed):
            return NotFound(f"{key}: the footage of {iso(at_us)} was removed")
        if gap is None:
            return NotFound(f"{key} has no footage of {iso(at_us)}", hint="holdfast coverage shows what there is")
        detail = f" ({gap.detail})" if gap.detail else ""
        return NotFound(f"{key} has no footage of {iso(at_us)}: {gap.reason.value}, {MEANING[gap.reason]}{detail}")


def _waited(coming: "Future[Any]", patience_s: float = PATIENCE_S) -> Any:
    try:
        return coming.result(patience_s)
    except (Late, CancelledError) as error:
        raise TooMany("many pictures are being decoded; this one is not ready yet") from error


def _still(value: Any) -> Still:
    still: Still = value
    return still


def _holding(stretch: Stretch, at_us: int) -> Piece | None:
    """Return the piece that shows an instant: in it, or right before it where nothing is missing between."""
    inside = [piece for piece in stretch.pieces if piece.start_us <= at_us < piece.end_us]
    if inside:
        return inside[-1]
    if _gap(stretch, at_us) is not None:
        return None
    before = [piece for piece in stretch.pieces if piece.start_us <= at_us < piece.end_us + NEAR_US]
    return before[-1] if before else None


def _gap(stretch: Stretch, at_us: int) -> Gap | None:
    return next((gap for gap in stretch.gaps if gap.start_us <= at_us < gap.end_us), None)


def _reason(stretch: Stretch, at_us: int) -> str:
    if any(piece.start_us <= at_us < piece.end_us for piece in stretch.removed):
        return "removed"
    gap = _gap(stretch, at_us)
    return "unknown" if gap is None else gap.reason.value
