import time
from pathlib import Path

import pytest

from support.shard import Shard, descriptors, floor, own_kb, slope, threads
from support.sim import simulated, small_camera

CAMERAS = ("gate", "yard", "hall", "dock")
NOISE_KB = 1_024  # chosen: what pages and pools of libraries may still settle by in a short run
MOST_KB_AN_HOUR = 1_024  # P8's floor


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
    least = len(CAMERAS) * (seconds / every_s) / 3  # a camera that hangs up at once is asked once a second
    with (
        simulated(*(small_camera(name) for name in CAMERAS)) as sim,
        Shard(tmp_path, {name: sim.url(name) for name in CAMERAS}) as shard,
    ):
        shard.until(shard.recording)
        still = threads(shard.pid), descriptors(shard.pid)
        began = time.monotonic()

        def reconnects() -> int:
            return sum(sim.counts(name).opened for name in CAMERAS) - len(CAMERAS)

        # A busy machine takes longer for as many.
        while (now_s := time.monotonic() - began) < seconds or (reconnects() < least and now_s < seconds + 40):
            for number, name in enumerate(CAMERAS):
                sim.inject("close" if number % 2 else "reset", name)
            time.sleep(every_s * 0.8)
            if now_s >= warm_s:
                points.append((now_s / 3600, own_kb(shard.pid)))
                counts.append((threads(shard.pid), descriptors(shard.pid)))
            time.sleep(every_s * 0.2)
        shard.until(lambda: all(sim.counts(name).open == 1 for name in CAMERAS))
        # What the last connections had goes a moment later, as do the files that they were interrupted in.
        looks: list[tuple[int, int]] = []

        def as_before() -> bool:
            looks.append((threads(shard.pid), descriptors(shard.pid)))
            return looks[-1][0] <= still[0] and looks[-1][1] <= still[1] + 1

        shard.until(as_before)
        after = looks[-1]
        came = reconnects()
        growth_kb = floor(points)[-1][1] - floor(points)[0][1]
        left_behind = sum(sim.counts(name).left_behind for name in CAMERAS)
    growing = slope(floor(points))
    print(  # noqa: T201 - a measure
        f"\n{came} reconnects in {seconds} s: memory {points[0][1]} to {points[-1][1]} kB ({growing / 1024:.2f}"
        f" MB/h), threads {still[0]} to {after[0]}, descriptors {still[1]} to {after[1]}"
    )
    assert came >= least
    assert left_behind == 0
    # One more than before: the thread that finishes interrupted files may have begun to use a file of its own.
    assert after[0] <= still[0]
    assert after[1] <= still[1] + 1
    assert growth_kb <= NOISE_KB
    if seconds >= 600:
        assert growing <= MOST_KB_AN_HOUR
