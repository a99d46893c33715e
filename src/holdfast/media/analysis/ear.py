"""Listens to a track: how loud it was since somebody asked last.

One object a track of a file, on one thread at a time. Not here: what a level means (core.quality).
"""

import math
from typing import Any

import numpy as np

from holdfast.core.quality import SILENT_DB, Heard
from holdfast.core.timing import SECOND_US
from holdfast.media.decode import Coding, Decoder

_FULL = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "flt": 1.0, "dbl": 1.0}


class Ear:
    """Measures one audio track.

    Args:
        coding: How it is coded.

    Raises:
        Unsupported: This build of libav cannot decode it.
        BadInput: Its configuration is damaged.
    """

    def __init__(self, coding: Coding) -> None:
        self._decoder = Decoder(coding)
        self._squares = 0.0
        self._count = 0
        self._peak = 0.0
        self._end_us = 0

    def feed(self, payload: bytes, pts: int, dts: int, wall_us: int) -> None:
        """Take the next block of sound."""
        for frame in self._decoder.feed(payload, pts, dts):
            samples = _samples(frame)
            if samples.size:
                self._squares += float(np.dot(samples, samples))
                self._count += samples.size
                self._peak = max(self._peak, float(np.abs(samples).max()))
                self._end_us = wall_us + frame.samples * SECOND_US // frame.sample_rate

    def take(self) -> Heard | None:
        """Return what was heard since the last call, None where nothing was; and begin anew."""
        if not self._count:
            return None
        heard = Heard(self._end_us, decibels(self._squares / self._count), decibels(self._peak * self._peak))
        self._squares, self._count, self._peak = 0.0, 0, 0.0
        return heard


def decibels(square: float) -> float:
    """Turn a mean square, 1 being full scale, into dB with one decimal; `SILENT_DB` at least."""
    return SILENT_DB if square <= 0 else round(max(SILENT_DB, 10 * math.log10(square)), 1)


def _samples(frame: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """All samples of all channels in one row, 1 being full scale."""
    full = _FULL.get(frame.format.name.removesuffix("p"), 1.0)
    values: np.ndarray[Any, np.dtype[np.float32]] = frame.to_ndarray().reshape(-1).astype(np.float32)
    if frame.format.name.startswith("u8"):
        values -= full
    return values if full == 1.0 else np.divide(values, np.float32(full))
