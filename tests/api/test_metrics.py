"""Numbers for Prometheus over HTTP."""

import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from holdfast.core.clock import SystemClock
from holdfast.core.errors import CatalogUnavailable
from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.pages import site


def test_prometheus_comes_with_a_token(tmp_path: Path, clock: PushedClock) -> None:
    """A viewer's token is enough, nobody gets nothing, and what comes is what Prometheus reads (C108)."""
    with site(tmp_path, clock, "gate", "dock") as made:
        made.says("gate", pictures=7)
        assert made.home.client().get("/metrics").status_code == 401
        answer = made.home.client(made.home.token(Role.VIEWER)).get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = {
            (sample.name, sample.labels.get("camera")): sample.value
            for family in text_string_to_metric_families(answer.text) for sample in family.samples
        }  # fmt: skip
        assert found["holdfast_stream_frames_total", "gate"] == 7
        assert found["holdfast_catalog_up", None] == 1
        assert ("holdfast_volume_size_bytes", None) in found


def test_metrics_outlive_the_catalog(tmp_path: Path, clock: PushedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the catalog the rest is still told, and that it is away is told too."""
    with site(tmp_path, clock, "gate") as made:
        client = made.as_()

        def away() -> None:
            raise CatalogUnavailable("it is gone")

        monkeypatch.setattr(made.home.app.state.holdings, "_catalog", away)
        text = client.get("/metrics").text
        assert "holdfast_catalog_up 0.0" in text
        assert 'holdfast_stream_state{camera="gate"' in text
        assert "holdfast_lost_seconds_total{" not in text


@pytest.mark.best_of_three
def test_dead_cameras_cost_a_scrape_nothing(tmp_path: Path) -> None:
    """With 64 cameras that nobody reaches a scrape takes no longer than a scrape may (F66)."""
    names = [f"cam{number}" for number in range(64)]
    with site(tmp_path, SystemClock(), *names) as made:
        client = made.as_()
        client.get("/metrics")
        began = time.perf_counter()
        text = client.get("/metrics").text
        assert time.perf_counter() - began < 0.5
        assert text.count("holdfast_stream_wanted{") == 64
