"""What time it is: the only module that asks.

Two clocks. *Wall* time is microseconds since the epoch, UTC, and may step when somebody or NTP sets it. *Boot* time is
microseconds since this boot, counts through suspend, and never steps: all waiting, stalls and drift are judged on it.
Everything that needs time takes a `Clock`; tests hand in one that they push.
"""

import ctypes
import functools
import time
from pathlib import Path
from typing import Protocol

_ADJTIMEX_BYTES = 208  # sizeof(struct timex) on 64-bit Linux; we only need the call's return value
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class Clock(Protocol):
    """A source of time."""

    @property
    def boot_id(self) -> str:
        """Identifies this boot of this host; boot times of different boots cannot be compared."""

    def wall_us(self) -> int:
        """Return microseconds since the epoch, UTC. May step in either direction between two calls."""

    def boot_us(self) -> int:
        """Return microseconds since boot, suspended time included. Never goes backwards within a boot."""

    def synchronised(self) -> bool:
        """Say whether the kernel believes its wall clock to be disciplined by NTP, PTP or the like."""

    def sleep(self, seconds: float) -> None:
        """Wait. For loops that must be woken early, wait on an event instead."""


class SystemClock:
    """The host's own clocks."""

    @functools.cached_property
    def boot_id(self) -> str:
        """Identifies this boot; macOS has no such file, so there the boot is told apart by its wall time."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return f"booted-{(self.wall_us() - self.boot_us()) // 60_000_000}"

    def wall_us(self) -> int:
        """Return microseconds since the epoch, UTC."""
        return time.time_ns() // 1000

    def boot_us(self) -> int:
        """Return microseconds since boot."""
        return time.clock_gettime_ns(_BOOT_CLOCK) // 1000

    def synchronised(self) -> bool:
        """Ask the kernel; where it cannot be asked, trust the clock."""
        libc = _libc()
        if not hasattr(libc, "adjtimex"):
            return True
        state = int(libc.adjtimex(ctypes.create_string_buffer(_ADJTIMEX_BYTES)))
        return state not in {-1, _TIME_ERROR}

    def sleep(self, seconds: float) -> None:
        """Wait on the monotonic clock."""
        time.sleep(seconds)


def wall_offset_us(clock: Clock) -> int:
    """Return how far wall time is ahead of boot time, in microseconds, from two readings that lie together.

    A thread may lose its turn between two readings, on a busy host for a quarter of a second, and would take its wait
    for a clock that was set. So readings that are not within `_TOGETHER_US` are taken again, and the closest count.
    """
    nearest_us, offset_us = _FAR_APART_US, 0
    for _ in range(_READINGS):
        before_us, wall_us, after_us = clock.boot_us(), clock.wall_us(), clock.boot_us()
        if after_us - before_us < nearest_us:
            nearest_us, offset_us = after_us - before_us, wall_us - (before_us + after_us) // 2
        if nearest_us <= _TOGETHER_US:
            break
    return offset_us


_TOGETHER_US = 1_000  # chosen: three readings take some 2 us on a Raspberry Pi
_FAR_APART_US = 1 << 62  # any reading is nearer
_READINGS = 8  # chosen: a thread that loses its turn in each of them has long been slower than that

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS: monotonic is the nearest there is


@functools.cache
def _libc() -> ctypes.CDLL:
    # Once: this is asked for each journal line, and every new handle is a circle for the garbage collector.
    return ctypes.CDLL(None, use_errno=True)
