"""When exactly something began, or ended, by the pictures and the sound between two looks. Pure.

Not here: decoding those (media.analysis.near), since when a picture stands (standing), what it is the begin of
(core.incident).
"""

from collections.abc import Sequence
from itertools import takewhile

from holdfast.core.incident import IncidentType
from holdfast.core.quality import STILL_DRIFT, Heard, Thresholds, volume_percent
from holdfast.media.analysis.near import Near

BLACK, FREEZE = IncidentType.BLACKSCREEN, IncidentType.FREEZE


def black_since(pictures: Sequence[Near], limits: Thresholds) -> int | None:
    """Return since when it has been black, wall time; None where the newest of some pictures in order is not."""
    run = list(takewhile(lambda near: near.black_percent > limits.black_percent, reversed(pictures)))
    return run[-1].at_us if run else None


def ended(kind: IncidentType, pictures: Sequence[Near], limits: Thresholds) -> int | None:
    """Return the instant of the first picture that was not so any more; None where there is none."""
    if kind is BLACK:
        good = list(takewhile(lambda near: near.black_percent <= limits.black_percent, reversed(pictures)))
        return good[-1].at_us if good else None
    gone = (near for near in pictures if near.before is None or near.before >= STILL_DRIFT or moves(near, limits))
    return next((near.at_us for near in gone), None)


def moves(near: Near, limits: Thresholds) -> bool:
    """Say whether it differs from the one before; a keyframe always does, and says nothing."""
    return not near.keyframe and near.difference is not None and near.difference >= packing_noise(limits)


def packing_noise(limits: Thresholds) -> float:
    """Return how much consecutive pictures of what stands still may differ between keyframes, in grey.

    Encoders of 200 to 500 kb/s refine a still picture in steps of up to 1.44; live grain makes 1.6 and more.
    """
    return max(1.45, limits.freeze_difference)


def quiet_since(heard: Heard, limits: Thresholds, before_us: int | None) -> int | None:
    """Return since when it is quiet at the end of what was heard; None where it is not.

    Args:
        heard: What was heard.
        limits: What is quiet.
        before_us: Since when it was quiet when it began; None where it was not.
    """
    run = list(takewhile(lambda level: _quiet(level[1], limits), reversed(heard.levels)))
    if not run:
        return None
    return before_us if before_us is not None and len(run) == len(heard.levels) else run[-1][0]


def loud_since(heard: Heard, limits: Thresholds) -> int | None:
    """Return when the first sound in it began; None where there is none."""
    return next((at_us for at_us, level in heard.levels if not _quiet(level, limits)), None)


def _quiet(level: float, limits: Thresholds) -> bool:
    return volume_percent(level) <= limits.sound_percent
