"""When a picture is black or frozen and sound is missing: thresholds, and what numbers mean by them. Pure.

A verdict is True, False, or None where it cannot be known: no sound that is young enough says nothing about silence.

Not here: measuring (media.analysis), how long something must last (core.incident).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.core.incident import IncidentType
from holdfast.core.timing import SECOND_US

SILENT_DB = -100.0  # what digital silence, and sound without a single sample, is written as
FRAMES = 3  # pictures that freeze is judged by
PACKED_DRIFT = 2.0  # measured: at 200 kb/s two keyframes of what stands still may be up to 1.8 apart
SURE_DRIFT = 0.7  # measured: a street at rest with live grain drifts by 0.8 and more where encoders leave grain out
ALIKE = 0.015  # measured: keyframes of what stands still differ by 1.5 grey and more from a change of 2 % in size on
SAME_DIFFERENCE = 0.3  # measured: those of one picture that were packed alike differ by 0.0 to 0.2
LIVE_DIFFERENCE = 1.8  # measured: those of grain of 5 grey by 1.9 and more, even where encoders leave most of it out
FINE_DIFFERENCE = 0.8  # measured: those of a street in daylight, with grain of 1.1, by 1.2
FINE_SHARE = 4  # of grain as its encoder left it in, single points differ six times as much as squares of them, or more
STILL_DRIFT = 1.0  # measured: what stands still drifts by up to 0.9 from 500 kb/s on, slow clouds by 10 in two seconds


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a picture that is looked at, as shares of its width and height from its top left corner."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is bad at one camera.

    Attributes:
        black_level: Grey of 255 at or below which a pixel is black.
        black_percent: A picture is black where more of its pixels are than this.
        freeze_difference: Pictures are the same where their grey differs by less than this on average.
        sound_percent: There is sound where its level is above this.
        sound_age_s: Sound that ended longer before the picture says nothing about it.
        region: The part of the picture that is looked at.
        blocks: A picture has macroblocks where its edges are this much steeper on a grid of blocks than beside it.
    """

    black_level: int = 10
    black_percent: float = 95.0
    freeze_difference: float = 0.5
    sound_percent: float = 5.0
    sound_age_s: float = 10.0
    region: Region = Region()
    # Measured: at most 2.0 in clean pictures of 200 to 1,500 kb/s, at least 2.3 where a fifth of the blocks is broken.
    blocks: float = 2.2


