"""What Prometheus is told: host, volumes, roles, catalog, and each stream's state and counters, made when it asks.

What it is told of deliveries and retention is in metrics_work.

A collector of our own in a registry of its own: nothing is counted in this process, the status files are what is
exposed. Counters begin anew with their recorder, but for the lost seconds, which come from the catalog. What is not
known has no sample.

Names follow Prometheus's conventions: base units, `_total` for what only grows. Any thread.
Not here: gathering the facts (api.metrics), adding up gaps (holdings).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from holdfast.core.gap import PLANNED, GapReason
from holdfast.core.status import StreamState
from holdfast.core.timing import SECOND_US
from holdfast.library.holdings import CatalogNow, Deliveries, Lost
from holdfast.library.host import HostNow, Machine
from holdfast.library.metrics_work import of_deliveries, of_retention
from holdfast.library.status import Health, NodeNow, StreamNow
from holdfast.library.volumes import VolumeState

_STREAM = ("camera", "stream")
_UNPLANNED = [reason for reason in GapReason if reason not in PLANNED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is exposed.

    `lost` and `deliveries` are None where the catalog has not answered yet; `targets` are the configured ones, `now_us`
    is wall time.
    """

    now_us: int
    node: NodeNow
    host: HostNow
    machine: Machine
    disks: Sequence[VolumeState]
    catalog: CatalogNow
    lost: Lost | None
    targets: Sequence[str] = ()
    deliveries: Deliveries | None = None


def expose(facts: Facts, accept: str = "") -> tuple[bytes, str]:
    """Return the text and its type: Prometheus's format, or OpenMetrics for who accepts that.

    Args:
        facts: What to say.
        accept: The request's Accept header.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(facts))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


class _Collector(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand: one collector is all there is in its registry."""
        return ()

    def collect(self) -> Iterable[Metric]:
        facts = self._facts
        machine = facts.machine
        yield InfoMetricFamily(
            "holdfast_build", "What runs here.",
            value={"version": machine.holdfast, "python": machine.python, "architecture": machine.architecture},
        )  # fmt: skip
        yield from _node(facts)
        yield from _streams(facts.node.streams)
        yield from _lost(facts)
        yield from _volumes(facts.disks)
        worker = facts.node.worker or {}
        yield from of_deliveries(facts.targets, facts.deliveries, worker.get("work"), facts.now_us)
        yield from of_retention(worker.get("retention"), facts.now_us)
        yield from _host(facts.host)


def _node(facts: Facts) -> Iterator[Metric]:
    node = facts.node
    yield _gauge("holdfast_well", "1 while nothing needs a person, as the state sentence says.", node.well)
    roles = {"supervisor": node.supervisor, "worker": node.worker, "server": node.server}
    up = GaugeMetricFamily("holdfast_role_up", "1 while a process of this node is running.", labels=["role"])
    restarts = CounterMetricFamily(
        "holdfast_role_restarts_total", "Starts after the first, since the supervisor began.", labels=["role"]
    )
    running = {role: body is not None for role, body in roles.items()}
    for child in (node.supervisor or {}).get("children", []):
        name = str(child.get("name"))
        running.setdefault(name, child.get("state") == "running")
        restarts.add_metric([name], int(child.get("restarts", 0)))
    for role, is_up in running.items():
        up.add_metric([role], is_up)
    yield from (up, restarts)
    catalog = facts.catalog
    yield _gauge("holdfast_catalog_up", "1 while the catalog answers.", not catalog.problem)
    lag_s = None if catalog.indexed_us is None else max(0, facts.now_us - catalog.indexed_us) / SECOND_US
    yield _gauge(
        "holdfast_catalog_lag_seconds",
        "Time since the indexer last said that it keeps up; every 10 s where nothing is new.",
        lag_s,
    )


def _streams(streams: Sequence[StreamNow]) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "holdfast_stream_state", "1 for the state that a stream is in, 0 for all others.", labels=[*_STREAM, "state"]
    )
    wanted = GaugeMetricFamily(
        "holdfast_stream_wanted", "1 while a stream should be recorded: neither off nor outside its hours.",
        labels=_STREAM,
    )  # fmt: skip
    for stream in streams:
        named = _labels(stream)
        for state in StreamState:
            states.add_metric([*named, state.value], stream.status.state is state)
        wanted.add_metric(named, stream.health is not Health.OFF)
    yield from (states, wanted)
    yield _of_streams(
        streams, "holdfast_stream_last_frame_age_seconds", "Time since the newest picture or sound arrived.",
        {_labels(stream): stream.frame_age_s for stream in streams},
    )  # fmt: skip
    fresh = [stream for stream in streams if stream.fresh]
    gauges = (
        ("holdfast_stream_frames_per_second", "Pictures a second, over the last 5 s.", "fps", 1.0),
        ("holdfast_stream_receive_bytes_per_second", "Payload a second, over the last 5 s.", "bitrate_bps", 1 / 8),
        ("holdfast_stream_queue_bytes", "What waits for the disk.", "queue_bytes", 1.0),
        ("holdfast_stream_clock_drift_ratio", "How fast the camera's clock runs against ours.", "drift_ppm", 1e-6),
    )
    for name, words, field, factor in gauges:
        said = {_labels(stream): getattr(stream.status, field) * factor for stream in fresh}
        yield _of_streams(fresh, name, words, said)
    counters = (
        ("holdfast_stream_frames_total", "Pictures recorded, since the recorder started.", "pictures"),
        ("holdfast_stream_media_bytes_total", "Payload recorded, since the recorder started.", "media_bytes"),
        ("holdfast_stream_reconnects_total", "Connections after the first, since the recorder started.", "restarts"),
        ("holdfast_stream_segments_total", "Files finished, since the recorder started.", "segments"),
        (
            "holdfast_stream_dropped_samples_total", "Samples that a slow disk cost, since the recorder started.",
            "dropped_samples",
        ),
    )  # fmt: skip
    for name, words, field in counters:
        family = CounterMetricFamily(name, words, labels=_STREAM)
        # A recorder that never spoke has counted nothing; of one that is gone the last word stands.
        for stream in streams:
            if stream.status.at_us:
                family.add_metric(_labels(stream), getattr(stream.status, field))
        yield family


