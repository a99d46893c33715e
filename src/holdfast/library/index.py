"""The indexer: journals into catalog rows, a second behind, one transaction a pass for all streams together.

It reads only what is new in each journal, derives the end of each timeline that changed (`tail`), and writes the rows
that differ. A recorder that died says nothing; its lock, which the kernel released, does: its open gap is a row at the
next pass. Whatever happens to a pass, the next one starts from what was committed.

`Indexer` belongs to one thread, the worker's. Not here: rebuilding a lost catalog (reindex), the derivation
(core.footage).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog import cameras, journals, nodes, segments
from holdfast.catalog import notes as notes_rows
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.notes import Note
from holdfast.catalog.rows import StreamRow
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import NotFound, StorageError
from holdfast.core.footage import derive, stream_folder
from holdfast.core.journal import Begun, Line, Removed, Sealed, verify_chain
from holdfast.core.timing import SECOND_US
from holdfast.library import diff, kept, notes
from holdfast.library.tail import Stale, Tail
from holdfast.library.timeline import Growing, Reach, growing, is_alive, merged, reach, split, streams_on, tagged
from holdfast.storage.journal import journal_files, read_journal

HEARTBEAT_US = (
    10 * SECOND_US
)  # chosen: readers call a catalog stale after a minute; six lost ones in a row are not noise
RESCAN_US = 30 * SECOND_US  # chosen: new days and sub streams show in half of the minute that C011 allows

Progress = Callable[[str, int, int], None]
"""Told what is worked on, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a pass did. `problems` are sentences for a log; they come once when they begin."""

    streams: int = 0
    lines: int = 0
    segments: int = 0
    gaps: int = 0
    committed: bool = False
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _News:
    """What a stream's journals say beyond what has been read."""

    lines: dict[str, list[Line]]
    positions: dict[tuple[str, str], journals.Read]
    doubtful: bool = False


@dataclass(slots=True)
class _State:
    row: StreamRow
    tail: Tail | None
    positions: dict[tuple[str, str], journals.Read]
    stored: str | None = None
    quiet: bool = False
    alive: bool = False
    growing: Growing | None = None
    reach: Reach | None = None
    retry_us: int | None = None


@dataclass(slots=True)
class _Tally:
    streams: int = 0
    lines: int = 0
    segments: int = 0
    gaps: int = 0


