"""Durable work, on every engine: what is lost, doubled, late or stuck, and who dies when."""

import os
import threading
import time

import pytest
import structlog

from holdfast.catalog import work_controls, work_rows
from holdfast.catalog.db import open_catalog
from holdfast.catalog.rows import Id
from holdfast.catalog.work_controls import Running
from holdfast.core.clock import SystemClock
from holdfast.core.errors import TargetAway, TargetRefused
from holdfast.core.timing import HOUR_US
from holdfast.work import station as stations
from holdfast.work.job import Job
from holdfast.work.kind import Queue
from holdfast.work.station import Options, Station
from support.work import Place, double, kind, results, row, states, until


class SetClock(SystemClock):
    """The host's clock, which somebody sets."""

    set_us = 0

    def wall_us(self) -> int:
        """Return what it shows."""
        return super().wall_us() + self.set_us


def test_all_that_is_due_is_done_once(no_leaks: None, place: Place) -> None:
    """Every row comes to one result, in one attempt, with one line of history; nothing is left behind."""
    place.add(60)
    with place.station(kind()):
        until(lambda: states(place.catalog) == {"done": 60})
    assert [number for number, _ in results(place.catalog)] == list(range(1, 61))
    with place.catalog.read() as tx:
        assert [line.what for line in work_rows.history(tx, kind(), Id(place.node, 7))] == ["done"]
    assert row(place.catalog, 7)["attempts"] == 1


@pytest.mark.best_of_three
def test_new_work_begins_at_once(place: Place) -> None:
    """A row that is added while the worker idles begins without waiting for its next look."""
    with place.station(kind()):
        place.add(1)
        until(lambda: states(place.catalog) == {"done": 1})
        waits = []
        for first in (2, 3, 4):
            place.add(1, first=first)
            waits.append(until(lambda first=first: states(place.catalog) == {"done": first}))  # type: ignore[misc]
    assert min(waits) < 0.8


def test_what_fails_for_now_is_tried_again(place: Place) -> None:
    """A transient error returns the row with a later due time, attempt and cause counted and kept (F27)."""
    tries: list[int] = []

    def stubborn(job: Job) -> None:
        tries.append(job.claim.attempt)
        if job.claim.attempt < 3:
            raise TargetAway("the place is away")
        double(job)

    place.add(1)
    with place.station(kind(stubborn)):
        until(lambda: states(place.catalog) == {"done": 1})
    assert tries == [1, 2, 3]
    with place.catalog.read() as tx:
        lines = work_rows.history(tx, kind(), Id(place.node, 1))
    assert [(line.what, line.attempt, line.error) for line in lines] == [
        ("done", 3, ""), ("again", 2, "the place is away"), ("again", 1, "the place is away"),
    ]  # fmt: skip


def test_what_cannot_be_mended_fails_with_a_hint(place: Place) -> None:
    """A permanent error ends a row as failed, with what a person can do; retrying it by hand begins anew (F24)."""
    healed = threading.Event()

    def refused(job: Job) -> None:
        if not healed.is_set():
            raise TargetRefused("no right to write there")
        double(job)

    place.add(1)
    one = kind(refused)
    with place.station(one):
        until(lambda: states(place.catalog) == {"failed": 1})
        failed = row(place.catalog, 1)
        assert (failed["error"], failed["worker"], failed["attempts"]) == ("no right to write there", "", 1)
        assert "targets test" in failed["hint"]
        healed.set()
        with place.catalog.write() as tx:
            assert work_rows.retry(tx, one, place.node, [1], by="anna", now_us=place.now_us()) == 1
        until(lambda: states(place.catalog) == {"done": 1})


def test_a_bug_ends_one_row_alone(place: Place) -> None:
    """An error that nobody foresaw is retried a few times and then failed, while others go on."""

    def buggy(job: Job) -> None:
        if job.claim.number == 2:
            raise ZeroDivisionError
        double(job)

    place.add(3)
    with place.station(kind(buggy)):
        until(lambda: states(place.catalog) == {"done": 2, "failed": 1})
    assert row(place.catalog, 2)["attempts"] == 3
    assert "ZeroDivisionError" in row(place.catalog, 2)["error"]


