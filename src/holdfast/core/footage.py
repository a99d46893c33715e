"""The timeline: what journal lines amount to. Segments, and gaps with their reasons, for one stream.

Gaps are derived, never trusted: the hole between two segments is a fact, and lines only explain it. So a recorder that
was killed, or a host that lost power, shows without having said a word. Invariants (docs/design/0002):

* T1: within the ledger, segments and gaps together cover every instant once.
* T2: segments of one run touch each other exactly.

A long history need not be derived again for every new line: `condense` replaces what is settled by a few lines that
amount to the same from a given instant on.

Pure: lines in, values out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from holdfast.core.camera import StreamKey
from holdfast.core.gap import EARLY_US, MIN_GAP_US, Cause, Gap, GapReason, explained
from holdfast.core.journal import Beat, Begun, Closed, Down, Emptied, Line, Opened, Removed, Sealed, When
from holdfast.core.timing import day_of, stamp

PART = ".part"


def stream_folder(key: StreamKey) -> PurePosixPath:
    """Return the folder of a stream's footage, relative to the volume's root."""
    return PurePosixPath("footage", key.camera, key.stream)


def segment_path(key: StreamKey, start_us: int, attempt: int = 0) -> PurePosixPath:
    """Return the path of a segment that begins at `start_us`; `attempt` > 0 tells apart what starts in one second."""
    suffix = f"-{attempt}" if attempt else ""
    return stream_folder(key) / day_of(start_us) / f"{key.camera}_{stamp(start_us)}{suffix}.mp4"


def journal_path(key: StreamKey, day: str) -> PurePosixPath:
    """Return the path of a stream's journal for a UTC day `YYYY-MM-DD`."""
    return stream_folder(key) / f"{day}.journal"


def lock_path(key: StreamKey) -> PurePosixPath:
    """Return the path of the lock that a stream's one recorder holds."""
    return stream_folder(key) / ".lock"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of footage. `growing` while it is written: then `end_us` is as far as is known and `facts` is None."""

    file: str
    run: str
    start_us: int
    end_us: int
    boot: str
    facts: Sealed | None
    removed_why: str | None = None

    @property
    def growing(self) -> bool:
        """Not sealed yet."""
        return self.facts is None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything known about one stream: segments in order, gaps in order, and the span that they cover together."""

    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Clocks:
    """What a run's wall clock was ahead of boot time when it began, and what it should have been."""

    wrong_us: int
    right_us: int


def timeline(lines: Iterable[Line], *, now_us: int, alive: bool, growing_end_us: int | None = None) -> Timeline:
    """Derive one stream's timeline from its journal.

    Args:
        lines: All lines of the stream, in the order in which they were written.
        now_us: Where the ledger ends.
        alive: Whether a recorder holds the stream's lock now; if not, what follows its last word is `recorder-down`.
        growing_end_us: How far the segment that is being written reaches, where the caller knows it.

    Returns:
        The timeline from the first line on. Empty where there are no lines.
    """
    return derive(placed(list(lines)), now_us=now_us, alive=alive, growing_end_us=growing_end_us)


def derive(lines: Iterable[Line], *, now_us: int, alive: bool, growing_end_us: int | None = None) -> Timeline:
    """Derive the timeline from lines that `placed` has already put where they belong; else as `timeline`."""
    return _collected(lines).result(now_us=now_us, alive=alive, growing_end_us=growing_end_us)


def anchor_us(when: When) -> int:
    """Return how far wall time is ahead of boot time, according to one line."""
    return when.at_us - when.boot_us


