"""What other thresholds would have told of stored looks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import measures, nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.measures import Measure
from holdfast.core.config.watch import WatchConfig
from holdfast.core.errors import UsageError
from holdfast.core.incident import IncidentType, outcomes
from holdfast.core.timing import SECOND_US
from holdfast.library.preview import changed, judged, preview
from holdfast.library.watching import past, settings_of
from support.media import GATE
from support.watched_film import Gate
from support.watched_site import day, sound

BLACK, FREEZE, SILENT = IncidentType.BLACKSCREEN, IncidentType.FREEZE, IncidentType.AUDIO_LOSS
T_US = 1_777_658_400_000_000


def looks(*black: float, every_s: int = 2, begin_us: int = T_US) -> list[Measure]:
    """Looks at a picture that moves, so many percent of which are black."""
    return [
        Measure(at_us=begin_us + n * every_s * SECOND_US, black_percent=part, difference=3.0, drift=9.0, mean_db=-30.0)
        for n, part in enumerate(black)
    ]


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


def test_another_threshold_tells_other_incidents(catalog: Catalog) -> None:
    """What is 90 percent black is nothing at 95 and an incident at 80; both are said, and nothing is kept (C058)."""
    with catalog.write() as tx:
        measures.add(tx, nodes.ensure(tx, "local", 1), {"gate": looks(0, 90, 90, 90, 0, 0, 0)})
    before = WatchConfig()
    found = preview(catalog, "gate", (T_US, T_US + 3600 * SECOND_US), before, changed(before, {"black_percent": 80}))
    assert (found.looks, found.first_us, found.last_us) == (7, T_US, T_US + 12 * SECOND_US)
    assert list(found.now) == []
    ((told),) = found.then
    assert (told.type, told.start_us, told.end_us) == (BLACK, T_US + 2 * SECOND_US, T_US + 8 * SECOND_US)
    assert (list(found.unseen), found.more) == ([], False)


def test_what_was_not_measured_is_said(catalog: Catalog) -> None:
    """Another region and another level of black would have measured something else: they are named."""
    before = WatchConfig()
    after = changed(before, {"region": "0 0 50 50", "black_level": 20, "black_percent": 80})
    found = preview(catalog, "gate", (T_US, T_US + 1), before, after)
    assert (list(found.unseen), found.looks, found.first_us) == (["black_level", "region"], 0, None)


def test_switches_and_how_long_it_must_last() -> None:
    """What is not to be told is not, what must last longer is not yet one, what lasts to the end has none."""
    seen = looks(0, 99, 99, 99, 99)
    assert [told.end_us for told in judged(seen, WatchConfig())] == [None]
    assert judged(seen, WatchConfig(black=False)) == []
    assert judged(seen, WatchConfig(enabled=False)) == []
    assert judged(seen, WatchConfig(open_after_s=30)) == []


def test_a_time_without_pictures_ends_it() -> None:
    """Looks that are minutes apart are not one black time: it ends with the last look before the pause."""
    seen = looks(99, 99, 99) + looks(99, 99, 99, begin_us=T_US + 600 * SECOND_US)
    first, second = judged(seen, WatchConfig())
    assert (first.end_us, second.start_us) == (T_US + 4 * SECOND_US, T_US + 600 * SECOND_US)


def test_stored_looks_tell_what_the_footage_told(tmp_path: Path) -> None:
    """Of the same footage the same incidents come, whether pictures are judged or what was measured in them."""
    gate = Gate(tmp_path / "vol")
    begin_us = gate.record(58, day, sound)
    gate.rest()
    wanted = WatchConfig(every_s=1)
    span = (begin_us, begin_us + 58 * SECOND_US)
    found = past(GATE, {"main": gate.root}, gate.clock, settings_of(wanted), span, catalog=None)
    expected = [(case.type, case.start_us) for case in outcomes(one.change for one in found.steps)]
    told = [(one.type, one.start_us) for one in judged(found.measures, wanted)]
    assert {kind for kind, _ in expected} == {BLACK, FREEZE, SILENT}
    assert [kind for kind, _ in told] == [kind for kind, _ in expected]
    # The footage also says what was between two looks.
    assert all(abs(a - b) <= 2 * SECOND_US for (_, a), (_, b) in zip(told, expected, strict=True))


def test_values_that_make_no_sense() -> None:
    """A value that is none is refused with its key and what it must be, one that nobody knows with what is meant."""
    with pytest.raises(UsageError, match=r"watch\.black_percent: must be"):
        changed(WatchConfig(), {"black_percent": 120})
    with pytest.raises(UsageError, match=r"watch\.blackness: unknown key"):
        changed(WatchConfig(), {"blackness": 1})