class Indexer:
    """Keeps the catalog's rows about footage in step with the journals."""

    def __init__(self, catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, *, node: str = LOCAL) -> None:
        self._catalog = catalog
        self._volumes = dict(volumes)
        self._clock = clock
        self._node_name = node
        self._node = 0
        self._volume_ids: dict[str, int] = {}
        self._states: dict[StreamKey, _State] = {}
        self._streams: dict[StreamKey, tuple[str, ...]] = {}
        self._folders: dict[tuple[str, StreamKey], tuple[int, list[Path]]] = {}
        self._scanned_us: int | None = None
        self._stamps: list[tuple[int, ...]] = []
        self._heartbeat_us: int | None = None
        self._problems: dict[str, None] = {}
        self._told: set[str] = set()
        self._notes: tuple[tuple[int, int] | None, ...] | None = None

    def pass_once(self) -> IndexReport:
        """Bring the catalog up to date: at most one commit, none where nothing happened.

        Raises:
            CatalogUnavailable: It did not answer; nothing was lost, call again later.
            CatalogError: It refused a row.
        """
        try:
            return self._attempt()
        except BaseException:
            # What we remember may be ahead of what was committed: remember nothing, and read it back next time.
            self._states.clear()
            self._notes = None
            raise

    def rebuild(self, progress: Progress | None = None) -> IndexReport:
        """Derive every stream again from its whole journal, a transaction each; rows that are right stay as they are.

        Raises:
            CatalogUnavailable: It did not answer.
            CatalogError: It refused a row.
        """
        now_us = self._begin(forget=True)
        tally = _Tally()
        for done, key in enumerate(self._streams):
            if progress is not None:
                progress(str(key), done, len(self._streams))
            with self._catalog.write() as tx:
                self._from_scratch(tx, key, self._states[key], now_us, tally)
        with self._catalog.write() as tx:
            nodes.set_indexed(tx, self._node, now_us)
        return self._report(tally, committed=True)

    def _begin(self, *, forget: bool = False) -> int:
        now_us = self._clock.wall_us()
        self._problems = {}
        if forget:
            self._states.clear()
            self._scanned_us = None
        self._scan(now_us)
        self._load(now_us)
        return now_us

    def _report(self, tally: "_Tally", *, committed: bool) -> IndexReport:
        fresh = tuple(problem for problem in self._problems if problem not in self._told)
        self._told = set(self._problems)
        return IndexReport(tally.streams, tally.lines, tally.segments, tally.gaps, committed, fresh)

    def _attempt(self) -> IndexReport:
        now_us = self._begin()
        work: list[tuple[StreamKey, _News]] = []
        for key in self._streams:
            state = self._states[key]
            if state.retry_us is not None and 0 <= state.retry_us - now_us < RESCAN_US:
                continue
            news = _News({}, {}, doubtful=True) if state.tail is None else self._news(key, state.positions)
            if news.lines or news.doubtful or self._stirred(key, state, now_us):
                work.append((key, news))
        beat = self._heartbeat_us is None or not 0 <= now_us - self._heartbeat_us < HEARTBEAT_US
        tally = _Tally()
        written = notes.stamps(self._volumes)
        said = self._read_notes() if written != self._notes else []
        self._notes = written
        if not work and not beat and not said:
            return self._report(tally, committed=False)
        with self._catalog.write() as tx:
            # Whoever wrote a note while the catalog was away has it in the file alone.
            notes_rows.add_missing(tx, self._node, said)
            for key, news in work:
                self._index(tx, key, news, now_us, tally)
            if beat:
                nodes.set_indexed(tx, self._node, now_us)
        self._heartbeat_us = now_us if beat else self._heartbeat_us
        return self._report(tally, committed=True)

    def _read_notes(self) -> list[Note]:
        try:
            return notes.read(self._volumes)
        except StorageError as error:
            self._problems[str(error)] = None
            return []

    def _scan(self, now_us: int) -> None:
        # A new camera shows at once. Looked at twice, because its folder is there an instant before its stream's is.
        self._stamps = [*self._stamps[-2:], tuple(_changed_ns(root / "footage") for root in self._volumes.values())]
        settled = len(self._stamps) > 2 and len(set(self._stamps)) == 1  # noqa: PLR2004 - this one and two before
        if self._scanned_us is None or not settled or not 0 <= now_us - self._scanned_us < RESCAN_US:
            self._streams = streams_on(self._volumes)
            self._scanned_us = now_us

    def _load(self, now_us: int) -> None:
        """Read back from the catalog what we do not remember."""
        unknown = [key for key in self._streams if key not in self._states]
        if not unknown and self._node:
            return
        with self._catalog.write() as tx:
            self._node = nodes.ensure(tx, self._node_name, now_us)
            self._volume_ids = nodes.ensure_volumes(tx, self._node, self._volumes, now_us)
            for key in unknown:
                row = cameras.ensure_stream(tx, self._node, key, now_us)
                tail = None if row.tail is None else Tail.from_json(row.tail, row.settled_us)
                self._states[key] = _State(row, tail, journals.positions(tx, row.id), row.tail)

    def _stirred(self, key: StreamKey, state: _State, now_us: int) -> bool:
        """Say whether rows may change without a new line: somebody died, or a file stopped growing."""
        alive = is_alive(self._volumes, key)
        if not state.quiet or alive != state.alive:
            return True
        if state.growing is None:
            return False
        end = reach(self._volumes, state.growing, now_us=now_us, alive=alive)
        return end != state.reach and not (
            end is not None and state.reach is not None and end.live and state.reach.live
        )

    def _news(self, key: StreamKey, positions: Mapping[tuple[str, str], journals.Read]) -> _News:
        """Read what is new since some positions; from none, everything."""
        news = _News({}, {})
        for volume in self._streams[key]:
            try:
                for path in self._listed(volume, key, everything=not positions):
                    place = (volume, path.name.removesuffix(".journal"))
                    self._read(path, place, positions.get(place), news)
            except (StorageError, NotFound, OSError) as error:
                self._problems[f"{key}: {error}"] = None
        return news

    def _listed(self, volume: str, key: StreamKey, *, everything: bool) -> list[Path]:
        """Return the journals that may hold news: the newest one, or all where the folder itself changed."""
        root = self._volumes[volume]
        changed_ns = (root / stream_folder(key)).stat().st_mtime_ns
        known = self._folders.get((volume, key))
        if known is not None and known[0] == changed_ns and not everything:
            return known[1][-1:]
        files = journal_files(root, key)
        self._folders[volume, key] = (changed_ns, files)
        return files

    def _read(self, path: Path, place: tuple[str, str], known: journals.Read | None, news: _News) -> None:
        at = known.read_bytes if known is not None else 0
        size = path.stat().st_size
        if known is not None and size == at:
            return
        if size < at:
            news.doubtful = True
            self._problems[f"{path} is shorter than what was read from it: lines were cut off"] = None
            return
        chain = known.chain if known is not None else None
        for entry in read_journal(path, at):
            if chain is not None and not verify_chain(entry.raw, chain):
                # A line that could not be made durable may have been taken back after we read it, and said again.
                news.doubtful = news.doubtful or known is not None
                self._problems[f"{path} does not go on from what was read from it; holdfast verify tells more"] = None
            if entry.line is None:
                self._problems[f"{path} has a damaged line before byte {entry.offset_after}"] = None
                continue
            news.lines.setdefault(place[0], []).append(tagged(place[0], entry.line))
            at, chain = entry.offset_after, entry.line.chain
        if chain is not None:
            news.positions[place] = journals.Read(at, chain)

    def _index(self, tx: Transaction, key: StreamKey, news: _News, now_us: int, tally: _Tally) -> None:
        state = self._states[key]
        # Somebody else may have written meanwhile, a reindex by hand: what we remember is then not what is there.
        if news.doubtful or state.tail is None or cameras.tail_of(tx, state.row.id) != state.stored:
            self._from_scratch(tx, key, state, now_us, tally)
            return
        try:
            tail = state.tail.copy()
            self._take(tx, state, tail, news)
            self._write(tx, key, state, tail, news, now_us, tally)
        except Stale:
            self._from_scratch(tx, key, state, now_us, tally)

    def _take(self, tx: Transaction, state: _State, tail: Tail, news: _News) -> None:
        """Hand new lines to the tail; those about files that were settled are dealt with here."""
        files = {
            (self._volume_ids[volume], split(line.event.file)[1])
            for volume, lines in news.lines.items()
            for line in lines
            if isinstance(line.event, Begun | Sealed)
        }
        rows = segments.by_file(tx, state.row.id, files) if tail.settled_us is not None and files else []
        settled = {
            f"{row.volume}:{row.file}" for row in rows
            if tail.settled_us is not None and row.start_us < tail.settled_us and row.state in {"sealed", "removed"}
        }  # fmt: skip
        for volume, lines in news.lines.items():
            kept = []
            for line in lines:
                if isinstance(line.event, Sealed) and line.event.file in settled:
                    raise Stale
                if not (isinstance(line.event, Begun) and line.event.file in settled):
                    kept.append(line)
            tail.add(volume, kept)
            removed = {split(e.file)[1]: e.why for e in (line.event for line in lines) if isinstance(e, Removed)}
            segments.set_removed(tx, state.row.id, self._volume_ids[volume], removed)

    def _from_scratch(self, tx: Transaction, key: StreamKey, state: _State, now_us: int, tally: _Tally) -> None:
        """Derive everything again. Finished segments whose lines are gone stay, as files without a line."""
        absent = sorted({volume for volume, _ in state.positions} - set(self._streams[key]))
        if absent:
            self._problems[f"{key} cannot be derived again while volume {', '.join(absent)} is away"] = None
            state.retry_us = now_us + RESCAN_US - 1
            return
        news = self._news(key, {})
        tail = Tail()
        tail.fresh = diff.with_orphans(tx, state.row.id, merged(news.lines))
        for volume, some in news.lines.items():
            tail.newest_us[volume] = max(line.when.at_us for line in some)
        journals.forget(tx, state.row.id)
        state.positions, state.retry_us = {}, None
        self._write(tx, key, state, tail, news, now_us, tally)

    def _deleted(self, key: StreamKey) -> dict[kept.Instance, str]:
        """Return what policy deleted of a stream; a kept journal that cannot be read says so as a problem."""
        try:
            return kept.deletions(self._volumes, key)
        except StorageError as error:
            self._problems[f"{key}: {error}"] = None
            return {}

    def _write(
        self, tx: Transaction, key: StreamKey, state: _State, tail: Tail, news: _News, now_us: int, tally: _Tally
    ) -> None:
        lines = tail.placed()
        alive = is_alive(self._volumes, key)
        newest = growing(lines)
        end = reach(self._volumes, newest, now_us=now_us, alive=alive)
        timeline = derive(lines, now_us=now_us, alive=alive, growing_end_us=None if end is None else end.end_us)
        if not state.positions:
            # Whoever deleted a file wrote its row, too; only where rows are made anew is it looked up where it is kept.
            timeline = kept.without_deleted(timeline, self._deleted(key))
        current = newest.file if newest is not None and alive and not newest.orphaned else None
        live = end is not None and end.live
        pieces, spans = diff.write(
            tx, state.row.id, self._volume_ids, timeline, since_us=tail.settled_us, current=current, live=live
        )
        tail.settle(lines, timeline)
        journals.set_positions(tx, state.row.id, self._volume_ids, news.positions)
        if news.lines or news.doubtful or state.stored is None:
            state.stored = tail.to_json()
            cameras.set_tail(tx, state.row.id, settled_us=tail.settled_us, tail=state.stored)
        # Twice the same before we call it quiet: a hole shows only once it is long enough to be one.
        state.quiet = not (pieces or spans or news.lines)
        state.tail, state.alive, state.growing, state.reach = tail, alive, newest, end
        state.positions = {**state.positions, **news.positions}
        tally.streams += 1
        tally.lines += sum(len(some) for some in news.lines.values())
        tally.segments += pieces
        tally.gaps += spans


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0  # the volume is away, or nothing was recorded on it yet
