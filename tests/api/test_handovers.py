"""Hand-overs over HTTP: how rules stand, and another try."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.api import handovers
from holdfast.catalog import work_controls
from holdfast.catalog.db import open_catalog
from holdfast.catalog.work_controls import KindRow
from support.clock import PushedClock
from support.handed import Handed
from support.receiver import receiver
from support.telling import Telling
from support.web import application, context_for, serving

OPERATOR = {"X-Test-Right": "operator"}
VIEWER = {"X-Test-Right": "viewer"}


@pytest.fixture(name="node")
def _node(tmp_path: Path, clock: PushedClock) -> Iterator[tuple[Telling, httpx.Client]]:
    """A node that told a service of one file of three: one was refused, one waits."""
    (tmp_path / "state").mkdir()
    with open_catalog(f"sqlite:///{tmp_path / 'state' / 'catalog.sqlite'}") as catalog, receiver() as service:
        rule = '[handovers.{}]\ntype = "webhook"\nsince = "all"\nurl = "{}"\n'
        site = Handed(tmp_path, catalog, rule.format("r", service.url), clock=clock)
        with Telling(site) as telling:
            site.segment(-3)
            telling.drain()
            service.answers = [422]
            site.segment(-2)
            telling.drain()
            site.segment(-1)
            telling.planning.once()
            kind = telling.kind
            row = KindRow(name=kind.name, noun=kind.noun, queue="deliver", working=kind.working, about="", lane_limit=2)
            with catalog.write() as tx:
                work_controls.put_kinds(tx, site.node, [row], 1)
            context = context_for(tmp_path / "holdfast.toml", clock)
            with (
                serving(application(context, [handovers.router])) as address,
                httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
            ):
                yield telling, client
            context.close()


def rules(client: httpx.Client) -> list[dict[str, Any]]:
    """Return what the API says of rules."""
    found: list[dict[str, Any]] = client.get("/api/v1/handovers", headers=VIEWER).json()["items"]
    return found


def test_how_rules_stand(node: tuple[Telling, httpx.Client]) -> None:
    """Numbers, health and the last error; the receiver is named by its host, and by nothing secret."""
    _, client = node
    (rule,) = rules(client)
    assert (rule["name"], rule["type"], rule["health"]) == ("r", "webhook", "stalled")
    assert rule["states"] == {"done": 1, "failed": 1, "pending": 1}
    assert ("422" in rule["sentence"], "422" in rule["error"], rule["hint"] != "") == (True, True, True)
    assert rule["receiver"].startswith("http://127.0.0.1")
    assert "7f3a9c" not in str(rule)


def test_what_failed_is_tried_again(node: tuple[Telling, httpx.Client]) -> None:
    """An operator has what failed tried anew; a viewer may not, and an unknown field is refused."""
    telling, client = node
    assert client.post("/api/v1/handovers/retry", json={"rule": "r"}, headers=VIEWER).status_code == 403
    assert client.post("/api/v1/handovers/retry", json={"role": "r"}, headers=OPERATOR).status_code == 422
    assert client.post("/api/v1/handovers/retry", json={"rule": "r"}, headers=OPERATOR).json() == {"count": 1}
    telling.drain()
    (rule,) = rules(client)
    assert (rule["health"], rule["states"], rule["sentence"]) == ("well", {"done": 3}, "everything was told")
