"""Stills that are kept, as people have them: lists, days, files, deleting, and taking those of the past."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.stills import Count, Wanted
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.timing import DAY_US, HOUR_US, SECOND_US
from holdfast.library import kept_stills
from holdfast.library.coverage import day_span
from holdfast.library.still_taking import Means
from support.media import GATE, WALL_US
from support.still_films import files, means, numbered, order, outcomes
from support.watched_film import Gate

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


@pytest.fixture(name="gate", scope="module")
def _gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """10 s of footage and an outage."""
    gate = Gate(tmp_path_factory.mktemp("kept") / "vol")
    gate.record(10, numbered)
    gate.down("auth", 100)
    return gate


@pytest.fixture(name="on")
def _on(gate: Gate, catalog: Catalog, tmp_path: Path) -> Means:
    return means(gate, catalog, tmp_path / "own")


SPAN = (WALL_US, WALL_US + 20 * SECOND_US)


def take(on: Means, every_s: float = 2.0) -> Count:
    """Take the stills of the footage and of some of the outage."""
    return kept_stills.take(GATE, order(every_s), on, SPAN, clock=on.clock)


def test_an_old_span_is_taken_once(on: Means) -> None:
    """Stills of a past span are taken, said how many, and nothing is done again; the watcher's place stays (C014)."""
    seen: list[int] = []
    done = kept_stills.take(GATE, order(2), on, SPAN, clock=on.clock, seen=seen.append)
    assert (done.taken, done.missed) == (6, 4)
    assert done.bytes == sum(one.bytes for one in outcomes(on.catalog))
    assert seen[-1] == SPAN[1] - 1
    assert kept_stills.planned(order(2), SPAN) == 10
    bodies = files(on.volumes["own"])
    assert take(on) == Count(missed=4)
    assert files(on.volumes["own"]) == bodies
    assert len(outcomes(on.catalog)) == 10


def test_a_span_that_is_not_over_is_refused(on: Means) -> None:
    """What is still to come is the watcher's; and nobody plans a million stills by mistake."""
    with pytest.raises(UsageError, match="not over"):
        kept_stills.take(GATE, order(2), on, (WALL_US, on.clock.wall_us()), clock=on.clock)
    with pytest.raises(UsageError, match="more than"):
        kept_stills.planned(order(0.04), (WALL_US, WALL_US + 3 * DAY_US))


def test_lists_and_files(on: Means) -> None:
    """A list has what was taken and missed; files are found, or the cause is said."""
    take(on)
    rows = kept_stills.find(on.catalog, Wanted(camera="gate"), limit=100, oldest_first=True).rows
    assert kept_stills.get(on.catalog, rows[0].id) == rows[0]
    assert kept_stills.read_id(str(rows[0].id)) == rows[0].id
    path = kept_stills.path_of(on.volumes, rows[0])
    assert path.stat().st_size == rows[0].outcome.bytes
    assert kept_stills.path_of(on.volumes, rows[0], small=True) == path  # there is no thumbnail
    with pytest.raises(NotFound, match="missed: auth"):
        kept_stills.path_of(on.volumes, rows[-1])
    path.unlink()
    with pytest.raises(NotFound, match="not there"):
        kept_stills.path_of(on.volumes, rows[0])
    with pytest.raises(NotFound):
        kept_stills.path_of({}, rows[1])
    with pytest.raises(NotFound):
        kept_stills.read_id("x")


def test_deleting(on: Means) -> None:
    """What is deleted is gone with its file; a still whose disk is not there stays, whole."""
    take(on)
    rows = kept_stills.find(on.catalog, Wanted(), limit=100, oldest_first=True).rows
    assert kept_stills.remove(on.catalog, on.volumes, rows[:2]) == 2
    assert len(files(on.volumes["own"])) == 4
    assert kept_stills.remove(on.catalog, {}, rows[2:3]) == 0
    (on.volumes["own"] / "stills").rename(on.volumes["own"] / "away")
    with pytest.raises(NotFound):
        kept_stills.remove(on.catalog, on.volumes, rows[2:3])
    assert kept_stills.count(on.catalog, Wanted()).taken == 4
    (on.volumes["own"] / "away").rename(on.volumes["own"] / "stills")
    with pytest.raises(UsageError):
        kept_stills.clear(on.catalog, on.volumes, Wanted())
    assert kept_stills.clear(on.catalog, on.volumes, Wanted(camera="gate"), most=3) == 3
    assert kept_stills.clear(on.catalog, on.volumes, Wanted(camera="gate")) == 5
    assert files(on.volumes["own"]) == {}


def test_days(on: Means) -> None:
    """Days with stills are listed, newest first, as long as clocks show them."""
    assert kept_stills.days(on.catalog, "gate", BERLIN) == []
    take(on)
    (day,) = kept_stills.days(on.catalog, "gate", BERLIN)
    assert (day.count.taken, day.count.missed, day.to_us - day.from_us) == (6, 4, DAY_US)
    assert day.from_us <= WALL_US < day.to_us
    assert kept_stills.days(on.catalog, "gate", BERLIN, last=date(2020, 1, 1)) == []
    assert kept_stills.days(on.catalog, "yard", BERLIN) == []
    begin_us, end_us = day_span(date(2026, 10, 25), BERLIN)
    assert end_us - begin_us == 25 * HOUR_US
