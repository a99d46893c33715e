"""Deliveries over HTTP: lists, figures, another try, pauses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.api import deliveries, incidents
from holdfast.catalog.db import open_catalog
from holdfast.library import forecast
from support.clock import PushedClock
from support.handed import RULE, Handed
from support.sending import Sending
from support.web import application, context_for, serving

PICTURES = '[deliveries.pictures]\ntarget = "nas"\nassets = ["stills"]\n'
OPERATOR = {"X-Test-Right": "operator"}
VIEWER = {"X-Test-Right": "viewer"}


@pytest.fixture(name="node")
def _node(tmp_path: Path, clock: PushedClock) -> Iterator[tuple[Handed, httpx.Client]]:
    """A node that delivered three segments of five, one of which is broken."""
    (tmp_path / "state").mkdir()
    with open_catalog(f"sqlite:///{tmp_path / 'state' / 'catalog.sqlite'}") as catalog:
        site = Handed(tmp_path, catalog, RULE + PICTURES, clock=clock)
        for number in range(5):
            site.segment(number - 5)
        site.still(0)
        site.handing.once()
        first = site.rows()[0]
        (site.volume / first.asset.file).write_bytes(b"?" * first.asset.bytes)
        with Sending(site, together=False) as sending:
            sending.drain(most=4)
        context = context_for(tmp_path / "holdfast.toml", clock)
        with (
            serving(application(context, [deliveries.router])) as address,
            httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
        ):
            yield site, client
        context.close()


def every(client: httpx.Client, **params: Any) -> list[dict[str, Any]]:
    """Return all deliveries, page by page."""
    found, cursor = [], None
    while True:
        asked = {"limit": 2, **params} | ({} if cursor is None else {"cursor": cursor})
        page = client.get("/api/v1/deliveries", params=asked, headers=VIEWER).json()
        found += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            return found


def test_lists_say_where_files_lie(node: tuple[Handed, httpx.Client]) -> None:
    """Every delivery is in exactly one page, newest footage first, with its address or its error (C071)."""
    site, client = node
    items = every(client)
    assert [item["id"] for item in items] == [str(row.id) for row in reversed(site.rows())]
    delivered = [item for item in items if item["state"] == "delivered"]
    assert all(Path(item["address"]).is_file() and item["verified"] == "sha256" for item in delivered)
    (failed,) = every(client, state="failed")
    assert "does not hold" in failed["error"]
    assert {item["kind"] for item in every(client, kind="still")} == {"still"}
    assert every(client, camera="yard") == []
    assert client.get("/api/v1/deliveries", params={"cursor": "x"}, headers=VIEWER).status_code == 400


def test_figures_of_a_target(node: tuple[Handed, httpx.Client]) -> None:
    """Counts, bytes, backlog, rate and time left of each target are told (C070, C085)."""
    site, client = node
    (target,) = client.get("/api/v1/deliveries/stats", headers=VIEWER).json()["items"]
    assert target["states"]["delivered"]["count"] == 3
    assert target["states"]["pending"]["count"] == 2
    assert target["health"] == "failing"
    assert "1 failed" in target["sentence"]
    waiting = sum(row.asset.bytes for row in site.rows() if row.state == "pending")
    assert target["bytes_per_s"] == pytest.approx(target["states"]["delivered"]["bytes"] / 300)
    assert target["drain_s"] == pytest.approx(waiting / target["bytes_per_s"])


def test_a_failed_one_is_tried_again(node: tuple[Handed, httpx.Client]) -> None:
    """An operator has what failed tried again; a viewer may not, and an id that there is not is told (C069)."""
    site, client = node
    assert client.post("/api/v1/deliveries/retry", json={}, headers=VIEWER).status_code == 403
    (failed,) = every(client, state="failed")
    again = client.post("/api/v1/deliveries/retry", json={"ids": [failed["id"]]}, headers=OPERATOR)
    assert again.json() == {"count": 1}
    assert every(client, state="failed") == []
    assert client.post("/api/v1/deliveries/retry", json={"ids": ["1-999"]}, headers=OPERATOR).status_code == 404
    assert site.rows()[0].attempts == 0


def test_a_pause_is_told(node: tuple[Handed, httpx.Client], monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused target says so, with when a disk is full of what waits, and goes on when it is let (C071, C085)."""
    monkeypatch.setattr(forecast, "FURTHEST_US", 10**20)  # files of a test are small
    site, client = node
    assert client.get("/api/v1/deliveries/stats", headers=VIEWER).json()["items"][0]["full_us"] is None
    paused = client.post("/api/v1/deliveries/pause", json={"target": "nas", "paused": True}, headers=OPERATOR)
    assert paused.json()["items"][0]["health"] == "paused"
    assert paused.json()["items"][0]["full_us"] > site.clock.wall_us()
    going = client.post("/api/v1/deliveries/pause", json={"target": "nas", "paused": False}, headers=OPERATOR)
    assert going.json()["items"][0]["health"] != "paused"
    assert going.json()["items"][0]["full_us"] is None
    none = client.post("/api/v1/deliveries/pause", json={"target": "nsa", "paused": True}, headers=OPERATOR)
    assert none.status_code == 404


def test_evidence_says_where_it_lies(tmp_path: Path, clock: PushedClock) -> None:
    """An incident's pictures have their remote address once they are verified there, none before."""
    (tmp_path / "state").mkdir()
    with open_catalog(f"sqlite:///{tmp_path / 'state' / 'catalog.sqlite'}") as catalog:
        rule = '[deliveries.alerts]\ntarget = "nas"\nassets = ["evidence"]\nname = "bench"\n'
        site = Handed(tmp_path, catalog, rule, clock=clock)
        made = site.incident(0)
        context = context_for(tmp_path / "holdfast.toml", clock)
        with (
            serving(application(context, [incidents.router])) as address,
            httpx.Client(base_url=f"{address}/api/v1/incidents", trust_env=False, timeout=60) as client,
        ):
            assert client.get(f"/{made}").json()["evidence"][0]["remote"] == ""
            with Sending(site) as sending:
                sending.drain()
            (picture,) = client.get(f"/{made}").json()["evidence"]
            assert Path(picture["remote"]).read_bytes() == b"black gate 0"
            assert "/alerts/blackscreen/gate/20260921141320/frame_1.jpg" in picture["remote"]
            (listed,) = client.get(f"{address}/api/v1/incidents").json()["items"]
            assert listed["evidence"] == [picture]
        context.close()
