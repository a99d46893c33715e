"""Listens to a track: how loud it was since somebody asked last, and how much of it is clipped.

One object a track of a file, on one thread at a time. Not here: what a level means (core.quality).
"""

import math
from typing import Any

import av.error
import numpy as np

from holdfast.core.errors import Unsupported
from holdfast.core.quality import SILENT_DB, Heard
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.loudness import Loudness
from holdfast.media.decode import Coding, Decoder

_LEVEL_US = SECOND_US // 10
_CLIPPED = 0.9886  # -0.1 dB of full scale: what is cut off there is above it after lossy coding, too
Samples = np.ndarray[Any, np.dtype[np.float32]]
_FULL = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "flt": 1.0, "dbl": 1.0}


class Ear:
    """Measures one audio track.

    Args:
        coding: How it is coded.
        loudness: Whether to measure loudness as well; it costs more than the rest.

    Raises:
        Unsupported: This build of libav cannot decode it.
        BadInput: Its configuration is damaged.
    """

    def __init__(self, coding: Coding, *, loudness: bool = False) -> None:
        self._decoder = Decoder(coding)
        self._wanted = loudness
        self._loudness: Loudness | None = None
        self._squares = 0.0
        self._count = 0
        self._peak = 0.0
        self._clipped = 0
        self._end_us = 0
        self._levels: list[tuple[int, float]] = []
        self._short: list[Samples] = []  # what is no level yet: numbers cost as much to begin with as to add up
        self._short_us = 0  # when it begins

    def feed(self, payload: bytes, pts: int, dts: int, wall_us: int) -> None:
        """Take the next block of sound."""
        for frame in self._decoder.feed(payload, pts, dts):
            samples = _samples(frame)
            if samples.size:
                if not self._short:
                    self._short_us = wall_us
                self._short.append(samples)
                self._end_us = wall_us + frame.samples * SECOND_US // frame.sample_rate
                if self._end_us - self._short_us >= _LEVEL_US:
                    self._level()
                if self._wanted:
                    self._meter(frame)

    def take(self) -> Heard | None:
        """Return what was heard since the last call, None where nothing was; and begin anew."""
        self._level()
        if not self._count:
            return None
        heard = Heard(
            self._end_us,
            decibels(self._squares / self._count),
            decibels(self._peak * self._peak),
            round(self._clipped / self._count * 100, 2),
            None if self._loudness is None else self._loudness.take(),
            tuple(self._levels),
        )
        self._levels.clear()
        self._squares, self._count, self._peak, self._clipped = 0.0, 0, 0.0, 0
        self._loudness = None  # anew each time: what was heard before must not matter, for whoever begins here
        return heard

    def _level(self) -> None:
        if not self._short:
            return
        samples = np.concatenate(self._short)
        self._short.clear()
        squares = float(np.dot(samples, samples))
        self._levels.append((self._short_us, decibels(squares / samples.size)))
        self._squares += squares
        self._count += samples.size
        peak = max(float(samples.max()), -float(samples.min()))
        self._peak = max(self._peak, peak)
        if peak >= _CLIPPED:
            self._clipped += int(np.count_nonzero(np.abs(samples) >= _CLIPPED))

    def _meter(self, frame: Any) -> None:
        try:
            if self._loudness is None:
                self._loudness = Loudness(frame.sample_rate, frame.layout.name, frame.format.name)
            self._loudness.feed(frame)
        except (Unsupported, av.error.FFmpegError, ValueError):
            self._wanted, self._loudness = False, None  # levels go on without it


def decibels(square: float) -> float:
    """Turn a mean square, 1 being full scale, into dB with one decimal; `SILENT_DB` at least."""
    return SILENT_DB if square <= 0 else round(max(SILENT_DB, 10 * math.log10(square)), 1)


def _samples(frame: Any) -> Samples:
    """All samples of all channels in one row, 1 being full scale."""
    if frame.format.name == "fltp":  # what AAC and most others decode to: as it lies there, without a copy
        planes = [np.frombuffer(plane, np.float32, frame.samples) for plane in frame.planes]
        return planes[0] if len(planes) == 1 else np.concatenate(planes)
    full = _FULL.get(frame.format.name.removesuffix("p"), 1.0)
    values: Samples = frame.to_ndarray().reshape(-1).astype(np.float32)
    if frame.format.name.startswith("u8"):
        values -= full
    return values if full == 1.0 else np.divide(values, np.float32(full))
