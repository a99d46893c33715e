"""What goes, what stays, and who loses what when, over HTTP (C078-C080)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.library import retention
from holdfast.library.accounts import Role
from holdfast.storage.volume import create_marker
from support.clock import PushedClock
from support.pages import Site, site


@pytest.fixture(name="one")
def _one(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node whose gate keeps 7 days, and has four files of nine days ago."""
    with site(tmp_path, clock, "gate", more="[cameras.gate.retention]\nkeep_days = 7\n") as made:
        with open_catalog(made.home.context.config.catalog_url) as catalog:
            retention.confirm(catalog, clock)
        create_marker(made.root / "vol", 0)
        told = made.journal("gate")
        for _ in range(4):
            told.record(600)
        clock.advance(9 * 86_400)
        made.index()
        yield made
        told.die()


def test_what_goes_is_listed_with_its_reason(one: Site) -> None:
    """Every file that goes is named once over all pages, with why and how much, and the disks with their levels."""
    first = one.as_().get("/api/v1/retention", params={"limit": 3}).json()
    assert (first["files"], first["off"], first["enabled"]) == (4, None, True)
    second = one.as_().get("/api/v1/retention", params={"limit": 3, "cursor": first["cursor"]}).json()
    items = first["items"] + second["items"]
    assert len({item["file"] for item in items}) == 4
    assert {item["why"] for item in items} == {"older than 7 days"}
    assert sum(item["bytes"] for item in items) == first["bytes"]
    assert second["cursor"] is None
    assert {disk["level"] for disk in first["disks"]} <= {"normal", "warning", "alert", "critical"}


def test_a_forecast_names_each_camera(one: Site) -> None:
    """Each volume has its cameras, with the day from which they lose by what, and points for a chart."""
    items = one.as_().get("/api/v1/forecast").json()["items"]
    camera = items[0]["cameras"][0]
    assert (camera["camera"], camera["why"]) == ("gate", "age")
    assert len(items[0]["points"]) == 61


def test_holds_are_set_by_operators_and_released_by_admins(one: Site) -> None:
    """A hold takes its files from the list at once, and releasing it needs more than setting it (C080)."""
    body = {"camera": "GATE", "from": "12d", "to": "1d", "why": "theft"}
    assert one.as_().post("/api/v1/holds", json=body).status_code == 403
    made = one.as_(Role.OPERATOR).post("/api/v1/holds", json=body)
    assert made.status_code == 201
    hold = made.json()
    assert (hold["camera"], hold["kind"], hold["released_us"]) == ("gate", "legal", None)
    assert one.as_().get("/api/v1/retention").json()["files"] == 0
    assert [row["id"] for row in one.as_().get("/api/v1/holds", params={"camera": "gate"}).json()["items"]] == [
        hold["id"]
    ]
    assert one.as_(Role.OPERATOR).delete(f"/api/v1/holds/{hold['id']}").status_code == 403
    assert one.as_(Role.ADMIN).delete(f"/api/v1/holds/{hold['id']}").json()["released_us"] is not None
    assert one.as_(Role.ADMIN).delete(f"/api/v1/holds/{hold['id']}").status_code == 409
    assert one.as_().get("/api/v1/holds").json()["items"] == []
    assert len(one.as_().get("/api/v1/holds", params={"released": True}).json()["items"]) == 1
    assert one.as_().get("/api/v1/retention").json()["files"] == 4


def test_what_makes_no_sense_is_refused(one: Site) -> None:
    """An unknown camera or hold, and a span that ends before it begins, are refused in the common shape."""
    operator, admin = one.as_(Role.OPERATOR), one.as_(Role.ADMIN)
    assert operator.post(
        "/api/v1/holds", json={"camera": "dock", "from": "2h", "to": "1h", "why": "x"}
    ).status_code == 404  # fmt: skip
    wrong = operator.post("/api/v1/holds", json={"camera": "gate", "from": "1h", "to": "2h", "why": "x"})
    assert wrong.status_code == 400
    assert admin.delete("/api/v1/holds/1-77").status_code == 404
