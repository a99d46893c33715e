"""A camera's own clock: runs from the simulator's start, a little fast or slow if told to.

Media time is microseconds since the start on that clock; pictures and sound are due at fixed media times, so all
sessions of a camera see the same counters, and a counter tells when it was due.
"""

from holdfast.core.clock import Clock


class CameraClock:
    """Media time against boot time. Not thread-safe: the event loop's own."""

    def __init__(self, clock: Clock, *, phase_us: int = 0) -> None:
        self._clock = clock
        self._boot_us = clock.boot_us() + phase_us
        self._media_us = 0
        self._ppm = 0.0
        self._wall_us = clock.wall_us() + phase_us

    def media_us(self) -> int:
        """Return the media time now; negative until the phase is over."""
        return self._media_us + self._scaled(self._clock.boot_us() - self._boot_us)

    def wall_us(self, media_us: int) -> int:
        """Return what the camera believes the time of day to be at a media time."""
        return self._wall_us + media_us

    def delay_s(self, media_us: int) -> float:
        """Return seconds from now until a media time, 0 if it is past."""
        return max(0.0, (media_us - self.media_us()) / (1 + self._ppm / 1e6) / 1e6)

    def run_at(self, ppm: float) -> None:
        """From now on, run this much too fast."""
        boot_us = self._clock.boot_us()
        self._media_us += self._scaled(boot_us - self._boot_us)
        self._boot_us = boot_us
        self._ppm = ppm

    def step_wall(self, us: int) -> None:
        """Set the camera's time of day forward, or back if negative; its media time goes on."""
        self._wall_us += us

    def _scaled(self, boot_us: int) -> int:
        return boot_us + round(boot_us * self._ppm / 1e6)
