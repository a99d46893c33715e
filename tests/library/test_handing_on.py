"""Rules become rows: everything once, whatever is killed, rebuilt or late."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from holdfast.catalog import handing_on as rows
from holdfast.catalog import schema
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.delivery import AssetKind
from holdfast.core.timing import DAY_US, MINUTE_US, SECOND_US
from holdfast.library import handing_on, looking
from holdfast.library.handing_files import SETTLED_US
from holdfast.library.signing import SUFFIX
from support.handed import RULE, Handed

PICTURES = '[deliveries.archive]\ntarget = "nas"\nassets = ["stills", "events", "evidence"]\n'
EXPORTS = '[deliveries.archive]\ntarget = "nas"\nassets = ["exports"]\n'
BENCH = PICTURES + 'name = "bench"\n'


def test_finished_segments_are_planned_once(catalog: Catalog, tmp_path: Path) -> None:
    """Each finished segment gets one row under its own path, oldest first; a growing one when it is sealed (F12)."""
    site = Handed(tmp_path, catalog)
    files = [site.segment(number) for number in (1, 0)]
    growing = site.segment(2, state="growing")
    assert (site.handing.once(), site.handing.once()) == (2, 0)
    assert site.keys(kind=AssetKind.SEGMENT) == sorted(files)
    site.segment(2)
    assert (site.handing.once(), site.handing.once()) == (1, 0)
    row = site.rows()[-1]
    assert (row.asset.file, row.asset.width, row.rule, row.lane, row.priority) == (growing, 640, "archive", "nas", 0)
    assert row.due_us == min(row.asset.start_us, site.clock.wall_us())


def test_one_stream_that_waits_holds_up_no_other(catalog: Catalog, tmp_path: Path) -> None:
    """A segment that waits for recovery keeps its stream's place, and is planned when it is sealed at last (F11)."""
    site = Handed(tmp_path, catalog)
    site.segment(0)
    site.segment(1, state="growing")
    site.segment(0, "yard")
    site.handing.once()
    site.segment(1)
    site.segment(2)
    site.segment(1, "yard")
    assert site.handing.once() == 3
    assert len(site.keys(camera="gate")) == 3


