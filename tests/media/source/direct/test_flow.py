from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.camera import Sample
from holdfast.media.source.direct.flow import Flow, Zero


def push(flow: Flow, *stamps: int) -> list[Sample]:
    """Push empty pictures, one a microsecond."""
    return [flow.push(b"x", stamp & 0xFFFFFFFF, n, keyframe=False) for n, stamp in enumerate(stamps)]


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9000), min_size=2, max_size=30))
def test_wrapping_is_undone_and_durations_are_put_right(first: int, steps: list[int]) -> None:
    """Every sample comes at once; the next one makes its duration exact."""
    stamps = [first]
    for step in steps:
        stamps.append(stamps[-1] + step)
    out = push(Flow(Zero(), 0, 90_000, 3600), *stamps)
    assert [s.dts_ticks for s in out] == [stamp - first for stamp in stamps]
    assert all(a.dts_ticks + a.duration_ticks == b.dts_ticks for a, b in pairwise(out))


def test_told_reordering_gives_decode_times_before_showing() -> None:
    """With two pictures of reordering decode times rise evenly, and none is later than its showing."""
    flow = Flow(Zero(), 0, 1000, 40)
    flow.change(2)
    out = push(flow, 0, 120, 40, 80, 240, 160, 200, 280)
    assert [s.dts_ticks for s in out] == [-80, -40, 0, 40, 80, 120, 160, 200]
    assert [s.pts_ticks for s in out] == [0, 120, 40, 80, 240, 160, 200, 280]


def test_untold_reordering_is_learnt() -> None:
    """Where the parameter sets say nothing, pictures out of order teach it; decode times never go back."""
    flow = Flow(Zero(), 0, 1000, 40)
    flow.change(None)
    stamps = [at + group for group in range(0, 4000, 160) for at in (0, 120, 40, 80)]
    out = push(flow, *stamps)
    assert all(a.dts_ticks < b.dts_ticks for a, b in pairwise(out))
    late = out[40:]
    assert [s.pts_ticks for s in late] == stamps[40:]
    assert all(s.dts_ticks <= s.pts_ticks for s in late)


def test_jumps_are_passed_on_and_small_steps_back_smoothed() -> None:
    """A clock that is set shows; one that is corrected by some milliseconds does not go backwards."""
    out = push(Flow(Zero(), 0, 1000, 40), 0, 40, 30, 80, 60_000, 60_040, 10)
    assert [s.dts_ticks for s in out] == [0, 40, 41, 80, 60_000, 60_040, 10]


def test_tracks_share_one_zero_by_what_the_camera_tells() -> None:
    """`RTP-Info` ties the tracks together; without it arrival does, until sender reports say better."""
    zero = Zero()
    video, sound = Flow(zero, 0, 90_000, 3600), Flow(zero, 1, 8000, 160)
    video.anchor, sound.anchor = 1000, 500
    assert video.ticks(1000, 7_000_000) == 0
    assert sound.ticks(500 + 800, 9_000_000) == 800
    assert sound.aligned
    zero = Zero()
    video, sound = Flow(zero, 0, 90_000, 3600), Flow(zero, 1, 8000, 160)
    assert (video.ticks(1000, 7_000_000), sound.ticks(500, 7_100_000)) == (0, 800)
    video.tell(50_000_000, 1000)
    sound.tell(50_000_000, 500)
    assert sound.off(video) == -800
    sound.shift(-800)
    assert sound.off(video) == 0
    assert sound.ticks(660, 7_200_000) == 160
