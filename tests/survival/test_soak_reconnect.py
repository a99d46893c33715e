import time
from pathlib import Path

import pytest

from support.shard import Shard, descriptors, own_kb, threads
from support.sim import simulated, small_camera

CAMERAS = ("gate", "yard", "hall", "dock")
NOISE_KB = 1_024  # chosen: what pages and pools of libraries may still settle by in a short run
MOST_KB_AN_HOUR = 1_024  # P8's floor


def _slope(points: list[tuple[float, int]]) -> float:
    """Return the slope of the straight line that fits best."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def _floor(points: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the lowest of each handful of points: while a file is sealed, a megabyte is in use to hash it."""
    return [min(points[at : at + 6], key=lambda point: point[1]) for at in range(0, len(points), 6)]


@pytest.mark.parametrize(
    ("seconds", "every_s", "warm_s"),
    [
        (16, 0.7, 5),
        pytest.param(600, 5.0, 120, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
        pytest.param(600, 0.7, 120, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_reconnecting_leaves_nothing_behind(tmp_path: Path, seconds: int, every_s: float, warm_s: int) -> None:
    """Cameras that hang up again and again cost neither memory nor threads nor descriptors (P8, F34)."""
    points: list[tuple[float, int]] = []
    counts: list[tuple[int, int]] = []
    with (
        simulated(*(small_camera(name) for name in CAMERAS)) as sim,
        Shard(tmp_path, {name: sim.url(name) for name in CAMERAS}) as shard,
    ):
        shard.until(shard.recording)
        still = threads(shard.pid), descriptors(shard.pid)
        began = time.monotonic()
        while (now_s := time.monotonic() - began) < seconds:
            for number, name in enumerate(CAMERAS):
                sim.inject("close" if number % 2 else "reset", name)
            time.sleep(every_s * 0.8)
            if now_s >= warm_s:
                points.append((now_s / 3600, own_kb(shard.pid)))
                counts.append((threads(shard.pid), descriptors(shard.pid)))
            time.sleep(every_s * 0.2)
        shard.until(lambda: all(sim.counts(name).open == 1 for name in CAMERAS))
        time.sleep(1.5)
        after = threads(shard.pid), descriptors(shard.pid)
        reconnects = sum(sim.counts(name).opened for name in CAMERAS) - len(CAMERAS)
        growth_kb = _floor(points)[-1][1] - _floor(points)[0][1]
        left_behind = sum(sim.counts(name).left_behind for name in CAMERAS)
    slope = _slope(_floor(points))
    print(  # noqa: T201 - a measure
        f"\n{reconnects} reconnects in {seconds} s: memory {points[0][1]} to {points[-1][1]} kB ({slope / 1024:.2f}"
        f" MB/h), threads {still[0]} to {after[0]}, descriptors {still[1]} to {after[1]}"
    )
    assert reconnects >= len(CAMERAS) * (seconds / every_s) / 3  # a camera that hangs up at once is asked once a second
    assert left_behind == 0
    # One more than before: the thread that finishes interrupted files may have begun to use a file of its own.
    assert after[0] <= still[0]
    assert after[1] <= still[1] + 1
    assert growth_kb <= NOISE_KB
    if seconds >= 600:
        assert slope <= MOST_KB_AN_HOUR