def placed(
    lines: Sequence[Line], anchors: Mapping[str, int] | None = None, wrong: Mapping[str, Clocks] | None = None
) -> list[Line]:
    """Move what was written while the wall clock was wrong to where it belongs.

    The first synchronised line that follows in the same boot tells how wall and boot time relate (where none follows
    yet, the last one before it); what an unsynchronised clock said is shifted accordingly. The first and not the last:
    so a place is final as soon as it is known, instead of creeping with every correction of the clock.

    Args:
        lines: In the order in which they were written.
        anchors: `anchor_us` of the last synchronised line of each boot before `lines`.
        wrong: What `wrong_clocks` said of the lines before `lines`.
    """
    offsets = _offsets(lines, anchors)
    runs = dict(wrong or {})
    ended: tuple[int, int] = (0, 0)
    result = []
    for line, offset in zip(lines, offsets, strict=True):
        moved, event = _shifted(line, offset), line.event
        _note(runs, line, offset)
        if isinstance(event, Begun) and line.when.sync and event.run in runs:
            moved = replace(
                moved,
                event=replace(event, start_us=event.start_us + runs[event.run].right_us - runs[event.run].wrong_us),
            )
        elif isinstance(event, Sealed) and event.run in runs and (line.when.sync or event.start_boot_us is None):
            later = _resealed(event, runs[event.run])
            moved, ended = replace(moved, event=later), (event.end_us, later.end_us)
        elif isinstance(event, Down) and line.when.sync and event.from_us == ended[0]:
            moved = replace(moved, event=replace(event, from_us=ended[1]))
        result.append(moved)
    return result


def wrong_clocks(lines: Sequence[Line], anchors: Mapping[str, int] | None = None) -> dict[str, Clocks]:
    """Return the runs that a wrong clock began, for placing what later lines say of them.

    A run keeps the clock that it began with until somebody notices that it was set. What is written of it meanwhile
    carries a line that is right about when it was written, and wrong about when it was recorded.
    """
    runs: dict[str, Clocks] = {}
    for line, offset in zip(lines, _offsets(lines, anchors), strict=True):
        _note(runs, line, offset)
    return runs


def _note(runs: dict[str, Clocks], line: Line, offset: int | None) -> None:
    if isinstance(line.event, Begun) and not line.when.sync and offset is not None:
        runs.setdefault(line.event.run, Clocks(anchor_us(line.when), offset))


def _offsets(lines: Sequence[Line], anchors: Mapping[str, int] | None) -> list[int | None]:
    offsets: list[int | None] = []
    known = dict(anchors or {})
    for line in lines:
        if line.when.sync:
            known[line.when.boot] = anchor_us(line.when)
        offsets.append(known.get(line.when.boot))
    following: dict[str, int] = {}
    for index in range(len(lines) - 1, -1, -1):
        when = lines[index].when
        if when.sync:
            following[when.boot] = anchor_us(when)
        offsets[index] = following.get(when.boot, offsets[index])
    return offsets


def _resealed(event: Sealed, clocks: Clocks) -> Sealed:
    boot_us = event.start_us - clocks.wrong_us if event.start_boot_us is None else event.start_boot_us
    start_us = boot_us + clocks.right_us
    return replace(event, start_us=start_us, end_us=start_us + event.end_us - event.start_us)


def condense(lines: Iterable[Line], before_us: int) -> list[Line]:
    """Return fewer lines that amount to the same timeline from `before_us` on, whatever lines are added to them.

    Args:
        lines: Placed lines.
        before_us: The start of a finished segment of some length. No growing segment starts earlier, the last line
            was not written earlier, and no line that is added later may speak of an earlier instant.

    Returns:
        Lines that are only fit for `derive`, and of its result only for what starts at `before_us` or later.
    """
    ledger = _collected(lines)
    early = [c for c in sorted(ledger.causes, key=lambda c: c.from_us) if c.from_us < before_us - EARLY_US]
    late = [c for c in ledger.causes if c.from_us >= before_us - EARLY_US]
    anywhen = When(at_us=before_us, boot="", boot_us=0, sync=True)
    result = [
        Line(anywhen, Down(from_us=c.from_us, reason=c.reason, detail=c.detail), "") for c in (*early[-1:], *late)
    ]
    result += [line for file, line in ledger.sealed_lines.items() if ledger.segments[file].end_us > before_us]
    result += [ledger.begun_lines[file] for file in ledger.growing if file in ledger.orphans]
    result += [
        Line(anywhen, Removed(file=file, bytes=0, why=why), "")
        for file, why in ledger.removed.items()
        if file not in ledger.segments or ledger.segments[file].end_us > before_us
    ]
    if ledger.open_since is not None:
        opened = Opened(camera="", stream="", pid=0, program="", session=ledger.session)
        result.append(Line(ledger.open_since, opened, ""))
    result += [ledger.begun_lines[file] for file in ledger.growing if file not in ledger.orphans]
    if ledger.last is not None:
        # Goes last: whatever it says, its time and boot are what the next recorder finds as the last sign of life.
        result.append(Line(ledger.last, Beat(reason=""), ""))
    return result


