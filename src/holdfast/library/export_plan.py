"""What an export will hold: the pieces of each stream within a span, the gaps between them, and the journal's words.

Everything is asked of journals and files, never of the catalog alone: what the export says must be what was written
when it was recorded. Nothing is left out silently: what was removed, is missing, or was never recorded is listed, and
what nobody can say anything about is a gap of its own.

Reads only; any thread, never an event loop. Not here: the file (export_write), its words for people (export_words).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from holdfast.core.camera import StreamKey
from holdfast.core.errors import Conflict, NotFound, UsageError
from holdfast.core.footage import Segment, Timeline, stream_folder
from holdfast.core.gap import GapReason
from holdfast.core.journal import Sealed
from holdfast.core.manifest import GapPart, PiecePart, PieceState, StreamPart, holes, said
from holdfast.core.timing import DAY_US, day_of
from holdfast.library import clips
from holdfast.library.export_journal import Said, extracts, said_of
from holdfast.library.timeline import merged, split, streams_on, tagged, timeline_of
from holdfast.storage.errors import storage_errors

PIECE_BYTES = 1 << 20
FORMATS = ("zip", "tar", "mp4")
_UTC = ZoneInfo("UTC")  # names in an export are read anywhere
_UNSAID = "nothing is known about this time: no recorder had begun, or the disk with its journal is away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to hand on.

    Attributes:
        streams: Which ones.
        from_us: Begin, wall time.
        to_us: End; what lies in the future is left out.
        format: `zip`, `tar` or `mp4`.
        cut: Exactly the span, as clips, instead of the whole files that touch it; always so for `mp4`.
        by: Who asks.
        purpose: What for, in their words.
    """

    streams: tuple[StreamKey, ...]
    from_us: int
    to_us: int
    format: str = "zip"
    cut: bool = False
    by: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the export before it is written: its name in it, its size, and its bytes when they are wanted.

    `size_bytes` is what is expected; a file that is shorter or gone by then is a fact that the manifest tells.
    """

    name: str
    size_bytes: int
    read: Callable[[], Iterator[bytes]]


@dataclass(slots=True)
class Draft:
    """An export before its first byte: all but hashes of what is not hashed yet."""

    asked: Asked
    to_us: int
    streams: list[StreamPart] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """How large it will be, within some kilobytes."""
        return sum(item.size_bytes for item in self.items)


@dataclass(frozen=True, slots=True)
class _Stream:
    """One stream as its journals tell it."""

    key: StreamKey
    said: Mapping[str, Sequence[Said]]
    line: Timeline
    chains: Mapping[str, str]


def draft(
    volumes: Mapping[str, Path], asked: Asked, now_us: int,
    *, facts: Callable[[str], dict[str, Any]] = lambda _camera: {},
) -> Draft:  # fmt: skip
    """Find out what an export will hold.

    Args:
        volumes: Roots by name.
        asked: What is wanted.
        now_us: Wall time.
        facts: Says of a camera's id what people know of it: name, site, location, side.

    Raises:
        UsageError: The span or the choice of streams makes no sense.
        NotFound: A stream is not known, or nothing of any is there.
        Conflict: One MP4 cannot hold what the camera sent.
        StorageError: Journals or files cannot be read.
    """
    _check(asked, now_us)
    made = Draft(asked, min(asked.to_us, now_us))
    known = streams_on(volumes)
    for key in asked.streams:
        if key not in known:
            raise NotFound(f"there is no footage of {key}", hint="holdfast cameras list shows all")
        stream = _stream(volumes, key, (asked.from_us, made.to_us), now_us)
        _add(made, volumes, stream, now_us, facts(key.camera))
    if not any(piece.file for stream in made.streams for piece in stream.pieces):
        raise NotFound(_why_nothing(made.streams), hint="the timeline says what there is")
    return made


def _check(asked: Asked, now_us: int) -> None:
    if asked.format not in FORMATS:
        raise UsageError(f"{asked.format!r} is no format of an export", hint=f"one of {', '.join(FORMATS)}")
    if not asked.streams or len(set(asked.streams)) != len(asked.streams):
        raise UsageError("name the cameras, each of them once")
    if asked.format == "mp4" and len(asked.streams) > 1:
        raise UsageError("one MP4 holds one stream of one camera", hint="--format zip takes several")
    if asked.from_us >= min(asked.to_us, now_us):
        when = "lies in the future" if asked.from_us < asked.to_us else "ends before it begins"
        raise UsageError(f"the span {when}")


def _why_nothing(streams: Sequence[StreamPart]) -> str:
    words = []
    for one in streams:
        gone = [piece for piece in one.pieces if not piece.file]
        gap = None if gone else max(one.gaps, key=lambda gap: gap.end_us - gap.start_us)
        why = gone[0].why if gap is None else f"{gap.reason}: {gap.detail}" if gap.detail else gap.reason
        words.append(f"{one.name}: {why}")
    return f"nothing of this span is there ({'; '.join(words)})"


def _stream(volumes: Mapping[str, Path], key: StreamKey, span: tuple[int, int], now_us: int) -> _Stream:
    said = {
        name: list(said_of(root, key, span)) for name, root in volumes.items() if (root / stream_folder(key)).is_dir()
    }
    lines = merged({name: [tagged(name, s.line) for s in its if s.line is not None] for name, its in said.items()})
    line = timeline_of(volumes, key, lines, now_us, span)
    chains = {line.event.file: line.chain for line in lines if isinstance(line.event, Sealed)}
    return _Stream(key, said, line, chains)


def _add(made: Draft, volumes: Mapping[str, Path], stream: _Stream, now_us: int, facts: dict[str, Any]) -> None:
    from_us, to_us = made.asked.from_us, made.to_us
    inside = [s for s in stream.line.segments if s.start_us < to_us and s.end_us > from_us and s.end_us > s.start_us]
    cut = made.asked.cut or made.asked.format == "mp4"
    pieces: list[PiecePart] = []
    whole: list[Segment] = []
    parts: list[Segment] = []
    for segment in inside:
        lost = _lost(volumes, segment)
        if lost is not None:
            pieces.append(_gone(segment, stream.chains, *lost))
        elif cut or segment.facts is None:
            parts.append(segment)
        else:
            whole.append(segment)
    taken = {item.name for item in made.items}
    for segment in whole:
        item = _whole(volumes, stream.key, segment, taken)
        made.items.append(item)
        pieces.append(_piece(segment, stream.chains, PieceState.WHOLE, item.name))
    for clip in _clips(volumes, stream.key, parts, (from_us, to_us), now_us, one=made.asked.format == "mp4"):
        name = _free(f"{_folder(stream.key)}/{clip.name(_UTC)}", taken)
        made.items.append(Item(name, clip.plan.bytes, _reader(clip, volumes)))
        for segment in parts:
            begin, end = max(segment.start_us, clip.from_us), min(_end(segment, clip), clip.to_us)
            if begin < end:
                pieces.append(_piece(segment, stream.chains, PieceState.CUT, name, (begin, end)))
    gaps = [
        GapPart(start_us=max(g.start_us, from_us), end_us=min(g.end_us, to_us), reason=g.reason.value, detail=g.detail)
        for g in stream.line.gaps
        if g.start_us < to_us and g.end_us > from_us
    ]
    # The last pictures of a file that is being written are still on their way: the export ends where they do.
    last = max(pieces, key=lambda p: p.end_us, default=None)
    if last is not None and last.state is PieceState.CUT and not last.sha256 and not any(
        gap.end_us > last.end_us for gap in gaps
    ):  # fmt: skip
        to_us = min(to_us, last.end_us)
    gaps += [
        GapPart(start_us=begin, end_us=end, reason=GapReason.UNKNOWN.value, detail=_UNSAID)
        for begin, end in holes(said(pieces, gaps), from_us, to_us)
    ]
    journals = []
    for extract in extracts(volumes, stream.key, stream.said, {s.file for s in inside}, (from_us, to_us)):
        name = f"{_folder(stream.key)}/journal-{extract.volume}-{day_of(from_us)}.jsonl"
        made.items.append(Item(name, len(extract.raw), extract.read))
        journals.append(extract.part(name))
    tracks = next((s.facts.tracks for s in reversed(inside) if s.facts is not None), [])
    made.streams.append(
        StreamPart(
            camera=stream.key.camera, stream=stream.key.stream, from_us=from_us, to_us=to_us,
            facts={**facts, "tracks": tracks}, pieces=tuple(sorted(pieces, key=lambda p: (p.start_us, p.source))),
            gaps=tuple(sorted(gaps, key=lambda g: g.start_us)), journals=tuple(journals),
        )
    )  # fmt: skip


def _end(segment: Segment, clip: clips.Clip) -> int:
    return segment.end_us if segment.facts is not None else min(segment.end_us, clip.plan.end_us)


def _lost(volumes: Mapping[str, Path], segment: Segment) -> tuple[PieceState, str] | None:
    """Say why a segment cannot be handed on; None where it can."""
    if segment.removed_why is not None:
        return PieceState.REMOVED, f"removed: {segment.removed_why}"
    volume, file = split(segment.file)
    root = volumes.get(volume)
    if root is None or not (root / "footage").is_dir():
        return PieceState.MISSING, f"its volume {volume} is not there"
    if not (root / file).is_file() and not (root / f"{file}.part").is_file():
        return PieceState.MISSING, "its file is gone, and nobody wrote that down"
    return None


def _gone(segment: Segment, chains: Mapping[str, str], state: PieceState, why: str) -> PiecePart:
    return _piece(segment, chains, state, "", why=why)


def _piece(
    segment: Segment, chains: Mapping[str, str], state: PieceState, name: str, span: tuple[int, int] | None = None,
    why: str = "",
) -> PiecePart:  # fmt: skip
    facts = segment.facts
    start_us, end_us = span or (segment.start_us, segment.end_us)
    return PiecePart(
        state=state, file=name, start_us=start_us, end_us=end_us, source=segment.file, run=segment.run, why=why,
        bytes=0 if facts is None else facts.bytes, sha256="" if facts is None else facts.sha256,
        chain=chains.get(segment.file, ""),
    )  # fmt: skip


def _whole(volumes: Mapping[str, Path], key: StreamKey, segment: Segment, taken: set[str]) -> Item:
    volume, file = split(segment.file)
    path = volumes[volume] / file
    name = _free(f"{_folder(key)}/{path.name}", taken)
    return Item(name, 0 if segment.facts is None else segment.facts.bytes, lambda: _bytes_of(path))


def _bytes_of(path: Path) -> Iterator[bytes]:
    with storage_errors("reading", path), path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _reader(clip: clips.Clip, volumes: Mapping[str, Path]) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        at = 0
        while at < clip.plan.bytes:
            piece = clip.read(volumes, at, PIECE_BYTES)
            at += len(piece)
            yield piece

    return read


def _clips(
    volumes: Mapping[str, Path], key: StreamKey, parts: Sequence[Segment], span: tuple[int, int], now_us: int, *,
    one: bool,
) -> Iterator[clips.Clip]:  # fmt: skip
    """Cut clips of what lies within the span: as few as can be; where `one` is asked, one or an error."""
    if not parts:
        return
    if one:
        yield clips.make(volumes, key, span, now_us=now_us, catalog=None)
        return
    begin, end = max(span[0], parts[0].start_us), min(span[1], max(part.end_us for part in parts))
    finished = [part for part in parts if part.facts is not None]
    if len(finished) == len(parts) or len(parts) == 1:
        try:
            found = [
                clips.make(volumes, key, (at, min(end, at + DAY_US)), now_us=now_us, catalog=None)
                for at in range(begin, end, DAY_US)
                if any(part.start_us < at + DAY_US and part.end_us > at for part in parts)
            ]
        except Conflict:  # another codec from an instant on: then a clip a file
            pass
        else:
            yield from found
            return
    for part in parts:
        window = (max(part.start_us, span[0]), min(part.end_us, span[1]))
        yield clips.make(volumes, key, window, now_us=now_us, catalog=None)


def _folder(key: StreamKey) -> str:
    return f"{key.camera}/{key.stream}"


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other file of the export has: two volumes may hold files of one name."""
    stem, dot, end = name.rpartition(".")
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{stem}-{number}{dot}{end}"
    taken.add(found)
    return found
