"""When disks are full and who loses what, at today's rates."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.catalog import deliveries, nodes
from holdfast.catalog.deliveries import Planned
from holdfast.core.retention import DiskFull, Keep
from holdfast.core.timing import DAY_US, HOUR_US
from holdfast.library import deliveries as handed
from holdfast.library import forecast as forecasts
from holdfast.library import retention, volumes
from holdfast.library.forecast import Flow, Forecast, filled_us, forecast, foreseen
from holdfast.library.volumes import VolumeState
from support.kept_node import KEPT, KeptNode, asset_of

NOW = 1_790_000_000_000_000
GB = 10**9


def disk(free_gb: float, total_gb: float = 1000) -> VolumeState:
    """A volume of so many gigabytes."""
    return VolumeState(
        name="main", root=Path("/x"), volume_id="v", problem=None, free_bytes=round(free_gb * GB),
        total_bytes=round(total_gb * GB), reserve_bytes=0,
    )  # fmt: skip


def flow(
    camera: str, *, has_gb: float, daily_gb: float, since_days: float, keep: Keep | None = None,
    waits_gb: float | None = None,
) -> Flow:  # fmt: skip
    """A camera on it; where copies do not arrive all that it has waits for them, unless it is said how much does."""
    has = round(has_gb * GB)
    return Flow(
        camera=camera, bytes=has, oldest_us=NOW - round(since_days * DAY_US), hourly=round(daily_gb * GB / 24),
        keep=keep or Keep(), waits=has if waits_gb is None and keep and keep.copies else round((waits_gb or 0) * GB),
    )  # fmt: skip


def see(free_gb: float, *flows: Flow, full: DiskFull = DiskFull.ACKNOWLEDGED) -> Forecast:
    """Foresee that volume, which keeps 10 GB free."""
    return foreseen(disk(free_gb), flows, 10 * GB, full, NOW)


def days(us: int | None) -> float | None:
    """In how many days that is."""
    return None if us is None else round((us - NOW) / DAY_US, 1)


def test_a_disk_fills_at_the_rate_of_its_cameras() -> None:
    """Room by rate is the day when it is full; the camera with the oldest footage loses then, the other one later."""
    found = see(210, flow("a", has_gb=30, daily_gb=10, since_days=3), flow("b", has_gb=10, daily_gb=10, since_days=1))
    assert days(found.full_us) == 10.0
    assert [(one.camera, one.why, days(one.loses_us)) for one in found.cameras] == [
        ("a", "room", 10.0), ("b", "room", 11.0),
    ]  # fmt: skip
    assert round((found.cameras[0].depth_us or 0) / DAY_US, 1) == 13.0
    assert not found.stops


def test_cameras_with_an_age_settle() -> None:
    """Where what every camera keeps has room, the disk is never full, and each loses what is too old."""
    keep = Keep(keep_us=7 * DAY_US)
    found = see(500, flow("a", has_gb=30, daily_gb=10, since_days=3, keep=keep))
    assert found.full_us is None
    assert found.settles_bytes == pytest.approx(70 * GB, rel=1e-6)
    assert [(one.why, days(one.loses_us)) for one in found.cameras] == [("age", 4.0)]
    limited = see(500, flow("a", has_gb=30, daily_gb=10, since_days=3, keep=Keep(keep_bytes=50 * GB)))
    assert [(one.why, days(one.loses_us)) for one in limited.cameras] == [("bytes", 2.0)]


def test_what_nothing_may_be_deleted_of_stops_recording() -> None:
    """Where all waits for copies, or nothing may go for room, a full disk stops recording, and that is said."""
    keep = Keep(copies=1, keep_us=DAY_US)
    sent = flow("a", has_gb=30, daily_gb=10, since_days=3, keep=keep)
    # Its age would let it settle at 10 GB, and what waits for copies has no age.
    assert see(15, sent).stops
    found = see(15, flow("a", has_gb=30, daily_gb=10, since_days=3, keep=Keep(copies=1)))
    assert (days(found.full_us), found.stops) == (0.5, True)
    assert found.cameras[0].protects == "1 verified copy first"
    assert found.cameras[0].loses_us is None
    assert see(15, sent, full=DiskFull.OLDEST).cameras[0].why in {"", "room"}
    stopped = see(15, flow("a", has_gb=30, daily_gb=10, since_days=3), full=DiskFull.STOP)
    assert (stopped.stops, stopped.cameras[0].protects) == (True, "nothing is deleted for room")


def test_what_has_its_copies_makes_room_while_a_target_is_away() -> None:
    """A full disk of footage that was sent goes on for as long as that lasts, and only then recording stops (R6)."""
    keep = Keep(copies=1)
    found = see(10, flow("a", has_gb=900, daily_gb=10, since_days=90, keep=keep, waits_gb=20))
    assert (days(found.full_us), days(found.stops_us), days(found.backlog_us)) == (0.0, 88.0, 88.0)
    assert [(one.why, days(one.loses_us)) for one in found.cameras] == [("room", 0.0)]
    # What another camera has, which is sent nowhere, goes before, too.
    both = see(
        110, flow("a", has_gb=20, daily_gb=10, since_days=2, keep=keep), flow("b", has_gb=50, daily_gb=5, since_days=9)
    )
    assert (days(both.full_us), days(both.stops_us)) == (6.7, 15.0)
    oldest = see(
        10, flow("a", has_gb=900, daily_gb=10, since_days=90, keep=keep, waits_gb=20), full=DiskFull.OLDEST
    )  # fmt: skip
    assert (oldest.stops_us, days(oldest.backlog_us)) == (None, 88.0)


def test_a_full_disk_is_full_now() -> None:
    """A disk that is below what is kept free is full now; one without cameras, or that is away, foresees nothing."""
    assert days(see(5, flow("a", has_gb=30, daily_gb=10, since_days=3)).full_us) == 0.0
    assert see(500).full_us is None
    away = VolumeState(
        name="main", root=Path("/x"), volume_id="v", problem=None, free_bytes=None, total_bytes=None, reserve_bytes=0
    )
    assert foreseen(away, [flow("a", has_gb=1, daily_gb=1, since_days=1)], 0, DiskFull.STOP, NOW).full_us is None


def test_the_chart_rises_to_what_may_be_used() -> None:
    """The points of the chart begin with now, never fall, and end at what is kept free."""
    points = see(210, flow("a", has_gb=30, daily_gb=20, since_days=3)).points
    assert points[0] == (NOW, 790 * GB)
    assert points[-1][1] == 990 * GB
    assert [used for _, used in points] == sorted(used for _, used in points)


SENT = '[targets.nas]\ntype = "folder"\npath = "nas"\n[deliveries.d]\ntarget = "nas"\n'


def test_footage_whose_copies_arrive_goes_like_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that keeps up stops no recording; one that is paused, or more than a day behind, does (C085)."""
    monkeypatch.setattr(volumes, "survey", lambda _config: [disk(1, 1)])
    monkeypatch.setattr(forecasts, "FURTHEST_US", 10**20)
    with contextlib.closing(KeptNode(tmp_path, KEPT + SENT)) as node:
        files = node.record(6)
        with node.catalog.write() as tx:
            number = nodes.ensure(tx, "local", 1)

        def wait(count: int, file: str) -> None:
            now_us = node.clock.wall_us()
            asset = replace(asset_of(files[0]), bytes=count, file=file, start_us=now_us, end_us=now_us)
            with node.catalog.write() as tx:
                deliveries.add(
                    tx, number, [Planned(rule="d", target="nas", asset=asset, key=file)], node.clock.wall_us()
                )

        def protects() -> str:
            return forecast(node.catalog, node.config, node.clock)[0].cameras[0].protects

        def pause(*, on: bool) -> None:
            handed.pause(node.catalog, node.config, "local", "nas", "somebody", node.clock.wall_us(), on=on)

        wait(files[0].bytes, "a.mp4")
        assert protects() == ""
        targets = handed.targets(node.catalog, node.config, "local", node.clock.wall_us())
        assert filled_us(node.catalog, node.config, node.clock, targets) == {}
        pause(on=True)
        assert protects() == "1 verified copy first"
        found = forecast(node.catalog, node.config, node.clock)[0]
        # Files of a test are small: only far from now they fill a disk.
        left = GB - retention.LEAST_HEADROOM + found.cameras[0].bytes - files[0].bytes
        assert found.backlog_us == node.clock.wall_us() + left * HOUR_US // found.hourly == found.stops_us
        targets = handed.targets(node.catalog, node.config, "local", node.clock.wall_us())
        assert filled_us(node.catalog, node.config, node.clock, targets) == {"nas": found.backlog_us}
        pause(on=False)
        wait(25 * sum(one.bytes for one in files), "b.mp4")
        assert protects() == "1 verified copy first"


@pytest.fixture(name="node")
def _node(tmp_path: Path) -> Iterator[KeptNode]:
    node = KeptNode(tmp_path, KEPT + "[cameras.gate.retention]\nkeep_days = 7\n")
    yield node
    node.close()


def test_rates_are_those_of_today(node: KeptNode) -> None:
    """A camera's rate is what it brought in the last day, or since it is there."""
    files = node.record(6)
    found = forecast(node.catalog, node.config, node.clock)
    assert [one.volume for one in found] == ["main"]
    camera = found[0].cameras[0]
    total = sum(one.bytes for one in files)
    assert (camera.camera, camera.bytes) == ("gate", total)
    assert camera.hourly == pytest.approx(total, rel=0.02)
    assert (camera.why, camera.loses_us) == ("age", files[0].start_us + 7 * DAY_US)
    node.later(30)
    assert forecast(node.catalog, node.config, node.clock)[0].hourly == 0
    assert HOUR_US * 24 == DAY_US
