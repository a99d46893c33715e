"""Health and liveness over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.core.errors import CatalogUnavailable
from holdfast.core.status import StreamState
from holdfast.library import volumes
from support.clock import PushedClock
from support.pages import Site, site


@pytest.fixture(name="gate")
def _gate(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node with a gate that is being recorded, and all its roles."""
    with site(tmp_path, clock, "gate") as made:
        volumes.prepare(made.home.context.config, clock)
        made.says("gate")
        for role in ("supervisor", "worker", "server"):
            body = {"at_us": clock.wall_us(), "state": "running", "since_us": clock.wall_us(), "children": []}
            (tmp_path / "run" / f"{role}.json").write_text(json.dumps(body), encoding="utf-8")
        yield made


def test_all_is_well(gate: Site) -> None:
    """A node that records answers 200; the short form needs no sign-in, the components need one (C107)."""
    nobody = gate.home.client()
    for path in ("/health", "/api/v1/health"):
        answer = nobody.get(path)
        body = answer.json()
        assert answer.status_code == 200, body
        assert body["database"] == "connected"
        assert body["components"] is None
    parts = gate.as_().get("/api/v1/health").json()["components"]
    assert set(parts) == {"db", "disk", "recorders", "worker", "clock"}
    assert parts["recorders"] == {"status": "healthy", "message": ""}


def test_a_lost_camera_is_critical(gate: Site) -> None:
    """A stream that should be recorded and is not makes it 503, and the words say which and why (F55)."""
    gate.says("gate", StreamState.WAITING, reason="unreachable", detail="connection refused")
    answer = gate.as_().get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "critical")
    assert "gate is not recording" in answer.json()["components"]["recorders"]["message"]


def test_a_lost_catalog_is_degraded(gate: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording does not need the catalog: without it the node is degraded and answers 200."""

    def away() -> None:
        raise CatalogUnavailable("it is gone")

    monkeypatch.setattr(gate.home.context, "catalog", away)
    answer = gate.home.client().get("/health")
    assert (answer.status_code, answer.json()["status"], answer.json()["database"]) == (200, "degraded", "disconnected")


def test_liveness_looks_at_nothing(gate: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is down, the server says that it is there; what runs is public too."""
    monkeypatch.setattr(gate.home.context, "catalog", None)
    monkeypatch.setattr(gate.home.context, "plan", None)
    nobody = gate.home.client()
    assert nobody.get("/livez").json() == {"status": "ok"}
    assert nobody.get("/api/v1/version").json()["name"] == "holdfast"
