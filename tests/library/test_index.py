"""The indexer makes catalog rows of journals, a pass at a time."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.catalog import cameras, gaps, nodes, segments
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.rows import GapRow, SegmentRow, count_rows
from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.footage import PART, Timeline, journal_path, timeline
from holdfast.core.gap import GapReason
from holdfast.core.journal import CHAIN_START, Beat, Line, encode
from holdfast.core.timing import HOUR_US
from holdfast.library import notes, tail
from holdfast.library.index import Indexer
from holdfast.library.timeline import read_stream
from support.clock import PushedClock
from support.journals import Told, touched
from support.lines import START_US, journals

GATE = StreamKey("gate", "main")


def rows(catalog: Catalog, key: StreamKey = GATE) -> tuple[list[SegmentRow], list[GapRow]]:
    """Return a stream's rows."""
    with catalog.read() as tx:
        stream = next(row.id for row in cameras.streams(tx, camera=key.camera) if row.key == key)
        return segments.starting_at(tx, stream, None), gaps.starting_at(tx, stream, None)


def facts(catalog: Catalog, key: StreamKey = GATE) -> tuple[list[Any], list[Any]]:
    """Return rows without their ids."""
    pieces, spans = rows(catalog, key)
    return (
        [(s.file, s.run, s.start_us, s.end_us, s.removed_why, s.bytes, s.state) for s in pieces],
        [(g.start_us, g.end_us, g.reason, g.detail) for g in spans],
    )


def derived(line: Timeline) -> tuple[list[Any], list[Any]]:
    """Return what rows should say."""
    return (
        sorted((s.file.rpartition(":")[2], s.run, s.start_us, s.end_us, s.removed_why) for s in line.segments),
        [(g.start_us, None if g.open else g.end_us, g.reason, g.detail) for g in line.gaps],
    )


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    return PushedClock()


@pytest.fixture(name="told")
def _told(tmp_path: Path, clock: PushedClock) -> Told:
    return Told(tmp_path / "disk", clock)


@pytest.fixture(name="indexer")
def _indexer(catalog: Catalog, told: Told, clock: PushedClock) -> Indexer:
    return Indexer(catalog, {"disk": told.root}, clock)


def test_notes_that_the_catalog_missed_are_indexed(
    catalog: Catalog, indexer: Indexer, told: Told, clock: PushedClock
) -> None:
    """A note that was written while the catalog was away is a row at the next pass, once, without a reindex (C012)."""
    roots = {"disk": told.root}
    told.open()
    indexer.pass_once()
    notes.write(roots, clock, "lens cleaned", camera="gate")
    known = notes.write(roots, clock, "storm")
    notes.record(catalog, [known], clock)
    assert indexer.pass_once().committed
    assert not indexer.pass_once().committed
    with catalog.read() as tx:
        assert count_rows(tx, "notes") == 2
    told.close()


def test_footage_and_gaps_cover_all_time(catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer) -> None:
    """Every instant since the first line is in one segment or in one gap with its reason (C011, T1)."""
    told.open()
    first_us = clock.wall_us()
    told.record(600)
    told.down("stalled", 30)
    told.record(600, "r2")
    told.close()
    clock.advance(60)
    indexer.pass_once()
    pieces, spans = rows(catalog)
    covered = sum((s.end_us or 0) - s.start_us for s in pieces)
    covered += sum((g.end_us or clock.wall_us()) - g.start_us for g in spans)
    assert covered == clock.wall_us() - first_us
    assert [(g.reason, g.end_us is None) for g in spans] == [
        (GapReason.STALLED, False),
        (GapReason.RECORDER_DOWN, True),
    ]


