from holdfast.core.gap import GapReason
from holdfast.core.status import StreamState
from holdfast.recording.condition import Condition, Meter
from support.clock import PushedClock


def test_lost_seconds_count_only_what_was_wanted() -> None:
    """Seconds without footage are counted, unless nobody wanted footage then."""
    clock = PushedClock()
    condition = Condition(clock)
    clock.advance(2)
    condition.become(StreamState.RECORDING)
    clock.advance(100)
    condition.become(StreamState.WAITING, GapReason.UNREACHABLE)
    clock.advance(5)
    assert condition.absence.lost_s == 7
    condition.become(StreamState.OFF_SCHEDULE, GapReason.OFF_SCHEDULE)
    clock.advance(1000)
    condition.become(StreamState.STARTING)
    clock.advance(1)
    assert condition.absence.lost_s == 8


def test_the_same_state_again_is_no_change() -> None:
    """Only an edge is a change, and `since` is the time of the edge."""
    clock = PushedClock()
    condition = Condition(clock)
    assert condition.become(StreamState.WAITING, GapReason.AUTH, "a")
    since_us = condition.absence.since_us
    clock.advance(60)
    assert not condition.become(StreamState.WAITING, GapReason.AUTH, "b")
    assert (condition.absence.since_us, condition.detail) == (since_us, "b")


def test_rates_are_those_of_the_last_seconds() -> None:
    """Twenty-five pictures and 4 Mb a second are shown as that, and as zero a while after the last."""
    meter = Meter()
    for quarter in range(60):
        meter.add(quarter * 250_000, 25 if quarter % 4 == 0 else 0, 125_000)
    fps, bps = meter.rates(59 * 250_000)
    assert abs(fps - 25) <= 1.5
    assert bps == 4_000_000
    assert meter.rates(80 * 250_000) == (0.0, 0)


def test_everything_since_the_start_is_counted() -> None:
    """Pictures and bytes add up over connections: a new one begins the rates anew, not the counters."""
    meter = Meter()
    meter.add(0, 12, 1000)
    meter.clear()
    meter.add(10_000_000, 13, 500)
    assert (meter.pictures, meter.payload_bytes) == (25, 1500)


def test_trying_again_does_not_make_an_absence_younger() -> None:
    """`since` is when footage stopped, however many attempts and reasons there were since."""
    clock = PushedClock()
    condition = Condition(clock)
    condition.become(StreamState.RECORDING)
    clock.advance(60)
    condition.become(StreamState.STALLED, GapReason.STALLED)
    stopped_us = condition.absence.since_us
    for reason in (GapReason.STALLED, GapReason.UNREACHABLE):
        clock.advance(5)
        condition.become(StreamState.STARTING, reason)
        condition.become(StreamState.WAITING, reason)
    assert condition.absence.since_us == stopped_us
    clock.advance(5)
    condition.become(StreamState.OFF_SCHEDULE, GapReason.OFF_SCHEDULE)
    assert condition.absence.since_us == clock.wall_us()
