"""Kinds of work and their rows, as people see and steer them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import claims, work_controls
from holdfast.catalog.db import Catalog
from holdfast.catalog.work_controls import KindRow, Running
from holdfast.core.errors import Conflict, NotFound
from holdfast.library import jobs
from holdfast.library.jobs import Deed
from support import work
from support.catalog import catalog, catalog_url, postgres
from support.clock import PushedClock

__all__ = ["catalog", "catalog_url", "postgres"]

KIND = KindRow(name="double", noun=work.NOUN, queue="deliver", working="working", about="Doubles.", lane_limit=4)


@pytest.fixture(name="node")
def _node(catalog: Catalog) -> Iterator[int]:
    """A node whose worker knows the tests' own kind, with three rows in lane a and one in b."""
    with work.known():
        number = work.make_tables(catalog)
        with catalog.write() as tx:
            work_controls.put_kinds(tx, number, [KIND], 1)
        work.add(catalog, number, 3, lane="a", due_us=100)
        work.add(catalog, number, 1, lane="b", first=9, due_us=50)
        yield number


def _claim(catalog: Catalog, node: int, number: int) -> claims.Claim:
    with catalog.write() as tx:
        (one,) = claims.claim(tx, KIND.known, node, [number], worker="w", now_us=10**15, lease_us=10**9)
    return one


def test_what_waits_is_counted(catalog: Catalog, node: int) -> None:
    """A job says how many rows wait, are at work and failed, in each lane and in all, and how old the oldest is."""
    _claim(catalog, node, 1)
    with catalog.write() as tx:
        (two,) = claims.claim(tx, KIND.known, node, [2], worker="w", now_us=10**15, lease_us=10**9)
        assert claims.finish(tx, two, "failed", now_us=200, error="no", hint="ask")
    (job,) = jobs.every(catalog, "local")
    assert (job.waiting, job.at_work, job.failed, job.due_us) == (2, 1, 1, 50)
    assert [(lane.lane, lane.waiting, lane.at_work, lane.failed) for lane in job.lanes] == [
        ("a", 1, 1, 1), ("b", 1, 0, 0),
    ]  # fmt: skip


def test_what_is_at_work_is_told_by_the_worker(catalog: Catalog, node: int, tmp_path: Path) -> None:
    """How far rows are is read from the worker's status file while that is fresh, and is nothing after."""
    one = {"job": "double", "row": "1-1", "lane": "a", "since_us": 5, "attempt": 1, "done": 3, "total": 9}
    body = {"at_us": 10**9, "state": "running", "work": {"running": [one, {"job": "other"}]}}
    (tmp_path / "worker.json").write_text(json.dumps(body), encoding="utf-8")
    assert jobs.one(catalog, "local", "double", tmp_path, 10**9 + 1).running == (one,)
    assert jobs.one(catalog, "local", "double", tmp_path, 10**9 + 60_000_000).running == ()
    (tmp_path / "worker.json").write_text("{", encoding="utf-8")
    assert jobs.one(catalog, "local", "double", tmp_path, 10**9).running == ()


def test_rows_are_listed_and_shown(catalog: Catalog, node: int) -> None:
    """Rows come newest first, in pages, by state and lane; one alone tells its history."""
    first = jobs.rows(catalog, "local", "double", limit=3)
    rest = jobs.rows(catalog, "local", "double", limit=3, cursor=first.cursor)
    assert [row.id.number for row in (*first.rows, *rest.rows)] == [9, 3, 2, 1]
    assert rest.cursor is None
    assert [row.id.number for row in jobs.rows(catalog, "local", "double", lane="b", state="pending").rows] == [9]
    one = _claim(catalog, node, 1)
    with catalog.write() as tx:
        assert claims.again(tx, one, 500, now_us=300, error="away")
    shown = jobs.show(catalog, "local", "double", f"{node}-1")
    assert (shown.work["error"], shown.work["attempts"], shown.about) == ("away", 1, {"said": ""})
    assert [(line.what, line.worker, line.error) for line in shown.history] == [("again", "w", "away")]
    assert jobs.show(catalog, "local", "double", "1").id == shown.id