def test_a_killed_recorder_shows_at_the_next_pass(
    catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer
) -> None:  # fmt: skip
    """A recorder that dies without a word leaves an open gap in the catalog within 60 s (C011)."""
    told.open()
    file = told.begin()
    clock.advance(30)
    touched(told.root / f"{file}{PART}", clock.wall_us())
    indexer.pass_once()
    (growing,), none = rows(catalog)
    assert (growing.state, growing.end_us, none) == ("growing", None, [])
    died_us = clock.wall_us()
    told.die()
    clock.advance(59)
    indexer.pass_once()
    (growing,), (gap,) = rows(catalog)
    assert (growing.state, growing.end_us) == ("interrupted", died_us)
    assert (gap.reason, gap.start_us, gap.end_us) == (GapReason.RECORDER_DOWN, died_us, None)


def test_recovery_closes_what_was_interrupted(
    catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer
) -> None:
    """An interrupted file becomes a recovered segment in the same row, and the gap keeps its place (F11)."""
    told.open()
    start_us = clock.wall_us()
    file = told.begin()
    clock.advance(30)
    touched(told.root / f"{file}{PART}", clock.wall_us())
    told.die()
    clock.advance(20)
    indexer.pass_once()
    before = rows(catalog)[0][0].id
    told.open()
    told.seal(file, start_us, recovered=True)
    told.record(600, "r2")
    indexer.pass_once()
    pieces, _ = rows(catalog)
    assert (pieces[0].id, pieces[0].state, pieces[0].recovered) == (before, "sealed", True)


def test_emptied_files_leave_no_row(catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer) -> None:
    """A file in which recovery found nothing is no segment, and its run is no run."""
    told.open()
    file = told.begin()
    indexer.pass_once()
    told.empty(file)
    clock.advance(5)
    indexer.pass_once()
    assert rows(catalog)[0] == []
    with catalog.read() as tx:
        assert count_rows(tx, "runs") == 0


def test_nothing_new_commits_nothing(told: Told, clock: PushedClock, indexer: Indexer) -> None:
    """A pass without news writes nothing but a sign of life every ten seconds (P6)."""
    told.open()
    file = told.begin()
    commits = []
    for _ in range(40):
        clock.advance(1)
        touched(told.root / f"{file}{PART}", clock.wall_us())
        commits.append(indexer.pass_once().committed)
    assert sum(commits) <= 6


def test_all_streams_share_one_commit(tmp_path: Path, clock: PushedClock) -> None:
    """However many cameras have news, a pass is one commit (P6)."""
    told = [Told(tmp_path / "disk", clock, StreamKey(f"cam{n}", "main")) for n in range(12)]
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as opened:
        indexer = Indexer(opened, {"disk": tmp_path / "disk"}, clock)
        indexer.pass_once()
        seen = opened.data_version() or 0
        changes = 0
        for stream in told:
            stream.open()
            stream.record(10)
        report = indexer.pass_once()
        changes = (opened.data_version() or 0) - seen
    assert (report.streams, report.segments, changes) == (12, 12, 1)
    for stream in told:
        stream.die()


def test_a_new_indexer_goes_on_where_the_last_one_was(
    catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer
) -> None:  # fmt: skip
    """A restarted worker reads on, finds nothing twice, and keeps every id."""
    told.open()
    for _ in range(5):
        told.record(60)
    indexer.pass_once()
    before = rows(catalog)
    again = Indexer(catalog, {"disk": told.root}, clock)
    assert again.pass_once().lines == 0
    told.record(60)
    assert again.pass_once().lines == 2
    assert rows(catalog)[0][:5] == before[0]


def test_removed_files_stay_on_record(catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer) -> None:
    """Footage that policy removed keeps its row and says why, however long ago it was settled."""
    told.open()
    old = told.record(600)
    for _ in range(200):
        told.record(600)
    indexer.pass_once()
    told.remove(old, "reserve")
    indexer.pass_once()
    first = rows(catalog)[0][0]
    assert (first.file, first.state, first.removed_why) == (old.file, "removed", "reserve")
    assert Indexer(catalog, {"disk": told.root}, clock).rebuild().segments == 0


