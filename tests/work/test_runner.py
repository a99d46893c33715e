"""Claims when workers freeze, die, and meet: real processes, stopped and killed by their own handle."""

import random
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from sqlalchemy import update

from holdfast.catalog import work_rows
from holdfast.catalog.rows import Id
from holdfast.work.job import Job
from support.catalog import Postgres
from support.needs import postgres_bin
from support.small_disk import fill, small_disk
from support.work import Place, double, kind, numbers, results, row, states, until
from support.work_child import child
from support.work_places import opened


def test_a_frozen_worker_is_refused_its_result(place: Place, tmp_path: Path) -> None:
    """A worker that was frozen past its lease is told to end when it wakes, and its result is refused (F26)."""
    place.add(1)
    with child(place, tmp_path, "frozen", lease_s=1.0, hold_s=None) as frozen:
        until(frozen.begun)
        with place.catalog.write() as tx:
            # What we hold it cannot: frozen in the middle of a write, it would hold up all others until it is killed.
            tx.run("numbers", update(numbers).values(said=numbers.c.said))
            frozen.freeze()
        with child(place, tmp_path, "awake", lease_s=1.0) as awake:
            until(lambda: bool(awake.said()))
            frozen.thaw()
            until(lambda: bool(frozen.said()))
            assert (awake.said(), frozen.said()) == ("alive=True taken=True", "alive=False taken=False")
    assert results(place.catalog) == [(1, "awake")]
    with place.catalog.read() as tx:
        lines = work_rows.history(tx, kind(), Id(place.node, 1))
    assert [(line.what, line.worker) for line in lines] == [("done", "awake"), ("lost", "frozen")]


@pytest.mark.best_of_three
def test_two_workers_and_a_slow_row(place: Place, tmp_path: Path) -> None:
    """A row that takes three leases is renewed all the while: with two workers it has one result (F26, C089)."""
    place.add(1)
    with (
        child(place, tmp_path, "one", lease_s=0.7, hold_s=2.5),
        child(place, tmp_path, "two", lease_s=0.7, hold_s=2.5),
    ):
        until(lambda: states(place.catalog) == {"done": 1})
    assert len(results(place.catalog)) == 1
    assert row(place.catalog, 1)["attempts"] == 1


def test_a_dead_hosts_rows_are_taken_over(place: Place, tmp_path: Path) -> None:
    """When one of two hosts is killed for good, the other one does its rows after their lease."""
    place.add(6)
    with child(place, tmp_path, "dead", lease_s=1.0, hold_s=30.0) as dead:
        until(lambda: states(place.catalog).get("working", 0) == 4)
        dead.kill()
    with child(place, tmp_path, "heir", lease_s=1.0):
        until(lambda: states(place.catalog) == {"done": 6})
    assert [(number, "heir") for number in range(1, 7)] == results(place.catalog)


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_killed_at_random_moments(place: Place, tmp_path: Path, kills: int) -> None:
    """A worker that is killed again and again at random moments loses nothing: each row ends exactly once."""
    chance = random.Random(kills)
    count = 50 * kills
    place.add(count)
    for _ in range(kills):
        if states(place.catalog) == {"done": count}:  # the one before was killed too late to lose anything
            place.add(50, first=count + 1)
            count += 50
        # The same name: its successor knows by a lock that it is dead, and takes its rows over at once.
        with child(place, tmp_path, "worker", lease_s=60.0, hold_s=0.02) as worker:
            before = len(results(place.catalog))
            until(lambda before=before: len(results(place.catalog)) > before)  # type: ignore[misc]
            time.sleep(chance.random() * 0.2)
            worker.kill()
    with child(place, tmp_path, "worker", lease_s=60.0):
        until(lambda: states(place.catalog) == {"done": count}, 60)
    assert [number for number, _ in results(place.catalog)] == list(range(1, count + 1))


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("shared", [False, True])
def test_the_database_is_away_for_a_while(*, shared: bool) -> None:
    """Work that was at hand when the database went is done once it is back, once each; nobody restarts anything."""
    programs = postgres_bin()
    assert programs is not None
    away = threading.Event()

    def waits(job: Job) -> None:
        if job.claim.number == 1 and job.claim.attempt == 1:
            away.wait(60)
        double(job)

    with Postgres(programs) as server, server.database() as url, ExitStack() as stack:
        place = stack.enter_context(opened(url, shared=shared))
        place.add(1)
        with place.station(kind(waits), lease_s=4.0) as station:
            until(lambda: len(station.running()) == 1)
            server.stop()
            away.set()
            until(lambda: station.problem != "")
            server.start()
            place.add(20, first=2)
            until(lambda: states(place.catalog) == {"done": 21}, 60)
        assert [number for number, _ in results(place.catalog)] == list(range(1, 22))


@pytest.mark.needs("mount")
def test_a_full_disk_at_the_moment_of_the_result(tmp_path: Path) -> None:
    """A result that finds no room waits for it, and is written once there is some (F18)."""
    full, freed = threading.Event(), threading.Event()
    early: list[int] = []

    def big(job: Job) -> None:
        full.wait(60)
        double(job)
        if not freed.is_set():
            early.append(job.claim.number)

    with (
        small_disk(tmp_path / "disk", size_bytes=8 << 20) as disk,
        structlog.testing.capture_logs() as logs,
        opened(f"sqlite:///{disk}/catalog.sqlite", shared=False) as place,
    ):
        place.add(8)
        with place.station(kind(big, lane_limit=8)) as station:
            until(lambda: len(station.running()) == 8)
            ballast = fill(disk, leave_bytes=0)
            full.set()
            until(lambda: any(line["event"] == "work.result_waits" for line in logs))
            freed.set()
            ballast.unlink()
            until(lambda: states(place.catalog) == {"done": 8})
        assert len(results(place.catalog)) == 8
    assert len(early) < 8
