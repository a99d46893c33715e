"""Working in the foreground."""

import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog import claims
from holdfast.catalog.db import Catalog, Transaction
from holdfast.core.clock import SystemClock
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import TargetAway
from holdfast.core.timing import SECOND_US
from holdfast.library.handing_on import HandingOn
from holdfast.work import by_hand
from holdfast.work.batch import Batch
from holdfast.work.by_hand import run_due
from holdfast.work.deliver import Deliver
from holdfast.work.job import Job
from holdfast.work.kind import Together
from support.handed import Handed
from support.work import Place, double, kind, results, row, states


def test_all_that_is_due_is_tried_once(no_leaks: None, place: Place) -> None:
    """Each row that is due is tried once, in every lane; what fails waits for its next attempt."""
    place.add(6, lane="a")
    place.add(2, lane="b", first=10)
    place.add(1, lane="b", first=20, due_us=place.now_us() + 30 * SECOND_US)

    def body(job: Job) -> None:
        if job.claim.number == 3:
            raise TargetAway("away")
        double(job)

    tried: list[int] = []
    assert run_due(place.catalog, place.node, kind(body), SystemClock(), tried=tried.append) == 8
    assert sorted(tried) == [1, 2, 3, 4, 5, 6, 10, 11]
    assert states(place.catalog) == {"done": 7, "pending": 2}
    assert len(results(place.catalog)) == 7


def test_a_lane_without_room_is_left_alone(place: Place) -> None:
    """Nothing of a lane that is held is claimed."""
    place.add(2)
    assert run_due(place.catalog, place.node, kind(room=lambda _lane: 0), SystemClock()) == 0
    assert states(place.catalog) == {"pending": 2}


def test_what_a_killed_command_had_is_taken_over(place: Place) -> None:
    """Without a worker, too, a row whose lease is over is tried, and one whose lease holds is left (F26)."""
    place.add(2)
    now_us = place.now_us()
    with place.catalog.write() as tx:
        claims.claim(tx, kind(), place.node, [1], worker="killed", now_us=now_us, lease_us=-1)
        claims.claim(tx, kind(), place.node, [2], worker="alive", now_us=now_us, lease_us=60 * SECOND_US)
    assert run_due(place.catalog, place.node, kind(), SystemClock()) == 1
    assert states(place.catalog) == {"done": 1, "working": 1}
    assert row(place.catalog, 2)["worker"] == "alive"


def test_whoever_stops_it_waits_for_no_body(place: Place) -> None:
    """What is at work when it is stopped is told to end, and given back unharmed."""
    stop, begun = threading.Event(), threading.Event()

    def endless(job: Job) -> None:
        begun.set()
        while job.alive():
            time.sleep(0.01)

    place.add(9)

    def stopping() -> None:
        begun.wait(60)
        stop.set()

    stopper = threading.Thread(target=stopping)
    stopper.start()
    run_due(place.catalog, place.node, kind(endless), SystemClock(), stop=stop)
    stopper.join()
    assert states(place.catalog) == {"pending": 9}
    assert {row(place.catalog, number)["attempts"] for number in range(1, 10)} == {0}


def test_all_of_many_are_tried(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are due, all are tried, each once, the oldest first; what fails is not tried again by it."""
    monkeypatch.setattr(by_hand, "MOST", 4)
    tried: list[int] = []

    def body(job: Job) -> None:
        tried.append(job.claim.number)
        if job.claim.number % 2:
            raise TargetAway("away")
        double(job)

    place.add(11)
    assert run_due(place.catalog, place.node, kind(body, lane_limit=1), SystemClock()) == 11
    assert tried == list(range(1, 12))


def test_what_a_clock_put_off_is_tried(place: Place) -> None:
    """Without a worker, too, what waits for a time that a wrong clock wrote is tried, and its lease is over."""
    place.add(2, due_us=place.now_us() + 10**14)
    place.add(1, first=5)
    with place.catalog.write() as tx:
        claims.claim(tx, kind(), place.node, [5], worker="killed", now_us=place.now_us() + 10**14, lease_us=1)
    assert run_due(place.catalog, place.node, kind(), SystemClock()) == 3
    assert states(place.catalog) == {"done": 3}


def test_small_files_go_together(catalog: Catalog, tmp_path: Path) -> None:
    """Deliveries go many at once, as a worker has them go; each is told of once, and one that fails fails alone."""
    site = Handed(tmp_path, catalog, clock=SystemClock())
    for number in range(30):
        site.still(number)
    taken = site.nas / site.still(30)
    site.segment(0)
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"something else")
    site.configure('[deliveries.archive]\ntarget = "nas"\nassets = ["stills", "segments"]\n')
    with closing(Deliver(site.catalog, site.loaded.config, site.clock)) as deliver:
        site.handing = HandingOn(site.catalog, site.node, site.loaded.config, site.clock)
        site.handing.once()
        made = deliver.kind()
        together = made.together
        assert together is not None
        bodies, tried = list[int](), list[int]()

        def body(batch: Batch) -> None:
            bodies.append(len(batch.jobs))
            together.body(batch)

        counted = replace(made, together=replace(together, body=body))
        assert run_due(site.catalog, site.node, counted, site.clock, tried=tried.append) == 32
    assert sorted(tried) == sorted(row.id.number for row in site.rows())
    assert (sum(bodies) > 20, len(bodies) < 9) == (True, True)
    assert Counter(row.state for row in site.rows()) == {DeliveryState.DELIVERED: 31, DeliveryState.FAILED: 1}


def test_what_is_given_back_is_tried_all_the_same(place: Place) -> None:
    """What a batch left untried is tried by itself; what it tried is not tried again."""

    def find(tx: Transaction, node: int, lane: str, number: int, now_us: int) -> list[int]:
        found = claims.due(tx, kind(), node, now_us, lane=lane, limit=9)
        return [number, *(one.number for one in found if one.number > number)]

    def body(batch: Batch) -> None:
        double(batch.jobs[0])

    place.add(9)
    tried: list[int] = []
    both = kind(double, together=Together(find, body))
    assert run_due(place.catalog, place.node, both, SystemClock(), tried=tried.append) == 9
    assert sorted(tried) == list(range(1, 10))
    assert len(results(place.catalog)) == 9
