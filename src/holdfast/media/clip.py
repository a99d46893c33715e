"""Any span as one plain MP4: `ftyp`, `moov` with full tables, `mdat`. Nothing is encoded again, nothing copied to disk.

What is built is a plan: the bytes in front, and which stretches of which segment files follow as they are (the heads
of their fragments lie in between, unreferenced, as any player passes over what no table names). So every byte of the
clip has its place before the first one is sent, and any part of it can be read on its own.

* It begins at the keyframe at or before the span; an edit list hides what precedes the span.
* Within a run the camera's own rhythm is kept, over any number of files. Where a run ends, or a file is missing, the
  next picture follows at once: the last picture and the last sound stay until all tracks have ended.
* Where the picture's parameters change, there is another sample entry, and the picture carries them itself too: some
  players follow the one, some the other.
* Whatever decides about time does so in one track's ticks (the picture's), converted once a run: sound cannot drift.

Memory: the front itself, and the tables of one file at a time. Time: every fragment's head is read once.

Not here: which files (library), the tables (clip_tables, clip_track). Any thread; blocks on the disk.
"""

import json
import os
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from holdfast.core.camera import Kind
from holdfast.core.errors import Conflict, NotFound
from holdfast.core.timing import SECOND_US, iso
from holdfast.media.boxes import HEADER, box, full_box
from holdfast.media.clip_tables import FileTable, Samples, inner, read_table
from holdfast.media.clip_track import ClipTrack, parameter_sets

CLIP_UUID = b"holdfast-clip-v1"
SAME_RUN_S = 1  # chosen: files of one run touch; a hole longer than this is a file that is gone
_LEADING = 64  # chosen: pictures that are shown before the keyframe that they follow lie within as many
_EPOCH_1904_S = 2_082_844_800  # from 1904, where MP4 counts from, to 1970
_IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LARGE = 1 << 32


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a clip may take from.

    Attributes:
        name: For messages.
        open: Gives out a descriptor to read from.
        shift_us: How far the timeline places it from what its own wall clock says.
    """

    name: str
    open: Callable[[], AbstractContextManager[int]]
    shift_us: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of a source (its number) that stand in the clip as they are, or `literal` ones instead."""

    source: int
    offset: int
    size_bytes: int
    literal: bytes = b""


@dataclass(frozen=True, slots=True)
class Joint:
    """From `media_s` seconds into the clip on, what is shown was recorded from `wall_us` on."""

    media_s: float
    wall_us: int


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip before its first byte is sent.

    Attributes:
        front: All bytes before the first stretch.
        stretches: What follows.
        start_us: When the first picture that is shown was recorded.
        end_us: When the last one ended.
        duration_us: How long it plays: less than the span where gaps were closed up.
        joints: Where it continues at another instant; the first is its beginning.
        bytes: Size of it all.
    """

    front: bytes
    stretches: tuple[Stretch, ...]
    start_us: int
    end_us: int
    duration_us: int
    joints: tuple[Joint, ...]
    bytes: int


def plan_clip(
    sources: Iterable[Source], from_us: int, to_us: int, *, facts: Mapping[str, Any] | None = None,
    seen: Callable[[int], None] = lambda _count: None,
) -> ClipPlan:  # fmt: skip
    """Work out a clip.

    Args:
        sources: In the order of their time.
        from_us: Where the span begins.
        to_us: Where it ends.
        facts: Written as JSON into a box of ours.
        seen: Is told after each source how many were looked at.

    Raises:
        NotFound: None of the sources has a picture in the span.
        Conflict: The camera sent another codec or other sound from an instant on: no one file plays both.
        BadInput: A source is damaged.
        StorageError: A source cannot be read.
    """
    clip = _Clip(from_us, to_us)
    for number, source in enumerate(sources):
        if clip.finished:
            break
        with source.open() as fd:
            table = read_table(fd)
        if table is not None:
            clip.add(number, table, source)
        seen(number + 1)
    return clip.plan(dict(facts or {}))


def read_plan(
    plan: ClipPlan, open_source: Callable[[int], AbstractContextManager[int]], offset: int, count: int
) -> bytes:
    """Read up to `count` bytes of a clip from `offset` on: at least one where there are any.

    Raises:
        NotFound: A source was removed meanwhile.
        StorageError: A source cannot be read, or became shorter.
    """
    if offset < len(plan.front):
        return plan.front[offset : offset + count]
    at = len(plan.front)
    for stretch in plan.stretches:
        if offset < at + stretch.size_bytes:
            skip = offset - at
            if stretch.literal:
                return stretch.literal[skip : skip + count]
            with open_source(stretch.source) as fd:
                return os.pread(fd, min(count, stretch.size_bytes - skip), stretch.offset + skip)
        at += stretch.size_bytes
    return b""


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """What of a file's leading track goes in: its samples, the first instant that is shown, the last, whether cut."""

    samples: Samples
    shown: int
    until: int
    cut: bool


