"""A clock that tests push: a fake, speaking the real protocol."""

import threading


class PushedClock:
    """Wall and boot time stand still until `advance` or `step` moves them. `sleep` advances instead of waiting."""

    def __init__(self, wall_us: int = 1_790_000_000_000_000, *, boot_us: int = 5_000_000, sync: bool = True) -> None:
        self._wall_us = wall_us
        self._boot_us = boot_us
        self.sync = sync
        self.boot_id = "boot-1"
        self._lock = threading.Lock()

    def wall_us(self) -> int:
        return self._wall_us

    def boot_us(self) -> int:
        return self._boot_us

    def synchronised(self) -> bool:
        return self.sync

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        with self._lock:
            self._wall_us += round(seconds * 1e6)
            self._boot_us += round(seconds * 1e6)

    def step(self, seconds: float) -> None:
        """Set the wall clock; boot time goes on."""
        with self._lock:
            self._wall_us += round(seconds * 1e6)

    def reboot(self, boot_id: str, *, off_s: float) -> None:
        """Switch the host off for a while."""
        with self._lock:
            self._wall_us += round(off_s * 1e6)
            self._boot_us = 3_000_000
            self.boot_id = boot_id