@pytest.mark.best_of_three
def test_an_offline_lane_costs_others_nothing(place: Place) -> None:
    """With 1,000 rows due behind a target that does not answer, a healthy one's rows begin within a second."""
    let_go = threading.Event()

    def deliver(job: Job) -> None:
        if job.row["lane"] == "offline":
            let_go.wait(60)
            raise TargetAway("no answer")
        double(job)

    place.add(1000, lane="offline")
    waits = []
    with place.station(kind(deliver)) as station:
        until(lambda: len(station.running()) == 4)
        for number in range(2001, 2006):
            place.add(1, lane="healthy", first=number)
            waits.append(until(lambda number=number: row(place.catalog, number)["state"] == "done"))  # type: ignore[misc]
        assert len([one for one in station.running() if one["lane"] == "offline"]) <= 4
        let_go.set()
    assert sorted(waits)[2] < 1.0, waits


def test_old_rows_are_not_starved(place: Place) -> None:
    """While new and urgent rows keep arriving, old ones are done within a bound, and the newest do not wait (F25)."""
    done: list[int] = []

    def slow(job: Job) -> None:
        time.sleep(0.01)
        double(job)
        done.append(job.claim.number)

    place.add(60, due_us=1)
    fresh = iter(range(1001, 2000))
    place.add(2, first=next(fresh) * 10, priority=1)  # there from the first sweep on, however slowly others are written
    with place.station(kind(slow, lane_limit=3)):
        while not set(range(1, 61)) <= set(done):
            place.add(2, first=next(fresh) * 10, priority=1)
            time.sleep(0.01)
            assert len(done) < 1500
    assert any(number > 1000 for number in done[:20]), "the newest waited for all old ones"
    assert any(number <= 60 for number in done[:20]), "the old ones waited for all newer ones"


def test_a_paused_kind_rests(place: Place) -> None:
    """Nothing of a paused kind or lane is begun, across restarts, until it is resumed (C090)."""
    one = kind()
    with place.catalog.write() as tx:
        work_controls.set_state(
            tx, place.node, "double", "a", Running.PAUSED, again=False, by="anna", now_us=place.now_us()
        )  # fmt: skip
    place.add(3, lane="a")
    place.add(1, lane="b", first=10)
    for _ in range(2):
        with place.station(one):
            until(lambda: states(place.catalog) == {"pending": 3, "done": 1})
    with place.station(one):
        with place.catalog.write() as tx:
            work_controls.set_state(
                tx, place.node, "double", "a", Running.RUNNING, again=False, by="anna", now_us=place.now_us()
            )  # fmt: skip
        until(lambda: states(place.catalog) == {"done": 4})


def test_what_is_stopped_is_given_back(place: Place) -> None:
    """Stopping a kind tells its bodies to end; their rows wait unharmed, and no attempt is counted (C090)."""
    begun = threading.Event()

    def endless(job: Job) -> None:
        begun.set()
        while job.alive():
            time.sleep(0.01)
        raise TargetAway("told to stop")

    place.add(1)
    with place.station(kind(endless)):
        assert begun.wait(60)
        with place.catalog.write() as tx:
            work_controls.set_state(
                tx, place.node, "double", "", Running.STOPPED, again=True, by="anna", now_us=place.now_us()
            )  # fmt: skip
        until(lambda: states(place.catalog) == {"pending": 1})
        assert row(place.catalog, 1)["attempts"] == 0


def test_a_cancelled_row_is_refused_its_result(place: Place) -> None:
    """Cancelling a row that is being worked on ends its body, and what that writes afterwards is refused."""
    begun, written = threading.Event(), []

    def late(job: Job) -> None:
        begun.set()
        while job.alive():
            time.sleep(0.01)
        written.append(job.finish("done"))

    place.add(1)
    with place.station(kind(late)):
        assert begun.wait(60)
        with place.catalog.write() as tx:
            assert work_rows.cancel(tx, kind(), place.node, [1], by="anna", now_us=place.now_us()) == 1
        until(lambda: written == [False])
    assert states(place.catalog) == {"failed": 1}
    assert row(place.catalog, 1)["error"] == "cancelled by anna"


def test_a_stopping_worker_gives_back(no_leaks: None, place: Place) -> None:
    """A worker that is told to end gives its rows back at once, and the next one does them."""
    begun = threading.Event()

    def endless(job: Job) -> None:
        begun.set()
        while job.alive():
            time.sleep(0.01)

    place.add(1)
    with place.station(kind(endless)):
        assert begun.wait(60)
    assert row(place.catalog, 1)["state"] == "pending"
    with place.station(kind(), worker="w2"):
        until(lambda: states(place.catalog) == {"done": 1})


