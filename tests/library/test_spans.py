"""Any span at any zoom."""

from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.errors import CatalogUnavailable, UsageError
from holdfast.core.timing import DAY_US, HOUR_US, SECOND_US
from holdfast.library import spans
from holdfast.library.index import Indexer
from holdfast.library.spans import look
from support.clock import PushedClock
from support.journals import Told


@pytest.fixture(name="told")
def _told(tmp_path: Path) -> Told:
    """A journal of two hours with a gap of 10 s after each minute of footage, and a planned one at the end."""
    told = Told(tmp_path / "disk", PushedClock())
    told.open()
    for _ in range(100):
        told.record(60)
        told.down("stalled", 10)
    told.record(60)
    told.down("off-schedule", 600)
    told.record(60)
    told.close()
    return told


def test_rows_and_journals_draw_the_same(catalog: Catalog, told: Told) -> None:
    """Footage and gaps cover what is known exactly once, from either source (T1)."""
    roots, now_us = {"disk": told.root}, told.clock.wall_us()
    Indexer(catalog, roots, told.clock).pass_once()
    span = (now_us - 3 * HOUR_US, now_us + HOUR_US)
    (rows,) = look(roots, span, now_us=now_us, catalog=catalog)
    (lines,) = look(roots, span, now_us=now_us, catalog=None)
    assert rows == lines
    assert rows.bucket_us is None
    assert rows.known_us is not None
    covered = sorted([*rows.footage, *((gap.start_us, gap.end_us) for gap in rows.gaps)])
    assert covered[0][0] == rows.known_us
    assert covered[-1][1] == now_us
    assert all(after[0] == before[1] for before, after in pairwise(covered))


def test_what_is_too_fine_to_draw_is_summed_up(catalog: Catalog, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where gaps are too many, buckets say how much is lost and what cost most, and add up to the same."""
    monkeypatch.setattr(spans, "MOST_GAPS", 50)
    roots, now_us = {"disk": told.root}, told.clock.wall_us()
    Indexer(catalog, roots, told.clock).pass_once()
    span = (now_us - 3 * HOUR_US, now_us)
    (drawn,) = look(roots, span, now_us=now_us, catalog=catalog, pixels=40)
    assert drawn.bucket_us == 300 * SECOND_US
    assert drawn.gaps == ()
    assert sum(bucket.lost_us for bucket in drawn.buckets) == pytest.approx(1000 * SECOND_US, abs=SECOND_US)
    assert sum(bucket.planned_us for bucket in drawn.buckets) == 600 * SECOND_US
    assert {bucket.reason for bucket in drawn.buckets} == {"stalled", "off-schedule"}
    whole = [b for b in drawn.buckets if b.start_us > (drawn.known_us or 0) and b.start_us + 300 * SECOND_US < now_us]
    assert {b.recorded_us + b.planned_us + b.lost_us for b in whole} == {300 * SECOND_US}


def test_what_is_gone_is_told_apart(catalog: Catalog, told: Told) -> None:
    """A removed file is neither footage nor gap; a stream that nobody knows has nothing."""
    told.open()
    told.remove(told.record(60))
    told.record(60)
    told.close()
    roots = {"disk": told.root}
    now_us = told.clock.wall_us()
    Indexer(catalog, roots, told.clock).pass_once()
    keys = [told.key, StreamKey("nobody", "main")]
    drawn, nobody = look(roots, (now_us - 3 * HOUR_US, now_us), now_us=now_us, catalog=catalog, keys=keys)
    assert [end - begin for begin, end in drawn.removed] == [60 * SECOND_US]
    assert not any(begin < drawn.removed[0][1] and end > drawn.removed[0][0] for begin, end in drawn.footage)
    assert (nobody.known_us, nobody.footage, nobody.gaps) == (None, (), ())


def test_no_span_and_no_patience(told: Told) -> None:
    """A span must last; without a catalog a year is not read from journals."""
    roots, now_us = {"disk": told.root}, told.clock.wall_us()
    for span in ((now_us, now_us), (now_us, now_us - 1), (0, 200 * 366 * DAY_US)):
        with pytest.raises(UsageError):
            look(roots, span, now_us=now_us, catalog=None)
    with pytest.raises(CatalogUnavailable):
        look(roots, (now_us - 300 * DAY_US, now_us), now_us=now_us, catalog=None)


def test_a_catalog_that_is_behind_does_not_answer(catalog: Catalog, told: Told) -> None:
    """Where the indexer stands still the journals are asked: what it has not seen is no footage."""
    roots = {"disk": told.root}
    Indexer(catalog, roots, told.clock).pass_once()
    told.clock.advance(3600)
    now_us = told.clock.wall_us()
    span = (now_us - 4 * HOUR_US, now_us)
    (drawn,) = look(roots, span, now_us=now_us, catalog=catalog)
    assert drawn == look(roots, span, now_us=now_us, catalog=None)[0]
    assert drawn.gaps[-1].end_us == now_us
    assert max(end for _, end in drawn.footage) < now_us - 3500 * SECOND_US