def _lost(facts: Facts) -> Iterator[Metric]:
    family = CounterMetricFamily(
        "holdfast_lost_seconds_total",
        "Time without footage that somebody wanted, by reason, over all that the catalog knows; a gap counts while it "
        "lasts. Planned absence is left out.",
        labels=[*_STREAM, "reason"],
    )
    if facts.lost is not None:
        keys = {(stream.status.camera, stream.status.stream) for stream in facts.node.streams}
        keys |= {(key.camera, key.stream) for key, _ in facts.lost}
        told = {(key.camera, key.stream, reason): length for (key, reason), length in facts.lost.items()}
        # Each reason from the first moment on: a counter that appears with a value hides how it came by it.
        for camera, stream in sorted(keys):
            for reason in _UNPLANNED:
                family.add_metric([camera, stream, reason.value], told.get((camera, stream, reason), 0) / SECOND_US)
    yield family


def _volumes(disks: Sequence[VolumeState]) -> Iterator[Metric]:
    up = GaugeMetricFamily("holdfast_volume_up", "1 while footage can go there.", labels=["volume"])
    for disk in disks:
        up.add_metric([disk.name], disk.problem is None)
    yield up
    sizes = (
        ("holdfast_volume_size_bytes", "Size of the disk.", "total_bytes"),
        ("holdfast_volume_free_bytes", "What may still be written.", "free_bytes"),
        ("holdfast_volume_reserve_bytes", "What is kept free.", "reserve_bytes"),
    )
    for name, words, field in sizes:
        family = GaugeMetricFamily(name, words, labels=["volume"])
        for disk in disks:
            value = getattr(disk, field)
            if value is not None:
                family.add_metric([disk.name], value)
        yield family


def _host(host: HostNow) -> Iterator[Metric]:
    cpu, memory = host.cpu, host.memory
    yield _gauge(
        "holdfast_host_cpu_busy_ratio", "Share of the processors that is in use, over the last seconds.",
        None if cpu.percent is None else cpu.percent / 100,
    )  # fmt: skip
    yield _gauge("holdfast_host_load1", "Processes that run or want to, over a minute.", cpu.load_1m)
    yield _gauge("holdfast_host_memory_size_bytes", "Memory of the host.", memory.total_bytes)
    yield _gauge("holdfast_host_memory_available_bytes", "What programs can still get.", memory.available_bytes)
    yield _gauge("holdfast_host_uptime_seconds", "Time since the host was started.", host.up_s)
    yield _gauge("holdfast_host_clock_synchronised", "1 while the host's clock is.", host.synchronised)
    warmth = GaugeMetricFamily("holdfast_host_temperature_celsius", "Temperature of a sensor.", labels=["sensor"])
    for name, celsius in _apart((zone.name, zone.celsius) for zone in host.temperatures):
        warmth.add_metric([name], celsius)
    yield warmth
    counters = (
        ("holdfast_host_network_receive_bytes_total", "Received since the interface came up.", "received_bytes"),
        ("holdfast_host_network_transmit_bytes_total", "Sent since the interface came up.", "sent_bytes"),
    )
    for metric, words, field in counters:
        family = CounterMetricFamily(metric, words, labels=["interface"])
        for interface in host.interfaces:
            family.add_metric([interface.name], getattr(interface, field))
        yield family


def _apart(sensors: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Number sensors of one name: two samples with the same labels would make the whole text invalid."""
    seen: dict[str, int] = {}
    for name, value in sensors:
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} {seen[name]}"), value


def _gauge(name: str, words: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, words)
    if value is not None:
        family.add_metric([], float(value))
    return family


def _of_streams(
    streams: Sequence[StreamNow], name: str, words: str, values: Mapping[tuple[str, str], float | None]
) -> Metric:
    family = GaugeMetricFamily(name, words, labels=_STREAM)
    for stream in streams:
        value = values[_labels(stream)]
        if value is not None:
            family.add_metric(_labels(stream), value)
    return family


def _labels(stream: StreamNow) -> tuple[str, str]:
    return stream.status.camera, stream.status.stream
