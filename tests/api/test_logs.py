"""The logs over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.timing import iso
from holdfast.library.accounts import Role
from support.accounts import Client, code
from support.clock import PushedClock
from support.pages import Site, site


@pytest.fixture(name="made")
def _made(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node whose worker and recorder have logged 30 lines, a second apart, by turns."""
    with site(tmp_path, clock, "gate") as made:
        folder = made.home.context.config.log_dir
        folder.mkdir(parents=True)
        for role in ("worker", "recorder-0"):
            lines = [
                {"at": iso(clock.wall_us() - (30 - n) * 1_000_000), "level": "error" if n % 10 == 0 else "info",
                 "role": role, "event": f"e{n}", **({} if role == "worker" else {"camera": "gate", "stream": "main"})}
                for n in range(30) if (n % 2 == 0) == (role == "worker")
            ]  # fmt: skip
            (folder / f"{role}.log").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        yield made


def _events(client: Client, **query: Any) -> list[str]:
    """Follow the cursors; every event."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        body = client.get("/api/v1/logs", params={**query, "cursor": cursor}).json()
        found += [line["event"] for line in body["items"]]
        cursor = body["cursor"]
    return found


def test_lines_come_in_pages(made: Site) -> None:
    """An admin reads all lines of all roles, newest first, as they were written, a page at a time (C152)."""
    admin = made.as_(Role.ADMIN)
    assert _events(admin, limit=7) == [f"e{n}" for n in range(29, -1, -1)]
    body = admin.get("/api/v1/logs?limit=1").json()
    assert body["roles"] == ["recorder-0", "worker"]
    assert body["items"][0] == {
        "at": iso(made.clock.wall_us() - 1_000_000), "level": "info", "role": "recorder-0", "event": "e29",
        "camera": "gate", "stream": "main",
    }  # fmt: skip


def test_lines_are_chosen(made: Site) -> None:
    """Role, camera, severity and begin choose lines."""
    admin = made.as_(Role.ADMIN)
    assert _events(admin, role="worker", limit=4) == [f"e{n}" for n in range(28, -1, -2)]
    assert _events(admin, camera="gate", role="recorder") == [f"e{n}" for n in range(29, 0, -2)]
    assert _events(admin, level="error") == ["e20", "e10", "e0"]
    assert _events(admin, since=str(made.clock.wall_us() - 3_000_000)) == ["e29", "e28", "e27"]
    assert _events(admin, role="nobody") == []


def test_older_names_mean_the_same(made: Site) -> None:
    """What clients of a predecessor send chooses the same lines: source, after, offset, levels in capitals (C147)."""
    admin = made.as_(Role.ADMIN)
    assert _events(admin, source="worker", limit=4) == _events(admin, role="worker")
    assert _events(admin, source="gate") == [f"e{n}" for n in range(29, 0, -2)]
    assert _events(admin, level="ERROR") == ["e20", "e10", "e0"]
    at_us = made.clock.wall_us() - 3_000_000
    assert _events(admin, after=iso(at_us)) == ["e29", "e28"]
    assert _events(admin, since=iso(at_us)) == ["e29", "e28", "e27"]
    pages = [admin.get("/api/v1/logs", params={"limit": 10, "offset": n}).json() for n in (0, 10, 20, 30, 40)]
    assert [line["event"] for page in pages for line in page["items"]] == [f"e{n}" for n in range(29, -1, -1)]
    assert [page["cursor"] is None for page in pages] == [False, False, True, True, True]
    answer = admin.get("/api/v1/logs?role=worker&source=gate")
    assert (answer.status_code, answer.json()["error"]["hint"]) == (400, "leave source out")
    shown = {one["name"]: one for one in made.home.app.openapi()["paths"]["/api/v1/logs"]["get"]["parameters"]}
    assert all("lder name of" in shown[name]["description"] for name in ("source", "after"))


def test_logs_are_for_admins(made: Site) -> None:
    """Nobody else reads a line, and what makes no sense is refused in words."""
    for role in (Role.VIEWER, Role.OPERATOR):
        answer = made.home.client(made.home.token(role)).get("/api/v1/logs")
        assert (answer.status_code, code(answer)) == (403, "not-allowed")
    admin = made.home.client(made.home.token(Role.ADMIN))
    wrong = {"cursor=x": 400, "since=whenever": 400, "level=loud": 422, "limit=0": 422, "camera=a/b": 422}
    assert {query: admin.get(f"/api/v1/logs?{query}").status_code for query in wrong} == wrong
