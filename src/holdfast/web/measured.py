"""Where the thresholds of a camera lie in the charts of its page.

Not here: the charts (static/camera/charts.js), what was seen last (watched).
"""

from dataclasses import dataclass

from holdfast.core.config import CameraConfig

SILENT_DB = -60.0  # what is 0 percent, as core.quality.volume_percent has it


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds in the units of the charts: percent of the picture, grey of 255, dB of full scale, times.

    `blocks` is None, and `loudness` False, where the camera is not measured for that.
    """

    black: float
    difference: float
    db: float
    blocks: float | None
    loudness: bool


def limits(settings: CameraConfig | None) -> Limits | None:
    """Return them; None for a camera that is not in the settings any more."""
    if settings is None:
        return None
    wanted = settings.watch
    return Limits(
        wanted.black_percent, wanted.freeze_difference, SILENT_DB * (1 - wanted.sound_percent / 100),
        wanted.blocks if wanted.macroblocks else None, wanted.loudness,
    )  # fmt: skip
