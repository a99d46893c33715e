"""What Prometheus is told of deliveries and retention."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from holdfast.catalog.db import open_catalog
from holdfast.catalog.delivery_stats import Count
from holdfast.core.delivery import DeliveryState
from holdfast.library.holdings import Deliveries, Holdings
from holdfast.library.metrics_work import of_deliveries, of_retention
from support.handed import Handed
from support.sending import Sending

NOW_US = 1_790_000_000_000_000
Samples = dict[tuple[str, ...], float]


def read(metrics: Iterator[Metric]) -> Samples:
    """Read what Prometheus reads: values by name and the values of labels."""
    found = list(metrics)

    class All(Collector):
        def describe(self) -> list[Metric]:
            return []

        def collect(self) -> list[Metric]:
            return found

    registry = CollectorRegistry()
    registry.register(All())
    text = generate_latest(registry).decode()
    return {
        (sample.name, *(sample.labels[name] for name in ("target", "state", "cause") if name in sample.labels)): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_backlogs_by_target_and_state() -> None:
    """Files, bytes and the age of the oldest are told of each state of each target, 0 where there are none."""
    waits = Count(12, 3400, NOW_US - 90_000_000)
    counts: Deliveries = {("nas", DeliveryState.PENDING): waits, ("old", DeliveryState.FAILED): Count(1, 10, NOW_US)}
    said = read(of_deliveries(["nas", "cloud"], counts, None, NOW_US))
    assert said["holdfast_deliveries", "nas", "pending"] == 12
    assert said["holdfast_deliveries_bytes", "nas", "pending"] == 3400
    assert said["holdfast_deliveries_oldest_age_seconds", "nas", "pending"] == 90
    assert said["holdfast_deliveries_oldest_age_seconds", "cloud", "pending"] == 0
    assert said["holdfast_deliveries", "old", "failed"] == 1
    assert [key for key in said if key[0] == "holdfast_target_up"] == [], "without a worker that is not known"
    assert read(of_deliveries(["nas"], None, None, NOW_US)) == {}


def test_what_is_sent_and_fails_is_counted(tmp_path: Path) -> None:
    """What arrived, and what failed by its cause, is counted as the worker says; a target that is away is down."""
    with open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as catalog:
        site = Handed(tmp_path, catalog)
        size = sum(len((site.volume / site.segment(number)).read_bytes()) for number in range(2))
        holdings = Holdings(site.clock, lambda: catalog)
        with Sending(site) as sending:

            def told() -> Samples:
                return read(of_deliveries(["nas"], holdings.deliveries(), sending.deliver.status(), NOW_US))

            assert told()["holdfast_send_failures_total", "nas", "target-away"] == 0
            site.nas.rename(site.root / "unplugged")
            sending.drain()
            down = told()
            (site.root / "unplugged").rename(site.nas)
            assert sending.drained_within(120)
            site.clock.sleep(60)
            up = told()
    assert (down["holdfast_target_up", "nas"], up["holdfast_target_up", "nas"]) == (0, 1)
    assert down["holdfast_send_failures_total", "nas", "target-away"] == 1
    assert (up["holdfast_sent_files_total", "nas"], up["holdfast_sent_bytes_total", "nas"]) == (2, size)
    assert up["holdfast_deliveries", "nas", "delivered"] == 2


@pytest.mark.parametrize(("off", "up"), [("", 1), ("the clock was set", 0)])
def test_retention_tells_whether_it_may_and_what_went(off: str, up: int) -> None:
    """Whether anything may be deleted, since when nothing could, what waits, and what went; nothing of no worker."""
    said: dict[str, Any] = {"off": off, "problem": "", "deleted": {"files": 7, "bytes": 99}, "waiting": 3}
    found = read(of_retention(said | {"passed_us": NOW_US - 5_000_000}, NOW_US))
    assert found["holdfast_retention_up",] == up
    assert found["holdfast_retention_pass_age_seconds",] == 5
    assert found["holdfast_retention_waiting_files",] == 3
    assert found["holdfast_retention_deleted_files_total",] == 7
    assert found["holdfast_retention_deleted_bytes_total",] == 99
    assert ("holdfast_retention_pass_age_seconds",) not in read(of_retention(said | {"passed_us": None}, NOW_US))
    assert read(of_retention(None, NOW_US)) == {}