def test_names_that_collide_are_distinct(catalog: Catalog, tmp_path: Path, clock: PushedClock) -> None:
    """Over the hour that autumn repeats, three cameras in the same second keep all their files and rows (F14)."""
    clock = PushedClock(1_793_489_400_000_000)  # 2026-10-31T23:30Z; Berlin repeats 02:00 to 03:00 an hour later
    told = [Told(tmp_path / "disk", clock, StreamKey(name, "main")) for name in ("gate", "yard", "door")]
    for stream in told:
        stream.open()
    files = []
    for second in range(0, 3 * 3600, 600):
        marks = [(stream, clock.wall_us(), [stream.begin(f"r{second}", attempt=n) for n in (0, 1)]) for stream in told]
        clock.advance(0.4)
        for stream, start_us, pair in marks:
            files += [stream.seal(file, start_us, f"r{second}").file for file in pair]
        clock.advance(599.6)
    Indexer(catalog, {"disk": tmp_path / "disk"}, clock).pass_once()
    found = [s.file for stream in told for s in rows(catalog, stream.key)[0]]
    assert sorted(found) == sorted(files)
    assert len(set(found)) == 3 * 18 * 2
    for stream in told:
        stream.die()


def test_a_stream_may_move_to_another_volume(catalog: Catalog, tmp_path: Path, clock: PushedClock) -> None:
    """Footage of one stream on two volumes is one timeline; a file name may occur on both."""
    one, two = Told(tmp_path / "one", clock), Told(tmp_path / "two", clock)
    indexer = Indexer(catalog, {"one": one.root, "two": two.root}, clock)
    one.open()
    one.record(600)
    indexer.pass_once()
    one.close("restarted")
    clock.advance(2)
    two.open()
    two.record(600, "r2")
    two.die()
    clock.advance(31)
    indexer.pass_once()
    pieces, spans = rows(catalog)
    assert [s.volume for s in pieces] == ["one", "two"]
    assert [g.reason for g in spans] == [GapReason.RESTARTED, GapReason.RECORDER_DOWN]
    before = facts(catalog)
    Indexer(catalog, {"one": one.root, "two": two.root}, clock).rebuild()
    assert facts(catalog) == before


def test_a_volume_that_is_away_takes_no_rows_with_it(
    catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer, tmp_path: Path
) -> None:  # fmt: skip
    """While a disk is not mounted its footage stays in the catalog."""
    told.open()
    told.record(600)
    told.close()
    indexer.pass_once()
    before = facts(catalog)
    told.root.rename(tmp_path / "elsewhere")
    clock.advance(600)
    Indexer(catalog, {"disk": told.root}, clock).pass_once()
    assert facts(catalog)[0] == before[0]


def test_a_lost_journal_loses_no_footage(catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer) -> None:
    """Where lines were cut off, finished segments stay, marked as known from the file alone, and somebody is told."""
    told.open()
    kept = told.record(600)
    journal = told.root / journal_path(told.key, "2026-09-21")
    size = journal.stat().st_size
    told.record(600)
    indexer.pass_once()
    os.truncate(journal, size)
    clock.advance(1)
    report = indexer.pass_once()
    assert "shorter" in report.problems[0]
    assert [(s.origin, s.state) for s in rows(catalog)[0]] == [("journal", "sealed"), ("file", "sealed")]
    assert rows(catalog)[0][0].file == kept.file
    told.die()


def test_a_clock_that_was_wrong_moves_rows(catalog: Catalog, told: Told, clock: PushedClock, indexer: Indexer) -> None:
    """Footage from before the clock was right is placed where it belongs as soon as that is known, in the same row."""
    right_us = clock.wall_us()
    clock.step(-HOUR_US / 1e6)
    clock.sync = False
    told.open()
    told.record(60)
    indexer.pass_once()
    before = rows(catalog)[0][0]
    assert before.start_us < right_us
    clock.step(HOUR_US / 1e6)
    clock.sync = True
    told.say(Beat(reason=""))
    indexer.pass_once()
    after = rows(catalog)[0][0]
    assert (after.id, after.start_us) == (before.id, right_us)
    told.die()


