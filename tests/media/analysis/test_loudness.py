"""Loudness as people hear it."""

from fractions import Fraction

import av
import numpy as np
import pytest

from holdfast.core.errors import Unsupported
from holdfast.media.analysis.loudness import SILENT_LUFS, Loudness

RATE = 48_000


def loudness_of(seconds: float, decibels: float, *, hertz: float = 997, channels: int = 2) -> float | None:
    """Measure a sine of that level in each channel."""
    layout = {1: "mono", 2: "stereo"}[channels]
    meter = Loudness(RATE, layout, "fltp")
    for number in range(round(seconds * RATE / 1024)):
        at = (np.arange(1024) + number * 1024) / RATE
        wave = (np.sin(2 * np.pi * hertz * at) * 10 ** (decibels / 20)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave] * channels), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * 1024, Fraction(1, RATE)
        meter.feed(frame)
    return meter.take()


@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_a_stereo_tone_is_as_loud_as_ebu_says(level: float) -> None:
    """A sine of 1 kHz at -23 dB in both channels is -23 LUFS, within 0.1 (EBU Tech 3341, cases 1 and 2)."""
    assert loudness_of(3, level) == pytest.approx(level, abs=0.1)


def test_people_hear_deep_tones_less() -> None:
    """A deep tone of the same level is not as loud: the weighting is there."""
    deep, middle = loudness_of(2, -20, hertz=40), loudness_of(2, -20)
    assert deep is not None
    assert middle is not None
    assert deep < middle - 2


def test_silence_is_the_floor_and_less_than_a_window_is_nothing() -> None:
    """Digital silence has a number that can be written; 300 ms of sound have no loudness."""
    assert loudness_of(2, -400) == SILENT_LUFS
    assert loudness_of(0.3, -20) is None


def test_what_the_filter_does_not_take_is_said() -> None:
    """Sound of a layout that does not exist is unsupported, and no crash."""
    with pytest.raises(Unsupported):
        Loudness(RATE, "no such layout", "fltp")
