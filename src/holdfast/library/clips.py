"""A clip: any span of a stream as one plain MP4 that plays anywhere, made while it is fetched, without encoding.

A clip is a plan (media.clip) and the files that it reads from. Plans are kept for a while, because who fetches a clip
asks for its parts: a span that is over always gives the same bytes, and one that is still being recorded keeps those
of its last beginning, until somebody begins anew.

Cost: a plan of two hours reads 30,000 fragments' heads, one of a day some 350,000; `Clips` keeps at most `KEPT_BYTES`.

Reads only, but for `write`; any thread, never an event loop. Not here: addresses and rights (api.clips).
"""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from holdfast.catalog.db import Catalog
from holdfast.core.camera import STREAMS, StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import Conflict, NotFound, TooMany
from holdfast.core.footage import PART
from holdfast.core.timing import DAY_US, SECOND_US, to_datetime
from holdfast.library import footage
from holdfast.library.footage import Piece, Stretch
from holdfast.library.hls import check_span, why_nothing
from holdfast.library.hls_list import shift_of
from holdfast.media.clip import ClipPlan, Source, plan_clip, read_plan
from holdfast.media.footage import head_of
from holdfast.storage.errors import storage_errors

MOST_US = DAY_US  # specified
KEPT_BYTES = 64 * 1024 * 1024  # chosen: three days' plans, or a hundred of an hour
AT_ONCE = 2  # chosen: plans that are worked out at the same time; each keeps a core busy and holds its tables
PATIENCE_S = 30.0  # chosen: a day's plan takes less; who waits longer had better ask again
SETTLED_US = 60 * SECOND_US  # chosen: the indexer has seen all of a span that ended this long ago
PIECE_BYTES = 1 << 20

Seen = Callable[[int, int], None]
"""Is told how many of how many have been done."""

REMOVED = "removed"
"""Why something is missing that was recorded: not a gap's reason, because it is none."""