def test_an_hour_later_only_the_end_is_derived(
    told: Told, clock: PushedClock, catalog: Catalog, indexer: Indexer
) -> None:
    """What the indexer carries from pass to pass stays small, however long the history."""
    told.open()
    sizes = []
    for _ in range(12):
        for _ in range(60):
            told.record(600)
        indexer.pass_once()
        with catalog.read() as tx:
            (stream,) = cameras.streams(tx)
        assert stream.tail is not None
        sizes.append(len(stream.tail))
    assert max(sizes) < 3 * tail.SETTLE_AT * 700
    assert sizes[-1] < 1.5 * sizes[3]
    assert facts(catalog)[0][-1][3] == clock.wall_us()
    told.die()


def test_the_catalog_may_go_away(tmp_path: Path, told: Told, clock: PushedClock) -> None:
    """A catalog that is locked fails a pass and loses nothing: the next pass has it all (R7)."""
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    with open_catalog(url) as opened, open_catalog(url) as other:
        indexer = Indexer(opened, {"disk": told.root}, clock)
        told.open()
        told.record(600)
        indexer.pass_once()
        told.record(600)
        with opened.read() as tx:
            tx._connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        with other.write(), pytest.raises(CatalogUnavailable):
            indexer.pass_once()
        told.record(600)
        indexer.pass_once()
        assert len(rows(opened)[0]) == 3
    told.die()


def test_the_catalog_says_until_when_it_knows(catalog: Catalog, clock: PushedClock, indexer: Indexer) -> None:
    """Readers can tell how old the catalog's knowledge is."""
    indexer.pass_once()
    clock.advance(11)
    indexer.pass_once()
    with catalog.read() as tx:
        node = nodes.find(tx, "local")
        assert node is not None
        assert nodes.indexed_us(tx, node) == clock.wall_us()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=journals(), cuts=st.lists(st.integers(1, 9), min_size=1, max_size=8), restart=st.booleans())
def test_any_chunks_give_what_the_whole_gives(
    lines: list[Line], cuts: list[int], restart: bool, chunked: "Chunked"  # noqa: FBT001 - hypothesis passes by name
) -> None:  # fmt: skip
    """Any sequence of lines, indexed in any portions, gives the rows that deriving it whole gives (I2)."""
    assert chunked.agrees(lines, cuts, restart=restart)


class Chunked:
    """Indexes invented journals portion by portion; each example is a camera of its own on a node of its own."""

    def __init__(self, catalog: Catalog, root: Path) -> None:
        self.catalog = catalog
        self.root = root
        self.number = 0

    def agrees(self, lines: list[Line], cuts: list[int], *, restart: bool) -> bool:
        self.number += 1
        key = StreamKey(f"cam{self.number}", "main")
        root = self.root / key.camera
        clock = PushedClock(START_US + HOUR_US)
        path = root / journal_path(key, "2026-09-21")
        path.parent.mkdir(parents=True)
        indexer = Indexer(self.catalog, {"disk": root}, clock, node=key.camera)
        chain, at, turn = CHAIN_START, 0, 0
        while at < len(lines):
            some = lines[at : at + cuts[turn % len(cuts)]]
            with path.open("ab") as journal:
                for line in some:
                    raw, chain = encode(line.when, line.event or Beat(reason=""), chain)
                    journal.write(raw if line.event else raw.replace(b'"t":"beat"', b'"t":"news"'))
            at += len(some)
            turn += 1
            clock.advance(40)
            if restart:
                indexer = Indexer(self.catalog, {"disk": root}, clock, node=key.camera)
            indexer.pass_once()
        whole = timeline(read_stream({"disk": root}, key), now_us=clock.wall_us(), alive=False)
        pieces, spans = facts(self.catalog, key)
        assert sorted(piece[:5] for piece in pieces) == derived(whole)[0]
        assert spans == derived(whole)[1]
        return True


@pytest.fixture(name="chunked")
def _chunked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chunked]:
    monkeypatch.setattr(tail, "KEEP", 2)
    monkeypatch.setattr(tail, "SETTLE_AT", 5)
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as opened:
        yield Chunked(opened, tmp_path)
