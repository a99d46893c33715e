import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as read_text

from holdfast.core.camera import StreamKey
from holdfast.core.errors import VolumeMissing
from holdfast.core.gap import PLANNED, GapReason
from holdfast.core.status import StreamState, StreamStatus
from holdfast.library.holdings import CatalogNow
from holdfast.library.host import Host, Zone
from holdfast.library.metrics import Facts, expose
from holdfast.library.status import Health, NodeNow, StreamNow
from holdfast.library.volumes import VolumeState
from support.clock import PushedClock

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
NOW = PushedClock().wall_us()
GATE = StreamStatus(
    camera="gate", stream="main", state=StreamState.RECORDING, at_us=NOW, fps=25.0, bitrate_bps=4_000_000, restarts=3,
    pictures=1500, media_bytes=30_000_000, segments=6, drift_ppm=-20.0,
)  # fmt: skip


def _stream(status: StreamStatus, health: Health = Health.WELL, *, fresh: bool = True) -> StreamNow:
    return StreamNow(status=status, fresh=fresh, health=health, words="", frame_age_s=0.4 if fresh else None)


@pytest.fixture(name="facts")
def _facts(tmp_path: Path) -> Facts:
    """A node that records the gate, on a host that tells nothing but two sensors of one name."""
    host = Host(PushedClock(), proc=tmp_path, sys=tmp_path)
    zones = (Zone(name="acpi", celsius=40.0), Zone(name="acpi", celsius=41.0))
    disk = VolumeState(
        name="main", root=tmp_path, volume_id="v", problem=None, free_bytes=10, total_bytes=100, reserve_bytes=5
    )
    children = [{"name": "recorder-0", "state": "running", "restarts": 2}, {"name": "worker", "state": "waiting"}]
    return Facts(
        now_us=NOW, host=replace(host.now(), temperatures=zones), machine=host.machine(), disks=[disk],
        node=NodeNow(
            sentence="", hint="", well=True, streams=(_stream(GATE),), supervisor={"children": children}, worker=None
        ),
        catalog=CatalogNow(problem="", indexed_us=NOW - 2_500_000),
        lost={(StreamKey("gate", "main"), GapReason.REFUSED): 30_500_000},
    )  # fmt: skip


def _read(facts: Facts) -> tuple[Samples, dict[str, str]]:
    """Read the text as Prometheus does; samples by name and labels, and the type of each family."""
    text, kind = expose(facts)
    assert kind.startswith("text/plain; version=0.0.4")
    families = list(read_text(text.decode()))
    samples: Samples = {}
    for family in families:
        assert family.documentation, family.name
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, f"{key} twice"
            samples[key] = sample.value
    return samples, {family.name: family.type for family in families}


