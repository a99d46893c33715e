"""What the watcher saw last, on a camera's page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import incidents, measures, nodes
from holdfast.catalog.measures import Measure
from holdfast.core.incident import Case, IncidentType, Stage
from support.clock import PushedClock
from support.pages import Site, site, words


@pytest.fixture(name="seen")
def _seen(tmp_path: Path, clock: PushedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A gate that is nearly black and silent, and one incident; a dock that nobody looked at."""
    monkeypatch.setenv("HOLDFAST_WATCHER__ENABLED", "true")
    with site(tmp_path, clock, "gate", "dock") as made:
        context, now_us = made.home.context, clock.wall_us()
        with context.catalog().write() as tx:
            node = nodes.ensure(tx, context.node, 1)
            last = Measure(at_us=now_us - 2_000_000, black_percent=90.0, difference=3.0, mean_db=-58.0)
            measures.add(tx, node, {"gate": [last]})
            incidents.put(
                tx, node, "gate", Case(IncidentType.AUDIO_LOSS, Stage.ACTIVE, now_us - 9_000_000, now_us, 4), now_us=1
            )
        yield made


def test_values_have_colours(seen: Site) -> None:
    """Beyond its threshold a value is red, near it amber, else green; the incidents are a click away (C120)."""
    html = seen.page("/cameras/gate/facts")
    assert '<span class="badge" data-health="degraded">90.0 % black</span>' in html
    assert '<span class="badge" data-health="well">3.0 of 255</span>' in html
    assert '<span class="badge" data-health="lost">3 %, -58 dB</span>' in html
    assert "1 incident now" in words(html)


def test_nothing_was_seen(seen: Site, clock: PushedClock) -> None:
    """What is older than a minute is not shown as if it were now; without any, it says so."""
    assert "Nothing was looked at" in words(seen.page("/cameras/dock/facts"))
    clock.advance(70)
    assert "Nothing was looked at" in words(seen.page("/cameras/gate/facts"))


def test_who_is_not_watched_has_no_card(tmp_path: Path, clock: PushedClock) -> None:
    """A camera that nobody watches has no such card."""
    more = "[cameras.gate]\nurl = 'rtsp://192.0.2.1/'\n[cameras.gate.watch]\nenabled = false\n"
    with site(tmp_path, clock, more=more) as made:
        assert "Picture and sound" not in made.page("/cameras/gate/facts")