@dataclass(slots=True)
class _Clip:
    """A clip that is being worked out. Instants on its timeline, and on a run's, are seconds, exact."""

    from_us: int
    to_us: int
    finished: bool = False
    tracks: dict[Kind, ClipTrack] = field(default_factory=dict)
    stretches: list[Stretch] = field(default_factory=list)
    joints: list[tuple[Fraction, int]] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    entries: dict[Kind, bytes] = field(default_factory=dict)
    data_bytes: int = 0
    end: Fraction = Fraction(0)
    end_us: int = 0
    run: str = ""
    move: Fraction = Fraction(0)  # from an instant of the run to its place in the clip

    def add(self, number: int, table: FileTable, source: Source) -> None:
        """Take what lies within the span from one file."""
        lead = table.head.tracks[table.head.reference]
        joined = self._continues(table)
        chosen = self._choose(table, source, joined=joined)
        if chosen is None:
            return
        wall_us = table.wall_at(chosen.shown) + source.shift_us
        begin = None
        if not joined:
            origin = Fraction(int(chosen.samples.pts[:_LEADING].min()), lead.timescale)
            self._place(lead.kind, origin, Fraction(int(chosen.samples.dts[0]), lead.timescale))
            begin = origin if self.joints else Fraction(chosen.shown, lead.timescale)
            self.joints.append((Fraction(chosen.shown, lead.timescale) + self.move, wall_us))
            self.run = table.head.run
        until = Fraction(chosen.until, lead.timescale)
        parts = {table.head.reference: chosen.samples}
        kinds = {lead.kind}
        for index, track in enumerate(table.head.tracks):
            if track.kind not in kinds:
                kinds.add(track.kind)
                stop = until if chosen.cut else None
                parts[index] = _between(table.tracks[index], track.timescale, begin, stop, whole=len(self.joints) > 1)
        self._store(number, table, parts, wall_us)
        self.end, self.end_us = until + self.move, table.wall_at(chosen.until) + source.shift_us
        self.finished = chosen.cut

    def _choose(self, table: FileTable, source: Source, *, joined: bool) -> _Choice | None:
        low, high = table.ticks_at(self.from_us - source.shift_us), table.ticks_at(self.to_us - source.shift_us)
        samples = table.reference
        ends = samples.pts + samples.lengths
        inside = np.flatnonzero((samples.pts < high) & (ends > low))
        if not len(inside):
            return None
        first, shown = 0, int(samples.pts[inside].min())
        if not joined:
            keys = np.flatnonzero(samples.keys)
            before = keys[samples.pts[keys] <= shown]
            if not len(before):  # a file that begins without a keyframe: what precedes the first one shows nothing
                before = keys[:1]
                shown = int(samples.pts[before].min()) if len(before) else high
            if shown >= high:
                return None
            first = int(before[-1])
        last = int(inside.max()) + 1
        seen = slice(first, last)
        until = int(ends[seen][samples.pts[seen] < high].max())
        return _Choice(samples.part(first, last), shown, until, bool((samples.pts >= high).any()))

    def _continues(self, table: FileTable) -> bool:
        """Say whether a file goes on where the one before it ended."""
        lead = table.head.tracks[table.head.reference]
        track = self.tracks.get(lead.kind)
        if track is None or table.head.run != self.run or not len(table.reference):
            return False
        at = Fraction(int(table.reference.dts[0]), lead.timescale) + self.move
        return at - Fraction(track.next_dts, track.timescale) <= SAME_RUN_S

    def _place(self, kind: Kind, origin: Fraction, first_dts: Fraction) -> None:
        """Let a run begin where all tracks have ended; its first picture is decoded after the last one before it."""
        at = max((Fraction(t.end, t.timescale) for t in self.tracks.values()), default=Fraction(0))
        track = self.tracks.get(kind)
        if track is not None:
            at = max(at, Fraction(track.next_dts, track.timescale) + origin - first_dts)
        self.move = at - origin

    def _store(self, number: int, table: FileTable, parts: Mapping[int, Samples], wall_us: int) -> None:
        parts = {index: samples for index, samples in parts.items() if len(samples)}
        traks = inner(table.front, b"moov", b"trak")
        entries = {index: _entry(traks[index]) for index in parts}
        literal = b""
        for index, entry in entries.items():
            kind = table.head.tracks[index].kind
            known = self.entries.setdefault(kind, entry)
            if not _plays_with(kind, known, entry):
                self.changes.append(wall_us)
            elif kind is Kind.VIDEO and known != entry:
                literal = parameter_sets(entry)
            self.entries[kind] = entry
        begin = min(int(samples.at[0]) for samples in parts.values())
        end = max(int(samples.at[-1] + samples.sizes[-1]) for samples in parts.values())
        if literal:
            (at,) = (int(s.at[0]) for n, s in parts.items() if table.head.tracks[n].kind is Kind.VIDEO)
            parts = {n: _made_room(s, at, len(literal)) for n, s in parts.items()}
            stretches = [Stretch(number, begin, at - begin), Stretch(number, 0, len(literal), literal)]
            stretches.append(Stretch(number, at, end - at))
        else:
            stretches = [Stretch(number, begin, end - begin)]
        for index, samples in parts.items():
            stored = table.head.tracks[index]
            track = self.tracks.get(stored.kind)
            if track is None:
                track = ClipTrack(len(self.tracks) + 1, stored.timescale, traks[index])
                self.tracks[stored.kind] = track
            moved = _moved(samples, stored.timescale, track.timescale, self.move)
            track.add(moved, entries[index], self.data_bytes - begin)
        self.stretches += [s for s in stretches if s.size_bytes]
        self.data_bytes += sum(s.size_bytes for s in stretches)

    def plan(self, facts: dict[str, Any]) -> ClipPlan:
        """Write the front."""
        if not self.joints:
            raise NotFound("nothing was recorded in this span")
        if self.changes:
            raise Conflict(
                f"the camera sent another codec or other sound from {', '.join(iso(us) for us in self.changes)} on",
                hint="ask for the spans before and after that apart; one file cannot play both",
            )
        begin, start_us = self.joints[0]
        joints = tuple(Joint(float(at - begin), wall_us) for at, wall_us in self.joints)
        told = {"v": 1, **facts, "joints": [{"media_s": j.media_s, "wall_us": j.wall_us} for j in joints]}
        note = box(b"uuid", CLIP_UUID, json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())
        front = self._front(begin, start_us, note)
        length_us = int((self.end - begin) * SECOND_US)
        size = len(front) + self.data_bytes
        return ClipPlan(front, tuple(self.stretches), start_us, self.end_us, length_us, joints, size)

    def _front(self, begin: Fraction, start_us: int, note: bytes) -> bytes:
        ftyp = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso4mp41")
        large = self.data_bytes + 16 >= _LARGE
        head = struct.pack(">I4sQ", 1, b"mdat", self.data_bytes + 16) if large else HEADER.pack(
            self.data_bytes + 8, b"mdat"
        )  # fmt: skip
        around = len(ftyp) + len(note) + len(head)
        for wide in (False, True):
            size = len(self._moov(begin, start_us, 0, wide=wide)) + around
            if wide or size + self.data_bytes < _LARGE:
                return b"".join((ftyp, self._moov(begin, start_us, size, wide=wide), note, head))
        raise AssertionError("unreachable")

    def _moov(self, begin: Fraction, start_us: int, data_at: int, *, wide: bool) -> bytes:
        scale = next(iter(self.tracks.values())).timescale
        made_s = start_us // SECOND_US + _EPOCH_1904_S
        times = struct.pack(">QQIQ", made_s, made_s, scale, round((self.end - begin) * scale))
        next_id = struct.pack(">I", len(self.tracks) + 1)
        mvhd = full_box(b"mvhd", 1, 0, times, struct.pack(">IH10x", 0x10000, 0x100), _IDENTITY, bytes(24), next_id)
        traks = [t.trak(begin, self.end, scale, data_at, wide=wide) for t in self.tracks.values()]
        return box(b"moov", mvhd, *traks)