def test_unknown_names_are_answered_with_known_ones(catalog: Catalog, node: int) -> None:
    """Who mistypes a job is told which there are; a row that is not there is said to be none."""
    with pytest.raises(NotFound, match="no job 'dubble'") as mistyped:
        jobs.one(catalog, "local", "dubble")
    assert "double" in mistyped.value.hint
    for row in ("77", "1-77", "gate"):
        with pytest.raises(NotFound, match="there is no row"):
            jobs.show(catalog, "local", "double", row)
    with pytest.raises(NotFound, match="no job"):
        jobs.steer(catalog, "local", ["double", "dubble"], Deed.PAUSE, by="anna", clock=PushedClock())
    assert jobs.one(catalog, "local", "double").control.state is Running.RUNNING


def test_kinds_and_lanes_are_steered(catalog: Catalog, node: int) -> None:
    """What is said about a kind holds for its lanes, too, and the stricter word counts (C090)."""
    clock = PushedClock()
    assert jobs.steer(catalog, "local", ["double"], Deed.PAUSE, lane="b", by="anna", clock=clock) == ["double"]
    (job,) = jobs.every(catalog, "local")
    assert [lane.control.state for lane in job.lanes] == [Running.RUNNING, Running.PAUSED]
    jobs.steer(catalog, "local", ["all"], Deed.STOP, by="bert", clock=clock)
    (job,) = jobs.every(catalog, "local")
    assert {lane.control.state for lane in job.lanes} == {Running.STOPPED}
    assert (job.control.by, job.control.turn) == ("bert", 1)
    jobs.steer(catalog, "local", ["all"], Deed.RESTART, by="bert", clock=clock)
    (job,) = jobs.every(catalog, "local")
    assert (job.control.state, job.control.turn) == (Running.RUNNING, 2)
    assert job.lanes[1].control.state is Running.PAUSED


def test_what_failed_is_tried_anew(catalog: Catalog, node: int) -> None:
    """All that failed, one lane of it, or a single row can be tried anew; what is done cannot (F24)."""
    clock = PushedClock()
    for number in (1, 2, 9):
        one = _claim(catalog, node, number)
        with catalog.write() as tx:
            claims.finish(tx, one, "failed", now_us=200, error="no", hint="ask")
    assert jobs.retry(catalog, "local", "double", lane="b", by="anna", clock=clock) == 1
    assert jobs.retry(catalog, "local", "double", by="anna", clock=clock) == 2
    assert jobs.one(catalog, "local", "double").failed == 0
    shown = jobs.show(catalog, "local", "double", "1")
    assert (shown.work["attempts"], shown.history[0].what, shown.history[0].worker) == (0, "retried", "anna")
    done = _claim(catalog, node, 3)
    with catalog.write() as tx:
        claims.finish(tx, done, "done", now_us=200)
    for deed in (jobs.retry, jobs.cancel):
        with pytest.raises(Conflict, match="is done"):
            deed(catalog, "local", "double", "3", by="anna", clock=clock)


def test_a_row_is_cancelled(catalog: Catalog, node: int) -> None:
    """A cancelled row is failed in the name of who did it, and whoever works on it is refused its result."""
    one = _claim(catalog, node, 1)
    assert jobs.cancel(catalog, "local", "double", "1", by="anna", clock=PushedClock()) == 1
    with catalog.write() as tx:
        assert not claims.finish(tx, one, "done", now_us=300)
        assert not claims.renew(tx, [one], now_us=300, lease_us=5)
        assert not claims.keep(tx, one, {"said": "late"})
    shown = jobs.show(catalog, "local", "double", "1")
    assert (shown.work["state"], shown.work["error"], shown.about["said"]) == ("failed", "cancelled by anna", "")