@pytest.mark.best_of_three
def test_a_body_that_hangs_is_abandoned(no_leaks: None, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that heeds nothing keeps nobody from ending; its row is done by another, its last word is quiet (F26)."""
    monkeypatch.setattr(stations, "STOP_S", 0.2)
    begun, let_go = threading.Event(), threading.Event()
    bodies: list[threading.Thread] = []

    def deaf(job: Job) -> None:
        bodies.append(threading.current_thread())
        begun.set()
        let_go.wait(60)
        double(job)

    place.add(1)
    with structlog.testing.capture_logs() as logs:
        try:
            with place.station(kind(deaf), lease_s=1.0):
                assert begun.wait(60)
                left_s = time.monotonic()
            assert time.monotonic() - left_s < 10
            with place.station(kind(), worker="w2"):
                until(lambda: states(place.catalog) == {"done": 1})
        finally:
            let_go.set()
            for body in bodies:
                body.join(60)
    assert results(place.catalog) == [(1, "w2")]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []
    assert [line["reason"] for line in logs if line["event"] == "work.late"] == ["the catalog is closed"]


@pytest.mark.parametrize("place", ["threads-sqlite"], indirect=True)  # a server has a clock of its own
def test_a_clock_that_is_set_costs_nothing(place: Place) -> None:
    """Work at hand goes on under its claim when the clock is set a day forward, and is done in one attempt (C089)."""
    clock, begun, go_on = SetClock(), threading.Event(), threading.Event()

    def slow(job: Job) -> None:
        begun.set()
        while not go_on.wait(0.01) and job.alive():
            pass
        double(job)

    place.add(2, lane="b", first=10, due_us=place.now_us() + 2 * HOUR_US)
    place.add(1)
    options = Options(worker="w1")
    with open_catalog(place.url) as own, Station(own, place.node, [kind(slow)], clock, options):
        assert begun.wait(60)
        clock.set_us = 24 * HOUR_US
        until(lambda: row(place.catalog, 10)["attempts"] == 1)  # it has looked by the new clock
        go_on.set()
        until(lambda: states(place.catalog) == {"done": 3})
    assert row(place.catalog, 1)["attempts"] == 1
    assert [number for number, _ in results(place.catalog)] == [1, 10, 11]


def test_what_a_clock_put_off_is_done_at_the_start(place: Place) -> None:
    """Rows that were put off while the clock was ahead, or added then, do not wait for that time to come."""
    ahead_us = 300 * 24 * HOUR_US
    place.add(3, due_us=place.now_us() + ahead_us)
    with place.station(kind()):
        until(lambda: states(place.catalog) == {"done": 3})


def test_two_conversions_at_once(place: Place) -> None:
    """Of a queue no more bodies run at once than it has places: two conversions, last in line for processors (C091)."""
    at_once, most = 0, 0
    nice: set[int] = set()
    lock = threading.Lock()

    def convert(job: Job) -> None:
        nonlocal at_once, most
        nice.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.03)
        with lock:
            at_once -= 1
        double(job)

    for lane in ("a", "b", "c"):
        place.add(4, lane=lane, first=ord(lane) * 100)
    with place.station(kind(convert, queue=Queue.MEDIA)):
        until(lambda: states(place.catalog) == {"done": 12})
    assert most == 2
    assert nice == {10}


@pytest.mark.parametrize("place", ["threads-sqlite"], indirect=True)
def test_kinds_of_before_are_used_to_the_end(place: Place) -> None:
    """Kinds that were replaced count as used until a sweep has offered the new ones and no row is in their hands."""
    begun, go_on = threading.Event(), threading.Event()

    def waits(job: Job) -> None:
        begun.set()
        go_on.wait(60)
        double(job)

    old, new = kind(waits), kind()
    place.add(1)
    with place.station(old) as station:
        assert begun.wait(60)
        assert (station.uses([old]), station.uses([new])) == (True, False)
        station.take([new])
        until(lambda: station.uses([new]))
        assert station.uses([old])
        place.add(1, first=2)
        until(lambda: row(place.catalog, 2)["state"] == "done")
        assert station.uses([old])
        go_on.set()
        until(lambda: not station.uses([old]))
        assert states(place.catalog) == {"done": 2}


def test_progress_is_seen(place: Place) -> None:
    """How far a row is can be asked while it is worked on."""
    seen, ready = threading.Event(), threading.Event()

    def far(job: Job) -> None:
        job.progress(30, 100)
        ready.set()
        seen.wait(60)
        double(job)

    place.add(1)
    with place.station(kind(far)) as station:
        assert ready.wait(60)
        (now,) = station.running()
        seen.set()
        until(lambda: states(place.catalog) == {"done": 1})
    assert (now["job"], now["row"], now["lane"], now["done"], now["total"]) == (
        "double", f"{place.node}-1", "a", 30, 100,
    )  # fmt: skip