def _of(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset({"camera": "gate", "stream": "main", **labels}.items())


def test_a_stream_tells_its_state_and_counters(facts: Facts) -> None:
    """State, rates in base units, and counters of a stream are there under its camera's and its own name (C108)."""
    samples, kinds = _read(facts)
    states = {state: samples["holdfast_stream_state", _of(state=state.value)] for state in StreamState}
    assert [state for state, value in states.items() if value] == [StreamState.RECORDING]
    expected = {
        "wanted": 1, "last_frame_age_seconds": 0.4, "frames_per_second": 25, "receive_bytes_per_second": 500_000,
        "frames_total": 1500, "media_bytes_total": 30_000_000, "reconnects_total": 3, "segments_total": 6,
        "dropped_samples_total": 0, "queue_bytes": 0,
    }  # fmt: skip
    assert {name: samples[f"holdfast_stream_{name}", _of()] for name in expected} == expected
    assert math.isclose(samples["holdfast_stream_clock_drift_ratio", _of()], -2e-5)
    assert kinds["holdfast_stream_frames"] == "counter"
    assert kinds["holdfast_stream_queue_bytes"] == "gauge"


def test_a_recorder_that_is_gone_tells_no_rates(facts: Facts) -> None:
    """Its counters stand as they were, its rates are unknown; one that never spoke has counted nothing."""
    gone = _stream(replace(GATE, state=StreamState.OFF), Health.LOST, fresh=False)
    never = _stream(StreamStatus(camera="dock", stream="sub", state=StreamState.OFF), Health.LOST, fresh=False)
    samples, _ = _read(replace(facts, node=replace(facts.node, streams=(gone, never))))
    assert samples["holdfast_stream_frames_total", _of()] == 1500
    assert ("holdfast_stream_frames_per_second", _of()) not in samples
    assert ("holdfast_stream_frames_total", _of(camera="dock", stream="sub")) not in samples
    assert samples["holdfast_stream_state", _of(camera="dock", stream="sub", state="off")] == 1


def test_lost_seconds_have_a_reason(facts: Facts) -> None:
    """Each reason of each stream is there from the first moment on, planned absence never; unknown is not zero."""
    samples, kinds = _read(facts)
    lost = {labels: value for (name, labels), value in samples.items() if name == "holdfast_lost_seconds_total"}
    assert kinds["holdfast_lost_seconds"] == "counter"
    assert len(lost) == len(GapReason) - len(PLANNED)
    assert lost[_of(reason="refused")] == 30.5
    assert sum(lost.values()) == 30.5
    samples, _ = _read(replace(facts, lost=None))
    assert not [name for name, _ in samples if name == "holdfast_lost_seconds_total"]


def test_node_volumes_and_catalog(facts: Facts) -> None:
    """Roles, restarts, room on the disks and how far the catalog is behind are there; what is not known is absent."""
    samples, _ = _read(facts)
    nothing: frozenset[tuple[str, str]] = frozenset()
    roles = {dict(labels)["role"]: value for (name, labels), value in samples.items() if name == "holdfast_role_up"}
    assert roles == {"supervisor": 1, "worker": 0, "server": 0, "recorder-0": 1}
    assert samples["holdfast_role_restarts_total", frozenset({("role", "recorder-0")})] == 2
    assert samples["holdfast_volume_free_bytes", frozenset({("volume", "main")})] == 10
    assert samples["holdfast_volume_up", frozenset({("volume", "main")})] == 1
    assert (samples["holdfast_catalog_up", nothing], samples["holdfast_catalog_lag_seconds", nothing]) == (1, 2.5)
    assert ("holdfast_host_memory_size_bytes", nothing) not in samples
    sensors = {dict(labels)["sensor"] for name, labels in samples if name == "holdfast_host_temperature_celsius"}
    assert sensors == {"acpi", "acpi 2"}
    (disk,) = facts.disks
    missing = replace(disk, problem=VolumeMissing("gone"), free_bytes=None, total_bytes=None)
    samples, _ = _read(replace(facts, disks=[missing], catalog=CatalogNow(problem="away", indexed_us=None)))
    assert samples["holdfast_volume_up", frozenset({("volume", "main")})] == 0
    assert ("holdfast_volume_size_bytes", frozenset({("volume", "main")})) not in samples
    assert samples["holdfast_catalog_up", nothing] == 0
    assert ("holdfast_catalog_lag_seconds", nothing) not in samples


def test_names_keep_the_conventions(facts: Facts) -> None:
    """Each name begins with the program's, counters alone end with `_total`, and units are base units."""
    samples, kinds = _read(facts)
    assert all(name.startswith("holdfast_") for name, _ in samples)
    counters = {f"{name}_total" for name, kind in kinds.items() if kind == "counter"}
    assert {name for name, _ in samples if name.endswith("_total")} <= counters
    foreign = ("_ms", "_us", "_percent", "_bits", "_mb", "_kb", "_ppm", "_s")
    assert not [name for name, _ in samples if name.endswith(foreign)]


def test_openmetrics_is_spoken_too(facts: Facts) -> None:
    """Who accepts OpenMetrics gets it, and it is valid."""
    text, kind = expose(facts, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert kind.startswith("application/openmetrics-text")
    families = text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call] # the library's own gap
    assert "holdfast_build" in {family.name for family in families}


def test_every_number_is_in_the_manual(facts: Facts) -> None:
    """The page on monitoring names every family with its labels, and none that is not there."""
    told = {}
    for line in (Path(__file__).parents[2] / "docs/monitoring.md").read_text(encoding="utf-8").splitlines():
        row = re.fullmatch(r"\| `(holdfast_\w+)` \| ([\w, ]*) ?\|.*", line)
        if row:
            told[row[1]] = {label for label in row[2].replace(" ", "").split(",") if label}
    text, _ = expose(facts)
    families = list(read_text(text.decode()))
    ends = {"counter": "_total"}
    names = {family.name + ends.get(family.type, "") for family in families}
    assert set(told) == names
    for family in families:
        for sample in family.samples:
            assert set(sample.labels) == told[sample.name], sample.name