def _between(
    samples: Samples, timescale: int, begin: Fraction | None, until: Fraction | None, *, whole: bool
) -> Samples:
    """Return the sound from one instant of the run up to another; `whole`: nothing that began earlier."""
    first, last = 0, len(samples)
    if begin is not None:
        times = samples.pts if whole else samples.pts + samples.lengths - 1
        first = int(np.searchsorted(times, float(begin * timescale)))
    if until is not None:
        last = int(np.searchsorted(samples.pts, float(until * timescale)))
    return samples.part(first, max(first, last))


def _moved(samples: Samples, scale: int, target: int, move: Fraction) -> Samples:
    if scale == target:
        shift = round(move * target)
        return replace(samples, dts=samples.dts + shift, pts=samples.pts + shift)
    # From the first one on: ticks of a run may be so many that their product would not fit.
    zero = int(samples.dts[0])
    at = round((Fraction(zero, scale) + move) * target)
    dts, pts = ((ticks - zero) * target // scale + at for ticks in (samples.dts, samples.pts))
    return replace(samples, dts=dts, pts=pts, lengths=samples.lengths * target // scale)


def _made_room(samples: Samples, at: int, count: int) -> Samples:
    """Let the sample that begins at `at` begin with `count` bytes more."""
    return replace(
        samples, at=samples.at + np.where(samples.at > at, count, 0),
        sizes=samples.sizes + np.where(samples.at == at, count, 0),
    )  # fmt: skip


def _entry(trak: bytes) -> bytes:
    (stsd,) = inner(trak[HEADER.size :], b"mdia", b"minf", b"stbl", b"stsd")
    return stsd[HEADER.size + 8 :]


def _plays_with(kind: Kind, one: bytes, other: bytes) -> bool:
    """Say whether players go on from one sample entry to another in the same track."""
    return one == other or (kind is Kind.VIDEO and one[4:8] == other[4:8])
