"""Measures over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import measures, nodes
from holdfast.catalog.measures import Measure
from holdfast.core.timing import HOUR_US, SECOND_US
from support.clock import PushedClock
from support.pages import Site, site

URL = "/api/v1/cameras/GATE/measures"


@pytest.fixture(name="gate")
def _gate(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A gate that was looked at for two minutes, with sound in every second look."""
    with site(tmp_path, clock, "gate", "dock") as made:
        context = made.home.context
        begin_us = clock.wall_us() // 60_000_000 * 60_000_000 - 120 * SECOND_US
        looks = [
            Measure(
                at_us=begin_us + n * 2 * SECOND_US,
                black_percent=2.0 * n,
                mean_db=-30.0 if n % 2 else None,
                difference=0.4,
                difference_12=0.1,
                difference_13=0.4,
                difference_23=0.2,
            )
            for n in range(60)
        ]
        with context.catalog().write() as tx:
            measures.add(tx, nodes.ensure(tx, context.node, 1), {"gate": looks})
        yield made


def test_looks_of_a_short_span_and_minutes_of_a_long_one(gate: Site, clock: PushedClock) -> None:
    """Up to two hours each look is told, beyond that each minute; either can be asked for (C055)."""
    now_us = clock.wall_us()
    short = gate.as_().get(URL, params={"from": now_us - HOUR_US, "to": "now"}).json()
    assert (len(short["looks"]), short["minutes"], short["more"]) == (60, [], False)
    first, second = short["looks"][:2]
    assert (first["blackscreen_percentage"], first["mean_volume_db"], first["volume_percentage"]) == (0.0, None, None)
    assert (second["mean_volume_db"], second["volume_percentage"]) == (-30.0, 50.0)
    assert (first["blackscreen"], first["freeze"], first["freeze_diffs"], first["audio"]) == (
        False, True, [0.1, 0.4, 0.2], None,
    )  # fmt: skip
    assert (second["audio"], short["looks"][-1]["blackscreen"]) == (True, True)
    long = gate.as_().get(URL, params={"from": now_us - 5 * HOUR_US, "to": "now"}).json()
    assert [(minute["looks"], minute["db_mean"]) for minute in long["minutes"]] == [(30, -30.0), (30, -30.0)]
    asked = gate.as_().get(URL, params={"from": now_us - HOUR_US, "to": "now", "by": "minute"}).json()
    assert asked["minutes"] == long["minutes"]


def test_nothing_and_nobody(gate: Site) -> None:
    """A camera without measures has none; one that there is not is 404; a way that there is not is 422."""
    span = {"from": "1h", "to": "now"}
    empty = gate.as_().get("/api/v1/cameras/dock/measures", params=span).json()
    assert empty == {"looks": [], "minutes": [], "more": False}
    assert gate.as_().get("/api/v1/cameras/nobody/measures", params=span).status_code == 404
    assert gate.as_().get(URL, params={**span, "by": "hour"}).status_code == 422
