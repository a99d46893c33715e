"""The gap or note beside an instant."""

from pathlib import Path

from holdfast.catalog.db import Catalog
from holdfast.catalog.notes import Note
from holdfast.core.camera import StreamKey
from holdfast.core.gap import Gap, GapReason
from holdfast.core.timing import DAY_US, HOUR_US, SECOND_US
from holdfast.library import notes
from holdfast.library.index import Indexer
from holdfast.library.marks import at_of, beside
from support.clock import PushedClock
from support.journals import Told


def walked(told: Told, catalog: Catalog | None, at_us: int, *, later: bool) -> list[Gap | Note]:
    """All that one comes past, from an instant to the end of what is known."""
    roots, now_us, found = {"disk": told.root}, told.clock.wall_us(), []
    while mark := beside(roots, told.key, at_us, later=later, now_us=now_us, catalog=catalog):
        found.append(mark)
        at_us = at_of(mark)
    return found


def test_every_gap_and_note_is_come_past(catalog: Catalog, tmp_path: Path) -> None:
    """From either end each gap and note comes once, in order, over any distance, from rows as from journals (C119)."""
    told = Told(tmp_path / "disk", PushedClock())
    told.open()
    began_us = told.clock.wall_us()
    told.record(60)
    told.down("stalled", 10)
    for _ in range(48):
        told.record(3600)  # two days of nothing
    told.down("auth", 30)
    told.record(60)
    told.close()
    roots = {"disk": told.root}
    for words, camera, at_us in (("far", None, began_us - DAY_US), ("mine", "Gate", began_us + HOUR_US)):
        note = notes.write(roots, told.clock, words, camera=camera, at_us=at_us)
        notes.record(catalog, [note], told.clock)
    notes.record(catalog, [notes.write(roots, told.clock, "other", camera="attic")], told.clock)
    Indexer(catalog, roots, told.clock).pass_once()
    rows = walked(told, catalog, 0, later=True)
    said = [mark.words if isinstance(mark, Note) else mark.reason for mark in rows]
    assert said[:4] == ["far", GapReason.STALLED, "mine", GapReason.AUTH]
    assert rows == walked(told, None, 0, later=True)
    after_us = told.clock.wall_us() + SECOND_US
    assert walked(told, catalog, after_us, later=False) == walked(told, None, after_us, later=False) == rows[::-1]


def test_a_catalog_that_is_behind_is_not_believed(catalog: Catalog, tmp_path: Path) -> None:
    """What the indexer has not seen comes from the journals; a camera that nobody knows has no gaps."""
    told = Told(tmp_path / "disk", PushedClock())
    told.open()
    told.record(60)
    roots = {"disk": told.root}
    Indexer(catalog, roots, told.clock).pass_once()
    told.record(600)
    told.down("stalled", 10)
    told.record(60)
    told.close()
    now_us = told.clock.wall_us()
    found = beside(roots, told.key, now_us, later=False, now_us=now_us, catalog=catalog)
    assert isinstance(found, Gap)
    assert found.reason == GapReason.STALLED
    for key in (StreamKey("nobody", "main"), StreamKey(told.key.camera, "sub")):
        for source in (catalog, None):
            assert beside(roots, key, now_us, later=False, now_us=now_us, catalog=source) is None
