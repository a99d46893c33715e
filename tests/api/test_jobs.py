"""Durable work over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import work_controls
from holdfast.catalog.work_controls import KindRow
from holdfast.library.accounts import Role
from support import work
from support.clock import PushedClock
from support.pages import Site, site

_KIND = KindRow(name="double", noun=work.NOUN, queue="deliver", working="working", about="Doubles.", lane_limit=4)
_JOBS = "/api/v1/jobs"


@pytest.fixture(name="busy")
def _busy(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node whose worker knows the tests' own kind, with three rows."""
    with work.known(), site(tmp_path, clock, "gate") as made:
        catalog = made.home.context.catalog()
        node = work.make_tables(catalog)
        with catalog.write() as tx:
            work_controls.put_kinds(tx, node, [_KIND], clock.wall_us())
        work.add(catalog, node, 3, lane="attic")
        yield made


def test_jobs_are_for_administrators(busy: Site) -> None:
    """Who may not administrate sees and changes nothing."""
    for role in (Role.VIEWER, Role.OPERATOR):
        assert busy.as_(role).get(_JOBS).status_code == 403
        assert busy.as_(role).post(f"{_JOBS}/double/pause").status_code == 403


def test_jobs_are_listed_and_steered(busy: Site) -> None:
    """A job is listed with its counts and lanes; paused, resumed, stopped and restarted by name or lane (C090)."""
    admin = busy.as_(Role.ADMIN)
    (job,) = admin.get(_JOBS).json()["items"]
    assert (job["name"], job["state"], job["waiting"], job["failed"]) == ("double", "running", 3, 0)
    assert job["lanes"][0]["lane"] == "attic"
    paused = admin.post(f"{_JOBS}/double/pause", json={"lane": "attic"}).json()
    assert (paused["state"], paused["lanes"][0]["state"]) == ("running", "paused")
    assert admin.post(f"{_JOBS}/double/stop").json()["state"] == "stopped"
    assert admin.get(f"{_JOBS}/double").json()["by"].startswith("admin")
    assert admin.post(f"{_JOBS}/double/restart").json()["state"] == "running"
    assert admin.post(f"{_JOBS}/double/resume", json={"lane": "attic"}).json()["lanes"][0]["state"] == "running"


def test_rows_are_shown_cancelled_and_retried(busy: Site) -> None:
    """A row is cancelled, listed among those that failed, retried alone or with all others, and tells its history."""
    admin = busy.as_(Role.ADMIN)
    page = admin.get(f"{_JOBS}/double/rows", params={"limit": 2}).json()
    assert [row["id"] for row in page["items"]] == ["1-3", "1-2"]
    assert page["cursor"]
    assert admin.post(f"{_JOBS}/double/1-2/cancel").json()["state"] == "failed"
    assert admin.post(f"{_JOBS}/double/1-2/cancel").status_code == 409
    failed = admin.get(f"{_JOBS}/double/rows", params={"state": "failed"}).json()["items"]
    assert [row["id"] for row in failed] == ["1-2"]
    assert admin.post(f"{_JOBS}/double/1-2/retry").json()["state"] == "pending"
    assert admin.post(f"{_JOBS}/double/1-3/cancel").status_code == 200
    assert admin.post(f"{_JOBS}/double/retry").json() == {"rows": 1}
    shown = admin.get(f"{_JOBS}/double/1-2").json()
    assert [line["what"] for line in shown["history"]] == ["retried", "cancelled"]
    assert shown["about"] == {"said": ""}


def test_what_is_not_there_is_said(busy: Site) -> None:
    """An unknown job or row is 404 with the jobs that there are; a name that can be none is 422."""
    admin = busy.as_(Role.ADMIN)
    answer = admin.get(f"{_JOBS}/dubble")
    assert answer.status_code == 404
    assert "double" in answer.text
    assert admin.get(f"{_JOBS}/double/1-99").status_code == 404
    assert admin.get(f"{_JOBS}/Double!").status_code == 422
    assert admin.post(f"{_JOBS}/double/pause", json={"line": "attic"}).status_code == 422
