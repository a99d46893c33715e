"""Retention that may not delete, or does not look, is found."""

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.core.config import Config
from holdfast.library import retention
from holdfast.library.doctor.keeping import check_levels, check_retention
from holdfast.library.doctor.patient import Patient
from holdfast.library.watermarks import Fill, Mark
from holdfast.work.retain import Retainer
from support.clock import PushedClock
from support.patients import healthy


@pytest.fixture(name="clock")
def _clock() -> PushedClock:
    return PushedClock()


@pytest.fixture(name="patient")
def _patient(tmp_path: Path, clock: PushedClock) -> Patient:
    """An installation whose catalog nobody has looked at."""
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    open_catalog(url).close()
    return healthy(tmp_path, clock=clock, catalog_url=url)


def look(patient: Patient, tmp_path: Path) -> None:
    """Take a pass."""
    config = Config(state_dir=tmp_path, runtime_dir=tmp_path)
    with open_catalog(patient.catalog_url) as catalog:
        Retainer(catalog, patient.clock).run(config)


def found(patient: Patient) -> list[str]:
    """Faults."""
    return [finding.fault for finding in check_retention(patient)]


def test_a_node_that_deletes_is_no_finding(patient: Patient, tmp_path: Path, clock: PushedClock) -> None:
    """Before the first pass, and while passes are taken, there is nothing to say."""
    assert found(patient) == []
    look(patient, tmp_path)
    clock.advance(1800)
    assert found(patient) == []


def test_a_doubt_is_explained(patient: Patient, tmp_path: Path) -> None:
    """While nothing may be deleted the doubt is named, with what ends it (C067)."""
    look(patient, tmp_path)
    with open_catalog(patient.catalog_url) as catalog:
        retention.doubt(catalog, patient.clock, "the catalog was made anew")
    (finding,) = check_retention(patient)
    assert finding.fault == "deleting-in-doubt"
    assert "the catalog was made anew, since" in finding.evidence
    assert "holdfast clean --confirm" in finding.fix


def test_passes_that_do_not_come_are_found(patient: Patient, tmp_path: Path, clock: PushedClock) -> None:
    """An hour without a whole pass is told, with the instant of the last one (C082)."""
    look(patient, tmp_path)
    clock.advance(3700)
    assert found(patient) == ["deleting-late"]


def test_a_catalog_that_is_away_is_told_elsewhere(patient: Patient) -> None:
    """Without a catalog, or with a damaged one, this check says nothing of its own."""
    Path(patient.catalog_url.removeprefix("sqlite:///")).write_bytes(b"no database" * 1000)
    assert found(patient) == []
    Path(patient.catalog_url.removeprefix("sqlite:///")).unlink()
    assert found(patient) == []


@pytest.mark.parametrize(
    ("name", "mark", "free", "faults"),
    [
        ("(state)", Mark.NORMAL, 50, []),
        ("(state)", Mark.WARNING, 22, ["disk-filling"]),
        ("target nas", Mark.ALERT, 12, ["disk-alert"]),
        ("(state)", Mark.CRITICAL, 5, ["disk-critical"]),
        ("main", Mark.ALERT, 12, ["disk-alert"]),
        ("main", Mark.CRITICAL, 5, []),  # told as `volume-nearly-full`
    ],
)
def test_every_level_is_explained(patient: Patient, name: str, mark: Mark, free: int, faults: list[str]) -> None:
    """Each disk that is used and fills is named with its level, once (C078)."""
    disk = Fill(name=name, path=Path("/d"), total_bytes=100, free_bytes=free, mark=mark)
    assert [finding.fault for finding in check_levels(replace(patient, disks=(disk,)))] == faults
