from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.camera import Sample
from holdfast.media.source.timeline import Timeline


def run(line: Timeline, *times: tuple[int | None, int | None]) -> list[Sample]:
    """Push (pts, dts) pairs and return all that comes out."""
    out = []
    for pts, dts in times:
        out += line.push(b"x", pts, dts, 0, None, keyframe=False)
    return out + line.flush()


def test_durations_reach_to_the_next_sample() -> None:
    """Every sample lasts until the next one begins; the last is as long as the one before."""
    out = run(Timeline(0, 1000, 40), (0, None), (40, None), (100, None))
    assert [(s.dts_ticks, s.duration_ticks) for s in out] == [(0, 40), (40, 60), (100, 60)]


def test_the_missing_first_time_is_told_from_the_second() -> None:
    """Libav names no time for the first picture of a connection: it is one step before the second."""
    out = run(Timeline(0, 1000, 40), (None, None), (340, None), (380, None))
    assert [s.pts_ticks for s in out] == [300, 340, 380]


def test_decode_times_are_derived_from_the_times_of_showing() -> None:
    """With two pictures of reordering, decode times are in order and none is later than its showing."""
    shown = [0, 120, 40, 80, 240, 160, 200, 280]
    out = run(Timeline(0, 1000, 40, reorder=2), *((pts, None) for pts in shown))
    assert [s.pts_ticks for s in out] == shown
    assert [s.dts_ticks for s in out] == [-80, -40, 0, 40, 80, 120, 160, 200]


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9000), min_size=2, max_size=30))
def test_wrapping_is_undone(first: int, steps: list[int]) -> None:
    """RTP's 32 bits begin again every 13 hours; what comes out goes on."""
    at, times = first, [first]
    for step in steps:
        at += step
        times.append(at)
    out = run(Timeline(0, 90_000, 3600, wrap=1 << 32), *((t % 2**32, None) for t in times))
    assert [s.pts_ticks - out[0].pts_ticks for s in out] == [t - first for t in times]


def test_small_steps_back_are_smoothed() -> None:
    """A sender's clock corrected by a few milliseconds never makes time go backwards."""
    out = run(Timeline(0, 1000, 40), (0, None), (40, None), (30, None), (80, None))
    assert [s.dts_ticks for s in out] == [0, 40, 41, 80]
    assert all(s.pts_ticks >= s.dts_ticks for s in out)


def test_jumps_are_passed_on() -> None:
    """A large step, in either direction, comes out as it came in: whoever knows arrival judges it."""
    out = run(Timeline(0, 1000, 40), (0, None), (40, None), (60_000, None), (60_040, None), (10, None))
    assert [s.dts_ticks for s in out] == [0, 40, 60_000, 60_040, 10]
    assert [s.duration_ticks for s in out] == [40, 40, 40, 40, 40]


def test_told_decode_times_are_kept() -> None:
    """Where a container tells decode times they are used; one that is missing later follows the one before."""
    out = run(Timeline(0, 1000, 40, wrap=0), (80, 0), (200, 40), (120, 80), (160, None))
    assert [(s.pts_ticks, s.dts_ticks) for s in out] == [(80, 0), (200, 40), (120, 80), (160, 120)]


def test_a_sender_without_any_times_is_timed_by_its_rate() -> None:
    """Where no time is ever named, samples still come out, a step apart."""
    out = run(Timeline(0, 1000, 40), *[(None, None)] * 60)
    steps = {b.dts_ticks - a.dts_ticks for a, b in pairwise(out)}
    assert (len(out), steps) == (60, {40})
