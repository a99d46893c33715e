"""Whether it is worth decoding what lies between two keyframes, told from the sizes of coded pictures alone.

What stands still is coded in pictures of much the same size, a fraction of a keyframe's; what moves makes them larger.
How much sizes differ at rest is learned with how large they are. Where that is more than something small would add,
sizes say nothing, and everything is worth it: in grain at night, and at encoders that send the same number of bytes
whatever happens.

Pure arithmetic, any thread. Not here: keyframes, which are always looked at (motion).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp
from typing import Any

from holdfast.core.timing import SECOND_US

SETTLE_US = 5 * SECOND_US  # until so much was seen everything is worth it
MEAN_S = 20.0  # in which it follows
TIMES = 4.0  # measured on labelled cases, as is the next: means of how far sizes differ
SHARE = 0.08  # of the mean: what is more than this is worth it at the earliest
TELLS = 0.03  # of a keyframe: sizes that must grow by more than this before it is noticed tell nothing; measured
_MOST = 1.5  # times the mean; what is larger counts as this where the mean is learned


@dataclass(slots=True)
class Gate:
    """One stream's sizes.

    Attributes:
        mean: Bytes of a picture between keyframes; 0 before the first.
        strays: How far that differs on average.
        key: Bytes of a keyframe.
        seen_us: How much of the stream was seen.
    """

    mean: float = 0.0
    strays: float = 0.0
    key: float = 0.0
    seen_us: int = 0

    def keyframe(self, size: int) -> None:
        """Take the size of a keyframe."""
        self.key = size if self.key == 0 else self.key + (size - self.key) / 4

    def take(self, sizes: Sequence[int], lasts_us: int) -> bool:
        """Take the sizes of some consecutive pictures, keyframes left out; say whether they are worth decoding."""
        if not sizes:
            return False  # a keyframe is looked at anyway
        value = sum(sizes) / len(sizes)
        if self.mean == 0:
            self.mean = value
        limit = max(TIMES * self.strays, SHARE * self.mean)
        worth = self.seen_us < SETTLE_US or value > self.mean + limit or limit > TELLS * self.key
        share = 1 - exp(-min(2.0, lasts_us / SECOND_US) / MEAN_S)
        if self.seen_us < SETTLE_US:
            share = max(share, 0.2)
        usual = min(value, self.mean * _MOST)
        self.strays += (abs(usual - self.mean) - self.strays) * share
        self.mean += (usual - self.mean) * share
        self.seen_us = min(SETTLE_US, self.seen_us + lasts_us)
        return worth

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return asdict(self)

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> "Gate":
        """Read it back."""
        return Gate(float(said["mean"]), float(said["strays"]), float(said["key"]), int(said["seen_us"]))
