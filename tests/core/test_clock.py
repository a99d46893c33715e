import time

from holdfast.core.clock import SystemClock


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
