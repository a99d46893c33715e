"""A catalog that was lost comes back as it was."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import cameras, gaps, segments
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.footage import PART, stream_folder
from holdfast.core.journal import Beat
from holdfast.core.timing import HOUR_US
from holdfast.library import notes
from holdfast.library.index import Indexer
from holdfast.library.reindex import put_aside, reconcile, reindex
from support.clock import PushedClock
from support.journals import Told, touched
from support.media import GATE, WALL_US, encode, end_of, write_part


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    return PushedClock()


@pytest.fixture(name="told")
def _told(tmp_path: Path, clock: PushedClock) -> Told:
    return Told(tmp_path / "disk", clock)


def dump(catalog: Catalog) -> list[Any]:
    """Return all that rows say, without the numbers of the rows."""
    found: list[Any] = []
    with catalog.read() as tx:
        for stream in cameras.streams(tx):
            rows = [asdict(row) for row in segments.starting_at(tx, stream.id, None)]
            rows += [asdict(row) for row in gaps.starting_at(tx, stream.id, None)]
            found += [(str(stream.key), *(v for k, v in row.items() if k not in {"id", "stream"})) for row in rows]
        runs = tx._connection.exec_driver_sql("SELECT run, start_us, end_us, began, ended, tracks FROM runs")
        found += [tuple(run) for run in runs]
    return sorted(found, key=str)


def test_the_same_timeline_comes_back(catalog: Catalog, tmp_path: Path, told: Told, clock: PushedClock) -> None:
    """After the database was deleted, journals give every row again: segments, gaps, runs, removals (C067, R7)."""
    roots = {"disk": told.root}
    indexer = Indexer(catalog, roots, clock)
    clock.step(-HOUR_US / 1e6)
    clock.sync = False
    told.open()
    told.record(60)
    indexer.pass_once()
    clock.step(HOUR_US / 1e6)
    clock.sync = True
    told.say(Beat(reason=""))
    old = told.record(600)
    for number in range(150):
        if number % 7 == 0:
            told.down("stalled", 12.5)
        if number % 50 == 0:
            file = told.begin(f"r{number}")
            touched(told.root / f"{file}{PART}", clock.wall_us())
            told.die()
            clock.advance(20)
            told.open()
            told.empty(file)
        told.record(600, f"r{number // 9}")
        indexer.pass_once()
    told.remove(old)
    told.close()
    clock.advance(60)
    indexer.pass_once()
    before = dump(catalog)
    with open_catalog(f"sqlite:///{tmp_path}/new.sqlite") as new:
        report = reindex(new, roots, clock)
        assert dump(new) == before
    assert (report.streams, report.adopted, report.missing, report.problems) == (1, 0, 0, ())


def test_files_speak_for_themselves(catalog: Catalog, tmp_path: Path) -> None:
    """Footage whose journal is lost comes back from the file alone, with what it holds (C067, F11)."""
    footage = encode(seconds=2.0)
    root = tmp_path / "disk"
    root.mkdir()
    sealed = write_part(root, footage).seal(start_us=WALL_US, end_us=end_of(footage), ended="cut")
    report = reindex(catalog, {"disk": root}, PushedClock(WALL_US + HOUR_US))
    assert (report.adopted, report.problems) == (1, ())
    with catalog.read() as tx:
        (stream,) = cameras.streams(tx)
        (row,) = segments.starting_at(tx, stream.id, None)
        (gap,) = gaps.starting_at(tx, stream.id, None)
    assert stream.key == GATE
    assert (row.file, row.start_us, row.end_us, row.sha256, row.origin) == (
        sealed.file, sealed.start_us, sealed.end_us, sealed.sha256, "file",
    )  # fmt: skip
    assert (gap.start_us, gap.end_us) == (sealed.end_us, None)


def test_a_worker_takes_over_what_a_reindex_found(catalog: Catalog, tmp_path: Path) -> None:
    """A reindex beside a running worker is not undone by it."""
    footage = encode(seconds=2.0)
    root = tmp_path / "disk"
    clock = PushedClock(WALL_US + HOUR_US)
    told = Told(root, clock, GATE)
    told.open()
    told.record(60)
    worker = Indexer(catalog, {"disk": root}, clock)
    worker.pass_once()
    write_part(root, footage).seal(start_us=WALL_US, end_us=end_of(footage), ended="cut")
    reindex(catalog, {"disk": root}, clock)
    before = [row for row in dump(catalog) if "file" in row]
    told.record(60)
    worker.pass_once()
    told.die()
    assert len(before) == 1
    assert [row for row in dump(catalog) if "file" in row] == before


def test_strange_files_are_named(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """A file that is no footage of ours is a problem with its name, and no row."""
    folder = told.root / stream_folder(told.key) / "2026-09-21"
    folder.mkdir(parents=True)
    (folder / "holiday.mp4").write_bytes(b"not footage")
    report = reindex(catalog, {"disk": told.root}, clock)
    assert report.adopted == 0
    assert "holiday.mp4" in report.problems[0]


def test_missing_files_are_marked_and_come_back(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """A file that vanished is marked missing, not removed; when it is back the mark goes."""
    told.open()
    sealed = told.record(600)
    told.record(600)
    told.die()
    Indexer(catalog, {"disk": told.root}, clock).pass_once()
    path = told.root / sealed.file
    path.rename(path.with_suffix(".away"))
    assert reconcile(catalog, {"disk": told.root}, clock).missing == 1
    assert [row[-1] for row in dump(catalog) if sealed.file in row] == [clock.wall_us()]
    path.with_suffix(".away").rename(path)
    assert reconcile(catalog, {"disk": told.root}, clock).missing == 0
    assert [row[-1] for row in dump(catalog) if sealed.file in row] == [None]


def test_a_disk_that_is_away_is_not_missing(catalog: Catalog, told: Told, clock: PushedClock, tmp_path: Path) -> None:
    """Nothing is marked while a whole volume is not there."""
    told.open()
    told.record(600)
    told.die()
    Indexer(catalog, {"disk": told.root}, clock).pass_once()
    before = dump(catalog)
    told.root.rename(tmp_path / "away")
    assert reconcile(catalog, {"disk": told.root}, clock) == reconcile(catalog, {}, clock)
    assert dump(catalog) == before


def test_notes_come_back(catalog: Catalog, told: Told, clock: PushedClock) -> None:
    """What people wrote is in a file, too, and comes back once (C012)."""
    notes.write({"disk": told.root}, clock, "lens cleaned", camera="gate")
    for _ in range(2):
        assert reindex(catalog, {"disk": told.root}, clock).notes == 1
    assert [n.words for n in notes.between(catalog, {}, camera=None, from_us=None, to_us=None)] == ["lens cleaned"]


def test_a_damaged_catalog_is_kept(tmp_path: Path, clock: PushedClock) -> None:
    """A damaged database file is renamed with all that belongs to it, never deleted."""
    path = tmp_path / "c.sqlite"
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"c.sqlite{suffix}").write_text(f"garbage{suffix}")
    aside = put_aside(f"sqlite:///{path}", clock)
    assert aside is not None
    assert aside.read_text() == "garbage"
    assert sorted(p.name for p in tmp_path.iterdir()) == [aside.name, f"{aside.name}-shm", f"{aside.name}-wal"]
    assert put_aside(f"sqlite:///{path}", clock) is None
    assert put_aside("postgresql://x/y", clock) is None