def _nobody(_done: int, _of: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Hole:
    """What is missing of a span: not recorded (a gap's reason), or `removed`."""

    start_us: int
    end_us: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip before its first byte.

    Attributes:
        key: The stream.
        from_us: Begin of the span that was asked for.
        to_us: Its end.
        plan: What it is made of.
        pieces: The files, by the numbers that the plan has for them.
        gaps: What is missing within the span, closed up in the clip.
        etag: Names these very bytes.
        final: The same span will always give the same bytes, as long as its files are there.
        side: Which side of a place the camera sees, empty where nobody said.
    """

    key: StreamKey
    from_us: int
    to_us: int
    plan: ClipPlan
    pieces: tuple[Piece, ...]
    gaps: tuple[Hole, ...]
    etag: str
    final: bool
    side: str = ""

    def read(self, volumes: Mapping[str, Path], offset: int, count: int) -> bytes:
        """Read a part: up to `count` bytes from `offset` on, at least one before the end.

        Raises:
            NotFound: A file was removed since.
            StorageError: A file cannot be read.
        """
        got = read_plan(self.plan, lambda number: footage.opened(volumes, self.pieces[number]), offset, count)
        if not got and offset < self.plan.bytes:
            raise NotFound("a file of the clip became shorter while it was read")
        return got

    def name(self, zone: ZoneInfo) -> str:
        """Return a file name in the site's time, such as `gate_2026-05-01_180000+0200.mp4`, or `gate-left_…`."""
        at = to_datetime(max(self.from_us, self.plan.start_us), zone).strftime("%Y-%m-%d_%H%M%S%z")
        stream = "" if self.key.stream == STREAMS[0] else f"-{self.key.stream}"
        side = f"-{self.side}" if self.side else ""
        return f"{self.key.camera}{side}{stream}_{at}.mp4"


def make(
    volumes: Mapping[str, Path], key: StreamKey, span: tuple[int, int], *, now_us: int, catalog: Catalog | None,
    side: str = "", seen: Seen = _nobody,
) -> Clip:  # fmt: skip
    """Work out a clip.

    Args:
        volumes: Roots by name.
        key: The stream.
        span: Begin and end; what lies in the future is left out.
        now_us: Wall time.
        catalog: Where rows are, None to ask the journals.
        side: Which side of a place the camera sees, where that was said.
        seen: Is told how many files have been looked at.

    Raises:
        UsageError: The span is empty or longer than a day.
        NotFound: Nothing was recorded in it; the message says why.
        Conflict: The camera sent another codec from an instant within it on.
        StorageError: The footage cannot be read.
    """
    from_us, to_us = check_span(span, MOST_US)
    stretch = footage.find(volumes, key, from_us, to_us, now_us=now_us, catalog=catalog)
    gaps = closed_up(stretch, now_us)
    facts = {
        "camera": key.camera, "stream": key.stream, "from_us": from_us, "to_us": to_us,
        "gaps": [asdict(gap) for gap in gaps], **({"side": side} if side else {}),
    }  # fmt: skip
    pieces = tuple(piece for piece in stretch.pieces if _there(volumes, piece))
    sources = [_source(volumes, piece) for piece in pieces]
    try:
        plan = plan_clip(sources, from_us, to_us, facts=facts, seen=lambda done: seen(done, len(sources)))
    except NotFound as error:
        if all(_there(volumes, piece) for piece in pieces):
            raise NotFound(why_nothing(stretch), hint="the timeline says what there is") from error
        raise
    digest = hashlib.sha256(plan.front)
    digest.update(repr([(piece.volume, piece.file) for piece in pieces]).encode())
    final = to_us <= now_us - SETTLED_US and not any(piece.growing for piece in pieces)
    return Clip(key, from_us, to_us, plan, pieces, gaps, digest.hexdigest()[:32], final, side)


def closed_up(stretch: Stretch, now_us: int) -> tuple[Hole, ...]:
    """Return what is missing of a span up to now, cut to the span; footage that was removed is named as such."""
    last_us = min(stretch.to_us, now_us)
    missing = [Hole(g.start_us, g.end_us, g.reason.value, g.detail) for g in stretch.gaps]
    missing += [
        Hole(p.start_us, p.end_us, REMOVED, "it was recorded and is not there any more") for p in stretch.removed
    ]
    cut = [
        Hole(max(hole.start_us, stretch.from_us), min(hole.end_us, last_us), hole.reason, hole.detail)
        for hole in sorted(missing, key=lambda hole: hole.start_us)
    ]
    return tuple(hole for hole in cut if hole.end_us > hole.start_us)


def write(
    clip: Clip, volumes: Mapping[str, Path], target: Path, *, replace: bool = False, seen: Seen = _nobody
) -> None:
    """Write a clip to a file, whole or not at all.

    Args:
        clip: The clip.
        volumes: Roots by name.
        target: Where to.
        replace: Write over what is there.
        seen: Is told how many bytes have been written.

    Raises:
        Conflict: There is such a file.
        NotFound: The footage was removed while it was read.
        StorageError: The file cannot be written, or the footage not be read.
    """
    part = target.with_name(f"{target.name}{PART}")
    with storage_errors("writing", target):
        if target.exists() and not replace:
            raise Conflict(f"{target} exists already", hint="choose another name, or say --force")
        with part.open("wb") as file:
            try:
                at = 0
                while at < clip.plan.bytes:
                    at += file.write(clip.read(volumes, at, PIECE_BYTES))
                    seen(at, clip.plan.bytes)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        part.replace(target)


class Clips:
    """Clips that were asked for lately. One an application."""

    def __init__(self, clock: Clock, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._clock = clock
        self._kept_bytes = kept_bytes
        self._lock = threading.Lock()
        self._turn = threading.BoundedSemaphore(AT_ONCE)
        self._kept: OrderedDict[tuple[StreamKey, int, int, str], Clip] = OrderedDict()

    def clip(
        self, volumes: Mapping[str, Path], key: StreamKey, span: tuple[int, int], catalog: Catalog | None, *,
        anew: bool, side: str = "",
    ) -> Clip:  # fmt: skip
        """Return a clip, as `make` does.

        Args:
            volumes: Roots by name.
            key: The stream.
            span: Begin and end.
            catalog: Where rows are, None to ask the journals.
            anew: The caller begins: where the span is not over, there may be more by now.
            side: Which side of a place the camera sees, where that was said.

        Raises:
            TooMany: Others are having clips worked out.
        """
        name = (key, *span, side)
        kept = self._known(name, volumes, anew=anew)
        if kept is not None:
            return kept
        if not self._turn.acquire(timeout=PATIENCE_S):
            raise TooMany("other clips are being worked out")
        try:
            kept = self._known(name, volumes, anew=anew)  # perhaps somebody asked for the same one
            if kept is not None:
                return kept
            clip = make(volumes, key, span, now_us=self._clock.wall_us(), catalog=catalog, side=side)
        finally:
            self._turn.release()
        with self._lock:
            self._kept[name] = clip
            self._kept.move_to_end(name)
            while len(self._kept) > 1 and sum(len(c.plan.front) for c in self._kept.values()) > self._kept_bytes:
                self._kept.popitem(last=False)
        return clip

    def _known(self, name: tuple[StreamKey, int, int, str], volumes: Mapping[str, Path], *, anew: bool) -> Clip | None:
        with self._lock:
            clip = self._kept.get(name)
            if clip is not None:
                self._kept.move_to_end(name)
        if clip is None or (anew and not clip.final):
            return None
        # What was removed since is not in a clip that begins now; who is in the midst of one hears of it.
        return clip if not anew or all(_there(volumes, piece) for piece in clip.pieces) else None


def _there(volumes: Mapping[str, Path], piece: Piece) -> bool:
    try:
        footage.path_of(volumes, piece)
    except NotFound:
        return False
    return True


def _source(volumes: Mapping[str, Path], piece: Piece) -> Source:
    try:
        head = head_of(footage.path_of(volumes, piece))
    except NotFound:
        head = None  # removed a moment ago: opening it will say so
    shift_us = 0 if head is None else shift_of(piece, head.start_us)
    return Source(piece.file, partial(footage.opened, volumes, piece), shift_us)
