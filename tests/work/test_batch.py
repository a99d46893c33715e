"""Rows that are worked on together: found with the first, ended together, each with its own claim."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import insert

from holdfast.catalog import claims
from holdfast.catalog.db import Transaction
from holdfast.core.errors import TargetAway
from holdfast.work.batch import Batch
from holdfast.work.job import Job
from holdfast.work.kind import Kind, Together
from support.work import Place, double, doubled, kind, results, row, states, until, void


def _together(body: Callable[[Batch], None], most: int = 50, alone: Callable[[Job], None] = double) -> Kind:
    def find(tx: Transaction, node: int, lane: str, number: int, now_us: int) -> list[int]:
        found = claims.due(tx, kind(), node, now_us, lane=lane, limit=most)
        return [number, *(one.number for one in found if one.number != number)]

    return kind(alone, together=Together(find, body))


def _all(batch: Batch) -> None:
    lines = [{"id": j.claim.number, "worker": j.claim.worker, "value": 2 * j.claim.number} for j in batch.jobs]
    batch.finish(
        {job: ("done", {"said": "together"}) for job in batch.jobs},
        lambda tx: void(tx.run("doubled", insert(doubled), lines)),
    )


def test_many_rows_in_few_claims(place: Place) -> None:
    """Rows of a lane are worked on together by every engine, and each comes to its result once."""
    bodies: list[int] = []

    def body(batch: Batch) -> None:
        bodies.append(len(batch.jobs))
        _all(batch)

    place.add(200)
    with place.station(_together(body)):
        until(lambda: states(place.catalog) == {"done": 200})
    assert [number for number, _ in results(place.catalog)] == list(range(1, 201))
    assert len(bodies) < 50


@pytest.mark.best_of_three
def test_leases_hold_and_one_stands_for_all(place: Place) -> None:
    """A batch that takes longer than its lease keeps all its rows, and people see it as one piece of work."""
    over = threading.Event()

    def body(batch: Batch) -> None:
        over.wait(60)
        _all(batch)

    def alone(job: Job) -> None:
        over.wait(60)
        double(job)

    place.add(20)
    with place.station(_together(body, alone=alone), lease_s=3.0) as station:
        until(lambda: states(place.catalog) == {"working": 20})  # before, others may still take some
        rows = [row(place.catalog, number) for number in range(1, 21)]
        first = {one["id"]: one["lease_us"] for one in rows if one["state"] == "working"}
        until(lambda: all((row(place.catalog, number)["lease_us"] or 0) > first[number] for number in first))
        assert len(station.running()) < len(first)
        over.set()
        until(lambda: states(place.catalog) == {"done": 20})
    assert len(results(place.catalog)) == 20


def test_what_is_left_is_given_back(place: Place) -> None:
    """Where a body breaks off, the first row is tried again later and all others are as if never touched."""
    seen: list[int] = []
    first = threading.Lock()  # bodies of several threads may come at once

    def body(batch: Batch) -> None:
        if not first.acquire(blocking=False):
            _all(batch)
            return
        seen.extend(job.claim.number for job in batch.jobs)
        raise TargetAway("gone")

    place.add(10)
    with place.station(_together(body, most=10)):
        until(lambda: states(place.catalog) == {"done": 10})
    attempts = [row(place.catalog, number)["attempts"] for number in seen]
    assert attempts == [2] + [1] * (len(seen) - 1)


def test_a_bug_makes_each_go_alone(place: Place) -> None:
    """What nobody foresaw in a batch ends in each row by itself: only one of them may be what it fails at."""

    def body(batch: Batch) -> None:
        raise ValueError(len(batch.jobs))

    def find(tx: Transaction, node: int, lane: str, number: int, now_us: int) -> list[int]:
        found = claims.due(tx, kind(), node, now_us, lane=lane, limit=5)
        rows = [one.number for one in found if not row(place.catalog, one.number)["attempts"]]
        return [number, *(one for one in rows if one != number)] if number in rows else [number]

    place.add(5)
    with place.station(kind(double, together=Together(find, body))):
        until(lambda: states(place.catalog) == {"done": 5})
    assert {row(place.catalog, number)["attempts"] for number in range(1, 6)} <= {1, 2}
