"""Sending all that waits from a command."""

import threading
from pathlib import Path

from holdfast.catalog.db import Catalog
from holdfast.core.clock import SystemClock
from holdfast.core.delivery import DeliveryState
from holdfast.work.draining import Step, drain
from support.handed import RULE, Handed
from support.work import until


def slow(root: Path) -> str:
    """Return a target that takes so little a second that nothing arrives within a test."""
    return f'[targets.nas]\ntype = "folder"\npath = "{root / "nas"}"\nbandwidth = "10 kB"\n'


def test_whoever_stops_it_does_not_wait_for_large_files(no_leaks: None, catalog: Catalog, tmp_path: Path) -> None:
    """Ctrl-C ends a file that is on its way: it waits unharmed, and nothing of it has its name (C071)."""
    site = Handed(tmp_path, catalog, RULE, target=slow(tmp_path), clock=SystemClock())
    site.mount()
    site.segment(-1, body=b"x" * 3_000_000)
    site.handing.once()
    stop = threading.Event()
    command = threading.Thread(
        target=drain, args=(catalog, site.node, site.loaded.config, site.clock, ["nas"]), kwargs={"stop": stop}
    )
    command.start()
    until(lambda: [row.state for row in site.rows()] == [DeliveryState.SENDING])
    stop.set()
    command.join(60)
    assert not command.is_alive()
    (row,) = site.rows()
    assert (row.state, row.attempts) == (DeliveryState.PENDING, 0)
    assert site.arrived() == {}


def test_what_waits_for_another_attempt_is_sent_now(catalog: Catalog, tmp_path: Path) -> None:
    """A target that was away and is back gets everything at once, each file once, with none of them left (C071)."""
    site = Handed(tmp_path, catalog, clock=SystemClock())
    for number in (-3, -2, -1):
        site.segment(number)
    site.handing.once()
    site.nas.rename(tmp_path / "away")
    steps: list[Step] = []
    for _ in range(2):
        drain(catalog, site.node, site.loaded.config, site.clock, ["nas"], tried=steps.append)
    assert {row.state for row in site.rows()} == {DeliveryState.PENDING}
    (tmp_path / "away").rename(site.nas)
    drain(catalog, site.node, site.loaded.config, site.clock, ["nas"], tried=steps.append)
    assert {row.state for row in site.rows()} == {DeliveryState.DELIVERED}
    assert len(site.arrived()) == 3
