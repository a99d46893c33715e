"""What was found outlives the catalog."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete

from holdfast.catalog import incidents, schema
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.rows import Id
from holdfast.core.errors import DiskFull, VolumeMissing
from holdfast.core.timing import DAY_US, MINUTE_US
from holdfast.library import findings
from holdfast.library.findings import Written
from holdfast.library.reindex import reindex
from holdfast.storage.room import VOLUME_BYTES, Room
from support.clock import PushedClock
from support.found import find, rows
from support.kept_node import KeptNode
from support.small_disk import fill, small_disk


@dataclass
class Place:
    """A node in whose footage something was found, and a catalog that knows nothing of it."""

    node: KeptNode
    new: Catalog

    @property
    def clock(self) -> PushedClock:
        return self.node.clock

    def find(self, ago_s: float = 0.0, *, open_too: bool = False) -> int:
        """Find something; return when it was."""
        at_us = self.clock.wall_us() - round(ago_s * 1e6)
        find(self.node.catalog, self.node.disk, at_us, self.clock.wall_us(), open_too=open_too)
        return at_us

    def write_down(self, written: Written | None = None) -> tuple[Written, int]:
        """Write down all that changed; return how far that is, and the number of lines."""
        written, lines, count = written or Written(), 0, 1
        while count:
            written, count = findings.write_down(self.node.catalog, self.node.roots, self.clock, written)
            lines += count
        return written, lines

    def lines(self) -> int:
        """How many lines there are."""
        return sum(path.read_bytes().count(b"\n") for path in (self.node.disk / "findings").glob("*"))


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[Place]:
    node = KeptNode(tmp_path)
    with open_catalog(f"sqlite:///{tmp_path}/new.sqlite") as new:
        yield Place(node, new)
    node.close()


def test_it_outlives_the_catalog(place: Place) -> None:
    """Stills, events, incidents and what people said of them come back with a reindex (C067, C065, R7)."""
    place.find(3600)
    place.find(10)
    assert place.write_down()[1] == 0, "what is younger than a minute may not be all"
    place.clock.advance(61)
    written, lines = place.write_down()
    assert (lines, place.lines()) == (8, 8)
    assert place.write_down(written)[1] == 0, "each is written once"
    report = reindex(place.new, place.node.roots, place.clock)
    assert (report.stills, report.events, report.incidents, report.problems) == (4, 2, 2, ())
    assert rows(place.new) == rows(place.node.catalog)
    again = reindex(place.node.catalog, place.node.roots, place.clock)
    assert (again.stills, again.events, again.incidents) == (0, 0, 0), "what is known stays as it is"


def test_what_is_said_later_is_written_again(place: Place) -> None:
    """A word about an incident of last month is a line of its own, and the one that counts."""
    place.find(30 * 86_400)
    place.clock.advance(61)
    written, _ = place.write_down()
    with place.node.catalog.write() as tx:
        incidents.review(tx, Id(1, 1), {"comment": "a spider"}, place.clock.wall_us())
    place.clock.advance(61)
    assert place.write_down(written)[1] == 1
    findings.restore(place.new, place.node.roots, place.clock)
    assert rows(place.new) == rows(place.node.catalog)


def test_what_was_deleted_stays_deleted(place: Place) -> None:
    """Pictures that are gone were deleted with their rows; evidence of which some is left shows that (C080)."""
    first = place.find(600)
    second = place.find(300)
    place.clock.advance(61)
    place.write_down()
    for file in (f"stills/{first}.jpg", f"events/{first}-a.jpg", f"events/{first}-t.jpg", f"incidents/{first}-1.jpg"):
        (place.node.disk / file).unlink()
    (place.node.disk / f"events/{second}-t.jpg").unlink()
    back = findings.restore(place.new, place.node.roots, place.clock)
    assert (back.stills, back.events, back.incidents) == (3, 1, 2)
    shown = [row["file"] for row in rows(place.new)["evidence"]]
    assert f"incidents/{first}-1.jpg" not in shown
    assert len(shown) == 5


def test_a_disk_that_is_called_otherwise(place: Place) -> None:
    """Carried to another machine, the disk brings what was found along, under the name that it has there."""
    place.find(60)
    place.clock.advance(61)
    place.write_down()
    back = findings.restore(place.new, {"old": place.node.disk}, place.clock)
    assert (back.stills, back.events, back.incidents) == (2, 1, 1)
    found = rows(place.new)
    assert {row["volume"] for row in (*found["events"], *found["evidence"])} == {"old"}


def test_disks_that_are_away(place: Place, tmp_path: Path) -> None:
    """What has no picture, or whose disk is away, is written to another; where none is there it waits."""
    (tmp_path / "b").mkdir()
    spare = KeptNode(tmp_path / "b")
    place.find(60)
    place.clock.advance(61)
    here = place.node.disk.rename(tmp_path / "away")
    with pytest.raises(VolumeMissing):
        place.write_down()
    assert not place.node.disk.exists(), "nothing is written below a mount point whose disk is away"
    both = {"main": place.node.disk, "spare": spare.disk}
    assert findings.write_down(place.node.catalog, both, place.clock, Written())[1] == 4
    here.rename(place.node.disk)
    findings.restore(place.new, both, place.clock)
    assert rows(place.new) == rows(place.node.catalog)
    spare.close()


def test_torn_and_foreign_lines_cost_only_themselves(place: Place) -> None:
    """Half a line, bytes that are none, and a row that breaks a rule leave the others whole."""
    place.find(60)
    place.clock.advance(61)
    place.write_down()
    (path,) = (place.node.disk / "findings").glob("*.journal")
    lines = path.read_bytes().splitlines(keepends=True)
    broken = next(line for line in lines if b'"t":"events"' in line).replace(b'"score":1.5', b'"score":-1.5')
    path.write_bytes(
        lines[0][:40] + b"\n\xff\xfe\n" + broken.replace(b'"start_us":', b'"start_us":1') + b"".join(lines) + b'{"v"'
    )
    (path.parent / "2026-13-77.journal").write_bytes(lines[0])
    (path.parent / "notes.txt").write_text("mine")
    back = findings.restore(place.new, place.node.roots, place.clock)
    assert (back.stills, back.events, back.incidents) == (2, 1, 1)
    assert len(back.problems) == 1
    assert "a line of" in back.problems[0]
    assert rows(place.new) == rows(place.node.catalog)


def test_a_clock_that_was_ahead(place: Place) -> None:
    """Rows of a time to come do not keep those of today from being written."""
    place.clock.step(DAY_US / 1e6)
    place.find()
    place.clock.advance(61)
    written, _ = place.write_down()
    place.clock.step(-DAY_US / 1e6)
    place.find()
    place.clock.advance(61)
    assert place.write_down(written)[1] == 4


def test_how_far_it_is_is_remembered(place: Place) -> None:
    """It goes on where it was; what cannot be read begins anew, which is harmless."""
    place.find(60)
    place.clock.advance(61)
    written, _ = place.write_down()
    findings.remember(place.node.state, written)
    assert findings.recall(place.node.state) == written
    for bad in ("", "[]", '{"catalog_us": 3, "places": {"bookings": [1, 2]}}', '{"places": {}}'):
        (place.node.state / findings.NAME).write_text(bad)
        assert findings.recall(place.node.state) == Written()


def test_a_full_disk_keeps_its_reserve(place: Place, tmp_path: Path) -> None:
    """These lines wait for room: what is kept back is for what empties the disk (F18)."""
    place.find(60)
    place.clock.advance(61)
    with small_disk(tmp_path / "small", size_bytes=8_000_000) as root:
        shutil.copytree(place.node.disk, root, dirs_exist_ok=True)
        assert Room(root, VOLUME_BYTES).keep()
        ballast = fill(root, leave_bytes=0)
        with pytest.raises(DiskFull):
            findings.write_down(place.node.catalog, {"main": root}, place.clock, Written())
        assert Room(root, VOLUME_BYTES).give(), "what is kept back is still there"
        ballast.unlink()
        assert findings.write_down(place.node.catalog, {"main": root}, place.clock, Written())[1] == 4


def test_journals_of_days_that_are_gone(place: Place) -> None:
    """A journal goes once the catalog knows nothing of its day, unless it is a day before the catalog."""
    place.find(5 * 86_400)
    place.clock.advance(2 * 86_400)
    place.find()
    place.clock.advance(4 * 86_400)
    place.write_down()
    assert findings.tidy(place.node.catalog, place.node.roots, place.clock) == 0
    with place.node.catalog.write() as tx:
        for table in (schema.evidence, schema.incidents, schema.events, schema.stills):
            tx.run("all", delete(table))
    assert findings.tidy(place.node.catalog, place.node.roots, place.clock) == 1
    assert place.lines() == 4
    place.clock.advance(400 * 86_400)
    assert findings.tidy(place.node.catalog, place.node.roots, place.clock) == 1
    assert place.lines() == 0


def test_it_waits_a_minute_for_what_was_begun_before() -> None:
    """A transaction may wait half a minute for the catalog; twice that is waited for it."""
    assert findings.SETTLE_US >= MINUTE_US