def test_what_is_committed_during_a_look_is_planned_by_the_next_one(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments that another process commits between two statements of a look do not wait for the walk (F26)."""
    site = Handed(tmp_path, catalog)
    site.segment(0)
    for name, real in (("segments", rows.segments), ("reach_us", rows.reach_us)):

        def asked(*arguments: Any, real: Callable[..., Any] = real) -> Any:
            answer = real(*arguments)
            if len(list(site.volume.rglob("*.mp4"))) == 1:
                site.segment(1)
                site.segment(2)
            return answer

        monkeypatch.setattr(rows, name, asked)
    site.handing.once()
    site.handing.once()
    assert len(site.keys(kind=AssetKind.SEGMENT)) == 3


def test_a_file_whose_begin_is_set_right_is_planned_at_once(catalog: Catalog, tmp_path: Path) -> None:
    """A file that turns out to begin before the place that a look came to while it grew waits for no walk (F11)."""
    site = Handed(tmp_path, catalog)
    site.segment(0, state="growing")
    site.handing.once()
    site.segment(0)
    with catalog.write() as tx:
        begin_us = schema.segments.c.start_us - 3 * SECOND_US
        tx.run("segments", update(schema.segments).values(start_us=begin_us))
    assert site.handing.once() == 1


def test_a_look_that_takes_its_fill_passes_over_nothing_unfinished(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much follows a file that waits for recovery, it is planned as soon as it is finished (F11)."""
    monkeypatch.setattr(looking, "_MOST", 2)
    site = Handed(tmp_path, catalog)
    site.segment(0, state="growing")
    for number in range(1, 6):
        site.segment(number)
    assert [site.handing.once() for _ in range(4)] == [2, 2, 1, 0]
    site.segment(0)
    assert site.handing.once() == 1


def test_whoever_is_killed_loses_and_doubles_nothing(catalog: Catalog, tmp_path: Path) -> None:
    """A worker that begins anew after every pass plans each segment once, and so does a second catalog (F11, F26)."""
    site = Handed(tmp_path, catalog)
    for number in range(5):
        site.segment(number)
        site.again()
        assert site.handing.once() == 1
    site.again()
    assert site.handing.once() == 0


def test_what_comes_late_is_planned_too(catalog: Catalog, tmp_path: Path) -> None:
    """A segment from before the place that the rule has come to, adopted later, is found by the hourly walk (C067)."""
    site = Handed(tmp_path, catalog)
    for number in (5, 6):
        site.segment(number)
    site.handing.once()
    late = site.segment(1)
    assert site.handing.once() == 0
    site.clock.advance(looking.AGAIN_US / 1e6)  # type: ignore[attr-defined] # a pushed clock
    assert sum(site.handing.once() for _ in range(3)) == 1
    assert site.keys()[0] == late


def test_new_only_means_since_the_rule_was_seen(catalog: Catalog, tmp_path: Path) -> None:
    """`since = "new"` leaves out what was there, also after the catalog was lost: it begins where it began."""
    new = RULE + 'since = "new"\n'
    site = Handed(tmp_path, catalog, new)
    site.segment(-1)
    fresh = site.segment(1)
    assert site.handing.once() == 1
    site.clock.advance(3600)  # type: ignore[attr-defined] # a pushed clock
    with open_catalog(f"sqlite:///{tmp_path / 'other.sqlite'}") as other:
        site.again(new, other)
        site.segment(1)
        site.segment(-1)
        site.handing.once()
        assert site.keys() == [fresh]


def test_a_rule_chooses_cameras_and_streams(catalog: Catalog, tmp_path: Path) -> None:
    """Only what a rule names is planned; switched off it plans nothing."""
    site = Handed(tmp_path, catalog, RULE + 'cameras = ["gate"]\nstreams = ["sub"]\n')
    site.segment(0)
    site.segment(0, "yard", "sub")
    wanted = site.segment(0, "gate", "sub")
    site.handing.once()
    assert site.keys() == [wanted]
    site.segment(1, "gate", "sub")
    site.again(RULE + "enabled = false\n")
    assert site.handing.once() == 0


def test_another_target_gets_everything(catalog: Catalog, tmp_path: Path) -> None:
    """A rule whose target is changed plans all of it for the new one (C076)."""
    more = f'[targets.cloud]\ntype = "folder"\npath = "{tmp_path / "cloud"}"\n'
    site = Handed(tmp_path, catalog, more=more)
    site.segment(0)
    site.handing.once()
    site.again('[deliveries.archive]\ntarget = "cloud"\n')
    assert site.handing.once() == 1
    assert {row.target for row in site.rows()} == {"nas", "cloud"}


def test_names_that_are_taken_get_a_number(catalog: Catalog, tmp_path: Path) -> None:
    """Main and sub of one camera have one name in lab's layout: neither overwrites the other (F14)."""
    site = Handed(tmp_path, catalog, RULE + 'name = "lab"\n')
    for stream in ("main", "sub"):
        site.segment(0, stream=stream)
    assert (site.handing.once(), site.handing.once()) == (2, 0)
    first, second = sorted(site.keys())
    assert (first.replace("-2.mkv", ".mkv"), first != second) == (second, True)


def test_pictures_go_before_footage(catalog: Catalog, tmp_path: Path) -> None:
    """Stills have their capture's place; pictures of incidents are urgent and carry what they show (U2, C068)."""
    site = Handed(tmp_path, catalog, BENCH)
    file = site.still(0)
    site.incident(5)
    assert (site.handing.once(), site.handing.once()) == (2, 0)
    still, evidence = site.rows(kind=AssetKind.STILL)[0], site.rows(kind=AssetKind.EVIDENCE)[0]
    assert (still.asset.file, still.asset.location, still.priority) == (file, "r-7", 0)
    assert (evidence.priority, evidence.asset.label) == (handing_on.URGENT, "blackscreen/1")
    assert evidence.key.startswith("alerts/blackscreen/gate/")
    assert evidence.asset.bytes == len(b"black gate 5")


def test_a_picture_that_is_away_is_planned_when_it_is_back(catalog: Catalog, tmp_path: Path) -> None:
    """A picture whose file is not there makes no row; the next look that finds it does (F19)."""
    site = Handed(tmp_path, catalog, PICTURES)
    site.incident(1)
    picture = next(site.volume.rglob("gate_1.jpg"))
    body = picture.read_bytes()
    picture.unlink()
    assert site.handing.once() == 0
    picture.write_bytes(body)
    assert site.handing.once() == 1


def test_journals_travel_with_the_footage(catalog: Catalog, tmp_path: Path) -> None:
    """Today's journal is planned once an hour under a name of its own, and whole under its own when the day is over."""
    site = Handed(tmp_path, catalog)
    site.segment(0)
    path = site.journal('{"a":1}\n')
    base = str(path.relative_to(site.volume))
    site.handing.once()
    first = site.keys(kind=AssetKind.JOURNAL)
    assert len(first) == 1
    assert "-until-" in first[0]
    site.journal('{"b":2}\n')
    site.clock.advance(2 * MINUTE_US / 1e6)  # type: ignore[attr-defined] # a pushed clock
    assert site.handing.once() == 0
    site.clock.advance(3600)  # type: ignore[attr-defined] # a pushed clock
    assert site.handing.once() == 1
    site.clock.advance((DAY_US + SETTLED_US) / 1e6)  # type: ignore[attr-defined] # a pushed clock
    assert site.handing.once() == 1
    site.clock.advance(7200)  # type: ignore[attr-defined] # a pushed clock
    assert site.handing.once() == 0
    assert site.rows(kind=AssetKind.JOURNAL)[-1].asset.bytes == 16
    assert base in site.keys(kind=AssetKind.JOURNAL)


def test_signed_heads_travel_with_their_journal(catalog: Catalog, tmp_path: Path) -> None:
    """Heads of journals are sent like them, so that whoever has the copies sees what was cut off here later."""
    site = Handed(tmp_path, catalog)
    site.segment(0)
    journal = site.journal('{"a":1}\n')
    heads = journal.with_suffix(SUFFIX)
    heads.write_text('{"head":1}\n')
    (journal.parent / f"notes{SUFFIX}").write_text("of no day")
    site.handing.once()
    first = site.keys(kind=AssetKind.JOURNAL)
    assert [name.rpartition(".")[2] for name in sorted(first)] == ["heads", "journal"]
    site.clock.advance((DAY_US + SETTLED_US) / 1e6)  # type: ignore[attr-defined] # a pushed clock
    assert site.handing.once() == 2
    assert str(heads.relative_to(site.volume)) in site.keys(kind=AssetKind.JOURNAL)
    site.clock.advance(3600)  # type: ignore[attr-defined] # a pushed clock
    with heads.open("a", encoding="utf-8") as file:
        file.write('{"head":2}\n')
    assert site.handing.once() == 1


def test_exports_are_planned_when_they_are_done(catalog: Catalog, tmp_path: Path) -> None:
    """C083: an export goes when it is made, once, as the file of its first camera, however late others are done."""
    site = Handed(tmp_path, catalog, EXPORTS)
    slow, quick = site.ask_export("gate/main", "gate/sub"), site.ask_export("yard/main")
    assert site.handing.once() == 0
    files = [site.make_export(quick)]
    assert (site.handing.once(), site.handing.once()) == (1, 0)
    files.append(site.make_export(slow))
    assert (site.handing.once(), site.handing.once()) == (1, 0)
    found = {row.asset.file: row.asset for row in site.rows(kind=AssetKind.EXPORT)}
    assert found.keys() == set(files)
    both, one = found[files[1]], found[files[0]]
    assert (both.camera, both.stream, both.label, len(both.sha256)) == ("gate", "", str(slow), 64)
    assert (one.camera, one.stream, one.start_us) == ("yard", "main", 1)
    assert site.keys() == files


def test_an_export_is_new_when_it_is_made(catalog: Catalog, tmp_path: Path) -> None:
    """Of old footage made today it is new, and one made before the rule is not; another camera in it keeps it here."""
    site = Handed(tmp_path, catalog, "")
    site.make_export(site.ask_export("gate/main"))
    site.clock.sleep(60)
    site.again(EXPORTS + 'since = "new"\ncameras = ["gate"]\n')
    assert site.handing.once() == 0
    site.make_export(site.ask_export("gate/main", "yard/main"))
    assert site.handing.once() == 0
    fresh = site.make_export(site.ask_export("gate/main", "gate/sub"))
    assert site.handing.once() == 1
    assert site.keys() == [fresh]


@pytest.mark.parametrize("kinds", ['["journals"]', '["segments"]'])
def test_only_what_is_asked_for(catalog: Catalog, tmp_path: Path, kinds: str) -> None:
    """A rule about journals plans no footage, and one about footage no journals."""
    site = Handed(tmp_path, catalog, f'[deliveries.a]\ntarget = "nas"\nassets = {kinds}\n')
    site.segment(0)
    site.journal("{}\n")
    site.handing.once()
    assert [f"{row.asset.kind}s" for row in site.rows()] == [kinds.strip('[]"')]
