"""Stills, events and incidents as whole rows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog import events, findings, incidents, nodes, stills
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.findings import NOWHERE
from holdfast.catalog.rows import Id, new_ids
from holdfast.catalog.stills import Outcome
from holdfast.core.errors import BadInput
from holdfast.core.findings import Finding, Found
from holdfast.core.incident import Case, IncidentType, Stage
from support.found import find, rows


@pytest.fixture(name="new")
def _new(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/new.sqlite") as catalog:
        yield catalog


def everything(catalog: Catalog) -> dict[Found, list[Finding]]:
    """Return all that a catalog says was found."""
    with catalog.read() as tx:
        return {kind: [one for _, one in findings.changed(tx, 1, kind, NOWHERE, 2**62, 500)] for kind in Found}


def put_back(catalog: Catalog, found: dict[Found, list[Finding]], now_us: int = 5) -> dict[Found, int]:
    """Restore it into a catalog."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", now_us)
        return {kind: findings.restore(tx, node, kind, some) for kind, some in found.items()}


def test_rows_come_back_whole(catalog: Catalog, new: Catalog, tmp_path: Path) -> None:
    """Every column of every row, pictures and ids too; once more changes nothing (C067)."""
    find(catalog, tmp_path, 1000, 2000, open_too=False)
    find(catalog, tmp_path, 5000, 6000, open_too=False)
    found = everything(catalog)
    assert put_back(new, found) == {Found.STILL: 4, Found.EVENT: 2, Found.INCIDENT: 2}
    assert rows(new) == rows(catalog)
    assert put_back(new, found) == dict.fromkeys(Found, 0)
    assert put_back(catalog, found) == dict.fromkeys(Found, 0)


def test_changed_rows_come_in_order(catalog: Catalog, tmp_path: Path) -> None:
    """In the order of writing, page by page, and none that was written after the instant that is asked for."""
    for moment in range(3):
        find(catalog, tmp_path, 1000 * moment, 10_000 + moment, open_too=False)
    seen, place = [], NOWHERE
    with catalog.read() as tx:
        while some := findings.changed(tx, 1, Found.STILL, place, 10_001, 3):
            assert len(some) <= 3
            place = some[-1][0]
            seen += [one.row["slot_us"] for _, one in some]
    assert seen == [0, 5, 1000, 1005]
    with catalog.write() as tx:
        first = incidents.page(tx, incidents.Wanted()).rows[-1]
        incidents.review(tx, first.id, {"comment": "no moth"}, 10_009)
        found = findings.changed(tx, 1, Found.INCIDENT, (10_002, 10**9), 2**62, 9)
    assert [(one.row["comment"], len(one.pictures)) for _, one in found] == [("no moth", 3)]


def test_ids_that_others_have_by_now(catalog: Catalog, new: Catalog, tmp_path: Path) -> None:
    """Whoever came first keeps its id, others keep theirs, and none of them is ever given out again."""
    find(catalog, tmp_path, 1000, 2000, open_too=False)
    with new.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        stills.put(tx, node, [Outcome(camera="yard", slot_us=9, cause="stalled")], 1)
    put_back(new, everything(catalog))
    with new.write() as tx:
        found = {row.id.number: row.outcome for row in stills.page(tx, stills.Wanted()).rows}
        assert (found[1].camera, found[2].slot_us) == ("yard", 1005)
        (third,) = set(found) - {1, 2}
        assert found[third].slot_us == 1000
        assert new_ids(tx, node, "stills")[0] > max(found)
        assert new_ids(tx, node, "events")[0] > 1


def test_what_lasted_ends_with_what_is_known(catalog: Catalog, new: Catalog, tmp_path: Path) -> None:
    """Nobody else would ever end it; whoever still watches it says that it lasts."""
    find(catalog, tmp_path, 1000, 2000)
    put_back(new, everything(catalog))
    with new.write() as tx:
        wanted = incidents.Wanted(type=IncidentType.SIGNAL_LOST)
        (row,) = incidents.page(tx, wanted).rows
        assert (row.start_us, row.end_us) == (1001, 2000)
        lasts = Case(IncidentType.SIGNAL_LOST, Stage.ACTIVE, 1001, 3000, 5)
        assert incidents.put(tx, 1, "gate", lasts, now_us=3001) == row.id
        assert incidents.get(tx, row.id).end_us is None


def test_what_is_newer_counts(catalog: Catalog, new: Catalog, tmp_path: Path) -> None:
    """What a catalog knows as it was before is brought up to date; what it knows better stays."""
    find(catalog, tmp_path, 1000, 2000, open_too=False)
    before = everything(catalog)
    put_back(new, before)
    with catalog.write() as tx:
        events.review(tx, Id(1, 1), "bob", reviewed=False, now_us=2500)
        stills.put(
            tx, 1, [replace(Outcome(camera="gate", slot_us=1005), at_us=1006, volume="main", file="x", bytes=1)], 9
        )
    after = everything(catalog)
    assert put_back(new, after) == {Found.STILL: 1, Found.EVENT: 1, Found.INCIDENT: 0}
    assert rows(new) == rows(catalog)
    assert put_back(new, before) == dict.fromkeys(Found, 0)
    assert rows(new) == rows(catalog)


@pytest.mark.parametrize("wrong", [{"bytes": "3"}, {"width": True}, {"sha256": None}, {"at_us": 1.5}])
def test_what_no_column_takes_is_refused(catalog: Catalog, tmp_path: Path, wrong: dict[str, object]) -> None:
    """A line that somebody changed by hand does not get into a table."""
    find(catalog, tmp_path, 1000, 2000)
    still = everything(catalog)[Found.STILL][0]
    bad = Finding(Found.STILL, {**still.row, "slot_us": 7, **wrong})
    with pytest.raises(BadInput), catalog.write() as tx:
        findings.restore(tx, 1, Found.STILL, [bad])


def test_lines_of_an_earlier_version(catalog: Catalog, new: Catalog, tmp_path: Path) -> None:
    """A column that they do not know is empty; one that this version does not know is passed over."""
    find(catalog, tmp_path, 1000, 2000)
    found = everything(catalog)[Found.STILL]
    older = [
        Finding(one.kind, {k: v for k, v in {**one.row, "mood": "x"}.items() if k not in {"plain_sha256", "location"}})
        for one in found
    ]
    put_back(new, {Found.STILL: older})
    assert rows(new)["stills"] == rows(catalog)["stills"]


def test_days_of_which_something_is_left(catalog: Catalog, tmp_path: Path) -> None:
    """Whatever began in a span counts, of any kind."""
    find(catalog, tmp_path, 1000, 2000)
    with catalog.read() as tx:
        spans = [(0, 1000), (1000, 1001), (1005, 1006), (1006, 9999)]
        assert [findings.any_began(tx, 1, *span) for span in spans] == [False, True, True, False]