@dataclass(frozen=True, slots=True)
class Heard:
    """Sound of a span: its mean level, where it ends, and its loudest sample.

    Attributes:
        end_us: Wall time of its end.
        mean_db: Root mean square of all samples, in dB of full scale; `SILENT_DB` at least.
        peak_db: The loudest sample.
        clipped_percent: Samples at full scale.
        loudness: The loudest 400 ms in LUFS (EBU R128, momentary); None where it was not measured.
        levels: Mean levels of some 100 ms each in dB, and when each begins, in order.
    """

    end_us: int
    mean_db: float
    peak_db: float
    clipped_percent: float = 0.0
    loudness: float | None = None
    levels: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Repacked:
    """Two keyframes, of a look and of the one before it.

    Attributes:
        since_us: Wall time of the older one.
        difference: Their mean difference in grey.
        drift: The same, squares of points averaged before.
        growth: How much larger the newer one is as coded; 0.1 for a tenth.
    """

    since_us: int
    difference: float
    drift: float
    growth: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured at one instant.

    Attributes:
        at_us: Wall time of the picture.
        black_percent: Black pixels in percent of the region, with one decimal; None without a picture.
        differences: Mean grey differences of the newest three consecutive pictures: first and second, first and third,
            second and third. None where there were fewer, or their sizes differ.
        drift: How far the picture has come from the one that was looked at before it, seconds ago: the mean difference
            of their grey, averaged over small squares first. None without such a picture.
        heard: The newest sound; None where there is none at all.
        blocks: How much steeper edges are on a grid of blocks than beside it; None where it was not measured.
        damaged: Pictures since the look before that could not be decoded, or only in part.
    """

    at_us: int
    black_percent: float | None = None
    differences: tuple[float, float, float] | None = None
    drift: float | None = None
    heard: Heard | None = None
    blocks: float | None = None
    damaged: int = 0


def is_black(seen: Seen, limits: Thresholds) -> bool | None:
    """Say whether the picture is black."""
    return None if seen.black_percent is None else seen.black_percent > limits.black_percent


def is_frozen(seen: Seen, limits: Thresholds) -> bool | None:
    """Say whether the newest three pictures are the same.

    At 25 a second three consecutive pictures of slow clouds are the same, too; what stands still is also where it was
    seconds ago. Encoders pack a still picture anew with each keyframe, with noise of up to 3 grey on average, but less
    than 1 once squares of pixels are averaged: that is why those are compared over seconds.
    """
    if seen.differences is None:
        return None
    return (seen.drift is None or seen.drift < STILL_DRIFT) and looks_still(seen.differences, limits)


def looks_still(differences: tuple[float, float, float] | None, limits: Thresholds) -> bool:
    """Say whether three pictures in a row are the same; it may move slowly nevertheless."""
    return differences is not None and all(difference < limits.freeze_difference for difference in differences)


def packed_the_same(repacked: Repacked | None, limits: Thresholds) -> bool | None:
    """Say whether two keyframes are of the same picture.

    An encoder makes the same keyframe of the same picture, and as large a one only where it packs it as well: then one
    that differs is of something that lives. Where sizes differ neither is known.
    """
    if repacked is None:
        return None
    if repacked.difference < SAME_DIFFERENCE:
        return True
    lives = _as_fine(repacked) and repacked.difference >= max(LIVE_DIFFERENCE, limits.freeze_difference)
    return False if lives else None


def packed_with_grain(repacked: Repacked | None) -> bool:
    """Say whether two keyframes differ as fine grain makes them, of which little is left in squares of points."""
    if repacked is None or not _as_fine(repacked):
        return False
    return repacked.difference >= max(FINE_DIFFERENCE, FINE_SHARE * repacked.drift)


def _as_fine(repacked: Repacked) -> bool:
    return repacked.drift < PACKED_DRIFT and abs(repacked.growth) < ALIKE


def packed_alike(repacked: Repacked | None) -> bool:
    """Say whether two keyframes differ by so little that an encoder can make both of one picture, and not of grain."""
    return repacked is not None and repacked.difference < LIVE_DIFFERENCE and repacked.drift < STILL_DRIFT


def has_blocks(seen: Seen, limits: Thresholds) -> bool | None:
    """Say whether the picture falls apart into blocks."""
    return None if seen.blocks is None else seen.blocks > limits.blocks


def has_sound(seen: Seen, limits: Thresholds) -> bool | None:
    """Say whether there is sound; None where what was heard last is too old, or nothing ever was."""
    heard = current(seen, limits)
    return None if heard is None else volume_percent(heard.mean_db) > limits.sound_percent


def current(seen: Seen, limits: Thresholds) -> Heard | None:
    """Return the sound that belongs to the picture; None where it is too old."""
    if seen.heard is None or seen.at_us - seen.heard.end_us > limits.sound_age_s * SECOND_US:
        return None
    return seen.heard


def why_unknown(seen: Seen, limits: Thresholds) -> str:
    """Say why nothing is known about sound; empty where something is."""
    if seen.heard is None:
        return "there is no sound"
    if current(seen, limits) is None:
        age_s = (seen.at_us - seen.heard.end_us) / SECOND_US
        return f"the newest sound is {age_s:.0f} s older than the picture"
    return ""


def volume_percent(mean_db: float) -> float:
    """Turn a level into percent: -60 dB and less are 0, 0 dB are 100."""
    return min(100.0, max(0.0, (mean_db + 60) / 60 * 100))


def conditions(seen: Seen, limits: Thresholds, wanted: frozenset[IncidentType]) -> Mapping[IncidentType, bool]:
    """Return what is bad and what is not, as far as it is known, in the words of incidents.

    Args:
        seen: What was measured.
        limits: The camera's thresholds.
        wanted: What is asked for at all.
    """
    sound = has_sound(seen, limits)
    found = {
        IncidentType.BLACKSCREEN: is_black(seen, limits),
        IncidentType.FREEZE: is_frozen(seen, limits),
        IncidentType.MACROBLOCKS: has_blocks(seen, limits),
        IncidentType.ERRORS: None if seen.black_percent is None else seen.damaged > 0,
        IncidentType.AUDIO_LOSS: None if sound is None else not sound,
    }
    return {kind: bad for kind, bad in found.items() if bad is not None and kind in wanted}
