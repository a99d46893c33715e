"""What Prometheus is told of deliveries and retention: backlogs from the catalog, counters from the worker's status.

The counters begin anew with the worker, and with its configuration. Without a fresh status they have no samples.
Not here: the rest, and who puts it together (metrics).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from holdfast.catalog.delivery_stats import Count
from holdfast.core.delivery import DeliveryState
from holdfast.core.timing import SECOND_US
from holdfast.library.holdings import Deliveries

_LABELS = ("target", "state")
_WAITING = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.FAILED)


def of_deliveries(
    targets: Sequence[str], counts: Deliveries | None, work: Mapping[str, Any] | None, now_us: int
) -> Iterator[Metric]:
    """Yield what is told of deliveries.

    Args:
        targets: Those that are configured: each state of each is there from the first moment on.
        counts: By target and state; None where that is not known.
        work: What the worker says of its work; None where it says nothing.
        now_us: Wall time.
    """
    files = GaugeMetricFamily("holdfast_deliveries", "Files for a target, by how they stand.", labels=_LABELS)
    sizes = GaugeMetricFamily("holdfast_deliveries_bytes", "Size of these files.", labels=_LABELS)
    ages = GaugeMetricFamily(
        "holdfast_deliveries_oldest_age_seconds",
        "Time since the oldest of those began that have not arrived; 0 where there are none.",
        labels=_LABELS,
    )
    if counts is not None:
        for target in dict.fromkeys([*targets, *(target for target, _ in counts)]):
            for state in DeliveryState:
                count = counts.get((target, state), Count())
                files.add_metric([target, state.value], count.count)
                sizes.add_metric([target, state.value], count.bytes)
                if state in _WAITING:
                    oldest_us = now_us if count.oldest_us is None else count.oldest_us
                    ages.add_metric([target, state.value], max(0, now_us - oldest_us) / SECOND_US)
    yield from (files, sizes, ages)
    yield from _sent(targets, work)


def _sent(targets: Sequence[str], work: Mapping[str, Any] | None) -> Iterator[Metric]:
    up = GaugeMetricFamily("holdfast_target_up", "1 while a target takes files, or was not asked.", labels=["target"])
    files = CounterMetricFamily("holdfast_sent_files_total", "Files that arrived at a target.", labels=["target"])
    sizes = CounterMetricFamily("holdfast_sent_bytes_total", "Bytes that arrived at a target.", labels=["target"])
    failures = CounterMetricFamily(
        "holdfast_send_failures_total", "Attempts to send that failed, by cause.", labels=["target", "cause"]
    )
    if work is not None:
        away = {one.get("target") for one in work.get("away", ()) if "rule" not in one}
        for target in targets:
            up.add_metric([target], target not in away)
        for one in work.get("sent", ()):
            files.add_metric([one["target"]], one["files"])
            sizes.add_metric([one["target"]], one["bytes"])
            for cause, count in one["failures"].items():
                failures.add_metric([one["target"], cause], count)
    yield from (up, files, sizes, failures)


def of_retention(retention: Mapping[str, Any] | None, now_us: int) -> Iterator[Metric]:
    """Yield what is told of retention; `retention` is what the worker says of it, None where it says nothing."""
    may = GaugeMetricFamily("holdfast_retention_up", "1 while what is over may be deleted.")
    age = GaugeMetricFamily("holdfast_retention_pass_age_seconds", "Time since the last pass that could delete.")
    waiting = GaugeMetricFamily("holdfast_retention_waiting_files", "Files that are over and left to the next pass.")
    files = CounterMetricFamily("holdfast_retention_deleted_files_total", "Files that policy let go.")
    sizes = CounterMetricFamily("holdfast_retention_deleted_bytes_total", "Bytes that policy let go.")
    if retention is not None:
        may.add_metric([], not retention.get("off") and not retention.get("problem"))
        if retention.get("passed_us") is not None:
            age.add_metric([], max(0, now_us - retention["passed_us"]) / SECOND_US)
        waiting.add_metric([], retention.get("waiting", 0))
        deleted = retention.get("deleted") or {}
        files.add_metric([], deleted.get("files", 0))
        sizes.add_metric([], deleted.get("bytes", 0))
    yield from (may, age, waiting, files, sizes)
