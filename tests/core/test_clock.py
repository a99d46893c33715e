import time

from holdfast.core.clock import SystemClock, wall_offset_us


def test_both_clocks_count_microseconds() -> None:
    """Wall time is the epoch's, boot time is the host's, both in microseconds."""
    clock = SystemClock()
    assert abs(clock.wall_us() / 1e6 - time.time()) < 1
    before = clock.boot_us()
    clock.sleep(0.001)
    assert 1000 <= clock.boot_us() - before < 1_000_000


def test_the_boot_has_one_id() -> None:
    """Two recorders of one boot agree on its id."""
    assert SystemClock().boot_id == SystemClock().boot_id != ""


def test_the_kernel_is_asked_whether_the_clock_is_right() -> None:
    """The answer is a plain yes or no on any machine."""
    assert SystemClock().synchronised() in {True, False}


class _LosesItsTurn(SystemClock):
    """The host's clock, read by a thread that waits 0.3 s for its turn after its first readings of wall time."""

    turns = 3

    def wall_us(self) -> int:
        told_us = super().wall_us()
        if self.turns:
            self.turns -= 1
            self.sleep(0.3)
        return told_us


def test_a_thread_that_loses_its_turn_sees_no_clock_that_was_set() -> None:
    """Between two readings a busy host may let a quarter of a second pass: that is no step of the clock (R5, R9)."""
    clock = _LosesItsTurn()
    told_us = wall_offset_us(clock)
    assert clock.turns == 0
    assert abs(told_us - wall_offset_us(SystemClock())) < 2_000
