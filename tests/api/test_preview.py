"""What other thresholds would have told, over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import measures, nodes
from holdfast.catalog.measures import Measure
from holdfast.core.timing import SECOND_US
from support.clock import PushedClock
from support.pages import Site, site

URL = "/api/v1/cameras/GATE/watch/preview"


@pytest.fixture(name="gate")
def _gate(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A gate that was 90 percent black for 20 s, a minute ago."""
    with site(tmp_path, clock, "gate") as made:
        context = made.home.context
        begin_us = clock.wall_us() - 60 * SECOND_US
        looks = [
            Measure(at_us=begin_us + n * 2 * SECOND_US, black_percent=90.0 if n < 10 else 1.0, difference=3.0)
            for n in range(20)
        ]
        with context.catalog().write() as tx:
            measures.add(tx, nodes.ensure(tx, context.node, 1), {"gate": looks})
        yield made


def test_what_would_have_been_told(gate: Site, clock: PushedClock) -> None:
    """The same looks by the thresholds as they are and as they would be, with what cannot be said (C058)."""
    span = {"from": "1h", "to": "now"}
    answer = gate.as_().post(URL, params=span, json={"watch": {"black_percent": 80, "region": "0 0 50 50"}})
    body = answer.json()
    assert answer.status_code == 200, body
    begin_us = clock.wall_us() - 60 * SECOND_US
    told = {"incident_type": "blackscreen", "start_us": begin_us, "end_us": begin_us + 20 * SECOND_US}
    assert (body["looks"], body["now"], body["then"], body["unseen"]) == (20, [], [told], ["region"])


def test_refusals(gate: Site) -> None:
    """A value that is none is 400 with its key; a camera that there is not is 404; nobody is 401."""
    span = {"from": "1h", "to": "now"}
    refused = gate.as_().post(URL, params=span, json={"watch": {"black_percent": "much"}})
    assert refused.status_code == 400
    assert "watch.black_percent" in refused.json()["error"]["message"]
    assert gate.as_().post(URL.replace("GATE", "nobody"), params=span, json={"watch": {}}).status_code == 404
    assert gate.home.client().post(URL, params=span, json={"watch": {}}).status_code == 401
