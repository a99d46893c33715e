"""Durable work that waits, or is held back, is found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.catalog import claims, lost_work, nodes, work_controls
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.work_controls import KindRow, Running
from holdfast.library.doctor.labour import check_work
from holdfast.library.doctor.patient import Patient
from support import work
from support.clock import PushedClock
from support.patients import healthy

_KIND = KindRow(name="double", noun=work.NOUN, queue="deliver", working="working", about="Doubles.", lane_limit=4)


@pytest.fixture(name="patient")
def _patient(tmp_path: Path) -> Patient:
    """An installation whose worker knows the tests' own kind."""
    clock = PushedClock()
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    with open_catalog(url) as catalog:
        node = work.make_tables(catalog)
        with catalog.write() as tx:
            work_controls.put_kinds(tx, node, [_KIND], clock.wall_us())
    return healthy(tmp_path, clock=clock, catalog_url=url)


def _do(patient: Patient, deed: Callable[[Catalog, int], object]) -> None:
    with open_catalog(patient.catalog_url) as catalog:
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
        deed(catalog, node)


def _found(patient: Patient) -> list[tuple[str, str]]:
    with work.known():
        return [(finding.fault, finding.subject) for finding in check_work(patient)]


@pytest.mark.parametrize("lane", ["", "attic"])
def test_what_was_paused_and_forgotten_is_found(patient: Patient, lane: str) -> None:
    """A kind or lane that is paused for more than a day is named with who did it; for an evening it is not."""
    clock = patient.clock
    assert isinstance(clock, PushedClock)

    def pause(catalog: Catalog, node: int) -> None:
        with catalog.write() as tx:
            work_controls.set_state(
                tx, node, "double", lane, Running.PAUSED, again=False, by="anna", now_us=clock.wall_us()
            )

    _do(patient, pause)
    clock.advance(5 * 3600)
    assert not _found(patient)
    clock.advance(20 * 3600)
    assert _found(patient) == [("work-held", f"double {lane}".strip())]
    with work.known():
        (finding,) = check_work(patient)
    assert "by anna" in finding.evidence


def test_what_nobody_does_is_found(patient: Patient) -> None:
    """Rows that are due for more than an hour while nobody works on their lane are named with their number."""
    clock = patient.clock
    assert isinstance(clock, PushedClock)
    _do(patient, lambda catalog, node: work.add(catalog, node, 3, lane="attic", due_us=clock.wall_us()))
    clock.advance(1800)
    assert not _found(patient)
    clock.advance(3600)
    assert _found(patient) == [("work-waits", "double attic")]


def test_what_failed_is_found(patient: Patient) -> None:
    """Rows that failed are named with the last reason: those that killed their worker again and again, too (F24)."""
    clock = patient.clock

    def fail(catalog: Catalog, node: int) -> None:
        work.add(catalog, node, 2, lane="attic", due_us=clock.wall_us())
        for _ in range(work.kind().retry.lost):
            with catalog.write() as tx:
                claims.claim(tx, work.kind(), node, [1], worker="w", now_us=clock.wall_us(), lease_us=-1)
                lost_work.expire(tx, work.kind(), node, now_us=clock.wall_us(), after=_after)

    with work.known():
        _do(patient, fail)
    assert _found(patient) == [("work-failed", "double attic")]
    with work.known():
        (finding,) = check_work(patient)
    assert "1 failed, the last one: w ended, or was cut off" in finding.evidence
    assert finding.fix.endswith("holdfast jobs retry double --lane attic")


def _after(lost: int) -> int | None:
    return None if lost >= work.kind().retry.lost else 0


def test_a_catalog_that_is_missing_is_no_finding(tmp_path: Path) -> None:
    """Before the first start there is no work to look for."""
    assert not _found(healthy(tmp_path, catalog_url=f"sqlite:///{tmp_path}/none.sqlite"))
