from holdfast.sim.rate import CameraClock
from support.clock import PushedClock


def test_media_time_runs_with_boot_time() -> None:
    """Media time follows boot time; setting the host's wall clock moves neither it nor the camera's time of day."""
    clock = PushedClock()
    pace = CameraClock(clock)
    wall_us = clock.wall_us()
    clock.advance(10)
    clock.step(3600)
    assert pace.media_us() == 10_000_000
    assert pace.wall_us(pace.media_us()) == wall_us + 10_000_000


def test_drift_begins_and_ends_without_a_jump() -> None:
    """A clock that runs fast gains from then on, and keeps what it gained when it runs right again."""
    clock = PushedClock()
    pace = CameraClock(clock)
    clock.advance(100)
    pace.run_at(200)
    assert pace.media_us() == 100_000_000
    clock.advance(100)
    assert pace.media_us() == 200_020_000
    pace.run_at(0)
    clock.advance(100)
    assert pace.media_us() == 300_020_000


def test_phase_delays_the_start() -> None:
    """A camera with a phase begins that much later, and says how long until then."""
    clock = PushedClock()
    pace = CameraClock(clock, phase_us=20_000)
    assert pace.media_us() == -20_000
    assert pace.delay_s(0) == 0.02
    clock.advance(1)
    assert pace.delay_s(0) == 0


def test_stepping_moves_the_time_of_day_alone() -> None:
    """A step of the camera's clock changes what it believes the time to be; its media time goes on."""
    pace = CameraClock(PushedClock())
    before_us = pace.wall_us(0)
    pace.step_wall(-60_000_000)
    assert pace.wall_us(0) == before_us - 60_000_000
    assert pace.media_us() == 0
