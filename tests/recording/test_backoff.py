from holdfast.core.errors import AuthFailed, Refused, SourceEnded, Stalled
from holdfast.recording.backoff import AT_ONCE_FLOOR_S, Backoff


def _backoff(jitter: float = 0.5) -> Backoff:
    return Backoff(first_s=1.0, cap_s=60.0, healthy_s=60.0, random=lambda: jitter)


def test_rights_back_off_to_a_cap() -> None:
    """The first retry is at once, then 1 s doubling to 60 s, for ever (C007, F04)."""
    backoff = _backoff()
    waits = [backoff.after(AuthFailed("x")) for _ in range(12)]
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0, 60.0]


def test_years_of_failures_do_not_overflow() -> None:
    """A camera that refuses for ever is asked once a minute for ever."""
    backoff = _backoff()
    assert max(backoff.after(Refused("x")) for _ in range(5000)) == 60.0


def test_jitter_spreads_cameras() -> None:
    """Waits differ by up to a fifth, so that cameras do not come back all at once (C007)."""
    low, high = _backoff(0.0), _backoff(1.0)
    for backoff in (low, high):
        backoff.after(Refused("x"))
    assert (low.after(Refused("x")), high.after(Refused("x"))) == (0.8, 1.2)


def test_a_lost_stream_is_tried_at_once_but_not_in_a_loop() -> None:
    """A stall or a hang-up is answered at once; one that repeats without footage in between, once a second."""
    backoff = _backoff()
    assert backoff.after(Stalled("x")) == 0.0
    assert backoff.after(SourceEnded("x")) == AT_ONCE_FLOOR_S
    backoff.recorded(3.0)
    assert backoff.after(SourceEnded("x")) == 0.0


def test_a_healthy_minute_forgives() -> None:
    """After sixty seconds of footage, back-off begins from the start; after less it does not (C007)."""
    backoff = _backoff()
    for _ in range(5):
        backoff.after(Refused("x"))
    backoff.recorded(59.0)
    assert backoff.after(Refused("x")) == 16.0
    backoff.recorded(60.0)
    assert backoff.after(Refused("x")) == 0.0
