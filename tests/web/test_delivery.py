"""The delivery page: targets with their figures, files with their addresses or causes, and what a person does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog import claims, deliveries, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import Planned
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.errors import CatalogUnavailable
from holdfast.core.timing import SECOND_US, iso
from holdfast.library import archive_incidents
from holdfast.library import deliveries as verbs
from holdfast.library.accounts import Role
from holdfast.library.deliveries import KIND
from holdfast.web import delivery
from support.clock import PushedClock
from support.pages import Site, site

RULES = (
    '[targets.nas]\ntype = "folder"\npath = "nas"\n[targets.cloud]\ntype = "folder"\npath = "cloud"\n'
    '[deliveries.archive]\ntarget = "nas"\n'
)  # fmt: skip


@pytest.fixture(name="node")
def _node(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node that sends to a NAS."""
    with site(tmp_path, clock, "gate", more=RULES) as made:
        yield made


def fill(catalog: Catalog, now_us: int) -> None:
    """Deliver one file, let one fail with an incident, and leave one waiting."""
    asset = Asset(
        kind=AssetKind.SEGMENT, camera="gate", stream="main", volume="main", file="a.mp4", bytes=30_000_000,
        sha256="0" * 64, start_us=now_us - 300 * SECOND_US, end_us=now_us,
    )  # fmt: skip
    planned = [
        Planned(rule="archive", target="nas", asset=replace(asset, file=f"{name}.mp4"), key=f"gate/{name}.mp4")
        for name in ("one", "two", "three")
    ]  # fmt: skip
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        deliveries.add(tx, node, planned, now_us)
        one, two = claims.claim(tx, KIND, node, [1, 2], worker="w", now_us=now_us, lease_us=1)
        done = {
            "address": "https://nas.example/gate/one.mp4",
            "verified": "sha256",
            "object_us": now_us,
            "done_us": now_us,
        }
        claims.finish(tx, one, "delivered", done, now_us=now_us)
        claims.finish(tx, two, "failed", now_us=now_us, error="nas: <no> right to write", hint="look at its rights")
        archive_incidents.open_one(tx, node, "nas", "cannot send two.mp4", now_us)


def test_every_target_is_a_card(node: Site) -> None:
    """A target says in a sentence how it stands, with backlog, rate and time left; one without rules says so (C124)."""
    fill(node.home.context.catalog(), node.clock.wall_us())
    html = node.as_().get("/delivery").text
    assert "Cannot send two.mp4" in html
    assert "1 file, 30.0 MB" in html
    assert "100.0 kB/s over five minutes" in html
    assert "5 min" in html
    assert "nothing to send yet" in html.lower()
    assert 'href="https://nas.example/gate/one.mp4"' in html
    assert "&lt;no&gt; right to write" in html


def test_a_target_that_takes_nothing_says_when_the_disk_is_full(node: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what waits takes ever more room, its card says when a disk is full of it (C085, C124)."""
    fill(node.home.context.catalog(), node.clock.wall_us())
    assert "Disk full of it" not in node.as_().get("/delivery").text
    at_us = node.clock.wall_us() + 3 * 86_400 * SECOND_US
    monkeypatch.setattr(delivery, "filled_us", lambda *_facts, **_more: {"nas": at_us})
    html = node.as_().get("/delivery").text
    assert html.count("Disk full of it") == 1
    assert iso(at_us)[:10] in html


def test_lists_are_chosen_by_state(node: Site) -> None:
    """The list shows one state or target where that is asked for, and everything else is left out."""
    fill(node.home.context.catalog(), node.clock.wall_us())
    html = node.as_().get("/delivery", params={"state": "failed", "target": "nas"}).text
    assert "right to write" in html
    assert "nas.example" not in html
    assert "Files that are sent will stand here" in node.as_().get("/delivery", params={"target": "cloud"}).text
    assert node.as_().get("/delivery", params={"cursor": "x"}).status_code == 400


def test_an_operator_retries_and_pauses(node: Site) -> None:
    """What failed is tried again with one button, and a target is held with another; a viewer has neither (C071)."""
    catalog = node.home.context.catalog()
    fill(catalog, node.clock.wall_us())
    assert "/delivery/retry" not in node.as_().get("/delivery").text
    assert node.as_().post("/delivery/retry", data={"target": "nas"}).status_code == 403
    operator = node.as_(Role.OPERATOR)
    assert "Retry 1 failed" in operator.get("/delivery").text
    operator.post("/delivery/retry", data={"target": "nas"})
    assert "Retry 1 failed" not in operator.get("/delivery").text
    operator.post("/delivery/pause", data={"target": "nas", "what": "pause"})
    assert "Let it go on" in operator.get("/delivery").text
    operator.post("/delivery/pause", data={"target": "nas", "what": "resume"})
    assert "Let it go on" not in operator.get("/delivery").text
    assert operator.post("/delivery/pause", data={"target": "nsa", "what": "pause"}).status_code == 404


def test_nothing_configured_is_explained(tmp_path: Path, clock: PushedClock) -> None:
    """Without targets the page says what will stand there and how to get it."""
    with site(tmp_path, clock, "gate") as made:
        assert "[targets.NAME]" in made.as_().get("/delivery").text


def test_a_catalog_that_is_away(node: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the catalog away the page says that nothing is lost, and offers to try again."""

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("it is gone")

    monkeypatch.setattr(verbs, "targets", away)
    answer = node.as_().get("/delivery")
    assert (answer.status_code, "Nothing is lost by it" in answer.text) == (503, True)


def test_an_incident_of_a_target_leads_here(node: Site) -> None:
    """The page of incidents shows a target's, with the way to its deliveries instead of to a camera."""
    fill(node.home.context.catalog(), node.clock.wall_us())
    html = node.as_().get("/incidents").text
    assert 'href="/delivery"' in html
    assert "/cameras/@nas" not in html
    assert "<strong>Delivery</strong> <span>nas</span>" in html
