"""Targets that take nothing, tables that take no rows, and files that could not be sent are found."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.targets import check_targets
from support.clock import PushedClock
from support.handed import RULE, Handed
from support.patients import healthy
from support.postgrest import postgrest
from support.sending import Sending


class Ward:
    """A node that hands on, and what the doctor finds there."""

    def __init__(self, root: Path, site: Handed) -> None:
        assert isinstance(site.clock, PushedClock)
        self.site, self.clock = site, site.clock
        self._patient = healthy(
            root, clock=site.clock, catalog_url=f"sqlite:///{root / 'catalog.sqlite'}", config=site.loaded.config
        )

    def say(self, sending: Sending) -> None:
        """Write the worker's status as it does each second."""
        body = {"state": "running", "at_us": self.clock.wall_us(), "work": {"away": sending.deliver.held()}}
        (self._patient.runtime_dir / "worker.json").write_text(json.dumps(body), encoding="utf-8")

    def found(self) -> list[Finding]:
        """Return what is found."""
        return list(check_targets(self._patient))


@pytest.fixture(name="ward")
def _ward(tmp_path: Path) -> Iterator[Ward]:
    with open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as catalog:
        yield Ward(tmp_path, Handed(tmp_path, catalog))


def test_a_folder_that_vanished_is_found_while_it_is_away(ward: Ward) -> None:
    """Half a minute after it failed: since when, why, what waits and what to do; once it is back nothing (F20)."""
    site = ward.site
    site.segment(0)
    site.segment(1)
    with Sending(site) as sending:
        site.nas.rename(site.root / "unplugged")
        sending.drain()
        ward.say(sending)
        assert ward.found() == []
        ward.clock.advance(31)
        ward.say(sending)
        (finding,) = ward.found()
        assert (finding.fault, finding.subject) == ("target-stalled", "nas")
        assert "nothing was taken for 31 s: nas: " in finding.evidence
        assert "2 files wait" in finding.evidence
        assert "holdfast targets test nas" in finding.fix
        (site.root / "unplugged").rename(site.nas)
        assert sending.drained_within(120)
        ward.say(sending)
    assert ward.found() == []


def test_files_that_nobody_sends_are_found(ward: Ward) -> None:
    """Without a worker that says why, files that wait for more than ten minutes are found; paused ones are not."""
    site = ward.site
    site.segment(0)
    site.handing.once()
    assert ward.found() == []
    ward.clock.advance(601)
    (finding,) = ward.found()
    assert (finding.fault, finding.subject) == ("target-stalled", "nas")
    assert "nothing arrived in the last five minutes; 1 file waits" in finding.evidence


def test_a_table_that_refuses_is_found(tmp_path: Path) -> None:
    """A rule whose rows are held is named with since when, why and how many wait; its target is well."""
    with postgrest() as table, open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as catalog:
        row = f'row = {{url = "{table.url}", table = "snaps", key = "k", preset = "shop"}}\n'
        rule = f'[deliveries.snaps]\ntarget = "nas"\nassets = ["stills"]\nname = "shop"\n{row}'
        ward = Ward(tmp_path, Handed(tmp_path, catalog, rule))
        table.answers = [403] * 20
        for number in range(5):
            ward.site.still(number)
        with Sending(ward.site) as sending:
            sending.drain()
            ward.clock.advance(1000)
            ward.say(sending)
            (finding,) = ward.found()
            table.answers.clear()
            assert sending.drained_within(600)
            ward.say(sending)
        assert (finding.fault, finding.subject) == ("rows-refused", "rule snaps")
        assert "no row was taken for 16 min: snaps: snaps answers 403" in finding.evidence
        assert "5 rows wait" in finding.evidence
        assert "key of the row" in finding.fix
        assert ward.found() == []


def test_what_failed_is_found(ward: Ward) -> None:
    """A file that only a person can help is told with its reason until it was sent."""
    site = ward.site
    (site.nas / site.segment(0)).parent.mkdir(parents=True)
    (taken,) = (site.nas / file for file in [site.segment(0)])
    taken.write_bytes(b"something else")
    with Sending(site) as sending:
        sending.drain()
    (finding,) = ward.found()
    assert (finding.fault, finding.subject) == ("deliveries-failed", "nas")
    assert "1 failed, such as footage/gate" in finding.evidence
    assert "holdfast queue retry --target nas" in finding.fix


def test_a_target_that_was_taken_out_is_found(ward: Ward, tmp_path: Path) -> None:
    """Files that wait for a target without a table are found."""
    ward.site.segment(0)
    ward.site.handing.once()
    ward.site.target = '[targets.other]\ntype = "folder"\npath = "other"\n'
    ward.site.again(RULE.replace("nas", "other"))
    (finding,) = Ward(tmp_path, ward.site).found()
    assert (finding.fault, finding.subject) == ("target-unknown", "nas")
