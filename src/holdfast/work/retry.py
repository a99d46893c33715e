"""When failed work is tried again. Pure; nobody waits here: the row gets a later due time."""

from collections.abc import Callable
from dataclasses import dataclass

from holdfast.core.timing import SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How a kind of work is tried again.

    Attributes:
        first_s: Wait after the first failure.
        cap_s: The longest wait: what was away is found to be back within this.
        jitter: Share by which waits differ, both ways, so that a thousand rows do not come back in one instant.
        most: Attempts after which a row is failed for good; None for as long as it takes.
        unexpected: The same for errors that nobody foresaw: a bug does not go away by waiting. None: tried for ever.
        lost: Claims in a row whose worker died, after which the row is failed: it may be what kills them.
        longest_s: What a row is put off for at most, by whatever; one that is due later was put off by a wrong clock.
    """

    first_s: float = 5.0  # chosen: most interruptions of a network are over by then
    cap_s: float = 600.0  # F24: an outage's queue drains within ten minutes of its end
    jitter: float = 0.25
    most: int | None = None
    unexpected: int | None = 5
    lost: int = 10
    longest_s: float = 8 * 86_400.0  # chosen: the hours of a target begin once a week, or more often

    def after_us(self, failures: int, random: Callable[[], float]) -> int:
        """Return the wait after so many failures in a row, in microseconds.

        Args:
            failures: From 1.
            random: Gives numbers from 0 to below 1.
        """
        # 2**30 s is decades: the exponent is bounded so that a row that fails for years does not overflow a float.
        wait_s = min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return round(wait_s * (1 + self.jitter * (2 * random() - 1)) * SECOND_US)