def _shifted(line: Line, offset_us: int | None) -> Line:
    when, event = line.when, line.event
    if when.sync or offset_us is None:
        return line
    shift = offset_us - (when.at_us - when.boot_us)
    if shift == 0:
        return line
    if isinstance(event, Sealed) and event.start_boot_us is not None:
        # Its own anchor is better than the line's: the clock may have been set between its first frame and its seal.
        start_us = event.start_boot_us + offset_us
        event = replace(event, start_us=start_us, end_us=start_us + event.end_us - event.start_us)
    elif isinstance(event, Begun):
        event = replace(event, start_us=event.start_us + shift)
    elif isinstance(event, Down):
        event = replace(event, from_us=event.from_us + shift)
    moved: When = replace(when, at_us=when.at_us + shift, sync=True)
    return replace(line, when=moved, event=event)


def _reason(text: str) -> GapReason:
    """Read a reason; one that a newer program added is still a gap."""
    try:
        return GapReason(text)
    except ValueError:
        return GapReason.UNKNOWN


def _collected(lines: Iterable[Line]) -> "_Ledger":
    ledger = _Ledger()
    for line in lines:
        ledger.add(line)
    return ledger


class _Ledger:
    """Collects lines; each kind of line has its method."""

    def __init__(self) -> None:
        self.first_us: int | None = None
        self.fresh = False  # the first line is a recorder's first word: nobody recorded this stream before
        self.segments: dict[str, Segment] = {}
        self.growing: dict[str, Segment] = {}
        self.sealed_lines: dict[str, Line] = {}
        self.begun_lines: dict[str, Line] = {}
        self.orphans: set[str] = set()  # begun by a recorder that is gone
        self.removed: dict[str, str] = {}
        self.causes: list[Cause] = []
        self.open_since: When | None = None
        self.session = ""
        self.last: When | None = None

    def add(self, line: Line) -> None:
        when, event = line.when, line.event
        if self.first_us is None:
            self.first_us = when.at_us
            self.fresh = isinstance(event, Opened)
        if isinstance(event, Opened):
            self._opened(when, event)
        elif isinstance(event, Closed):
            self.causes.append(Cause(when.at_us, _reason(event.reason), event.detail))
            self.open_since = None
        elif isinstance(event, Down):
            self.causes.append(Cause(event.from_us, _reason(event.reason), event.detail))
        elif isinstance(event, Begun):
            self._begun(line, event)
        elif isinstance(event, Sealed):
            self._sealed(line, event)
        elif isinstance(event, Emptied):
            self.growing.pop(event.file, None)
        elif isinstance(event, Removed):
            self.removed[event.file] = event.why
        # Recovery writes Sealed lines about the past; they do not show that the stream was being recorded.
        if not (isinstance(event, Sealed | Emptied) and getattr(event, "recovered", True)):
            self.last = when

    def _opened(self, when: When, event: Opened) -> None:
        again = bool(event.session) and event.session == self.session
        if self.open_since is not None and self.last is not None and not again:
            self.causes.append(self._death(self.last, when))
        if not again:
            self.orphans = set(self.growing)
        self.open_since, self.session = when, event.session

    def _death(self, last: When, found: When | None) -> Cause:
        """A recorder left without a word after `last`; whoever came next says whether the host had gone too."""
        host_off = found is not None and found.boot != last.boot
        reason = GapReason.HOST_OFF if host_off else GapReason.RECORDER_DOWN
        return Cause(last.at_us, reason, "" if host_off else "ended without a word")

    def _again(self, file: str) -> None:
        """Forget what was removed under a name that is used anew: the clock was set back to that second.

        What is recorded now stands in the same place of the timeline, and two segments cannot share a file.
        """
        if self.removed.pop(file, None) is not None:
            self.segments.pop(file, None)
            self.sealed_lines.pop(file, None)

    def _begun(self, line: Line, event: Begun) -> None:
        self._again(event.file)
        if event.file in self.segments:
            return  # a final name is never written again
        self.growing[event.file] = Segment(event.file, event.run, event.start_us, event.start_us, line.when.boot, None)
        self.begun_lines[event.file] = line

    def _sealed(self, line: Line, event: Sealed) -> None:
        self._again(event.file)
        self.growing.pop(event.file, None)
        # Said twice (recovery after a crash between two lines): there is one file, and the later line knows it better.
        self.segments[event.file] = Segment(event.file, event.run, event.start_us, event.end_us, line.when.boot, event)
        self.sealed_lines[event.file] = line

    def result(self, *, now_us: int, alive: bool, growing_end_us: int | None) -> Timeline:
        if self.first_us is None:
            return Timeline((), (), now_us, now_us)
        if self.open_since is not None and self.last is not None and not alive:
            self.causes.append(self._death(self.last, None))
        segments = [replace(s, removed_why=self.removed.get(s.file)) for s in self.segments.values()]
        segments += [self._grown(s, growing_end_us) for s in self.growing.values()]
        segments.sort(key=lambda s: (s.start_us, s.end_us, s.file))
        start_us = min([self.first_us, *(s.start_us for s in segments)])
        end_us = max([now_us, *(s.end_us for s in segments)])
        gaps = self._gaps(segments, start_us, end_us, alive=alive)
        if gaps and self.fresh and gaps[0].start_us == start_us and gaps[0].reason is GapReason.UNKNOWN:
            # Between a recorder's very first start and its first picture nothing went wrong and nothing was promised.
            if segments:
                start_us = gaps.pop(0).end_us
            else:
                gaps[0] = replace(gaps[0], reason=GapReason.RECORDER_DOWN, detail="starting")
        return Timeline(tuple(segments), tuple(gaps), start_us, end_us)

    def _grown(self, segment: Segment, growing_end_us: int | None) -> Segment:
        newest = max(self.growing.values(), key=lambda s: s.start_us)
        if segment is newest and growing_end_us is not None:
            return replace(segment, end_us=max(segment.start_us, growing_end_us))
        return segment

    def _gaps(self, segments: list[Segment], start_us: int, end_us: int, *, alive: bool) -> list[Gap]:
        holes: list[tuple[int, int, bool]] = []
        at, cut_short = start_us, False
        for segment in segments:
            if segment.start_us - at >= MIN_GAP_US:
                holes.append((at, segment.start_us, cut_short))
            if segment.end_us >= at:
                at, cut_short = segment.end_us, segment.facts is not None and segment.facts.recovered
        # Where nobody records any more, the gap that begins is one from its first moment: it will only grow.
        if end_us - at >= (MIN_GAP_US if alive else 1):
            holes.append((at, end_us, cut_short))
        causes = sorted(self.causes, key=lambda c: c.from_us)
        gaps = [gap for begin, end, cut in holes for gap in explained((begin, end), causes, cut_short=cut)]
        if gaps and gaps[-1].end_us == end_us:
            gaps[-1] = replace(gaps[-1], open=True)
        return gaps
